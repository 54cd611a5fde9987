// The hub as a server, over real sockets on the loopback interface: many clients, garbage, floods, busy ports, the command line.
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { WebSocket } from "ws";
import { hubPortDefault, startHub, type RunningHub, type StartHubOptions } from "../../../../js/package/src/hub/index.js";
import type { HubMessage } from "../../../../js/package/src/hub/messages.js";
import { decodeControl, encodeControl, writeRelayHeader } from "../../../../js/package/src/hub/protocol.js";
import { peerIdFromNumber } from "../../../../js/package/src/peer-id.js";
import { root } from "../../support/engine.js";

async function running(t: TestContext, options: StartHubOptions = {}): Promise<RunningHub> {
  const hub = await startHub({ port: 0, ...options });
  t.after(() => hub.close());
  return hub;
}

interface Client {
  readonly socket: WebSocket;
  readonly control: HubMessage[];
  readonly relayed: Uint8Array[];
  closed: { code: number; reason: string } | undefined;
  until(condition: () => boolean, what: string): Promise<void>;
}

async function raw(t: TestContext, url: string): Promise<Client> {
  const socket = new WebSocket(url);
  t.after(() => socket.terminate());
  const client: Client = {
    socket,
    control: [],
    relayed: [],
    closed: undefined,
    async until(condition, what) {
      const end = Date.now() + 20_000;
      while (!condition()) {
        assert.ok(Date.now() < end, `never: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    },
  };
  socket.on("message", (data, isBinary) => {
    if (!isBinary) return;
    const bytes = new Uint8Array(data as Buffer);
    if (bytes[0] === 1) client.control.push(decodeControl(bytes));
    else client.relayed.push(bytes);
  });
  socket.on("close", (code, reason) => (client.closed = { code, reason: reason.toString() }));
  socket.on("error", () => undefined);
  await once(socket, "open");
  return client;
}

async function member(t: TestContext, url: string, peer: number, room = "room"): Promise<Client & { number: number }> {
  const client = await raw(t, url);
  client.socket.send(encodeControl({ kind: "hello", hello: { version: 1, networkId: new Uint8Array(0), room: new TextEncoder().encode(room), peerId: peerIdFromNumber(peer), caps: 0 } }));
  await client.until(() => client.control.length > 0, "a Welcome");
  const [welcome] = client.control;
  assert.ok(welcome?.kind === "welcome");
  return Object.assign(client, { number: welcome.welcome.session });
}

function relayMessage(to: number, length: number, value: number): Uint8Array {
  const message = new Uint8Array(8 + length).fill(value);
  writeRelayHeader(message, 1, to);
  return message;
}

test("health, page and everything else over http", async (t) => {
  const plain = await running(t);
  const health = await fetch(`${plain.pageUrl}health?x=1`);
  assert.equal(health.headers.get("content-type"), "application/json");
  const figures = (await health.json()) as Record<string, unknown>;
  assert.equal(figures["status"], "ok");
  assert.equal(figures["members"], 0);
  assert.equal((await fetch(plain.pageUrl)).status, 404);
  const page = await running(t, { staticHandler: (_request, response) => response.end("a page") });
  assert.equal(await (await fetch(page.pageUrl)).text(), "a page");
  assert.equal((await fetch(`${page.pageUrl}health`)).status, 200);
  const joined = await member(t, page.url, 1);
  assert.equal(joined.number, 1);
  assert.match(page.url, /^ws:\/\/127\.0\.0\.1:\d+\/hub$/);
});

test("a busy port and wrong addresses are named", async (t) => {
  const hub = await running(t);
  await assert.rejects(startHub({ port: hub.port }), (error: unknown) => error instanceof Error && "code" in error && error.code === "port_in_use" && error.message.includes(String(hub.port)));
  await assert.rejects(startHub({ port: 70_000 }), { code: "bad_option" });
  await assert.rejects(startHub({ port: 0, host: "192.0.2.1" }), { code: "bad_address" });
  await assert.rejects(startHub({ port: 0, limits: { roomMax: 0 } }), { code: "bad_option" });
  assert.equal((await member(t, hub.url, 1)).number, 1, "the first hub goes on");
});

test("sockets on other paths are turned away", async (t) => {
  const hub = await running(t);
  const socket = new WebSocket(hub.url.replace("/hub", "/elsewhere"));
  const [error] = (await once(socket, "error")) as [Error];
  assert.match(error.message, /404/);
});

test("sixty members all hear each other", { timeout: 60_000 }, async (t) => {
  const hub = await running(t);
  const members = await Promise.all(Array.from({ length: 60 }, (_, index) => member(t, hub.url, index)));
  for (const from of members) {
    for (const to of members) if (from !== to) from.socket.send(relayMessage(to.number, 20, from.number));
  }
  for (const to of members) {
    await to.until(() => to.relayed.length >= 59, "59 messages");
    const sources = to.relayed.map((message) => new DataView(message.buffer).getUint32(4, true));
    assert.deepEqual(sources.sort((a, b) => a - b), members.filter((from) => from !== to).map((from) => from.number).sort((a, b) => a - b));
    for (const message of to.relayed) assert.equal(message[8], message[4]);
  }
  assert.equal(hub.core.figures().relayedFrames, 60 * 59);
});

test("garbage of every kind closes only its sender", async (t) => {
  const hub = await running(t);
  const bystander = await member(t, hub.url, 1);
  const attacks: [string, (client: Client) => void, number][] = [
    ["text", (client) => client.socket.send("DROP TABLE"), 4_001],
    ["long text", (client) => client.socket.send("x".repeat(60_000)), 4_001],
    ["unknown kind", (client) => client.socket.send(new Uint8Array(50).fill(0x77)), 4_001],
    ["broken control", (client) => client.socket.send(Uint8Array.of(1, 10, 200, 1, 1)), 4_001],
    ["relay first", (client) => client.socket.send(relayMessage(1, 10, 1)), 4_001],
    ["over the frame limit", (client) => client.socket.send(new Uint8Array(200_000)), 1_009],
  ];
  for (const [name, attack, code] of attacks) {
    const client = await raw(t, hub.url);
    attack(client);
    await client.until(() => client.closed !== undefined, `${name} closed`);
    assert.equal(client.closed?.code, code, name);
  }
  const broken = connect(hub.port, "127.0.0.1");
  broken.on("error", () => undefined);
  broken.write("GET /hub HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n");
  await once(broken, "data");
  broken.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff])); // reserved bits, reserved opcode
  await once(broken, "close");
  const again = await member(t, hub.url, 2);
  again.socket.send(relayMessage(bystander.number, 3, 5));
  await bystander.until(() => bystander.relayed.length === 1, "the bystander still hears");
  assert.equal(bystander.closed, undefined);
});

test("a flood is cut off", async (t) => {
  const hub = await running(t, { limits: { framesPerSecond: 200 } });
  const flooder = await member(t, hub.url, 1);
  const calm = await member(t, hub.url, 2);
  for (let count = 0; count < 5_000; count++) flooder.socket.send("ping");
  await flooder.until(() => flooder.closed !== undefined, "closed");
  assert.equal(flooder.closed?.code, 4_005);
  const reason = flooder.control.find((message) => message.kind === "error");
  assert.ok(reason?.kind === "error" && reason.retryAfterMs > 0);
  assert.equal(calm.closed, undefined);
});

test("a socket that stops reading gets its sender held back, and the rest later", { timeout: 60_000 }, async (t) => {
  const hub = await running(t);
  const sender = await member(t, hub.url, 1);
  const slow = await member(t, hub.url, 2);
  slow.socket.pause();
  let granted = 16_384;
  let spent = 0;
  let sent = 0;
  const total = 400;
  const credit = (): void => {
    for (const message of sender.control) if (message.kind === "quota" && message.session === slow.number) granted = Math.max(granted, message.writable);
  };
  const push = (): void => {
    credit();
    for (; sent < total && spent + 60_072 <= granted; sent++, spent += 60_072) sender.socket.send(relayMessage(slow.number, 60_000, sent & 255));
  };
  // The first chunk has to fit into the first credit.
  sender.socket.send(relayMessage(slow.number, 10_000, 255));
  spent += 10_072;
  let still = 0;
  while (still < 20 && sent < total) {
    const before = sent;
    push();
    still = sent === before ? still + 1 : 0;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.ok(sent < total, "24 MB do not fit into the buffers of a socket nobody reads");
  assert.equal(sender.closed, undefined);
  slow.socket.resume();
  while (sent < total) {
    push();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await slow.until(() => slow.relayed.length === total + 1, "all messages");
  slow.relayed.slice(1).forEach((message, index) => assert.equal(message[8], index & 255));
});

test("closing the hub closes its members and frees its port", async (t) => {
  const hub = await startHub({ port: 0 });
  const client = await member(t, hub.url, 1);
  await Promise.all([hub.close(), hub.close()]);
  await client.until(() => client.closed !== undefined, "closed");
  assert.ok(client.control.some((message) => message.kind === "drain"));
  const again = await startHub({ port: hub.port });
  await again.close();
});

// ---- the command line

// The program as it is published; tests compile only the sources that they import.
const program = join(root, "js", "package", "dist", "bin.js");

interface Ended { code: number | null; out: string; err: string }

function bytesandbrains(t: TestContext, ...words: string[]): { child: ChildProcess; ended: Promise<Ended>; line(pattern: RegExp): Promise<RegExpMatchArray> } {
  const child = spawn(process.execPath, [program, ...words], { stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  let out = "";
  let err = "";
  child.stdout.on("data", (data: Buffer) => (out += data.toString()));
  child.stderr.on("data", (data: Buffer) => (err += data.toString()));
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, out, err }));
  return {
    child,
    ended,
    async line(pattern) {
      for (let wait = 0; wait < 2_000; wait++) {
        const match = pattern.exec(out);
        if (match !== null) return match;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      throw new Error(`${pattern} not in: ${out} ${err}`);
    },
  };
}

test("the command line explains itself and refuses what it does not know", { timeout: 60_000 }, async (t) => {
  const help = await bytesandbrains(t, "--help").ended;
  assert.equal(help.code, 0);
  assert.match(help.out, /bytesandbrains hub/);
  assert.match(help.out, new RegExp(String(hubPortDefault)));
  const cases: [string[], RegExp][] = [
    [[], /a command is missing/],
    [["serve"], /unknown command "serve"/],
    [["hub", "--prot", "1"], /unknown option "--prot"/],
    [["hub", "--port"], /--port wants a value/],
    [["hub", "--port", "99999"], /0 to 65535, not "99999"/],
    [["hub", "--port=abc"], /not "abc"/],
  ];
  const results = await Promise.all(cases.map(([words]) => bytesandbrains(t, ...words).ended));
  results.forEach((result, index) => {
    assert.equal(result.code, 2, String(cases[index]));
    assert.match(result.err, cases[index]![1]);
    assert.match(result.err, /Usage:/);
  });
});

test("the hub of the command line serves, names a busy port and ends on an interrupt", { timeout: 60_000 }, async (t) => {
  const first = bytesandbrains(t, "hub", "--port", "0");
  const [, url = "", port = ""] = await first.line(/(ws:\/\/127\.0\.0\.1:(\d+)\/hub)/);
  const client = await member(t, url, 1);
  const second = await bytesandbrains(t, "hub", "--port", port).ended;
  assert.equal(second.code, 1);
  assert.match(second.err, new RegExp(`port ${port} .* in use`));
  first.child.kill("SIGINT");
  const ended = await first.ended;
  assert.equal(ended.code, 0);
  assert.match(ended.out, /hub closed/);
  await client.until(() => client.closed !== undefined, "closed");
});
