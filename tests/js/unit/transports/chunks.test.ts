// Chunks: what was cut comes together again; any other order, length or bit is refused before it costs memory.
import assert from "node:assert/strict";
import { test } from "node:test";
import { equalBytes } from "../../../../js/package/src/bytes.js";
import { RandomStream } from "../../../../js/package/src/data/prng.js";
import { BBError } from "../../../../js/package/src/errors.js";
import { chunkHeaderLength, Reassembler, writeChunkHeader } from "../../../../js/package/src/transports/chunks.js";
import type { Lane } from "../../../../js/package/src/transports/transport.js";

const mebi = 1_048_576;

function account(heldMax = 256 * mebi): { held: number; heldMax: number } {
  return { held: 0, heldMax };
}

function chunk(message: Uint8Array, offset: number, length: number, sequence = 0, lane: Lane = 1): Uint8Array {
  const bytes = new Uint8Array(chunkHeaderLength + length);
  writeChunkHeader(bytes, 0, { lane, sequence, total: message.length, offset, length });
  bytes.set(message.subarray(offset, offset + length), chunkHeaderLength);
  return bytes;
}

function changed(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = value;
  return copy;
}

test("the header has its documented layout", () => {
  const bytes = new Uint8Array(26);
  writeChunkHeader(bytes, 1, { lane: 1, sequence: 0x1_0000_0002, total: 0x01020304, offset: 0x01020300, length: 4 });
  assert.deepEqual([...bytes], [0, 0, 1, 1, 0, 4, 3, 2, 1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 3, 2, 1, 0, 0, 0, 0, 0]);
});

test("messages of random sizes in random pieces come together, both lanes interleaved", () => {
  const stream = new RandomStream(77);
  const held = account();
  const link = new Reassembler(16 * mebi, held);
  const lanes = ([0, 1] as const).map((lane) => ({ lane, sequence: 0, message: new Uint8Array(0), offset: 0, busy: false }));
  let finished = 0;
  while (finished < 400) {
    const state = lanes[stream.below(2)]!;
    if (!state.busy) {
      const length = stream.below(4) === 0 ? stream.below(300_000) : stream.below(100);
      state.message = Uint8Array.from({ length }, () => stream.next() >>> 24);
      state.offset = 0;
      state.busy = true;
    }
    const left = state.message.length - state.offset;
    const length = left === 0 ? 0 : 1 + stream.below(left);
    const whole = link.add(chunk(state.message, state.offset, length, state.sequence, state.lane));
    state.offset += length;
    if (state.offset < state.message.length) {
      assert.equal(whole, undefined);
      continue;
    }
    assert.ok(whole !== undefined && equalBytes(whole, state.message));
    state.sequence++;
    state.busy = false;
    finished++;
  }
  link.clear();
  assert.equal(held.held, 0);
});

test("every violation is refused with its position", () => {
  const message = new Uint8Array(100).fill(7);
  const first = chunk(message, 0, 40);
  const cases: [string, Uint8Array[], string, number][] = [
    ["short", [first.subarray(0, 23)], "protocol", 23],
    ["type", [changed(first, 0, 1)], "protocol", 0],
    ["lane", [changed(first, 1, 2)], "protocol", 1],
    ["flags", [changed(first, 2, 2)], "protocol", 2],
    ["early last flag", [changed(first, 2, 1)], "protocol", 2],
    ["missing last flag", [changed(chunk(message, 0, 100), 2, 0)], "protocol", 2],
    ["reserved", [changed(first, 23, 1)], "protocol", 20],
    ["future message", [chunk(message, 0, 40, 1)], "protocol", 8],
    ["high sequence word", [changed(first, 12, 1)], "protocol", 8],
    ["gap", [first, chunk(message, 41, 20)], "protocol", 16],
    ["repeat", [first, first], "protocol", 16],
    ["past message", [chunk(message, 0, 100), chunk(message, 0, 100)], "protocol", 8],
    ["total changes", [first, changed(chunk(message, 40, 20), 4, 99)], "protocol", 4],
    ["too long", [changed(first, 4, 39)], "protocol", 24],
    ["empty", [chunk(message, 0, 0)], "protocol", 24],
    ["over the cap", [changed(first, 7, 0x10)], "over_cap", 4],
    ["over the control cap", [changed(changed(first, 1, 0), 6, 0x11)], "over_cap", 4],
  ];
  for (const [name, chunks, code, at] of cases) {
    const link = new Reassembler(64 * mebi, account());
    for (const good of chunks.slice(0, -1)) link.add(good);
    assert.throws(() => link.add(chunks.at(-1)!), (error: unknown) => error instanceof BBError && error.code === code && error.at === at, name);
  }
});

test("an empty message is a message", () => {
  const link = new Reassembler(10, account());
  assert.equal(link.add(chunk(new Uint8Array(0), 0, 0))?.length, 0);
  assert.equal(link.add(chunk(new Uint8Array(1), 0, 1, 1))?.length, 1);
});

test("announcing much reserves little, and all links share one budget", () => {
  const held = account(1 * mebi);
  const links = Array.from({ length: 20 }, () => new Reassembler(64 * mebi, held));
  const huge = new Uint8Array(32 * mebi);
  let refused = 0;
  for (const link of links) {
    try {
      link.add(chunk(huge, 0, 10));
    } catch (error) {
      assert.ok(error instanceof BBError && error.code === "over_cap");
      refused++;
    }
  }
  assert.ok(held.held <= mebi);
  assert.equal(refused, 4, "sixteen first blocks of 64 KiB fit into 1 MiB");
  for (const link of links) link.clear();
  assert.equal(held.held, 0);
});

test("random bytes never do anything but be refused or wait", () => {
  const stream = new RandomStream(5);
  for (let round = 0; round < 3_000; round++) {
    const link = new Reassembler(1_000, account(10_000));
    const bytes = Uint8Array.from({ length: stream.below(60) }, () => (stream.below(3) === 0 ? stream.next() >>> 24 : 0));
    try {
      link.add(bytes);
    } catch (error) {
      assert.ok(error instanceof BBError, String(error));
    }
  }
});
