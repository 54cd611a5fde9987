// The step block to the byte, as docs/abi.md describes it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { toHex } from "../../../../js/package/src/bytes.js";
import { Compiler } from "../../../../js/package/src/compiler.js";
import { BBError } from "../../../../js/package/src/errors.js";
import { Node } from "../../../../js/package/src/node.js";
import { peerIdFromNumber, peerIdToText } from "../../../../js/package/src/peer-id.js";
import { stepKinds, type SendStep } from "../../../../js/package/src/steps.js";
import { t } from "../../../../js/package/src/types.js";
import { loadEngine, settle, Written } from "../../support/engine.js";

const engine = await loadEngine();
const [one, two] = [peerIdFromNumber(1), peerIdFromNumber(2)];

const artifact = new Compiler(engine).compile(new Written("Block", (g) => {
  const n = g.input("n", t.u64);
  g.output("n_out", g.passThrough(n));
  const peers = g.input("peers", t.peers);
  g.netOut("data", peers, g.input("x", t.bytes), { to: "Other/data" });
}));

function install(options: Partial<Parameters<typeof Node.install>[1]> = {}): Node {
  const node = Node.install(engine, { peer: one, artifacts: [artifact], incarnation: 1n, ...options });
  node.addPeer(two, [`/p2p/${peerIdToText(two)}`]);
  return node;
}

test("an empty block is its header", () => {
  using node = install();
  // magic, 32 bytes, no records, no flags, nothing due, now 12.5 ms
  assert.equal(toHex(node.poll(12.5).bytes()), "42425331" + "20000000" + "00000000" + "00000000" + "ffffffffffffffff" + "20bcbe0000000000");
});

test("an event record, to the byte", () => {
  using node = install();
  node.poll(1);
  node.invoke("Block", { n: 0x0102030405060708n });
  const block = node.poll(1);
  const names = node.names();
  const u32 = (value: number): string => toHex(new Uint8Array(new Uint32Array([value]).buffer));
  const hash = toHex(new Uint8Array(new BigUint64Array([engine.encodeValue(1n, t.u64).typeHash]).buffer));
  const bytes = toHex(block.bytes());
  const record = "0200" + "0000" + "38000000" + u32(names.indexOf("Block")) + u32(names.indexOf("n_out")) + "0000000000000000"
    + "04000000" + "00000000" + "00000000" + "00000000" + hash + "0807060504030201";
  assert.equal(bytes.slice(64), record);
  assert.equal(bytes.slice(0, 48), "42425331" + "58000000" + "01000000" + "00000000" + "ffffffffffffffff");
});

/** What a Send of `bytes` bytes leaves in the block: each record's size and spans, and its step. */
function sendOf(node: Node, bytes: number): { spans: [number, number][]; step: SendStep } {
  node.invoke("Block", { peers: [two], x: new Uint8Array(bytes).fill(7) });
  const block = node.poll(0);
  const records: { kind: number; size: number; spans: [number, number][] }[] = [];
  block.walk((kind, at, size, view) => records.push({
    kind, size, spans: [36, 44, 52].map((offset) => [view.getUint32(at + offset, true), view.getUint32(at + offset + 4, true)]),
  }));
  assert.deepEqual(records.map(({ kind, size }) => [kind, size]), [[stepKinds.send, 64]]);
  const [step] = block;
  assert.ok(step?.kind === "send");
  const spans = records[0]?.spans ?? [];
  assert.equal(step.size, spans.reduce((sum, [, length]) => sum + length, 0));
  assert.deepEqual(step.parts().map((part) => part.length), spans.map(([, length]) => length).filter((length) => length > 0));
  assert.equal(toHex(step.bytes()), step.parts().map(toHex).join(""));
  return { spans, step };
}

test("a send record has 72 bytes and points at a short envelope in one piece", () => {
  using node = install();
  const { spans, step } = sendOf(node, 3);
  assert.deepEqual([step.lane, step.sequence, step.requestId, step.remainingMs, step.peer], [1, 1n, 0n, 100, node.handleOf(two)]);
  assert.deepEqual(spans.map(([, length]) => length > 0), [true, false, false]);
  assert.equal(engine.decodeEnvelope(step.bytes()).fills[0]?.payload.endsWith("070707"), true);
  assert.ok(toHex(step.bytes()).endsWith("5001"), "the sequence number comes last");
});

