// The two worked examples of the specification through the TypeScript API, to the byte of the envelope.
import assert from "node:assert/strict";
import { test } from "node:test";
import { toHex } from "../../../../js/package/src/bytes.js";
import { Compiler } from "../../../../js/package/src/compiler.js";
import { defineComponent } from "../../../../js/package/src/component.js";
import { Node } from "../../../../js/package/src/node.js";
import { peerIdFromNumber, peerIdToText, type PeerId } from "../../../../js/package/src/peer-id.js";
import { newJournal, StubAggregator, StubLoader, StubModel } from "../../support/components.js";
import { events, loadEngine, settle } from "../../support/engine.js";
import { idOf, proofOf } from "../../support/identities.js";
import { FederatedRound, FedNetwork, Mesh, MeshMerge, Quickstart } from "../../support/scenarios.js";

const engine = await loadEngine();
const [one, two, seven] = [peerIdFromNumber(1), peerIdFromNumber(2), peerIdFromNumber(7)];

function know(node: Node, ...peers: PeerId[]): void {
  for (const peer of peers) node.addPeer(peer, [`/p2p/${peerIdToText(peer)}`]);
}

const TwoParams = defineComponent({
  typeName: "TwoParams",
  role: "model",
  storage: { tensor: "tensor.f32" },
  create: () => ({}),
  methods: { params: () => new Float32Array([0.5, -1]) },
});

const multiTargetEnvelope = "0a0da5030a00080000000000000002124d0a0ae20190ce34e89ad441b4"
  + "12350101000000000000000300000000000000030000000000000000"
  + "00803f000000400000404001000000000000000300000000000000"
  + "20e1978df6dfb290c12f1a002080c2d72f3801420da5030a0008000000000000000148015001";

test("quickstart", () => {
  const artifact = new Compiler(engine).bind("data_source", StubLoader).bind("model", StubModel).compile(new Quickstart());
  using node = Node.install(engine, { peer: peerIdFromNumber(0), artifacts: [artifact], targets: ["Quickstart"], config: { data_source: { batch: [1] } }, mask: "all" });
  assert.deepEqual(settle(node).steps, []);
  node.invoke("Quickstart");
  const { steps } = settle(node);
  assert.deepEqual(steps.map((step) => step.kind === "completed" ? step.op.replace(/^.*\/(.*)\..*$/, "$1") : step.kind), ["NextBatch", "Forward", "PassThrough", "event"]);
  const [event] = events(steps);
  assert.deepEqual([event?.topic, event?.target, event?.exec, event?.value], ["prediction", "Quickstart", 0n, { data: new Float32Array([1]), shape: [1] }]);
  assert.deepEqual(settle(node).steps, []);
});

test("multi_target_network", async () => {
  const artifact = new Compiler(engine).bind("loader", StubLoader).bind("model", StubModel).bind("aggregator", StubAggregator).compile(new FedNetwork());
  assert.deepEqual(artifact.targets, ["FedNetwork", "FedNetwork_sink_peers"]);
  const journal = newJournal();
  using source = Node.install(engine, { peer: one, artifacts: [artifact], targets: ["FedNetwork"], incarnation: 1n, mask: "all" });
  using sink = Node.install(engine, { peer: two, artifacts: [artifact], targets: ["FedNetwork_sink_peers"], config: { aggregator: { journal } }, mask: "all" });
  know(source, one, two);
  know(sink, one, two);
  assert.equal(source.invoke("FedNetwork", { sink_peers: [two] }), 0n);
  const sent = settle(source);
  assert.deepEqual(sent.steps.map(({ kind }) => kind), ["completed", "completed", "completed", "completed", "completed", "send"]);
  const [envelope] = sent.envelopes;
  assert.ok(envelope);
  assert.equal(toHex(envelope), multiTargetEnvelope);
  assert.equal(envelope.length, 122);

  const handle = sink.admit(await proofOf(engine, 1));
  assert.deepEqual(sink.receive(handle, envelope), { status: "accepted" });
  const received = settle(sink).steps;
  assert.deepEqual(received.map((step) => step.kind === "completed" ? step.op.replace(/^.*\/(.*)\..*$/, "$1") : step), ["Contribute"]);
  assert.deepEqual(journal.contributions.map(({ values, source: from }) => [values, from]), [[[1, 2, 3], await idOf(1)]]);
  assert.deepEqual(sink.receive(handle, envelope), { status: "duplicate" });
  assert.deepEqual(settle(sink).steps, []);
  assert.equal(sink.stats().duplicates, 1);

  source.invoke("FedNetwork", { sink_peers: [two] });
  const [next] = settle(source).envelopes;
  assert.ok(next);
  assert.equal(engine.decodeEnvelope(next).sequence, 2n);
  assert.equal(sink.receive(handle, next).status, "accepted");
  settle(sink);
  assert.equal(journal.contributions.length, 2);
});

