// The hub's core on a virtual clock: who is there, who gets what, and what is refused to whom.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualHost } from "../../../../js/package/src/host.js";
import { HubCore } from "../../../../js/package/src/hub/core.js";
import { firstCredit, relayCost } from "../../../../js/package/src/hub/messages.js";
import type { HubOptions } from "../../../../js/package/src/hub/options.js";
import { encodeControl } from "../../../../js/package/src/hub/protocol.js";
import { peerIdFromBytes } from "../../../../js/package/src/peer-id.js";
import { FakeClient } from "./fake-connection.js";

function hub(options: HubOptions = {}): { core: HubCore; host: ReturnType<typeof manualHost>; join(peer: number, room?: string): FakeClient } {
  const host = manualHost();
  const core = new HubCore(options, host);
  return {
    core,
    host,
    join(peer, room) {
      const client = new FakeClient(core);
      client.hello(peer, room);
      return client;
    },
  };
}

const errorOf = (client: FakeClient): number | undefined => client.of("error")[0]?.code;

test("a member learns who is there, and the others learn of it", () => {
  const { host, join, core } = hub();
  const first = join(1);
  host.advance(0);
  const second = join(2);
  assert.deepEqual(second.of("welcome")[0]?.welcome.members.map((member) => member.session), [first.number]);
  assert.equal(second.of("welcome")[0]?.welcome.leaseSeconds, 150);
  host.advance(250);
  assert.deepEqual(first.of("presence").flatMap((news) => news.joined.map((member) => member.session)), [second.number]);
  assert.equal(second.of("presence").length, 0, "what the Welcome said is not said again");
  second.session.closed();
  host.advance(250);
  assert.deepEqual(first.of("presence").at(-1)?.left, [second.number]);
  assert.deepEqual({ ...core.figures(), refused: {} }, { connections: 1, rooms: 1, members: 1, queuedBytes: 0, relayedFrames: 0, relayedBytes: 0, refused: {} });
});

test("comings and goings are gathered", () => {
  const { host, join } = hub();
  const watcher = join(0);
  host.advance(1_000);
  const crowd = Array.from({ length: 30 }, (_, index) => join(index + 1));
  host.advance(250);
  assert.ok(watcher.of("presence").length <= 2);
  assert.equal(watcher.of("presence").flatMap((news) => news.joined).length, 30);
  host.advance(1_000);
  const before = watcher.of("presence").length;
  crowd[0]!.session.closed();
  const passing = join(99);
  passing.session.closed();
  host.advance(250);
  const news = watcher.of("presence").slice(before);
  assert.deepEqual(news.flatMap((entry) => entry.joined), [], "who came and went in between is not announced");
  assert.ok(news.flatMap((entry) => entry.left).includes(crowd[0]!.number));
});

test("rooms and networks do not mix", () => {
  const { host, core, join } = hub();
  const first = join(1, "a");
  const second = join(1, "b");
  const third = new FakeClient(core);
  third.hello(1, "a", 1, new Uint8Array(32).fill(1));
  host.advance(1_000);
  for (const client of [first, second, third]) {
    assert.deepEqual(client.of("welcome")[0]?.welcome.members, []);
    assert.equal(client.of("presence").length, 0);
  }
  first.relay(second.number, 10);
  assert.equal(second.relayed.length, 0);
  assert.deepEqual(first.of("presence").at(-1)?.left, [second.number], "the sender hears that it is not there");
});

test("a relayed message arrives byte for byte with the source in its header", () => {
  const { host, join } = hub();
  const first = join(1);
  const second = join(2);
  host.advance(250);
  first.relay(second.number, 5, 9, 0);
  assert.deepEqual([...second.relayed[0]!], [2, 0, 0, 0, first.number, 0, 0, 0, 9, 9, 9, 9, 9]);
});

test("a signal reaches its member with the source in it, after the news of that one, and nobody else", () => {
  const { host, join } = hub();
  const [first, third] = [join(1), join(3)];
  host.advance(1_000);
  const second = join(2);
  const body = { type: "description", bytes: new Uint8Array([1, 2]) } as const;
  second.session.message(encodeControl({ kind: "signal", session: first.number, attempt: 4, body }));
  assert.deepEqual(first.of("signal"), [{ kind: "signal", session: second.number, attempt: 4, body }]);
  assert.ok(first.of("presence").some((news) => news.joined.some((member) => member.session === second.number)));
  assert.deepEqual(third.of("signal"), []);
  second.session.message(encodeControl({ kind: "signal", session: 99, attempt: 1, body: { type: "end" } }));
  assert.deepEqual(second.of("presence").at(-1)?.left, [99], "the sender hears that it is not there");
  second.session.message(encodeControl({ kind: "signal", session: second.number, attempt: 1, body: { type: "end" } }));
  assert.equal(second.of("error")[0]?.code, 1, "nobody signals to itself");
});