test("a send record points at head, body and tail of a long envelope", () => {
  using node = install();
  const { spans, step } = sendOf(node, 2_000);
  assert.deepEqual(spans.map(([, length]) => length > 0), [true, true, true]);
  assert.equal(engine.decodeEnvelope(step.bytes()).fills[0]?.payload.length, 2 * (8 + 2_000));
  // The sequence number comes last, since it alone differs between destinations that share a body.
  assert.equal(toHex(step.parts().at(-1) ?? new Uint8Array(0)), "5001");
});

test("a block is void after the next poll", () => {
  using node = install();
  node.invoke("Block", { peers: [two], x: new Uint8Array([1]) });
  const block = node.poll(0);
  const [step] = block;
  node.poll(0);
  assert.ok(step?.kind === "send");
  const stale = (error: unknown): boolean => error instanceof BBError && error.code === "stale_block";
  assert.throws(() => [...block], stale);
  for (const read of [() => step.parts(), () => step.bytes(), () => step.sequence, () => step.requestId, () => block.bytes()]) assert.throws(read, stale);
});

test("the mask chooses what is written", () => {
  using node = install();
  const kinds = (): string[] => {
    node.invoke("Block", { n: 1, peers: [two], x: new Uint8Array([1]) });
    return settle(node).steps.map(({ kind }) => kind).sort();
  };
  assert.deepEqual(kinds(), ["event", "send"]);
  node.mask(["event"]);
  assert.deepEqual(kinds(), ["event"]);
  node.mask([]);
  assert.deepEqual(kinds(), []);
  node.mask("all");
  assert.deepEqual(kinds(), ["completed", "completed", "completed", "event", "send"]);
});

test("a budget ends a poll with work left", () => {
  using node = install();
  for (let index = 0; index < 10; index++) node.invoke("Block", { n: index });
  const block = node.poll(0, { ops: 3 });
  assert.equal(block.more, true);
  assert.deepEqual([...block].filter(({ kind }) => kind === "budget"), [{ kind: "budget", ops: 3 }]);
  let done = [...block].filter(({ kind }) => kind === "event").length;
  for (let more = true; more;) {
    const next = node.poll(0, { ops: 3 });
    done += [...next].filter(({ kind }) => kind === "event").length;
    more = next.more;
  }
  assert.equal(done, 10);
});

test("credit holds envelopes back, a dial asks for a link, a grant lets them go", () => {
  using node = install({ creditRequired: true });
  node.invoke("Block", { peers: [two], x: new Uint8Array([1]) });
  const first = [...node.poll(0)];
  assert.deepEqual(first.map(({ kind }) => kind), ["dial"]);
  assert.deepEqual(first, [{ kind: "dial", peer: node.handleOf(two), addresses: [engine.parseAddress(`/p2p/${peerIdToText(two)}`)] }]);
  assert.deepEqual([...node.poll(0)], []);
  node.grant(node.handleOf(two), 1);
  assert.deepEqual([...node.poll(0)].map(({ kind }) => kind), ["send"]);
});

test("an unknown destination, and a full queue, are steps", () => {
  using node = install({ creditRequired: true, limits: { outboundMax: 2 } });
  node.invoke("Block", { peers: [peerIdFromNumber(9)], x: new Uint8Array([1]) });
  const resolved = settle(node).steps;
  assert.ok(resolved.some((step) => step.kind === "peer" && step.event === "resolve-failed" && step.peer[9] === 9 && step.target === "Block"));
  for (let index = 0; index < 5; index++) node.invoke("Block", { peers: [two], x: new Uint8Array([index]) });
  const dropped = settle(node).steps.filter((step) => step.kind === "dropped");
  assert.deepEqual(dropped, [{ kind: "dropped", count: 3n }]);
});
