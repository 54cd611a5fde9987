// What comes from outside: garbage, strangers, links that break, links that are full.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Compiler } from "../../../../js/package/src/compiler.js";
import { peerIdFromNumber, type PeerId } from "../../../../js/package/src/peer-id.js";
import { t } from "../../../../js/package/src/types.js";
import { memoryTransport } from "../../../../js/package/src/transports/memory.js";
import type { Transport, TransportContext, TransportEvent } from "../../../../js/package/src/transports/transport.js";
import { loadEngine, Written } from "../../support/engine.js";
import { World } from "../../support/peers.js";
import { BBError } from "../../../../js/package/src/errors.js";
import { Peer } from "../../../../js/package/src/peer.js";

const engine = await loadEngine();

/** Sends its input to `peers`, who put it out as `got`. */
const artifact = new Compiler(engine).option({ permissiveTypes: true, perHopBudgetMs: 60_000 }).compile(new Written("Pass", (g) => {
  const peers = g.input("peers", t.peers);
  const sent = g.netOut("data", peers, g.input("x", t.bytes));
  g.on("peers", () => {
    g.output("from", sent.sender);
    g.output("got", sent.value);
  });
}));

/** A bare member of the network that says what it likes. */
async function stranger(world: World, number: number): Promise<{ transport: Transport; say(bytes: Uint8Array): void; events: TransportEvent[] }> {
  const transport = memoryTransport(world.network);
  const events: TransportEvent[] = [];
  transport.on((event) => events.push(event));
  await transport.start({ host: world.host, peerId: peerIdFromNumber(number) });
  return {
    transport, events,
    say(bytes) {
      for (const { link } of transport.links()) transport.send(link, [bytes], 1);
    },
  };
}

test("garbage is refused with a reason, and its link closed when there is too much of it", async () => {
  const world = new World();
  const one = await world.add(1, { engine, artifact, malformedMax: 4 });
  const bad = await stranger(world, 66);
  await world.settle();
  const garbage = [new Uint8Array([1, 2, 3]), new Uint8Array(100_000).fill(255), new Uint8Array([0x0a])];
  for (const bytes of garbage) {
    bad.say(bytes);
    await world.settle();
  }
  assert.deepEqual(one.of("refused").map(({ peer, reason, closed }) => [peer, reason, closed]), garbage.map(() => [peerIdFromNumber(66), "malformed", false]));
  assert.ok(one.of("refused").every(({ detail }) => detail.length > 0));
  bad.say(new Uint8Array([9, 9, 9]));
  await world.settle();
  assert.deepEqual(one.of("refused").at(-1)?.closed, true);
  assert.deepEqual(one.of("link-down").map(({ peer }) => peer), [peerIdFromNumber(66)]);
  const stats = await one.peer.stats();
  assert.deepEqual([stats.refusedMessages, stats.malformed, stats.links], [4, 4, 0]);
  await world.close();
});

test("a frame beyond the cap is refused before anything is reserved for it", async () => {
  const world = new World();
  const one = await world.add(1, { engine, artifact, limits: { envelopeBytesMax: 10_000 } });
  const bad = await stranger(world, 66);
  await world.settle();
  bad.say(new Uint8Array(10_001));
  await world.settle();
  assert.deepEqual(one.of("refused").map(({ reason }) => reason), ["oversize_envelope"]);
  await world.close();
});

test("a link without an id, or with the peer's own, is refused and closed", async () => {
  const closed: number[] = [];
  let emit: (event: TransportEvent) => void = () => undefined;
  const transport: Transport = {
    kind: "odd",
    start: (_: TransportContext) => Promise.resolve(),
    connect: () => Promise.reject(new BBError("no_link", "none")),
    links: () => [],
    send: () => "sent",
    close: (link) => {
      if (link !== undefined) closed.push(link);
      return Promise.resolve();
    },
    on: (f) => {
      emit = f;
      return () => undefined;
    },
    stats: () => ({ messagesSent: 0, bytesSent: 0, messagesReceived: 0, bytesReceived: 0 }),
  };
  const world = new World();
  const one = await world.add(1, { engine, artifact, transports: [transport] });
  const up = (link: number, peerHint?: PeerId): TransportEvent => ({ type: "link-up", link, path: "direct", binding: { kind: "none" }, initiator: true, frameMax: 1000, ...(peerHint === undefined ? {} : { peerHint }) });
  emit(up(1));
  emit(up(2, peerIdFromNumber(1)));
  emit({ type: "frame", link: 1, bytes: new Uint8Array(10) });
  assert.deepEqual(one.of("refused").map(({ reason, closed: isClosed }) => [reason, isClosed]), [["no_peer_id", true], ["own_id", true], ["unauthenticated", false]]);
  assert.deepEqual(closed, [1, 2]);
  assert.deepEqual(one.of("link"), []);
  await world.close();
});

