// The hub's messages: our codec against one generated from hub.proto, and against everything a stranger may send.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { PbfReader, PbfWriter } from "pbf";
import { utf8Encode } from "../../../../js/package/src/bytes.js";
import { RandomStream } from "../../../../js/package/src/data/prng.js";
import { BBError } from "../../../../js/package/src/errors.js";
import { firstCredit, hubErrorName, relayCost, type HubMessage } from "../../../../js/package/src/hub/messages.js";
import { decodeControl, encodeControl, readRelayHeader, writeRelayHeader } from "../../../../js/package/src/hub/protocol.js";
import { peerIdFromNumber, randomPeerId } from "../../../../js/package/src/peer-id.js";

const stream = new RandomStream(3);
const someId = randomPeerId((into) => into.forEach((_, index) => (into[index] = stream.next() >>> 24)));
const member = (session: number, sinceMs = 5): { session: number; peerId: typeof someId; caps: number; sinceMs: number } => ({ session, peerId: someId, caps: 0, sinceMs });
const limits = { frameMax: 65_576, framesPerSecond: 4_000, bytesPerSecond: 2 ** 40, roomMax: 64, queueMax: 262_144 };

const messages: HubMessage[] = [
  { kind: "hello", hello: { version: 1, networkId: new Uint8Array(32).fill(4), room: utf8Encode("digits"), peerId: someId, caps: 300 } },
  { kind: "hello", hello: { version: 0, networkId: new Uint8Array(0), room: new Uint8Array(0), peerId: peerIdFromNumber(7), caps: 0 } },
  { kind: "welcome", welcome: { session: 4_294_967_295, leaseSeconds: 150, limits, members: [] } },
  { kind: "welcome", welcome: { session: 1, leaseSeconds: 150, limits, members: Array.from({ length: 200 }, (_, index) => member(index + 1, 2 ** 45)) } },
  { kind: "presence", joined: [member(3), member(4, 0)], left: [1, 2, 4_000_000_000], revision: 2 ** 50 },
  { kind: "presence", joined: [], left: [], revision: 0 },
  { kind: "signal", session: 7, attempt: 3, body: { type: "description", bytes: utf8Encode("{}") } },
  { kind: "signal", session: 4_000_000_000, attempt: 0, body: { type: "candidate", bytes: new Uint8Array(0) } },
  { kind: "signal", session: 1, attempt: 1, body: { type: "end" } },
  { kind: "leave", code: 12 },
  { kind: "quota", session: 9, writable: 2 ** 50 + 1 },
  { kind: "error", code: 5, detail: "zu viel, größer als erlaubt", retryAfterMs: 2_000 },
  { kind: "drain", graceMs: 1_000, url: "wss://elsewhere.example/hub" },
];

/** The codec that pbf generates from the schema. */
type Generated = Record<string, (...words: unknown[]) => Record<string, unknown>>;

/** Compiled tests lie somewhere below the root; the schema stays with the sources. */
function schemaText(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    const path = join(folder, "js", "package", "src", "hub", "hub.proto");
    if (existsSync(path)) return readFileSync(path, "utf8");
  }
  throw new Error("hub.proto not found");
}

/** Both packages come without types, which a specifier known only at run time asks for none of. */
async function generate(): Promise<Generated> {
  const load = (name: string): Promise<unknown> => import(name);
  const { compile } = (await load("pbf/compile")) as { compile(parsed: unknown): Generated };
  const { default: schema } = (await load("protocol-buffers-schema")) as { default: { parse(text: string): unknown } };
  return compile(schema.parse(schemaText()));
}

function generatedRead(generated: Generated, bytes: Uint8Array): Record<string, unknown> {
  const read = generated["readHubMessage"];
  assert.ok(read !== undefined);
  return read(new PbfReader(bytes.subarray(1)));
}

test("every message is read back as it was written", () => {
  for (const message of messages) assert.deepEqual(decodeControl(encodeControl(message)), message);
});

/** The fields of a message as the schema has them. */
function partsOf(message: HubMessage): unknown {
  switch (message.kind) {
    case "hello": return message.hello;
    case "welcome": return message.welcome;
    case "signal": {
      const { session, attempt, body } = message;
      return { session, attempt, body: body.type, [body.type]: body.type === "end" ? true : body.bytes };
    }
    default: return message;
  }
}

test("the generated codec reads what this one writes, field by field", async () => {
  const generated = await generate();
  const names: Record<string, string> = { network_id: "networkId", peer_id: "peerId", lease_seconds: "leaseSeconds", since_ms: "sinceMs", frame_max: "frameMax",
    frames_per_second: "framesPerSecond", bytes_per_second: "bytesPerSecond", room_max: "roomMax", queue_max: "queueMax", retry_after_ms: "retryAfterMs", grace_ms: "graceMs" };
  const plain = (value: unknown): unknown => {
    if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
    if (typeof value === "string") return Buffer.from(value).toString("hex"); // texts are bytes in the schema
    if (Array.isArray(value)) return value.map(plain);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).filter(([key]) => key !== "kind").map(([key, inner]) => [names[key] ?? key, plain(inner)]));
  };
  for (const message of messages) {
    const read = generatedRead(generated, encodeControl(message));
    assert.equal(read["kind"], message.kind);
    const theirs = plain(read[message.kind]) as Record<string, unknown>;
    const ours = plain(partsOf(message)) as Record<string, unknown>;
    // An empty byte field is not written, and the generated reader then has none.
    for (const [key, value] of Object.entries(ours)) assert.deepEqual(theirs[key] ?? "", value, `${message.kind}.${key}`);
  }
});