test("a signal before the Hello, or longer than is allowed, is refused", () => {
  const { core, join } = hub();
  const stranger = new FakeClient(core);
  stranger.session.message(encodeControl({ kind: "signal", session: 1, attempt: 1, body: { type: "end" } }));
  assert.equal(stranger.of("error")[0]?.code, 1);
  const member = join(1);
  member.session.message(encodeControl({ kind: "signal", session: 1, attempt: 1, body: { type: "candidate", bytes: new Uint8Array(1_025) } }));
  assert.equal(member.of("error")[0]?.code, 1);
});

test("nobody hears from a stranger: news of a member comes before its first message", () => {
  const { host, join } = hub();
  const first = join(1);
  host.advance(1_000);
  join(2);
  host.advance(0);
  const third = join(3);
  assert.ok(!first.of("presence").some((news) => news.joined.some((member) => member.session === third.number)));
  third.relay(first.number, 1);
  assert.ok(first.of("presence").some((news) => news.joined.some((member) => member.session === third.number)));
  assert.equal(first.relayed.length, 1);
});

test("credit grows as a reader reads, and what was granted is never refused", () => {
  const { host, join } = hub();
  const first = join(1);
  const second = join(2);
  host.advance(250);
  let sent = 0;
  let granted = firstCredit(262_144);
  for (let count = 0; count < 2_000; count++) {
    first.relay(second.number, 1_000);
    sent += relayCost(1_008);
    granted = Math.max(granted, ...first.of("quota").map((quota) => quota.writable));
    assert.equal(errorOf(first), undefined);
    assert.ok(sent <= granted);
    if (granted - sent < 2_000) assert.fail("a reader that keeps up is not held back");
  }
  assert.equal(second.relayed.length, 2_000);
});

test("a slow reader holds its senders back, gets everything in the end and costs a bounded amount", () => {
  const { core, host, join } = hub();
  const senders = [1, 2, 3, 4].map((peer) => join(peer));
  const slow = join(9);
  host.advance(250);
  slow.stuck = true;
  const sent = senders.map(() => ({ cost: 0, count: 0 }));
  const push = (): boolean => {
    let progress = false;
    senders.forEach((sender, index) => {
      const credit = Math.max(firstCredit(262_144), ...sender.of("quota").map((quota) => quota.writable));
      while (sent[index]!.cost + relayCost(1_008) <= credit && sent[index]!.count < 1_000) {
        sender.relay(slow.number, 1_000, index);
        sent[index]!.cost += relayCost(1_008);
        sent[index]!.count++;
        progress = true;
      }
    });
    return progress;
  };
  let most = 0;
  for (let round = 0; round < 1_000 && sent.some((entry) => entry.count < 1_000); round++) {
    while (push()) most = Math.max(most, core.figures().queuedBytes + slow.buffered());
    assert.ok(senders.every((sender) => errorOf(sender) === undefined));
    slow.flow();
    slow.stuck = true;
  }
  slow.flow();
  assert.equal(slow.relayed.length, 4_000);
  assert.ok(most < 4 * 262_144, `${most} bytes held`);
  assert.equal(core.figures().queuedBytes, 0);
  for (let index = 0; index < 4; index++) assert.equal(slow.relayed.filter((message) => message[8] === index).length, 1_000);
});

test("a sender beyond its credit is told so and closed", () => {
  const { host, join } = hub();
  const first = join(1);
  const second = join(2);
  host.advance(250);
  second.stuck = true;
  for (let count = 0; count < 3_000 && first.closedWith === undefined; count++) first.relay(second.number, 1_000);
  assert.equal(errorOf(first), 6);
  assert.equal(first.closedWith?.code, 4_006);
  host.advance(250);
  assert.deepEqual(second.of("presence").at(-1)?.left, [first.number]);
});