test("single_node_federated_learning", () => {
  const artifact = new Compiler(engine).bind("model", StubModel).bind("data", StubLoader).bind("aggregator", engine.builtin.FedAvg)
    .bind("backend", engine.builtin.CpuBackend).compile(new FederatedRound());
  using node = Node.install(engine, { peer: seven, artifacts: [artifact], targets: ["FederatedRound", "FederatedRound_server_peers"], mask: "all" });
  know(node, seven);
  assert.deepEqual(node.inspect().targets.map(({ baseName }) => baseName), ["FederatedRound", "FederatedRound_server_peers"]);
  assert.deepEqual(settle(node).steps, []);
  node.invoke("FederatedRound", { server_peers: [seven] });
  const { envelopes } = settle(node);
  assert.equal(envelopes.length, 1);
  const handle = node.admitSelf();
  assert.equal(node.receive(handle, envelopes[0] ?? new Uint8Array(0)).status, "accepted");
  const { steps } = settle(node);
  assert.deepEqual(steps.map((step) => step.kind === "completed" ? step.op.replace(/^.*\/(.*)\..*$/, "$1") : step), ["Contribute"]);
});

const meshEnvelope = "0a0da5030a0008000000000000000212490a0ae201f728722d769e958d1231010100000000000000020000000000000002000000000000000000003f000080bf"
  + "0100000000000000020000000000000020e1978df6dfb290c12f12280a0ae201e5aba45a8001875212109001000000000000030000000000000020e194d5b8a5818bcf50"
  + "1a002080c2d72f3801420da5030a0008000000000000000148015001";

test("mesh_federated_averaging", async () => {
  const compile = (module: Mesh | MeshMerge) => new Compiler(engine).bind("model", StubModel).bind("aggregator", engine.builtin.FedAvg)
    .bind("backend", engine.builtin.CpuBackend).compile(module);
  const artifacts = [compile(new Mesh()), compile(new MeshMerge())];
  const install = (peer: PeerId) => {
    const node = Node.install(engine, { peer, artifacts, config: { aggregator: { min_contributions: 2 } }, incarnation: 1n });
    know(node, one, two);
    return node;
  };
  using left = install(one);
  using right = install(two);
  left.invoke("Mesh", { peers: [two], meta: { samples: 400, round: 0 } });
  right.invoke("Mesh", { peers: [one], meta: { samples: 100, round: 0 } });
  const fromLeft = settle(left).envelopes;
  const fromRight = settle(right).envelopes;
  assert.deepEqual([fromLeft.length, fromRight.length], [1, 1]);
  assert.equal(right.receive(right.admit(await proofOf(engine, 1)), fromLeft[0] ?? new Uint8Array(0)).status, "accepted");
  assert.equal(left.receive(left.admit(await proofOf(engine, 2)), fromRight[0] ?? new Uint8Array(0)).status, "accepted");
  assert.deepEqual(events(settle(right).steps).map(({ topic, value }) => [topic, value]), [["received", await idOf(1)]]);
  assert.deepEqual(events(settle(left).steps).map(({ topic, value }) => [topic, value]), [["received", await idOf(2)]]);
  for (const node of [left, right]) {
    node.invoke("MeshMerge", { go: true });
    const merged = events(settle(node).steps);
    assert.deepEqual(merged.map(({ topic, value }) => [topic, value]), [["merged", { samples: 500, round: 0 }]]);
  }
});

test("mesh_federated_averaging: the envelope to one neighbour", () => {
  const artifact = new Compiler(engine).bind("model", TwoParams).bind("aggregator", engine.builtin.FedAvg).bind("backend", engine.builtin.CpuBackend).compile(new Mesh());
  using node = Node.install(engine, { peer: one, artifacts: [artifact], targets: ["Mesh"], incarnation: 1n });
  know(node, one, two);
  node.invoke("Mesh", { peers: [two], meta: { samples: 400, round: 3 } });
  const { envelopes } = settle(node);
  assert.equal(toHex(envelopes[0] ?? new Uint8Array(0)), meshEnvelope);
  assert.equal(envelopes[0]?.length, 160);
});
