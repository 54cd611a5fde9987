// Installing, inviting, invoking: what is refused, and what a node says of itself.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Compiler } from "../../../../js/package/src/compiler.js";
import { BBError } from "../../../../js/package/src/errors.js";
import { AuthenticatedPeer } from "../../../../js/package/src/identity/handshake.js";
import { Node } from "../../../../js/package/src/node.js";
import { peerIdToText, samePeer, type PeerId } from "../../../../js/package/src/peer-id.js";
import { t, type Tensor } from "../../../../js/package/src/types.js";
import { events, loadEngine, settle, Written } from "../../support/engine.js";
import { idOf, proofOf } from "../../support/identities.js";
import { slot } from "../../../../js/package/src/slots.js";

const engine = await loadEngine();
const [one, two] = [await idOf(1), await idOf(2)];
const artifact = new Compiler(engine).compile(new Written("Talk", (g) => {
  const sent = g.netOut("data", g.input("peers", t.peers), g.input("x", t.bytes));
  g.on("peers", () => g.output("got", sent.value));
}));
const refuses = (code: string, f: () => unknown): void => assert.throws(f, (error) => {
  assert.ok(error instanceof BBError, String(error));
  assert.equal(error.code, code, error.message);
  return true;
});
const install = (peer: PeerId, options: Partial<Parameters<typeof Node.install>[1]> = {}): Node => Node.install(engine, { peer, artifacts: [artifact], ...options });

test("what cannot be installed says why", () => {
  refuses("EmptyTargets", () => install(one, { targets: [] }));
  refuses("UnknownTarget", () => install(one, { targets: ["Nope"] }));
  refuses("bad_peer_id", () => install(new Uint8Array([9]) as unknown as PeerId));
  refuses("malformed_string", () => install(one, { addresses: ["nowhere"] }));
  refuses("UnknownConfigSlot", () => install(one, { config: { nothing: { a: 1 } } }));
  refuses("bad_argument", () => install(one, { limits: { opsPerPoll: -1 } }));
  refuses("bad_argument", () => install(one, { limits: { nonsense: 1 } as object }));
  const model = slot.model("model");
  const trained = new Compiler(engine).bind("model", engine.builtin.Mlp).bind("data", engine.builtin.Dataset).compile(new Written("Train", (g) => g.output("loss", model.train(g, { steps: 1 }))));
  refuses("config_type_mismatch", () => Node.install(engine, { peer: one, artifacts: [trained], config: { model: 3 } }));
  refuses("config_type_mismatch", () => Node.install(engine, { peer: one, artifacts: [trained], config: { model: { layers: () => 1 } } }));
  refuses("ConfigTypeMismatch", () => Node.install(engine, { peer: one, artifacts: [trained], config: { model: { layers: "4-2", bias: 7 } } }));
});

test("components of the engine take their config", () => {
  const model = slot.model("model");
  const trained = new Compiler(engine).bind("model", engine.builtin.Mlp).bind("data", engine.builtin.Dataset).compile(new Written("Train", (g) => {
    g.output("loss", model.train(g, { steps: 20 }));
    g.output("params", model.params(g));
  }));
  const images = Uint8Array.from({ length: 400 }, (_, index) => ((index >> 2) % 2 === index % 2 ? 255 : 0));
  const labels = Uint8Array.from({ length: 100 }, (_, index) => index % 2);
  const config = { model: { layers: "4-8-2", learning_rate: 0.1, momentum: 0.9, seed: 3, bias: true }, data: { images, labels, features: 4, batch_size: 10, seed: 5n } };
  const losses: number[][] = [];
  for (let run = 0; run < 2; run++) {
    using node = Node.install(engine, { peer: one, artifacts: [trained], config });
    losses.push([]);
    for (let round = 0; round < 5; round++) {
      node.invoke("Train");
      const out = Object.fromEntries(events(settle(node).steps).map(({ topic, value }) => [topic, value]));
      losses[run]?.push(out["loss"] as number);
      assert.deepEqual((out["params"] as Tensor).shape, [4 * 8 + 8 + 8 * 2 + 2]);
    }
  }
  assert.deepEqual(losses[0], losses[1]);
  assert.ok((losses[0]?.[4] ?? 1) < (losses[0]?.[0] ?? 0) / 2, String(losses[0]));
});

test("what cannot be invoked says why, and nothing happens", () => {
  using node = install(one, { limits: { invokeInputsMax: 2, invokeBytesMax: 1_000, eventBytesMax: 100 } });
  refuses("UnknownModule", () => node.invoke("Nope"));
  refuses("UnknownInput", () => node.invoke("Talk", { y: 1 }));
  refuses("TypeMismatch", () => node.invoke("Talk", { peers: undefined }));
  refuses("OversizePayload", () => node.invoke("Talk", { x: new Uint8Array(2_000) }));
  refuses("OversizePayload", () => node.deliverEvent("Talk", "x", new Uint8Array(200)));
  refuses("TooManyInputs", () => node.invoke("Talk", { a: true, b: true, c: true }));
  assert.deepEqual(settle(node).steps, []);
  assert.equal(node.stats().executions, 0);
});

test("only a handshake makes proof, and it is good for one admission", async () => {
  using node = install(one);
  assert.throws(() => new (AuthenticatedPeer as unknown as new (id: PeerId) => AuthenticatedPeer)(two));
  assert.throws(() => node.admit({ id: two } as unknown as AuthenticatedPeer), TypeError);
  const proof = await proofOf(engine, 2);
  assert.deepEqual(proof.id, two);
  node.admit(proof);
  refuses("unauthenticated", () => node.admit(proof));
});