test("control overtakes bulk, and senders take turns", () => {
  const { host, join } = hub();
  const loud = join(1);
  const quiet = join(2);
  const reader = join(3);
  host.advance(250);
  reader.stuck = true;
  // Fill the reader's buffer, so that everything after it has to wait in the hub.
  for (let count = 0; count < 400 && reader.buffered() < 262_144; count++) {
    loud.relay(reader.number, 8_000, 1);
    assert.equal(loud.closedWith, undefined);
  }
  reader.relayed.length = 0;
  for (let count = 0; count < 5; count++) loud.relay(reader.number, 1_000, 2);
  quiet.relay(reader.number, 100, 3);
  quiet.relay(reader.number, 100, 4, 0);
  assert.equal(reader.relayed.length, 0);
  reader.flow();
  assert.deepEqual(reader.relayed.map((message) => message[8]), [4, 2, 3, 2, 2, 2, 2]);
});

test("the newer of two with the same id stays", () => {
  const { host, join, core } = hub();
  const watcher = join(1);
  const older = join(2);
  host.advance(250);
  const newer = join(2);
  assert.equal(errorOf(older), 7);
  assert.equal(older.closedWith?.reason, "replaced");
  host.advance(250);
  const news = watcher.of("presence").at(-1);
  assert.deepEqual(news?.left, [older.number]);
  assert.deepEqual(news?.joined.map((member) => member.session), [newer.number]);
  assert.equal(core.figures().members, 2);
  assert.ok(!newer.of("welcome")[0]!.welcome.members.some((member) => member.session === older.number));
  const alone = join(50, "other");
  const again = join(50, "other");
  assert.equal(alone.closedWith?.code, 4_007);
  assert.equal(again.closedWith, undefined);
});

test("full rooms and full hubs say so", () => {
  const { core, join } = hub({ roomMax: 2, connectionsMax: 4, halfOpenMax: 2 });
  join(1);
  join(2);
  const third = join(3);
  assert.equal(errorOf(third), 3);
  assert.ok((third.of("error")[0]?.retryAfterMs ?? 0) > 0);
  const replacing = join(2);
  assert.equal(replacing.closedWith, undefined, "the same peer may come again");
  const open = [new FakeClient(core), new FakeClient(core)];
  assert.ok(open.every((client) => client.closedWith === undefined));
  assert.equal(errorOf(new FakeClient(core)), 4);
  open[0]!.session.closed();
  assert.equal(new FakeClient(core).closedWith, undefined);
});

test("what is not the protocol is answered with a reason and the end", () => {
  const cases: [string, (client: FakeClient, other: FakeClient) => void, number][] = [
    ["text", (client) => client.session.message("hello"), 1],
    ["empty", (client) => client.session.message(new Uint8Array(0)), 1],
    ["unknown kind", (client) => client.session.message(Uint8Array.of(9, 1)), 1],
    ["garbage control", (client) => client.session.message(Uint8Array.of(1, 255, 255)), 1],
    ["prove", (client) => client.session.message(Uint8Array.of(1, (3 << 3) | 2, 0)), 13],
    ["second hello", (client) => client.hello(5), 1],
    ["welcome from a member", (client) => client.session.message(encodeControl({ kind: "drain", graceMs: 1, url: "" })), 1],
    ["short relay", (client) => client.session.message(Uint8Array.of(2, 0, 0)), 1],
    ["lane", (client, other) => client.session.message(Uint8Array.of(2, 5, 0, 0, other.number, 0, 0, 0)), 1],
    ["to nobody", (client) => client.relay(0, 1), 1],
    ["to oneself", (client) => client.relay(client.number, 1), 1],
    ["to the future", (client) => client.relay(1_000_000, 1), 1],
    ["too long", (client, other) => client.relay(other.number, 70_000), 10],
  ];
  for (const [name, act, code] of cases) {
    const { join, core } = hub();
    const other = join(1);
    const client = join(2);
    act(client, other);
    assert.equal(errorOf(client), code, name);
    assert.equal(client.closedWith?.code, 4_000 + code, name);
    assert.equal(other.closedWith, undefined, name);
    assert.equal(core.figures().members, 1, name);
    client.session.message(new Uint8Array(10)); // nothing more comes of it
  }
});

test("before the Hello only a Hello counts", () => {
  const { core, host } = hub();
  const relaying = new FakeClient(core);
  relaying.relay(1, 3);
  assert.equal(errorOf(relaying), 1);
  const old = new FakeClient(core);
  old.hello(1, "room", 2);
  assert.equal(errorOf(old), 2);
  const long = new FakeClient(core);
  long.session.message(new Uint8Array(5_000).fill(1));
  assert.equal(errorOf(long), 10);
  const silent = new FakeClient(core);
  host.advance(9_999);
  assert.equal(silent.closedWith, undefined);
  host.advance(10_001);
  assert.equal(errorOf(silent), 9);
  assert.equal(core.figures().connections, 0);
  assert.equal(host.timers(), 0, "an empty hub sleeps");
});

