// Encrypted records: in order, each once, unchanged, or the link ends; and nothing of a frame shows.
import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes, equalBytes, type Bytes } from "../../../../js/package/src/bytes.js";
import type { BBError } from "../../../../js/package/src/errors.js";
import type { CryptoProvider, RecordCipher } from "../../../../js/package/src/identity/crypto.js";
import { nobleCrypto } from "../../../../js/package/src/identity/noble.js";
import { webCrypto } from "../../../../js/package/src/identity/web-crypto.js";
import { RecordOpener, recordOverhead, RecordSealer } from "../../../../js/package/src/link/records.js";

const random = (into: Bytes): void => void crypto.getRandomValues(into as Uint8Array<ArrayBuffer>);
const providers: readonly CryptoProvider[] = [await webCrypto(), nobleCrypto(random)];

/** The same key at both ends, by an agreement between two providers. */
async function ciphers(left: CryptoProvider, right: CryptoProvider): Promise<[RecordCipher, RecordCipher]> {
  const [one, other] = [left.secrets(), right.secrets()];
  const [ours, theirs] = [await one.generate("X25519"), await other.generate("X25519")];
  const salt = new Uint8Array(32).fill(5);
  await one.agree("X25519", theirs, salt);
  await other.agree("X25519", ours, salt);
  return [one.traffic("initiator"), other.traffic("initiator")];
}

async function sealed(cipher: RecordCipher, frames: readonly Bytes[]): Promise<Bytes[]> {
  const records: Bytes[] = [];
  const sealer = new RecordSealer(cipher, (parts) => records.push(concatBytes(parts)), (error) => assert.fail(error));
  for (const frame of frames) sealer.seal([frame.subarray(0, 3), frame.subarray(3)]);
  while (records.length < frames.length) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(sealer.underWay, 0);
  return records;
}

async function opened(cipher: RecordCipher, records: readonly Bytes[]): Promise<{ frames: Bytes[]; error: BBError | undefined }> {
  const frames: Bytes[] = [];
  let error: BBError | undefined;
  const opener = new RecordOpener(cipher, (frame) => frames.push(frame), (failed) => (error = failed));
  for (const record of records) opener.open(record);
  for (let turn = 0; turn < 50 && error === undefined && frames.length < records.length; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
  return { frames, error };
}

const frames = Array.from({ length: 30 }, (_, index) => new Uint8Array(1 + index * 700).fill(index + 1));

test("what one provider seals another one opens, in order", async () => {
  for (const left of providers) {
    for (const right of providers) {
      const [seal, open] = await ciphers(left, right);
      const records = await sealed(seal, frames);
      records.forEach((record, index) => assert.equal(record.length, (frames[index]?.length ?? 0) + recordOverhead));
      const result = await opened(open, records);
      assert.equal(result.error, undefined);
      result.frames.forEach((frame, index) => assert.ok(equalBytes(frame, frames[index] ?? new Uint8Array(0)), `${left.name} to ${right.name}, ${index}`));
      assert.equal(result.frames.length, frames.length);
    }
  }
});

test("a marker in a frame shows nowhere in its record", async () => {
  const marker = new TextEncoder().encode("parameters of a model");
  for (const provider of providers) {
    const [seal] = await ciphers(provider, provider);
    const [record] = await sealed(seal, [concatBytes([new Uint8Array(24), marker])]);
    assert.ok(!Buffer.from(record ?? []).includes(Buffer.from(marker)));
  }
});

test("a record that is changed, lost, repeated, swapped or cut ends the link, and nothing after it comes out", async () => {
  for (const provider of providers) {
    const [seal, open] = await ciphers(provider, provider);
    const records = await sealed(seal, frames.slice(0, 4));
    const [first, second, third, fourth] = records as [Bytes, Bytes, Bytes, Bytes];
    const cases: [string, Bytes[], number][] = [
      ["lost", [first, third, fourth], 1],
      ["repeated", [first, first, second], 1],
      ["swapped", [second, first], 0],
      ["cut", [first, second.subarray(0, second.length - 1), third], 1],
      ["shorter than a record", [first, new Uint8Array(23), third], 1],
      ["longer", [first, concatBytes([second, new Uint8Array(1)]), third], 1],
    ];
    for (let at = 0; at < 40; at++) {
      const changed = Uint8Array.from(second);
      changed[at] = (changed[at] ?? 0) ^ 1;
      cases.push([`changed at ${at}`, [first, changed, third], 1]);
    }
    for (const [name, list, good] of cases) {
      const { frames: out, error } = await opened(open, list);
      assert.equal(error?.code, "tampered", `${provider.name}, ${name}`);
      assert.equal(out.length, good, `${provider.name}, ${name}`);
    }
  }
});

test("a key that is none is refused", async () => {
  for (const provider of providers) {
    const salt = new Uint8Array(32);
    for (const [agreement, key] of [["X25519", new Uint8Array(32)], ["P-256", new Uint8Array(65).fill(4)], ["X25519", new Uint8Array(31)]] as const) {
      const secrets = provider.secrets();
      await secrets.generate(agreement);
      await assert.rejects(async () => secrets.agree(agreement, key, salt), `${provider.name} ${agreement}`);
      assert.throws(() => secrets.traffic("initiator"), { code: "crypto" });
    }
  }
});
