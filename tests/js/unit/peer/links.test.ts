// What comes from outside: garbage, strangers, links that break, links that are full.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Compiler } from "../../../../js/package/src/compiler.js";
import { peerIdFromNumber, type PeerId } from "../../../../js/package/src/peer-id.js";
import { t } from "../../../../js/package/src/types.js";
import { memoryTransport } from "../../../../js/package/src/transports/memory.js";
import type { LinkId, Transport, TransportContext, TransportEvent } from "../../../../js/package/src/transports/transport.js";
import { dataHeader, encodeFrame } from "../../../../js/package/src/link/frames.js";
import { LinkSession } from "../../../../js/package/src/link/session.js";
import { loadEngine, Written } from "../../support/engine.js";
import { identityOf, idOf, testHost } from "../../support/identities.js";
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

/** A bare member of the network: it can prove who it is, and then says what it likes. */
interface Stranger {
  readonly transport: Transport;
  readonly events: TransportEvent[];
  /** Its links, those that were proven. */
  readonly sessions: LinkSession[];
  /** Sends bytes as they are. */
  raw(bytes: Uint8Array): void;
  /** Sends a message in one frame on every proven link. */
  say(message: Uint8Array): void;
}

async function stranger(world: World, number: number, proves = true): Promise<Stranger> {
  const transport = memoryTransport(world.network);
  const identity = await identityOf(number);
  const host = testHost(number);
  const events: TransportEvent[] = [];
  const sessions: LinkSession[] = [];
  const byLink = new Map<LinkId, LinkSession>();
  const crypto = await host.crypto();
  let sequence = 0;
  transport.on((event) => {
    events.push(event);
    if (!proves) return;
    if (event.type === "link-up") {
      const session = new LinkSession(engine, host, { identity, crypto, random: (into) => host.random(into), incarnation: 1n, envelopeBytesMax: 1_000 }, transport, event, {
        proven: (one) => {
          sessions.push(one);
          one.send([encodeFrame({ type: "have", own: BigInt(number), known: 0n, incarnation: 0n, lanes: [{ next: 0, held: 0 }, { next: 0, held: 0 }] })]);
        },
        frame: () => undefined, ready: () => undefined, refused: () => undefined,
      });
      byLink.set(event.link, session);
      session.begin();
    } else if (event.type === "frame") byLink.get(event.link)?.receive(event.bytes);
  });
  await transport.start({ host: world.host, peerId: identity.peerId });
  return {
    transport, events, sessions,
    raw(bytes) {
      for (const { link } of transport.links()) transport.send(link, [bytes]);
    },
    say(message) {
      for (const session of sessions) session.send([dataHeader(1, sequence, message.length, 0, message.length), message]);
      sequence++;
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
  assert.deepEqual(one.of("refused").map(({ peer, reason, closed }) => [peer, reason, closed]), await Promise.all(garbage.map(async () => [await idOf(66), "malformed", false])));
  assert.ok(one.of("refused").every(({ detail }) => detail.length > 0));
  bad.say(new Uint8Array([9, 9, 9]));
  await world.settle();
  assert.deepEqual(one.of("refused").at(-1)?.closed, true);
  assert.deepEqual(one.of("link-down").map(({ peer, code }) => [peer, code]), [[await idOf(66), "protocol"]]);
  const stats = await one.peer.stats();
  assert.deepEqual([stats.refusedMessages, stats.malformed, stats.links], [4, 4, 0]);
  await world.close();
});

test("frames that break the rules end the link at once", async () => {
  const broken: [string, Uint8Array[]][] = [
    ["garbage", [new Uint8Array(30).fill(255)]],
    ["more than was granted", [dataHeader(1, 0, 400_000, 0, 262_145), new Uint8Array(262_145)]],
    ["a gap", [dataHeader(1, 0, 10, 5, 5), new Uint8Array(5)]],
    ["an acknowledgement of what was never sent", [encodeFrame({ type: "credit", granted: [0, 0], acknowledged: [0, 9] })]],
  ];
  for (const [what, parts] of broken) {
    const world = new World({ frameMax: 300_000 });
    const one = await world.add(1, { engine, artifact });
    const bad = await stranger(world, 66);
    await world.settle();
    for (const session of bad.sessions) session.send(parts);
    await world.settle();
    assert.deepEqual(one.of("link-down").map(({ code }) => code), ["protocol"], what);
    await world.close();
  }
});

test("who does not prove who it is gets nothing in, whatever it sends", async () => {
  const world = new World();
  const one = await world.add(1, { engine, artifact });
  const bad = await stranger(world, 66, false);
  await world.settle();
  bad.raw(new Uint8Array([1, 2, 3]));
  await world.settle();
  assert.deepEqual(one.of("link"), []);
  assert.deepEqual(one.of("refused").map(({ reason, closed }) => [reason, closed]), [["malformed", true]]);
  assert.deepEqual((await one.peer.stats()).receivedMessages, 0);
  assert.equal(bad.transport.links().length, 0);
  const silent = await stranger(world, 67, false);
  await world.settle();
  assert.equal((await one.peer.stats()).halfOpenLinks, 1);
  world.host.advance(10_000);
  await world.settle();
  assert.deepEqual(one.of("refused").at(-1)?.reason, "late");
  assert.deepEqual([(await one.peer.stats()).halfOpenLinks, silent.transport.links().length], [0, 1], "it is still linked to the other stranger");
  await world.close();
});

test("handshakes under way are at most 64, and the rest get their turn", async () => {
  const world = new World();
  const one = await world.add(1, { engine, artifact });
  const strangers = [];
  for (let number = 100; number < 170; number++) strangers.push(await stranger(world, number, number >= 164));
  await world.settle();
  const { halfOpenLinks, links } = await one.peer.stats();
  assert.deepEqual([halfOpenLinks, links], [64, 0], "those who came first say nothing");
  world.host.advance(10_000);
  await world.settle();
  assert.deepEqual([(await one.peer.stats()).halfOpenLinks, (await one.peer.stats()).links], [0, 6]);
  await world.close();
});

test("peers of different networks do not meet", async () => {
  const world = new World();
  const one = await world.add(1, { engine, artifact, networkId: new Uint8Array([1]) });
  const two = await world.add(2, { engine, artifact, networkId: new Uint8Array([2]) });
  await world.settle();
  assert.deepEqual([one.of("link"), two.of("link")], [[], []]);
  assert.deepEqual(two.of("refused").map(({ reason }) => reason), ["wrong_network"]);
  await world.close();
});

test("a message beyond the cap is refused before anything is reserved for it", async () => {
  const world = new World();
  const one = await world.add(1, { engine, artifact, limits: { envelopeBytesMax: 10_000 } });
  const bad = await stranger(world, 66);
  await world.settle();
  bad.say(new Uint8Array(10_001));
  await world.settle();
  assert.deepEqual(one.of("refused").map(({ reason }) => reason), ["oversize_envelope"]);
  await world.close();
});

test("a link whose other end claims the peer's own id is refused and closed", async () => {
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
    stats: () => ({ framesSent: 0, bytesSent: 0, framesReceived: 0, bytesReceived: 0 }),
  };
  const world = new World();
  const one = await world.add(1, { engine, artifact, transports: [transport] });
  const up = (link: number, peerHint?: PeerId): TransportEvent => ({ type: "link-up", link, path: "direct", binding: { kind: "none" }, initiator: true, frameMax: 1000, ...(peerHint === undefined ? {} : { peerHint }) });
  emit(up(2, one.peer.peerId));
  emit({ type: "frame", link: 2, bytes: new Uint8Array(10) });
  assert.deepEqual(one.of("refused").map(({ reason, closed: isClosed }) => [reason, isClosed]), [["own_id", true]]);
  assert.deepEqual(closed, [2]);
  assert.deepEqual(one.of("link"), []);
  await world.close();
});