test("more peers than the node may know are refused, and the others go on", async () => {
  const world = new World();
  const one = await world.add(1, { engine, artifact, limits: { peersMax: 3 } });
  for (const number of [2, 3, 4, 5]) await stranger(world, number);
  await world.settle();
  assert.deepEqual(one.of("link").map(({ peer }) => peer), [peerIdFromNumber(2), peerIdFromNumber(3)]);
  assert.deepEqual(one.of("refused").map(({ reason, closed }) => [reason, closed]), [["over_cap", true], ["over_cap", true]]);
  await world.close();
});

test("what is sent while the link is down arrives when it is back", async () => {
  const world = new World();
  const [one, two] = [await world.add(1, { engine, artifact }), await world.add(2, { engine, artifact })];
  await world.settle();
  const send = (x: number) => one.peer.invoke("Pass", { peers: [two.peer.peerId], x: new Uint8Array([x]) });
  await send(1);
  await world.settle();
  world.network.drop(one.peer.peerId, two.peer.peerId);
  await world.settle();
  assert.deepEqual(one.of("link-down").map(({ peer, code }) => [peer, code]), [[two.peer.peerId, "dropped"]]);
  await send(2);
  await send(3);
  await world.settle();
  assert.equal(two.of("event").filter(({ topic }) => topic === "got").length, 1);
  world.network.restore(one.peer.peerId, two.peer.peerId);
  await world.settle();
  assert.deepEqual(two.of("event").filter(({ topic }) => topic === "got").map(({ value }) => value), [new Uint8Array([1]), new Uint8Array([2]), new Uint8Array([3])]);
  assert.deepEqual(one.of("link").length, 2);
  await world.close();
});

test("a full link holds messages back, in order and within the high water", async () => {
  const world = new World({ capacity: 3_000 });
  const [one, two] = [await world.add(1, { engine, artifact, highWaterBytes: 4_000 }), await world.add(2, { engine, artifact })];
  await world.settle();
  for (let index = 0; index < 50; index++) await one.peer.invoke("Pass", { peers: [two.peer.peerId], x: new Uint8Array(1_000).fill(index) });
  one.driver.settle();
  const { outbound } = await one.peer.stats();
  assert.ok(outbound >= 40, `the engine holds ${outbound} of 50`);
  await world.settle();
  const got = two.of("event").filter(({ topic }) => topic === "got").map(({ value }) => (value as Uint8Array)[0]);
  assert.deepEqual(got, Array.from({ length: 50 }, (_, index) => index));
  assert.equal((await one.peer.stats()).outbound, 0);
  await world.close();
});

test("a message larger than the link takes is dropped and said", async () => {
  const world = new World({ messageMax: 500 });
  const [one, two] = [await world.add(1, { engine, artifact }), await world.add(2, { engine, artifact })];
  await world.settle();
  await one.peer.invoke("Pass", { peers: [two.peer.peerId], x: new Uint8Array(1_000) });
  await one.peer.invoke("Pass", { peers: [two.peer.peerId], x: new Uint8Array(10) });
  await world.settle();
  assert.deepEqual(one.of("dropped"), [{ peer: two.peer.peerId, reason: "over_cap", count: 1 }]);
  assert.equal(two.of("event").filter(({ topic }) => topic === "got").length, 1);
  await world.close();
});

