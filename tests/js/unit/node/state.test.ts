// A node's whole state: taken and given back, journaled and replayed; why it waits; bootstraps; what it thinks of peers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { defineComponent } from "../../../../js/package/src/component.js";
import { Compiler } from "../../../../js/package/src/compiler.js";
import { BBError } from "../../../../js/package/src/errors.js";
import type { Graph } from "../../../../js/package/src/graph.js";
import { Module } from "../../../../js/package/src/module.js";
import { Node } from "../../../../js/package/src/node.js";
import type { InstallOptions } from "../../../../js/package/src/node-types.js";
import { peerIdFromNumber, peerIdToText, samePeer } from "../../../../js/package/src/peer-id.js";
import { slot } from "../../../../js/package/src/slots.js";
import { t, type Tensor } from "../../../../js/package/src/types.js";
import { events, loadEngine, settle, Written } from "../../support/engine.js";
import { idOf, proofOf } from "../../support/identities.js";

const engine = await loadEngine();
const [one, two] = [await idOf(1), await idOf(2)];
const model = slot.model("model");
const x = new Float32Array([1, 2]);
const refuses = (code: string, f: () => unknown): void => assert.throws(f, (error) => {
  assert.ok(error instanceof BBError, String(error));
  assert.equal(error.code, code, error.message);
  return true;
});

/** Counts its calls; its bytes are the count. */
const Counting = defineComponent({
  typeName: "test.Counting",
  role: "model",
  storage: { tensor: "tensor.f32" },
  create: () => ({ calls: 0 }),
  serialize: (state) => Uint8Array.of(state.calls),
  restore: (bytes) => ({ calls: bytes[0] ?? 0 }),
  methods: { forward: (state, input: Tensor) => ({ data: Float32Array.of(++state.calls), shape: [1], of: input.shape }) },
});

const counting = new Compiler(engine).bind("model", Counting).compile(new Written("Count", (g) => g.output("y", model.forward(g, g.input("x", t.tensor.f32)))));
const ask = new Compiler(engine).compile(new Written("Ask", (g) => {
  const out = g.netOut("question", g.input("servers", t.peers), g.input("x", t.bytes));
  g.output("answer", g.awaitResponse(out.handle, t.bytes, { timeoutMs: 50 }));
  g.on("servers", () => g.reply(out.value, out.sender));
}));

function count(options: Partial<InstallOptions> = {}): Node {
  return Node.install(engine, { peer: one, artifacts: [counting], seed: 5n, incarnation: 1n, ...options });
}

function calls(node: Node): number {
  node.invoke("Count", { x });
  return (events(settle(node).steps)[0]?.value as Tensor).data[0] as number;
}

async function asking(options: Partial<InstallOptions> = {}): Promise<Node> {
  const node = Node.install(engine, { peer: one, artifacts: [ask], targets: ["Ask"], seed: 5n, incarnation: 1n, ...options });
  node.addPeer(two, [`/p2p/${peerIdToText(two)}`]);
  node.admit(await proofOf(engine, 2));
  return node;
}

test("a snapshot holds what a component in JavaScript knows", () => {
  using first = count();
  assert.deepEqual([calls(first), calls(first)], [1, 2]);
  const snapshot = first.snapshot();
  assert.deepEqual(first.snapshot(), snapshot);
  assert.equal(calls(first), 3);
  using second = count();
  second.restore(snapshot);
  assert.equal(calls(second), 3);
  // The same node can go back, too.
  first.restore(snapshot);
  assert.equal(calls(first), 3);
});

test("a damaged snapshot changes nothing", () => {
  using node = count();
  calls(node);
  const snapshot = node.snapshot();
  calls(node);
  for (let at = 0; at < snapshot.length; at += 7) {
    const damaged = snapshot.slice();
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    assert.throws(() => node.restore(damaged), BBError);
  }
  assert.throws(() => node.restore(snapshot.subarray(0, snapshot.length - 1)), BBError);
  assert.equal(calls(node), 3);
});

test("a component without serialize has no snapshot", () => {
  const Mute = defineComponent({ typeName: "test.Mute", role: "model", storage: { tensor: "tensor.f32" }, create: () => ({}), methods: { forward: (_, input: Tensor) => input } });
  const artifact = new Compiler(engine).bind("model", Mute).compile(new Written("Count", (g) => g.output("y", model.forward(g, g.input("x", t.tensor.f32)))));
  using node = Node.install(engine, { peer: one, artifacts: [artifact] });
  assert.throws(() => node.snapshot(), BBError);
});

