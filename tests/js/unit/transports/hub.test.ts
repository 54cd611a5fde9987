// The WebSocket transport against real hubs: messages of all sizes, slow readers, lost hubs, lying hubs and lying members.
import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { equalBytes } from "../../../../js/package/src/bytes.js";
import { RandomStream } from "../../../../js/package/src/data/prng.js";
import { manualHost, platformHost } from "../../../../js/package/src/host.js";
import { startHub, type RunningHub, type StartHubOptions } from "../../../../js/package/src/hub/index.js";
import { encodeControl, writeRelayHeader } from "../../../../js/package/src/hub/protocol.js";
import { peerIdFromNumber, samePeer } from "../../../../js/package/src/peer-id.js";
import { Backoff } from "../../../../js/package/src/transports/backoff.js";
import type { LinkId, Transport, TransportEvent } from "../../../../js/package/src/transports/transport.js";
import type { WebSocketConstructor } from "../../../../js/package/src/transports/web-socket.js";
import { hubTransport, type HubTransportOptions } from "../../../../js/package/src/transports/hub.js";

const mebi = 1_048_576;
const host = platformHost();
type EventOf<K extends TransportEvent["type"]> = Extract<TransportEvent, { type: K }>;

class Member {
  readonly transport: Transport;
  readonly events: TransportEvent[] = [];

  constructor(t: TestContext, url: string, options: Partial<HubTransportOptions> = {}) {
    this.transport = hubTransport({ url, room: "room", webSocket: WebSocket, backoff: { firstMs: 20, maxMs: 200 }, ...options });
    this.transport.on((event) => this.events.push(event));
    t.after(() => this.transport.close());
  }

  of<K extends TransportEvent["type"]>(type: K): EventOf<K>[] {
    return this.events.filter((event): event is EventOf<K> => event.type === type);
  }

  start(peer: number): Promise<void> {
    return this.transport.start({ host, peerId: peerIdFromNumber(peer) });
  }

  link(peer: number): Promise<LinkId> {
    return this.transport.connect({ peerId: peerIdFromNumber(peer) }, { signal: AbortSignal.timeout(20_000) });
  }