test("this codec reads what the generated one writes", async () => {
  const generated = await generate();
  for (const message of messages) {
    const ours = encodeControl(message);
    const write = generated["writeHubMessage"];
    assert.ok(write !== undefined);
    const out = new PbfWriter();
    write(generatedRead(generated, ours), out);
    const theirs = new Uint8Array([1, ...out.finish()]);
    assert.deepEqual(decodeControl(theirs), message);
  }
});

test("a message cut at any length is refused or is another whole message", () => {
  for (const message of messages) {
    const bytes = encodeControl(message);
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => decodeControl(bytes.slice(0, length)), (error: unknown) => error instanceof BBError && error.code === "malformed", `${message.kind} cut at ${length}`);
    }
  }
});

test("no flipped bit and no random bytes escape as anything but a typed error", () => {
  let refused = 0;
  const attempt = (bytes: Uint8Array): void => {
    try {
      decodeControl(bytes);
    } catch (error) {
      assert.ok(error instanceof BBError && (error.code === "malformed" || error.code === "unsupported"), String(error));
      refused++;
    }
  };
  for (const message of messages) {
    const bytes = encodeControl(message);
    for (let at = 0; at < Math.min(bytes.length, 400); at++) {
      for (let bit = 0; bit < 8; bit++) {
        const copy = Uint8Array.from(bytes);
        copy[at]! ^= 1 << bit;
        attempt(copy);
      }
    }
  }
  for (let round = 0; round < 20_000; round++) {
    const bytes = Uint8Array.from({ length: stream.below(40) }, () => stream.next() >>> 24);
    bytes[0] = 1;
    attempt(bytes);
  }
  assert.ok(refused > 10_000);
});

test("caps are caps", () => {
  const hello = (change: Partial<Extract<HubMessage, { kind: "hello" }>["hello"]>): Uint8Array =>
    encodeControl({ kind: "hello", hello: { version: 1, networkId: new Uint8Array(0), room: new Uint8Array(0), peerId: someId, caps: 0, ...change } });
  assert.throws(() => decodeControl(hello({ room: new Uint8Array(129).fill(65) })), { code: "malformed" });
  assert.throws(() => decodeControl(hello({ networkId: new Uint8Array(33).fill(65) })), { code: "malformed" });
  assert.throws(() => decodeControl(hello({ peerId: new Uint8Array(10) as typeof someId })), { code: "malformed" });
  assert.throws(() => decodeControl(hello({ peerId: new Uint8Array(0) as typeof someId })), { code: "malformed" });
  const crowd = Array.from({ length: 4_097 }, (_, index) => member(index + 1));
  assert.throws(() => decodeControl(encodeControl({ kind: "presence", joined: crowd, left: [], revision: 1 })), { code: "malformed" });
  const gone = Array.from({ length: 4_097 }, (_, index) => index + 1);
  assert.throws(() => decodeControl(encodeControl({ kind: "presence", joined: [], left: gone, revision: 1 })), { code: "malformed" });
  const long = decodeControl(encodeControl({ kind: "error", code: 1, detail: "x".repeat(1_000), retryAfterMs: 0 }));
  assert.ok(long.kind === "error" && long.detail.length === 256);
});

test("unknown fields are read over, unknown kinds of the schema are named", () => {
  assert.deepEqual(decodeControl(Uint8Array.of(1, (7 << 3) | 2, 5, 8, 12, 0xf8, 1, 99)), { kind: "leave", code: 12 });
  assert.throws(() => decodeControl(Uint8Array.of(1, (2 << 3) | 2, 0)), { code: "unsupported" });
  assert.throws(() => decodeControl(Uint8Array.of(1)), { code: "malformed" });
  assert.throws(() => decodeControl(Uint8Array.of(2, 0)), { code: "malformed" });
});

test("unpacked session lists of old writers are read", () => {
  const unpacked = Uint8Array.of(1, (5 << 3) | 2, 6, 0x10, 5, 0x10, 6, 0x18, 7);
  assert.deepEqual(decodeControl(unpacked), { kind: "presence", joined: [], left: [5, 6], revision: 7 });
});

test("relay headers", () => {
  const bytes = new Uint8Array(9);
  writeRelayHeader(bytes, 1, 0x01020304);
  assert.deepEqual([...bytes], [2, 1, 0, 0, 4, 3, 2, 1, 0]);
  assert.deepEqual(readRelayHeader(bytes), { lane: 1, session: 0x01020304 });
  for (const [at, value, position] of [[0, 1, 0], [1, 2, 1], [2, 1, 2], [3, 1, 2]] as const) {
    const copy = Uint8Array.from(bytes);
    copy[at] = value;
    assert.throws(() => readRelayHeader(copy), { code: "malformed", at: position });
  }
  assert.throws(() => readRelayHeader(bytes.subarray(0, 7)), { code: "malformed", at: 7 });
  assert.equal(relayCost(36), 100);
  assert.equal(firstCredit(262_144), 32_768);
  assert.equal(hubErrorName(7), "replaced");
  assert.equal(hubErrorName(99), undefined);
});
