// The scenarios once more with peers that are alive: links, credit, drivers and loopback included.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Compiler } from "../../../../js/package/src/compiler.js";
import { newJournal, StubAggregator, StubLoader, StubModel } from "../../support/components.js";
import { loadEngine } from "../../support/engine.js";
import { idOf } from "../../support/identities.js";
import { World } from "../../support/peers.js";
import { ClientLogic, FederatedRound, FedNetwork, Mesh, MeshMerge, Quickstart, ServerLogic, ServerReduce } from "../../support/scenarios.js";

const engine = await loadEngine();

test("quickstart", async () => {
  const world = new World();
  const artifact = new Compiler(engine).bind("data_source", StubLoader).bind("model", StubModel).compile(new Quickstart());
  const one = await world.add(1, { engine, artifact, mask: "all", config: { data_source: { batch: [1] } } });
  const exec = await one.peer.invoke("Quickstart");
  await world.settle();
  assert.deepEqual(one.of("event"), [{ target: "Quickstart", topic: "prediction", exec, value: { data: new Float32Array([1]), shape: [1] } }]);
  assert.equal(one.of("step").filter((step) => step.kind === "completed").length, 3);
  assert.equal(one.of("failed").length, 0);
  await world.close();
});

test("multi_target_network", async () => {
  const world = new World();
  const artifact = new Compiler(engine).bind("loader", StubLoader).bind("model", StubModel).bind("aggregator", StubAggregator).compile(new FedNetwork());
  const journal = newJournal();
  const source = await world.add(1, { engine, artifact, targets: ["FedNetwork"] });
  const sink = await world.add(2, { engine, artifact, targets: ["FedNetwork_sink_peers"], config: { aggregator: { journal } } });
  await world.settle();
  assert.deepEqual(source.of("link").map(({ peer }) => peer), [sink.peer.peerId]);
  assert.deepEqual(sink.of("link").map(({ peer, path }) => [peer, path]), [[source.peer.peerId, "local"]]);
  await source.peer.invoke("FedNetwork", { sink_peers: [sink.peer.peerId] });
  await world.settle();
  assert.deepEqual(journal.contributions.map(({ values, source: from }) => [values, from]), [[[1, 2, 3], source.peer.peerId]]);
  const stats = await source.peer.stats();
  assert.deepEqual([stats.sentMessages, stats.links], [1, 1]);
  assert.ok(stats.sentBytes >= 122);
  assert.equal((await sink.peer.stats()).receivedBytes, stats.sentBytes);
  await world.close();
});

test("single_node_federated_learning", async () => {
  const world = new World();
  const artifact = new Compiler(engine).bind("model", StubModel).bind("data", StubLoader).bind("aggregator", StubAggregator).compile(new FederatedRound());
  const journal = newJournal();
  const seven = await world.add(7, { engine, artifact, config: { aggregator: { journal } } });
  await seven.peer.invoke("FederatedRound", { server_peers: [seven.peer.peerId] });
  await world.settle();
  assert.deepEqual(journal.contributions.map(({ values, source }) => [values, source]), [[[0], seven.peer.peerId]]);
  const { sentMessages, receivedMessages, sentBytes, receivedBytes } = await seven.peer.stats();
  assert.deepEqual([sentMessages, receivedMessages], [1, 1]);
  assert.equal(sentBytes, receivedBytes);
  await world.close();
});

test("federated_learning", async () => {
  const world = new World();
  const client = new Compiler(engine).bind("model", StubModel).bind("data", StubLoader).compile(new ClientLogic());
  const server = new Compiler(engine).bind("view", engine.builtin.ConstantView).bind("model", StubModel).compile(new ServerLogic());
  const reduce = new Compiler(engine).bind("aggregator", engine.builtin.FedAvg).bind("backend", engine.builtin.CpuBackend).compile(new ServerReduce());
  assert.deepEqual([client.targets, server.targets, reduce.targets], [["ClientLogic"], ["ServerLogic"], ["ServerReduce"]]);
  const calls = newJournal();
  const one = await world.add(100, { engine, artifacts: [server, reduce], config: { view: { peers: [await idOf(101)] }, model: { weight: 2 } }, mask: "all" });
  const two = await world.add(101, { engine, artifact: client, config: { model: { weight: 5, journal: calls }, data: { journal: calls } }, mask: "all" });
  await world.settle();
  for (let round = 1; round <= 2; round++) {
    await one.peer.invoke("ServerLogic");
    await world.settle();
    assert.deepEqual(calls.calls.splice(0), ["loadParameters", "nextBatch", "forward", "params"]);
    const [received, ...more] = one.of("event");
    assert.equal(more.length, 0);
    assert.deepEqual([received?.topic, received?.value], ["received", two.peer.peerId]);
    one.said.length = 0;
    assert.deepEqual([(await one.peer.stats()).sentMessages, (await two.peer.stats()).sentMessages], [round, round]);
  }
  assert.equal(two.of("failed").length, 0);
  await world.close();
});

test("mesh_federated_averaging", async () => {
  const world = new World();
  const compile = (module: Mesh | MeshMerge) => new Compiler(engine).bind("model", StubModel).bind("aggregator", engine.builtin.FedAvg)
    .bind("backend", engine.builtin.CpuBackend).compile(module);
  const artifacts = [compile(new Mesh()), compile(new MeshMerge())];
  for (const number of [1, 2, 3]) await world.add(number, { engine, artifacts, config: { model: { weight: number * 3 }, aggregator: { min_contributions: 3 } } });
  await world.settle();
  const samples = [100, 200, 300];
  for (const [index, { peer }] of world.peers.entries()) {
    const others = world.peers.filter((other) => other.peer !== peer).map((other) => other.peer.peerId);
    await peer.invoke("Mesh", { peers: others, meta: { samples: samples[index], round: 0 } });
  }
  await world.settle();
  for (const { peer, of } of world.peers) {
    assert.equal(of("event").filter(({ topic }) => topic === "received").length, 2);
    await peer.invoke("MeshMerge", { go: true });
  }
  await world.settle();
  for (const { said, of } of world.peers) {
    assert.deepEqual(of("event").filter(({ topic }) => topic === "merged").map(({ value }) => value), [{ samples: 600, round: 0 }]);
    assert.deepEqual(of("failed"), []);
    said.length = 0;
  }
  // Everybody has the mean now: (3*100 + 6*200 + 9*300) / 600 = 7.
  for (const [index, { peer }] of world.peers.entries()) {
    const others = world.peers.filter((other) => other.peer !== peer).map((other) => other.peer.peerId);
    await peer.invoke("Mesh", { peers: others, meta: { samples: samples[index], round: 1 } });
  }
  world.network.deliver();
  await world.settle();
  for (const { peer } of world.peers) await peer.invoke("MeshMerge", { go: true });
  await world.settle();
  for (const { of } of world.peers) assert.deepEqual(of("event").filter(({ topic }) => topic === "merged").map(({ value }) => value), [{ samples: 600, round: 1 }]);
  await world.close();
});
