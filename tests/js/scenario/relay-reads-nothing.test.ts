// What a hub sees of the messages it relays: their length and nothing of what they say.
import assert from "node:assert/strict";
import { test } from "node:test";
import { WebSocket } from "ws";
import { Compiler } from "../../../js/package/src/compiler.js";
import { startHub } from "../../../js/package/src/hub/index.js";
import { Peer } from "../../../js/package/src/peer.js";
import { hubTransport } from "../../../js/package/src/transports/hub.js";
import type { WebSocketConstructor } from "../../../js/package/src/transports/web-socket.js";
import { t } from "../../../js/package/src/types.js";
import { loadEngine, Written } from "../support/engine.js";

const engine = await loadEngine();
const marker = Buffer.from("these are the parameters of a model");

const artifact = new Compiler(engine).option({ permissiveTypes: true, perHopBudgetMs: 60_000 }).compile(new Written("Pass", (g) => {
  const peers = g.input("peers", t.peers);
  const sent = g.netOut("data", peers, g.input("x", t.bytes));
  g.on("peers", () => g.output("got", sent.value));
}));

test("a capture of a relayed run contains no byte of what was sent", { timeout: 60_000 }, async (test) => {
  const captured: Buffer[] = [];
  class Captured extends WebSocket {
    override send(data: Parameters<WebSocket["send"]>[0], ...more: never[]): void {
      captured.push(Buffer.from(data as Uint8Array));
      super.send(data, ...more);
    }
  }
  const hub = await startHub({ port: 0 });
  test.after(() => hub.close());
  const make = async (): Promise<Peer> => {
    const peer = await Peer.create({ engine, artifact, transports: [hubTransport({ url: hub.url, room: "capture", webSocket: Captured as unknown as WebSocketConstructor })] });
    test.after(() => peer.stop());
    return peer;
  };
  const [one, two] = [await make(), await make()];
  const linked = new Promise<void>((resolve) => one.on("link", () => resolve()));
  const got = new Promise<Uint8Array>((resolve) => two.on("event", ({ topic, value }) => topic === "got" && resolve(value as Uint8Array)));
  await Promise.all([one.start(), two.start()]);
  await linked;
  const message = Buffer.concat(Array.from({ length: 20_000 }, () => marker));
  await one.invoke("Pass", { peers: [two.peerId], x: new Uint8Array(message) });
  assert.deepEqual(Buffer.from(await got), message);
  const capture = Buffer.concat(captured);
  assert.ok(capture.length > message.length, `${capture.length} bytes captured`);
  for (const piece of [marker, marker.subarray(0, 8), marker.subarray(12, 20)]) {
    assert.equal(capture.indexOf(piece), -1, piece.toString());
  }
});