  /** Sends everything, waiting whenever the link is full; the number of waits. */
  async sendAll(link: LinkId, messages: readonly Uint8Array[]): Promise<number> {
    let waits = 0;
    for (const message of messages) {
      while (this.transport.send(link, [message]) === "full") {
        waits++;
        const before = this.of("writable").length;
        await until(() => this.of("writable").length > before, "writable");
      }
    }
    return waits;
  }
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const end = Date.now() + 20_000;
  while (!condition()) {
    assert.ok(Date.now() < end, `never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function hub(t: TestContext, options: StartHubOptions = {}): Promise<RunningHub> {
  const made = await startHub({ port: 0, ...options });
  t.after(() => made.close());
  return made;
}

async function member(t: TestContext, url: string, peer: number, options: Partial<HubTransportOptions> = {}): Promise<Member> {
  const made = new Member(t, url, options);
  await made.start(peer);
  return made;
}

function noise(length: number, seed: number): Uint8Array {
  const stream = new RandomStream(seed);
  return Uint8Array.from({ length }, () => stream.next() >>> 24);
}

/** A server that welcomes everybody and then does what the test says. */
async function lyingHub(t: TestContext, act: (socket: WebSocket, connection: number) => void): Promise<{ url: string; connections(): number }> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  t.after(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  await once(server, "listening");
  let connections = 0;
  server.on("connection", (socket) => {
    const number = ++connections;
    socket.on("error", () => undefined);
    socket.once("message", () => act(socket, number));
  });
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`, connections: () => connections };
}

const limits = { frameMax: 65_576, framesPerSecond: 4_000, bytesPerSecond: 67_108_864, roomMax: 64, queueMax: 262_144 };
const other = { session: 2, peerId: peerIdFromNumber(99), caps: 0, sinceMs: 0 };
const welcome = encodeControl({ kind: "welcome", welcome: { session: 1, leaseSeconds: 150, limits, members: [other] } });

function relayed(frame: Uint8Array, session = 2): Uint8Array {
  const message = new Uint8Array(8 + frame.length);
  writeRelayHeader(message, 0, session);
  message.set(frame, 8);
  return message;
}

test("the browser's WebSocket fits as it is", () => {
  const fits: typeof globalThis.WebSocket extends WebSocketConstructor ? true : false = true; // settled by the compiler
  assert.ok(fits);
});

test("members of a room get links, hints and roles, and messages cross both ways", async (t) => {
  const { url } = await hub(t);
  const first = await member(t, url, 1);
  const second = await member(t, url, 2);
  const there = await first.link(2);
  const back = await second.link(1);
  const up = first.of("link-up")[0];
  assert.ok(up !== undefined && up.initiator && up.path === "hub" && samePeer(up.peerHint!, peerIdFromNumber(2)) && up.frameMax === 16_312);
  assert.equal(second.of("link-up")[0]?.initiator, false);
  const part = Uint8Array.of(1, 2, 3);
  assert.equal(first.transport.send(there, [part, Uint8Array.of(4)]), "sent");
  part.fill(0);
  assert.equal(second.transport.send(back, []), "sent");
  await until(() => first.of("frame").length === 1 && second.of("frame").length === 1, "both messages");
  assert.deepEqual([...second.of("frame")[0]!.bytes], [1, 2, 3, 4]);
  assert.equal(first.of("frame")[0]?.bytes.length, 0);
  assert.deepEqual(first.transport.stats(), { framesSent: 1, bytesSent: 4, framesReceived: 1, bytesReceived: 0 });
});

test("frames up to the hub's limit cross whole, and longer ones are the caller's mistake", async (t) => {
  const { url } = await hub(t);
  const first = await member(t, url, 1);
  const second = await member(t, url, 2);
  const link = await first.link(2);
  const frames = [noise(16_312, 1), new Uint8Array(0), noise(16_000, 2), noise(1, 4)];
  await first.sendAll(link, frames);
  await until(() => second.of("frame").length === frames.length, "all frames");
  second.of("frame").forEach((frame, index) => assert.ok(equalBytes(frame.bytes, frames[index]!), `frame ${index}`));
  assert.throws(() => first.transport.send(link, [new Uint8Array(16_313)]), { code: "over_cap" });
  assert.equal(first.transport.send(12_345, [Uint8Array.of(1)]), "closed");
});

test("twenty members send to all others at once and everything arrives in order", { timeout: 60_000 }, async (t) => {
  const { url } = await hub(t);
  const members = await Promise.all(Array.from({ length: 20 }, (_, index) => member(t, url, index)));
  await until(() => members.every((one) => one.transport.links().length === 19), "all links");
  await Promise.all(members.map(async (one, from) => {
    await Promise.all(one.transport.links().map(({ link }) =>
      one.sendAll(link, Array.from({ length: 10 }, (_, index) => new Uint8Array(index % 3 === 0 ? 15_000 : 60).fill(index, 1).fill(from, 0, 1)))));
  }));
  await until(() => members.every((one) => one.of("frame").length === 190), "all messages");
  for (const one of members) {
    const perLink = new Map<LinkId, number>();
    for (const frame of one.of("frame")) {
      const expected = perLink.get(frame.link) ?? 0;
      assert.equal(frame.bytes[1], expected);
      perLink.set(frame.link, expected + 1);
    }
    assert.equal(perLink.size, 19);
  }
});

test("a link that is full says so, says when it is not, and loses nothing", { timeout: 60_000 }, async (t) => {
  const { url } = await hub(t);
  const first = await member(t, url, 1, { highWater: 65_536 });
  const second = await member(t, url, 2);
  const link = await first.link(2);
  const messages = Array.from({ length: 200 }, (_, index) => noise(16_000, index));
  const waits = await first.sendAll(link, messages);
  assert.ok(waits > 10, `${waits} waits`);
  await until(() => second.of("frame").length === 200, "all messages");
  second.of("frame").forEach((frame, index) => assert.ok(equalBytes(frame.bytes, messages[index]!)));
});

test("who leaves or vanishes is reported, and coming back makes a new link", async (t) => {
  const { url, core } = await hub(t);
  const first = await member(t, url, 1);
  const second = await member(t, url, 2);
  const link = await first.link(2);
  await second.transport.close();
  await until(() => first.of("link-down").length === 1, "link-down");
  assert.deepEqual(first.of("link-down")[0], { type: "link-down", link, code: "left", retryable: true });
  assert.equal(first.transport.send(link, [Uint8Array.of(1)]), "closed");
  assert.equal(second.of("link-down")[0]?.code, "closed");
  assert.deepEqual(second.events.at(-1), { type: "status", status: "closed" });
  await until(() => core.figures().members === 1, "one member");
  await member(t, url, 2);
  assert.notEqual(await first.link(2), link);
});

test("a hub that goes away is found again, without help", { timeout: 60_000 }, async (t) => {
  const before = await startHub({ port: 0 });
  const first = await member(t, before.url, 1);
  const second = await member(t, before.url, 2);
  await first.link(2);
  await before.close();
  await until(() => first.of("link-down").length === 1 && second.of("link-down").length === 1, "links down");
  assert.ok(first.of("link-down")[0]?.retryable === true && first.of("link-down")[0]?.code === "lost");
  await until(() => first.of("status").some((event) => event.status === "waiting" && (event.retryAfterMs ?? 0) > 0), "waiting");
  assert.ok(first.of("error").every((event) => event.retryable));
  await hub(t, { port: before.port });
  const link = await first.link(2);
  first.transport.send(link, [Uint8Array.of(5)]);
  await until(() => second.of("frame").length === 1, "a message after the return");
});

test("start fails clearly: nobody there, room full, no such address, no WebSocket", { timeout: 60_000 }, async (t) => {
  const gone = await startHub({ port: 0 });
  await gone.close();
  const nobody = new Member(t, gone.url, { startTimeoutMs: 300 });
  await assert.rejects(nobody.start(1), (error: unknown) => error instanceof Error && "code" in error && error.code === "unreachable" && error.message.includes(gone.url));
  assert.equal(nobody.of("status").at(-1)?.status, "closed");
  const full = await hub(t, { limits: { roomMax: 1 } });
  await member(t, full.url, 1);
  const late = new Member(t, full.url, { startTimeoutMs: 300 });
  await assert.rejects(late.start(2), { code: "unreachable", message: /1 members are the most/ });
  assert.throws(() => new Member(t, "nonsense"), { code: "bad_url" });
  assert.throws(() => new Member(t, "ftp://127.0.0.1/"), { code: "bad_url" });
  assert.throws(() => new Member(t, full.url, { room: "x".repeat(129) }), { code: "bad_option" });
  if (Reflect.get(globalThis, "WebSocket") === undefined) {
    assert.throws(() => hubTransport({ url: full.url, room: "room" }), { code: "no_websocket" });
  }
  const twice = await member(t, (await hub(t)).url, 1);
  await assert.rejects(twice.start(1), { code: "already_started" });
  const closed = new Member(t, gone.url);
  const starting = closed.start(1);
  await closed.transport.close();
  await assert.rejects(starting, { code: "closed" });
});

test("the older of two with one id ends and does not fight back", async (t) => {
  const { url, core } = await hub(t);
  const older = await member(t, url, 1);
  const newer = await member(t, url, 1);
  await until(() => older.of("status").at(-1)?.status === "closed", "closed");
  const ended = older.of("error").at(-1);
  assert.ok(ended !== undefined && ended.error.code === "replaced" && !ended.retryable);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(core.figures().members, 1);
  assert.notEqual(newer.of("status").at(-1)?.status, "closed");
});

test("a hub that breaks the protocol is refused with a typed error, and tried again later", async (t) => {
  const lies: Record<string, (socket: WebSocket) => void> = {
    "text": (socket) => socket.send("hello"),
    "garbage": (socket) => socket.send(Uint8Array.of(1, 255, 255, 255)),
    "unknown kind": (socket) => socket.send(Uint8Array.of(3)),
    "empty": (socket) => socket.send(new Uint8Array(0)),
    "second welcome": (socket) => socket.send(welcome),
    "hello": (socket) => socket.send(encodeControl({ kind: "hello", hello: { version: 1, networkId: new Uint8Array(0), room: new Uint8Array(0), peerId: peerIdFromNumber(1), caps: 0 } })),
    "short relay": (socket) => socket.send(Uint8Array.of(2, 0)),
    "crowd": (socket) => socket.send(encodeControl({ kind: "presence", joined: Array.from({ length: 100 }, (_, index) => ({ ...other, session: index + 10 })), left: [], revision: 1 })),
    "huge": (socket) => socket.send(new Uint8Array(2 * mebi)),
  };
  for (const [name, lie] of Object.entries(lies)) {
    const { url, connections } = await lyingHub(t, (socket) => {
      socket.send(welcome);
      lie(socket);
    });
    const victim = await member(t, url, 1);
    await until(() => victim.of("error").length > 0, `${name}: an error`);
    const [first] = victim.of("error");
    assert.ok(first?.error.code === "protocol" && first.retryable, name);
    assert.equal(victim.of("link-down")[0]?.code, "protocol", name);
    await until(() => connections() > 1, `${name}: another attempt`);
    await victim.transport.close();
  }
});

test("before the Welcome, relays and impossible limits are refused too", async (t) => {
  const first = [
    relayed(new Uint8Array(24)),
    encodeControl({ kind: "presence", joined: [], left: [], revision: 1 }),
    encodeControl({ kind: "welcome", welcome: { session: 1, leaseSeconds: 1, limits: { ...limits, frameMax: 10 }, members: [] } }),
    encodeControl({ kind: "welcome", welcome: { session: 1, leaseSeconds: 1, limits: { ...limits, queueMax: 0 }, members: [] } }),
  ];
  for (const message of first) {
    const { url } = await lyingHub(t, (socket) => socket.send(message));
    const victim = new Member(t, url, { startTimeoutMs: 200 });
    await assert.rejects(victim.start(1), { code: "unreachable" });
    assert.equal(victim.of("error")[0]?.error.code, "protocol");
  }
});

test("a hub that says nothing at all is given up after the time allowed", async (t) => {
  const { url } = await lyingHub(t, () => undefined);
  const victim = new Member(t, url, { connectTimeoutMs: 100, startTimeoutMs: 400 });
  await assert.rejects(victim.start(1), { code: "unreachable", message: /no answer/ });
  assert.ok(victim.of("error").some((event) => event.error.code === "timeout"));
});

test("one link can be closed without the others", async (t) => {
  const { url } = await hub(t);
  const first = await member(t, url, 1);
  const second = await member(t, url, 2);
  const third = await member(t, url, 3);
  const closing = await first.link(2);
  const staying = await first.link(3);
  await first.transport.close(closing);
  assert.equal(first.transport.send(closing, [Uint8Array.of(1)]), "closed");
  second.transport.send(await second.link(1), [Uint8Array.of(2)]);
  third.transport.send(await third.link(1), [Uint8Array.of(3)]);
  await until(() => first.of("frame").length === 1, "the other link");
  assert.equal(first.of("frame")[0]?.link, staying);
});

test("silence is asked about, and only an unanswered question ends the connection", async (t) => {
  const clock = manualHost();
  let asked = 0;
  let answer = true;
  const { url } = await lyingHub(t, (socket) => {
    socket.send(welcome);
    socket.on("message", (data, isBinary) => {
      if (isBinary || (data as Buffer).toString() !== "ping") return;
      asked++;
      if (answer) socket.send("pong");
    });
  });
  const victim = new Member(t, url);
  const starting = victim.transport.start({ host: clock, peerId: peerIdFromNumber(1) });
  await starting;
  clock.advance(59_000);
  assert.equal(asked, 0);
  clock.advance(1_500);
  await until(() => asked === 1, "a question");
  await new Promise((resolve) => setTimeout(resolve, 50));
  clock.advance(20_000);
  assert.equal(victim.of("link-down").length, 0, "answered");
  answer = false;
  clock.advance(60_000);
  await until(() => asked === 2, "another question");
  await new Promise((resolve) => setTimeout(resolve, 50));
  clock.advance(20_000);
  assert.equal(victim.of("link-down")[0]?.code, "lost");
  assert.equal(victim.of("error").at(-1)?.error.code, "timeout");
});

test("waits grow, stay under their cap and differ between peers", () => {
  const waits = (seed: number): number[] => {
    const backoff = new Backoff(manualHost({ seed }), { firstMs: 100, maxMs: 5_000 });
    return Array.from({ length: 12 }, () => backoff.next());
  };
  const first = waits(1);
  first.forEach((wait, index) => {
    const step = Math.min(5_000, 100 * 2 ** index);
    assert.ok(wait >= step / 2 && wait <= step);
  });
  assert.deepEqual(first, waits(1));
  assert.notDeepEqual(first, waits(2));
  const backoff = new Backoff(manualHost(), { firstMs: 100 });
  backoff.next();
  backoff.next();
  backoff.reset();
  assert.ok(backoff.next() <= 100);
});
