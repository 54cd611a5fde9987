// The network in memory: in order, nothing lost, full when it is full, cut when it is cut, the same every time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualHost } from "../../../../js/package/src/host.js";
import { peerIdFromNumber, samePeer } from "../../../../js/package/src/peer-id.js";
import { MemoryNetwork, memoryTransport } from "../../../../js/package/src/transports/memory.js";
import type { Transport, TransportEvent } from "../../../../js/package/src/transports/transport.js";

const host = manualHost();

async function member(network: MemoryNetwork, number: number): Promise<{ transport: Transport; events: TransportEvent[] }> {
  const transport = memoryTransport(network);
  const events: TransportEvent[] = [];
  transport.on((event) => events.push(event));
  await transport.start({ host, peerId: peerIdFromNumber(number) });
  return { transport, events };
}

const types = (events: TransportEvent[]): string[] => events.map((event) => event.type);

test("members meet, the first one is the initiator, hints name the other", async () => {
  const network = new MemoryNetwork({ manual: true });
  const first = await member(network, 1);
  const second = await member(network, 2);
  assert.equal(first.events.length, 0);
  network.deliver();
  const [up] = first.events.filter((event) => event.type === "link-up");
  const [other] = second.events.filter((event) => event.type === "link-up");
  assert.ok(up?.type === "link-up" && up.initiator && samePeer(up.peerHint!, peerIdFromNumber(2)));
  assert.ok(other?.type === "link-up" && !other.initiator && other.path === "local" && other.binding.kind === "in-process");
  assert.equal(await first.transport.connect({ peerId: peerIdFromNumber(2) }), up.link);
});

test("frames arrive whole and in order, by themselves", async () => {
  const network = new MemoryNetwork();
  const first = await member(network, 1);
  const second = await member(network, 2);
  const link = await first.transport.connect({ peerId: peerIdFromNumber(2) });
  const part = Uint8Array.of(1, 2);
  for (let index = 0; index < 50; index++) {
    part[0] = index;
    assert.equal(first.transport.send(link, [part, Uint8Array.of(9)]), "sent");
  }
  part.fill(255); // taken before `send` returned
  await Promise.resolve();
  const frames = second.events.filter((event) => event.type === "frame");
  assert.deepEqual(frames.map((frame) => [...frame.bytes]), Array.from({ length: 50 }, (_, index) => [index, 2, 9]));
  assert.deepEqual(first.transport.stats(), { framesSent: 50, bytesSent: 150, framesReceived: 0, bytesReceived: 0 });
  assert.deepEqual(second.transport.stats(), { framesSent: 0, bytesSent: 0, framesReceived: 50, bytesReceived: 150 });
});

test("a full link says so and says when it is not", async () => {
  const network = new MemoryNetwork({ manual: true, capacity: 10 });
  const first = await member(network, 1);
  const second = await member(network, 2);
  network.deliver();
  const { link } = first.transport.links()[0]!;
  const send = (length: number): string => first.transport.send(link, [new Uint8Array(length)]);
  assert.equal(send(6), "sent");
  assert.equal(send(4), "sent");
  assert.equal(send(1), "full");
  first.events.length = 0;
  network.deliver(1);
  assert.deepEqual(types(first.events), ["writable"]);
  network.deliver();
  assert.deepEqual(types(first.events), ["writable"]);
  assert.equal(send(11), "sent", "longer than the capacity, but alone");
  network.deliver();
  assert.equal(second.transport.stats().bytesReceived, 21);
});

test("a dropped link goes down on both sides and loses what is under way; restoring makes a new one", async () => {
  const network = new MemoryNetwork({ manual: true });
  const first = await member(network, 1);
  const second = await member(network, 2);
  const third = await member(network, 3);
  network.deliver();
  const { link } = first.transport.links()[0]!;
  first.transport.send(link, [Uint8Array.of(1)]);
  network.drop(peerIdFromNumber(1), peerIdFromNumber(2));
  assert.equal(first.transport.send(link, [Uint8Array.of(2)]), "closed");
  network.deliver();
  for (const side of [first, second]) {
    const down = side.events.find((event) => event.type === "link-down");
    assert.ok(down?.type === "link-down" && down.code === "dropped" && down.retryable);
  }
  assert.ok(!second.events.some((event) => event.type === "frame"));
  assert.ok(!types(third.events).includes("link-down"));
  network.restore(peerIdFromNumber(1), peerIdFromNumber(2));
  network.restore(peerIdFromNumber(1), peerIdFromNumber(2));
  network.deliver();
  assert.equal(first.transport.links().length, 2);
  assert.notEqual(await first.transport.connect({ peerId: peerIdFromNumber(2) }), link);
});