test("silence is asked about before it ends a membership", () => {
  const { core, host, join } = hub();
  const dead = join(1);
  const ponging = join(2);
  const talking = join(3);
  for (let seconds = 0; seconds < 170; seconds += 10) {
    host.advance(10_000);
    if (ponging.pings > 0) ponging.session.alive();
    talking.session.message("ping");
  }
  assert.ok(dead.pings >= 2);
  assert.equal(errorOf(dead), 8);
  assert.equal(ponging.closedWith, undefined);
  assert.equal(talking.closedWith, undefined);
  assert.equal(talking.pings, 0);
  assert.equal(talking.texts.length, 17);
  assert.equal(core.figures().members, 2);
});

test("a flood of messages or bytes is stopped, a burst is not", () => {
  const { host, join } = hub({ framesPerSecond: 100, bytesPerSecond: 100_000 });
  const first = join(1);
  const second = join(2);
  host.advance(250);
  for (let count = 0; count < 450; count++) first.session.message("ping");
  assert.equal(first.closedWith, undefined);
  for (let count = 0; count < 100; count++) first.session.message("ping");
  assert.equal(errorOf(first), 5);
  assert.ok(first.texts.length <= 501);
  for (let count = 0; count < 9 && second.closedWith === undefined; count++) second.session.message(Uint8Array.from({ length: 60_000 }, () => 2));
  assert.ok(errorOf(second) === 5 || errorOf(second) === 1);
});

test("a member that reads nothing at all is let go before its control messages fill the memory", () => {
  const { core, host, join } = hub({ roomMax: 500, presenceMs: 0, queueMax: 131_072 });
  const stuck = join(0);
  stuck.stuck = true;
  const longest = peerIdFromBytes(Uint8Array.from({ length: 66 }, (_, index) => [0, 64][index] ?? 1));
  for (let round = 0; round < 2_000 && stuck.closedWith === undefined; round++) {
    const crowd = Array.from({ length: 20 }, (_, index) => {
      const client = new FakeClient(core);
      longest[65] = index;
      client.hello(longest);
      return client;
    });
    host.advance(1);
    for (const client of crowd) client.session.closed();
    host.advance(1);
  }
  assert.equal(errorOf(stuck), 11);
  assert.ok(stuck.buffered() < 2_000_000);
});

test("beyond the hub's memory the slowest member goes, the others stay", () => {
  const { core, host, join } = hub({ memoryMax: 1_048_576, roomMax: 100 });
  const slow = join(500);
  const other = join(501);
  slow.stuck = true;
  other.stuck = true;
  const senders = Array.from({ length: 90 }, (_, index) => join(index));
  host.advance(250);
  for (const sender of senders) {
    for (let count = 0; count < 3; count++) {
      sender.relay(slow.number, 5_000);
      assert.equal(sender.closedWith, undefined);
    }
  }
  assert.equal(errorOf(slow), 11);
  assert.equal(other.closedWith, undefined);
  assert.ok(core.figures().queuedBytes <= 1_048_576);
});

test("leaving and draining are orderly", async () => {
  const { core, host, join } = hub();
  const first = join(1);
  const second = join(2);
  host.advance(250);
  second.session.message(encodeControl({ kind: "leave", code: 0 }));
  assert.equal(second.closedWith?.code, 1_000);
  host.advance(250);
  assert.deepEqual(first.of("presence").at(-1)?.left, [second.number]);
  const draining = core.drain(5_000);
  assert.equal(first.of("drain")[0]?.graceMs, 5_000);
  assert.equal(errorOf(new FakeClient(core)), 12);
  host.advance(5_000);
  await draining;
  assert.equal(first.closedWith?.code, 1_001);
  assert.equal(core.figures().connections, 0);
});

test("a drained hub does not wait for those who left", async () => {
  const { core, join } = hub();
  const only = join(1);
  const draining = core.drain(60_000);
  only.session.closed();
  await draining;
});

test("options out of range are refused", () => {
  for (const options of [{ frameMax: 10 }, { roomMax: 0 }, { roomMax: 501 }, { queueMax: Number.NaN }, { leaseMs: -1 }]) {
    assert.throws(() => new HubCore(options, manualHost()), { code: "bad_option" });
  }
});

test("metrics name every figure", () => {
  const { core, join } = hub({ roomMax: 1 });
  join(1);
  join(2);
  const text = core.metrics();
  assert.match(text, /^bytesandbrains_hub_members 1$/m);
  assert.match(text, /^bytesandbrains_hub_refused\{code="room_full"\} 1$/m);
});