test("an earlier life of a peer is not admitted", async () => {
  using node = install(one);
  node.admit(await proofOf(engine, 2, 7n));
  const early = await proofOf(engine, 2, 6n);
  refuses("stale_incarnation", () => node.admit(early));
  node.admit(await proofOf(engine, 2, 8n));
});

test("a frame from nobody who was admitted is refused", async () => {
  using node = install(two, { targets: ["Talk_peers"] });
  node.addPeer(one, [`/p2p/${peerIdToText(one)}`]);
  const known = node.handleOf(one);
  assert.deepEqual(node.receive(known, new Uint8Array(3)), { status: "refused", reason: "unauthenticated" });
  const handle = node.admit(await proofOf(engine, 1));
  assert.equal(node.receive(handle, new Uint8Array([1, 2, 3])).status, "malformed");
  node.retire(handle);
  assert.deepEqual(node.receive(handle, new Uint8Array(3)), { status: "refused", reason: "unauthenticated" });
  refuses("unknown_peer", () => node.peerOf(handle));
  assert.deepEqual(node.peerOf(node.handleOf(one)), one);
});

test("an envelope from one node is an event of the other", async () => {
  using from = install(one, { targets: ["Talk"] });
  using to = install(two, { targets: ["Talk_peers"] });
  from.addPeer(two, [`/p2p/${peerIdToText(two)}`]);
  from.invoke("Talk", { peers: [two], x: new Uint8Array(500_000).fill(7) });
  const { envelopes } = settle(from);
  assert.deepEqual(to.receive(to.admit(await proofOf(engine, 1)), envelopes[0] ?? new Uint8Array(0)), { status: "accepted" });
  const [event] = events(settle(to).steps);
  assert.deepEqual(event?.value, new Uint8Array(500_000).fill(7));
});

test("a node says what it is", async () => {
  using node = install(one, { incarnation: 77n });
  node.addPeer(two, [`/p2p/${peerIdToText(two)}`]);
  node.admit(await proofOf(engine, 2, 5n));
  const { self, incarnation, targets, peers } = node.inspect();
  assert.deepEqual([self, incarnation], [one, 77n]);
  assert.deepEqual(targets.map(({ baseName, sites }) => [baseName, sites.length]), [["Talk", 0], ["Talk_peers", 1]]);
  assert.deepEqual(peers.filter(({ id }) => !samePeer(id, one)).map(({ id, admitted, channel, incarnation: life, addresses }) => [id, admitted, channel, life, addresses]), [[two, true, "in-process", 5n, [`/p2p/${peerIdToText(two)}`]]]);
  assert.deepEqual(node.addressesOf(two), [`/p2p/${peerIdToText(two)}`]);
  node.dropPeer(two);
  assert.deepEqual(node.addressesOf(two), []);
  refuses("unknown_peer", () => node.dropPeer(two));
  assert.equal(node.stats().graphs, 2);
});

test("an echoed event is shown", () => {
  using node = install(one, { targets: ["Talk"], echoEvents: true });
  node.deliverEvent("Talk", "x", new Uint8Array([4]));
  assert.deepEqual(events(settle(node).steps).map(({ topic, value }) => [topic, value]), [["x", new Uint8Array([4])]]);
});

test("a request is answered, or times out", async () => {
  const program = new Compiler(engine).option({ permissiveTypes: true }).compile(new Written("Ask", (g) => {
    const question = g.netOut("question", g.input("peers", t.peers), g.input("x", t.bytes));
    g.on("peers", () => g.reply(question.value, question.sender));
    g.output("answer", g.awaitResponse(question.handle, t.bytes, { timeoutMs: 500 }));
  }));
  using asker = Node.install(engine, { peer: one, artifacts: [program] });
  using teller = Node.install(engine, { peer: two, artifacts: [program] });
  asker.addPeer(two, [`/p2p/${peerIdToText(two)}`]);
  teller.addPeer(one, [`/p2p/${peerIdToText(one)}`]);
  const [atAsker, atTeller] = [asker.admit(await proofOf(engine, 2)), teller.admit(await proofOf(engine, 1))];
  asker.invoke("Ask", { peers: [two], x: new Uint8Array([1, 2]) });
  const [question] = settle(asker).envelopes;
  assert.ok(question);
  assert.notEqual(engine.decodeEnvelope(question).correlation?.requestId, 0n);
  teller.receive(atTeller, question);
  const [answer] = settle(teller).envelopes;
  assert.ok(answer);
  assert.equal(asker.receive(atAsker, answer).status, "accepted");
  assert.deepEqual(events(settle(asker).steps).map(({ value }) => value), [new Uint8Array([1, 2])]);

  asker.invoke("Ask", { peers: [two], x: new Uint8Array([3]) });
  settle(asker, 1);
  const late = settle(asker, 2_000).steps;
  assert.ok(late.some((step) => step.kind === "wire-timeout" && step.peer === atAsker), JSON.stringify(late.map(({ kind }) => kind)));
  assert.ok(late.some((step) => step.kind === "failed" && step.errorKind === "Timeout"));
});

test("memory is given back", () => {
  const before = (() => {
    using node = install(one);
    settle(node);
    return node.stats().memoryBytes;
  })();
  using node = install(one);
  for (let index = 0; index < 200; index++) {
    node.invoke("Talk", { x: new Uint8Array(10_000), peers: [] });
    settle(node);
  }
  assert.ok(node.stats().memoryBytes <= before + 4_096, `${node.stats().memoryBytes} after, ${before} before`);
});