test("more peers than the node may know are refused, and the others go on", async () => {
  const world = new World();
  const one = await world.add(1, { engine, artifact, limits: { peersMax: 3 } });
  for (const number of [2, 3, 4, 5]) await stranger(world, number);
  await world.settle();
  assert.deepEqual(one.of("link").map(({ peer }) => peer), [await idOf(2), await idOf(3)]);
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

test("what the node had no room for is delivered later, also when its link is gone by then", async () => {
  const world = new World();
  const [one, two] = [await world.add(1, { engine, artifact }), await world.add(2, { engine, artifact, limits: { ingressMax: 2 } })];
  await world.settle();
  await two.peer.pause();
  for (let index = 0; index < 10; index++) await one.peer.invoke("Pass", { peers: [two.peer.peerId], x: new Uint8Array([index]) });
  await world.settle();
  world.network.drop(one.peer.peerId, two.peer.peerId);
  await world.settle();
  await two.peer.resume();
  for (let turn = 0; turn < 10; turn++) {
    two.driver.wake();
    await world.settle();
  }
  assert.deepEqual(two.of("event").filter(({ topic }) => topic === "got").map(({ value }) => (value as Uint8Array)[0]), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(two.of("refused"), []);
  await world.close();
});

test("who asks and does not listen is cut off", async () => {
  const world = new World();
  const inner = memoryTransport(world.network);
  let stuck = false;
  const transport: Transport = {
    kind: inner.kind,
    start: (context) => inner.start(context),
    connect: (target, options) => inner.connect(target, options),
    links: () => inner.links(),
    send: (link, parts) => (stuck ? "full" : inner.send(link, parts)),
    close: (link, code) => inner.close(link, code),
    on: (f) => inner.on(f),
    stats: () => inner.stats(),
  };
  const one = await world.add(1, { engine, artifact, transports: [transport] });
  const bad = await stranger(world, 66);
  await world.settle();
  stuck = true;
  for (let turn = 0; turn < 1_100; turn++) for (const session of bad.sessions) session.send([encodeFrame({ type: "ask" })]);
  await world.settle();
  assert.deepEqual(one.of("link-down").map(({ code }) => code), ["over_cap"]);
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
  // What the other side has is said every 25 ms at the latest, and makes room for more.
  for (let turn = 0; turn < 50; turn++) {
    await world.settle();
    world.host.advance(25);
  }
  const got = two.of("event").filter(({ topic }) => topic === "got").map(({ value }) => (value as Uint8Array)[0]);
  assert.deepEqual(got, Array.from({ length: 50 }, (_, index) => index));
  assert.equal((await one.peer.stats()).outbound, 0);
  await world.close();
});

test("a message larger than the other side takes is dropped and said, and what follows arrives", async () => {
  const world = new World();
  const [one, two] = [await world.add(1, { engine, artifact }), await world.add(2, { engine, artifact, messageMaxBytes: 500 })];
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
