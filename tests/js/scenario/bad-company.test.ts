// Peers that send garbage or vanish without a word: the others say so and go on.
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { test } from "node:test";
import { WebSocket } from "ws";
import { platformHost } from "../../../js/package/src/host.js";
import { randomPeerId } from "../../../js/package/src/peer-id.js";
import type { WebSocketConstructor } from "../../../js/package/src/transports/web-socket.js";
import { hubTransport } from "../../../js/package/src/transports/hub.js";
import { demoProgram, root } from "./command.js";

const limitMs = 60_000;

interface Running {
  readonly process: ChildProcess;
  out: string;
  err: string;
  readonly ended: Promise<number | null>;
}

function start(...args: string[]): Running {
  const child = spawn(process.execPath, [demoProgram, ...args], { stdio: ["ignore", "pipe", "pipe"], cwd: root });
  const running: Running = { process: child, out: "", err: "", ended: new Promise((resolve) => child.on("close", resolve)) };
  child.stdout.setEncoding("utf8").on("data", (text: string) => { running.out += text; });
  child.stderr.setEncoding("utf8").on("data", (text: string) => { running.err += text; });
  return running;
}

async function until(what: string, met: () => boolean): Promise<void> {
  const end = Date.now() + limitMs;
  while (!met()) {
    if (Date.now() > end) throw new Error(`${what} did not happen in ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A member of the room that sends what no engine sends, to everybody it sees. */
async function vandal(hubUrl: string): Promise<() => Promise<void>> {
  const host = platformHost();
  const transport = hubTransport({ url: hubUrl, room: "digits", webSocket: WebSocket as unknown as WebSocketConstructor });
  transport.on((event) => {
    if (event.type !== "link-up") return;
    for (let count = 0; count < 5; count++) transport.send(event.link, [new TextEncoder().encode(`no handshake ${count}`)]);
    transport.send(event.link, [new Uint8Array(16_000).fill(255)]);
  });
  await transport.start({ host, peerId: randomPeerId((into) => host.random(into)) });
  return () => transport.close();
}

test("garbage is refused with a reason and a peer that vanishes is not waited for", { timeout: 3 * limitMs }, async () => {
  const server = start("--port", "0");
  const running: Running[] = [server];
  let stopVandal = (): Promise<void> => Promise.resolve();
  try {
    await until("the server's address", () => /http:\/\/\S+/.test(server.out));
    const address = /http:\/\/\S+/.exec(server.out)?.[0] ?? "";
    const staying = [1, 2].map((seed) => start("--join", address, "--rounds", "12", "--seed", String(seed)));
    const vanishing = start("--join", address, "--seed", "3");
    running.push(...staying, vanishing);
    await until("three peers that see each other", () => [...staying, vanishing].every(({ out }) => /peers 3/.test(out)));
    stopVandal = await vandal(`${address}hub`);
    await until("a refusal", () => staying.every(({ out }) => /refused a message of \w+: \w+/.test(out)));
    vanishing.process.kill("SIGKILL");
    const codes = await Promise.all(staying.map(({ ended }) => ended));
    assert.deepEqual(codes, [0, 0], staying.map(({ err }) => err).join("\n"));
    for (const { out } of staying) {
      assert.match(out, /round 12 /);
      assert.ok((out.match(/^round /gm) ?? []).length >= 2, out);
    }
  } finally {
    await stopVandal();
    for (const { process: child } of running) child.kill("SIGKILL");
  }
});
