// Peers with two ways to each other: the better one carries, and what is under way moves when it breaks.
import assert from "node:assert/strict";
import { after, test, type TestContext } from "node:test";
import { cleanup } from "node-datachannel";
import { RTCPeerConnection } from "node-datachannel/polyfill";
import { WebSocket } from "ws";
import { Compiler } from "../../../js/package/src/compiler.js";
import { startHub, type RunningHub } from "../../../js/package/src/hub/index.js";
import { Peer, type LinkEvent } from "../../../js/package/src/peer.js";
import { hubTransport } from "../../../js/package/src/transports/hub.js";
import type { WebSocketConstructor } from "../../../js/package/src/transports/web-socket.js";
import { webRtcTransport, type RtcImplementation } from "../../../js/package/src/transports/webrtc.js";
import { t } from "../../../js/package/src/types.js";
import { loadEngine, Written } from "../support/engine.js";

const engine = await loadEngine();
const webSocket = WebSocket as unknown as WebSocketConstructor;
const rtc: RtcImplementation = { RTCPeerConnection: RTCPeerConnection as unknown as RtcImplementation["RTCPeerConnection"] };
const waitMs = 30_000;
after(() => cleanup());

const artifact = new Compiler(engine).option({ permissiveTypes: true, perHopBudgetMs: 60_000 }).compile(new Written("Pass", (g) => {
  const peers = g.input("peers", t.peers);
  const sent = g.netOut("data", peers, g.input("x", t.bytes));
  g.on("peers", () => g.output("got", sent.value));
}));

interface Member {
  readonly peer: Peer;
  readonly got: Uint8Array[];
  readonly paths: LinkEvent[];
}

async function member(test: TestContext, hub: RunningHub, policy: RTCIceTransportPolicy = "all"): Promise<Member> {
  const signaller = hubTransport({ url: hub.url, room: "fail-over", webSocket });
  const direct = webRtcTransport({ signaller, rtc, iceTransportPolicy: policy, connectTimeoutMs: 3_000 });
  const peer = await Peer.create({ engine, artifact, transports: [signaller, direct] });
  const made: Member = { peer, got: [], paths: [] };
  peer.on("event", ({ topic, value }) => topic === "got" && made.got.push(value as Uint8Array));
  peer.on("path", (event) => made.paths.push(event));
  test.after(() => peer.stop());
  await peer.start();
  return made;
}

async function until(what: string, met: () => boolean): Promise<void> {
  const end = Date.now() + waitMs;
  while (!met()) {
    assert.ok(Date.now() < end, `never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function send(from: Member, to: Member, count: number, size: number): Promise<void> {
  for (let index = 0; index < count; index++) await from.peer.invoke("Pass", { peers: [to.peer.peerId], x: new Uint8Array(size).fill(index) });
}

test("two peers find each other by a hub, go on without it, and come back to it when the direct way breaks", { timeout: 4 * waitMs }, async (t) => {
  const hub = await startHub({ port: 0 });
  t.after(() => hub.close());
  const [one, two] = [await member(t, hub), await member(t, hub)];
  await until("a direct way", () => [one, two].every(({ paths }) => paths.at(-1)?.path === "direct"));
  await send(one, two, 20, 100_000);
  await until("twenty messages", () => two.got.length === 20);
  const relayed = hub.core.figures().relayedBytes;
  assert.ok(relayed < 100_000, `${relayed} bytes went over the hub`);

  await hub.close();
  await send(one, two, 20, 100_000);
  await until("twenty more without the hub", () => two.got.length === 40);
  two.got.forEach((bytes, index) => assert.equal(bytes[0], index % 20));
});

test("S8: without direct candidates the hub carries the messages, and the path says so", { timeout: 4 * waitMs }, async (t) => {
  const hub = await startHub({ port: 0 });
  t.after(() => hub.close());
  const [one, two] = [await member(t, hub, "relay"), await member(t, hub, "relay")];
  await until("a way", () => one.paths.length > 0 && two.paths.length > 0);
  await send(one, two, 10, 300_000);
  await until("ten messages", () => two.got.length === 10);
  assert.deepEqual([one.paths.at(-1)?.path, two.paths.at(-1)?.path], ["hub", "hub"]);
  assert.ok(hub.core.figures().relayedBytes > 3_000_000);
});

test("a message that is on its way over one transport arrives over the other one", { timeout: 4 * waitMs }, async (t) => {
  const hub = await startHub({ port: 0 });
  t.after(() => hub.close());
  const two = await member(t, hub);
  const signaller = hubTransport({ url: hub.url, room: "fail-over", webSocket });
  const direct = webRtcTransport({ signaller, rtc });
  const peer = await Peer.create({ engine, artifact, transports: [signaller, direct] });
  t.after(() => peer.stop());
  const paths: LinkEvent[] = [];
  peer.on("path", (event) => paths.push(event));
  await peer.start();
  await until("a direct way", () => paths.at(-1)?.path === "direct");
  const big = new Uint8Array(3_000_000).map((_, index) => index % 251);
  await peer.invoke("Pass", { peers: [two.peer.peerId], x: big });
  await until("some of it is under way", () => direct.stats().bytesSent > 300_000);
  await direct.close();
  await until("all of it", () => two.got.length === 1);
  assert.deepEqual(two.got[0], big);
  assert.equal(paths.at(-1)?.path, "hub");
});
