// Who a peer is: ids by the rule of libp2p, keys that are kept, and handshakes between every pair of providers.
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fromHex, type Bytes } from "../../../../js/package/src/bytes.js";
import type { CryptoProvider } from "../../../../js/package/src/identity/crypto.js";
import { fileIdentity } from "../../../../js/package/src/identity/file.js";
import { Handshake, type AuthenticatedPeer } from "../../../../js/package/src/identity/handshake.js";
import { encodePublicKey, ephemeralIdentity, identityOfKey, peerIdOfPublicKey, type Identity } from "../../../../js/package/src/identity/identity.js";
import { nobleCrypto, nobleKey } from "../../../../js/package/src/identity/noble.js";
import { webCrypto } from "../../../../js/package/src/identity/web-crypto.js";
import { peerIdToText, samePeer } from "../../../../js/package/src/peer-id.js";
import { loadEngine } from "../../support/engine.js";

const engine = await loadEngine();
const random = (into: Bytes): void => void crypto.getRandomValues(into as Uint8Array<ArrayBuffer>);
const web = await webCrypto();
const noble = nobleCrypto(random);

// The vectors of the libp2p specification "Peer Ids and Keys".
const published = [
  { encoded: "080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e", id: "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq" },
  {
    encoded: "0803125b3059301306072a8648ce3d020106082a8648ce3d03010703420004de3d300fa36ae0e8f5d530899d83abab44abf3161f162a4bc901d8e6ecda020e8b6d5f8da30525e71d6851510c098e5c47c646a597fb4dcec034e9f77c409e62",
    id: "QmVMT29id3TUASyfZZ6k9hmNyc2nYabCo4uMSpDw4zrgDk",
  },
];

test("published public keys have their published ids, and the published seed its key", async () => {
  for (const { encoded, id } of published) assert.equal(peerIdToText(await peerIdOfPublicKey(fromHex(encoded))), id);
  const identity = await identityOfKey(nobleKey("Ed25519", fromHex("7e0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d")));
  assert.equal(peerIdToText(identity.peerId), published[0]?.id);
  assert.throws(() => encodePublicKey("Ed25519", new Uint8Array(31)), { code: "bad_key" });
});

interface Result {
  left?: AuthenticatedPeer;
  right?: AuthenticatedPeer;
  errors: string[];
}

/** A handshake between two identities, with the messages as `change` gives them on. */
function shake(left: Identity, right: Identity, providers: readonly [CryptoProvider, CryptoProvider], change: (number: number, message: Bytes) => Bytes = (_, message) => message): Promise<Result> {
  return new Promise((resolve) => {
    const result: Result = { errors: [] };
    let number = 0;
    const settle = (): void => {
      if (result.right !== undefined || result.errors.length > 0) setTimeout(() => resolve(result), 5);
    };
    const common = { random, binding: { kind: "none" }, envelopeBytesMax: 1_000 } as const;
    const one: Handshake = new Handshake(engine, { ...common, role: "initiator", identity: left, crypto: providers[0], incarnation: 3n }, {
      send: (message) => other.receive(change(number++, message)),
      done: (peer) => (result.left = peer),
      refused: (error) => {
        result.errors.push(error.code);
        settle();
      },
    });
    const other = new Handshake(engine, { ...common, role: "responder", identity: right, crypto: providers[1], incarnation: 4n }, {
      send: (message) => one.receive(change(number++, message)),
      done: (peer) => {
        result.right = peer;
        settle();
      },
      refused: (error) => {
        result.errors.push(error.code);
        settle();
      },
    });
    one.begin();
  });
}

test("every provider proves itself to every other one, with both kinds of keys", async () => {
  for (const first of [web, noble]) {
    for (const second of [web, noble]) {
      for (const algorithm of ["Ed25519", "P-256"] as const) {
        const [left, right] = [await identityOfKey(await first.generateKey(algorithm)), await identityOfKey(await second.generateKey(algorithm))];
        const result = await shake(left, right, [first, second]);
        assert.deepEqual(result.errors, [], `${first.name} to ${second.name}, ${algorithm}`);
        assert.ok(result.left !== undefined && samePeer(result.left.id, right.peerId) && result.left.incarnation === 4n && result.left.envelopeBytesMax === 1_000);
        assert.ok(result.right !== undefined && samePeer(result.right.id, left.peerId) && result.right.incarnation === 3n);
      }
    }
  }
});

test("hostile hub: every byte of a handshake that is changed is refused, and nobody is let in", async () => {
  const [left, right] = [await ephemeralIdentity(noble), await ephemeralIdentity(noble)];
  const lengths: number[] = [];
  await shake(left, right, [noble, noble], (number, message) => {
    lengths[number] = message.length;
    return message;
  });
  assert.equal(lengths.length, 3);
  const tried = await Promise.all(lengths.flatMap((length, changed) => Array.from({ length }, async (_, at) => {
    const result = await shake(left, right, [web, web], (number, message) => {
      if (number === changed) message[at] = (message[at] ?? 0) ^ 0x10;
      return message;
    });
    assert.ok(result.errors.length > 0, `message ${changed}, byte ${at}`);
    assert.equal(result.right, undefined, `message ${changed}, byte ${at}`);
    if (changed < 2) assert.equal(result.left, undefined, `message ${changed}, byte ${at}`);
  })));
  assert.ok(tried.length > 400);
});

test("a file keeps a peer: the same id, a higher incarnation, one process at a time, readable for its owner alone", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "bytesandbrains-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "peer.key");
  const first = await fileIdentity(path);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  await assert.rejects(fileIdentity(path), { code: "in_use" });
  first.release?.();
  const second = await fileIdentity(path);
  assert.deepEqual(second.peerId, first.peerId);
  assert.deepEqual([first.incarnation, second.incarnation], [1n, 2n]);
  const result = await shake(second, await ephemeralIdentity(web), [web, web]);
  assert.ok(result.right !== undefined && samePeer(result.right.id, first.peerId));
  second.release?.();
});

test("a lock whose process was killed is nobody's, and a file that holds no identity is said to", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "bytesandbrains-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "peer.key");
  const program = join(folder, "holder.mjs");
  const module = new URL("../../../../js/package/src/identity/file.js", import.meta.url).href;
  writeFileSync(program, `import { fileIdentity } from ${JSON.stringify(module)};\nawait fileIdentity(${JSON.stringify(path)});\nprocess.send("held");\nsetInterval(() => undefined, 1000);\n`);
  const child = fork(program);
  await new Promise((resolve) => child.once("message", resolve));
  await assert.rejects(fileIdentity(path), { code: "in_use" });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
  const next = await fileIdentity(path);
  assert.equal(next.incarnation, 2n);
  next.release?.();
  const whole = readFileSync(path, "utf8");
  for (const text of ["", "{}", "no json", whole.replace(/"privateKey":"[^"]+"/, '"privateKey":"AAAA"'), whole.replace('"version":1', '"version":2')]) {
    writeFileSync(path, text);
    await assert.rejects(fileIdentity(path), { code: "bad_identity" }, text);
  }
});