test("a peer that is unknown is no crash but an event", async () => {
  const world = new World();
  const one = await world.add(1, { engine, artifact });
  await one.peer.invoke("Pass", { peers: [peerIdFromNumber(9)], x: new Uint8Array(1) });
  await world.settle();
  assert.deepEqual(one.of("dropped").map(({ peer, reason }) => [peer, reason]), [[peerIdFromNumber(9), "unknown_peer"]]);
  await world.close();
});

test("a restarted peer is heard again", async () => {
  const world = new World();
  const two = await world.add(2, { engine, artifact });
  for (const seed of [11n, 12n]) {
    const one = await world.add(1, { engine, artifact, seed });
    await world.settle();
    await one.peer.invoke("Pass", { peers: [two.peer.peerId], x: new Uint8Array([Number(seed)]) });
    await world.settle();
    await one.peer.stop();
    await world.settle();
  }
  assert.deepEqual(two.of("event").filter(({ topic }) => topic === "got").map(({ value }) => value), [new Uint8Array([11]), new Uint8Array([12])]);
  await world.close();
});

test("pause holds programs, resume goes on", async () => {
  const world = new World();
  const [one, two] = [await world.add(1, { engine, artifact }), await world.add(2, { engine, artifact })];
  await world.settle();
  await two.peer.pause();
  await one.peer.invoke("Pass", { peers: [two.peer.peerId], x: new Uint8Array([1]) });
  await world.settle();
  assert.equal(two.of("event").length, 0);
  await two.peer.resume();
  await world.settle();
  assert.equal(two.of("event").filter(({ topic }) => topic === "got").length, 1);
  await world.close();
});

test("a gap of the clock is reported and expires nothing", async () => {
  const world = new World();
  const one = await world.add(1, { engine, artifact });
  await world.settle();
  world.host.advance(1);
  await one.peer.invoke("Pass", { peers: [], x: new Uint8Array(1) });
  await world.settle();
  world.host.advance(60_000);
  await one.peer.invoke("Pass", { peers: [], x: new Uint8Array(1) });
  await world.settle();
  assert.deepEqual(one.of("suspended"), [{ gapMs: 60_000 }]);
  await world.close();
});

test("a stopped peer rejects, and its event stream ends", async () => {
  const world = new World();
  const one = await world.add(1, { engine, artifact });
  const stream = one.peer.events();
  await one.peer.stop();
  await one.peer.stop();
  await assert.rejects(one.peer.invoke("Pass"), (error) => error instanceof BBError && error.code === "closed");
  await assert.rejects(one.peer.pause(), /closed/);
  for await (const event of stream) assert.notEqual(event.kind, "event");
  await assert.rejects(one.peer.start(), /already_started/);
});

test("a transport that cannot start stops the peer", async () => {
  const world = new World();
  await world.add(1, { engine, artifact });
  await assert.rejects(world.add(1, { engine, artifact }), (error) => error instanceof BBError && error.code === "peer_id_taken");
  await world.close();
});

test("a bad installation rejects", async () => {
  await assert.rejects(Peer.create({ engine, artifact, targets: ["Nope"] }), (error) => error instanceof BBError && error.code === "UnknownTarget" && /Pass/.test(error.detail));
  await assert.rejects(Peer.create({ engine, artifact: new Uint8Array([1, 2, 3]) }), (error) => error instanceof BBError);
});

test("with nothing but defaults, two peers find each other and talk", async () => {
  const { MemoryNetwork } = await import("../../../../js/package/src/transports/memory.js");
  const network = new MemoryNetwork();
  const peers = await Promise.all([0, 1].map(() => Peer.create({ engine, artifact, transports: [memoryTransport(network)] })));
  const [one, two] = peers;
  assert.ok(one && two);
  const linked = new Promise<void>((resolve) => one.on("link", () => resolve()));
  const got = new Promise((resolve) => two.on("event", ({ topic, value }) => topic === "got" && resolve(value)));
  await Promise.all(peers.map((peer) => peer.start()));
  await linked;
  await one.invoke("Pass", { peers: [two.peerId], x: new Uint8Array([5]) });
  assert.deepEqual(await got, new Uint8Array([5]));
  await Promise.all(peers.map((peer) => peer.stop()));
});