test("a cut stays cut for a peer that joins again", async () => {
  const network = new MemoryNetwork();
  network.drop(peerIdFromNumber(1), peerIdFromNumber(2));
  const first = await member(network, 1);
  await member(network, 2);
  await member(network, 3);
  assert.equal(first.transport.links().length, 1);
});

test("closing one link or all of it is seen on the other side", async () => {
  const network = new MemoryNetwork({ manual: true });
  const first = await member(network, 1);
  const second = await member(network, 2);
  const third = await member(network, 3);
  network.deliver();
  await first.transport.close(first.transport.links()[0]!.link);
  network.deliver();
  assert.deepEqual([first, second, third].map((side) => side.transport.links().length), [1, 1, 2]);
  await third.transport.close();
  network.deliver();
  assert.deepEqual([first, second, third].map((side) => side.transport.links().length), [0, 0, 0]);
  const down = second.events.filter((event) => event.type === "link-down").map((event) => event.code);
  assert.deepEqual(down, ["left", "left"]);
  assert.deepEqual(third.events.at(-1), { type: "status", status: "closed" });
});

test("mistakes of the caller", async () => {
  const network = new MemoryNetwork({ frameMax: 10 });
  const first = await member(network, 1);
  await assert.rejects(first.transport.start({ host, peerId: peerIdFromNumber(1) }), { code: "already_started" });
  await assert.rejects(memoryTransport(network).start({ host, peerId: peerIdFromNumber(1) }), { code: "peer_id_taken" });
  await member(network, 2);
  const link = await first.transport.connect({ peerId: peerIdFromNumber(2) });
  assert.throws(() => first.transport.send(link, [new Uint8Array(11)]), { code: "over_cap" });
  assert.equal(first.transport.send(999, [new Uint8Array(1)]), "closed");
});

test("waiting for a link can be given up, and ends with the transport", async () => {
  const network = new MemoryNetwork();
  const first = await member(network, 1);
  const given = new AbortController();
  const waiting = first.transport.connect({ peerId: peerIdFromNumber(9) }, { signal: given.signal });
  given.abort();
  await assert.rejects(waiting, { code: "aborted" });
  await assert.rejects(first.transport.connect({ peerId: peerIdFromNumber(9) }, { signal: given.signal }), { code: "aborted" });
  const late = first.transport.connect({ peerId: peerIdFromNumber(8) });
  await member(network, 8);
  assert.equal(typeof (await late), "number");
  const ended = first.transport.connect({ peerId: peerIdFromNumber(9) });
  await first.transport.close();
  await assert.rejects(ended, { code: "closed" });
});

test("two runs of the same calls give the same events", async () => {
  const run = async (): Promise<string> => {
    const network = new MemoryNetwork({ manual: true, capacity: 64 });
    const members = [];
    for (let number = 1; number <= 5; number++) members.push(await member(network, number));
    network.deliver(7);
    for (let round = 0; round < 30; round++) {
      members.forEach(({ transport }, index) => {
        for (const { link } of transport.links()) transport.send(link, [new Uint8Array((round * 7 + index * 3) % 40)]);
      });
      if (round === 10) network.drop(peerIdFromNumber(1), peerIdFromNumber(4));
      if (round === 20) network.restore(peerIdFromNumber(1), peerIdFromNumber(4));
      network.deliver(13);
    }
    network.deliver();
    return JSON.stringify(members.map(({ events }) => events.map((event) => (event.type === "frame" ? [event.link, event.bytes.length] : event))));
  };
  assert.equal(await run(), await run());
});