test("a journal makes the same node of a snapshot", async () => {
  using first = await asking({ durability: "recorded" });
  const start = first.snapshot();
  first.journal();
  using second = await asking({ durability: "recorded" });
  first.invoke("Ask", { servers: [two], x: Uint8Array.of(1) });
  settle(first, 1);
  first.linkUp(first.handleOf(two), 3);
  settle(first, 20);
  const part = first.journal();
  assert.ok(part.bytes.length > 0);
  assert.equal(first.journal().bytes.length, 0);
  second.restore(start, { sameIncarnation: true });
  const replayed = second.replay(part.bytes);
  assert.ok(replayed.inputs > 0 && replayed.polls > 0);
  assert.equal(replayed.tornAt, undefined);
  assert.deepEqual(second.snapshot(), first.snapshot());
});

test("with a gate nothing leaves before its inputs are durable", async () => {
  using node = await asking({ durability: "gated" });
  node.invoke("Ask", { servers: [two], x: Uint8Array.of(1) });
  assert.equal(settle(node, 1).envelopes.length, 0);
  node.committed(node.journal().sequence);
  assert.equal(settle(node, 2).envelopes.length, 1);
});

test("a node says why it waits", async () => {
  using node = await asking();
  assert.deepEqual(node.why(), []);
  node.linkUp(node.handleOf(two), 3);
  const exec = node.invoke("Ask", { servers: [two], x: Uint8Array.of(1) });
  settle(node, 1);
  const wait = node.why().find(({ kind }) => kind === "answer");
  assert.ok(wait !== undefined);
  assert.equal(wait.target, "Ask");
  assert.equal(wait.exec, exec);
  assert.equal(wait.deadlineMs, 51);
  assert.deepEqual(wait.peers.map(({ id, link }) => [samePeer(id, two), link]), [[true, "up"]]);
  assert.match(wait.text, /^Ask\.\S+ waits for answers; peer /);
  settle(node, 60);
  assert.deepEqual(node.why(), []);
});

test("a blocked peer is refused, and an allowlist blocks the others", async () => {
  using node = await asking();
  node.blockPeer(two);
  assert.deepEqual(node.receive(node.handleOf(two), Uint8Array.of(1)), { status: "refused", reason: "blocked" });
  assert.equal(node.peerHealth(two).blocked, true);
  const changes = settle(node, 1).steps.flatMap((step) => (step.kind === "peer" && step.event === "blocked" ? [step.reason] : []));
  assert.deepEqual(changes, ["blocklisted"]);
  node.unblockPeer(two);
  assert.equal(node.peerHealth(two).blocked, false);
  node.setAllowlist([one]);
  assert.equal(node.peerHealth(two).blocked, true);
  node.setAllowlist(undefined);
  assert.equal(node.peerHealth(two).blocked, false);
  refuses("unknown_peer", () => node.peerHealth(peerIdFromNumber(9)));
});

class Prepared extends Module {
  constructor() {
    super("Prepared");
  }

  override bootstrap(g: Graph): void {
    g.output("ready", g.input("seed", t.bytes));
  }

  body(g: Graph): void {
    g.output("out", g.input("x", t.bytes));
  }
}

test("a bootstrap runs before anything else, with inputs of its own", () => {
  using node = Node.install(engine, { peer: one, artifacts: [new Compiler(engine).compile(new Prepared())], targets: ["Prepared"] });
  assert.deepEqual(node.bootstrapState().status, "idle");
  node.invoke("Prepared", { x: Uint8Array.of(2) });
  node.bootstrap({ requests: [{ target: "Prepared", inputs: { seed: Uint8Array.of(7) } }] });
  assert.deepEqual(node.bootstrapState(), { status: "running", targets: ["Prepared__bootstrap"] });
  const { steps } = settle(node, 1);
  const told = steps.flatMap((step) => (step.kind === "bootstrap" ? [step.target] : step.kind === "event" ? [step.topic, step.value] : []));
  assert.deepEqual(told, ["Prepared__bootstrap", "out", Uint8Array.of(2)]);
  assert.equal(node.bootstrapState().status, "idle");
  refuses("UnknownTarget", () => node.bootstrap(["Nothing"]));
  node.bootstrap();
  assert.deepEqual(settle(node, 2).steps, []);
});
