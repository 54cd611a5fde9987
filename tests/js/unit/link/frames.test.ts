// Frames: what is written is read again, and anything out of form is refused with its position.
import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes, equalBytes } from "../../../../js/package/src/bytes.js";
import { RandomStream } from "../../../../js/package/src/data/prng.js";
import { BBError } from "../../../../js/package/src/errors.js";
import { dataHeader, decodeFrame, encodeFrame, type Frame } from "../../../../js/package/src/link/frames.js";

const others: Exclude<Frame, { type: "data" }>[] = [
  { type: "credit", granted: [65_536, 2 ** 40], acknowledged: [0, 7] },
  { type: "have", own: 2n ** 64n - 1n, known: 3n, incarnation: 9n, lanes: [{ next: 5, held: 0 }, { next: 2 ** 33, held: 4_000_000_000 }] },
  { type: "reset", lane: 1, sequence: 12, code: 1 },
  { type: "ping", token: 77n },
  { type: "pong", token: 78n },
  { type: "close", again: true },
  { type: "close", again: false },
  { type: "ask" },
];

function data(total: number, offset: number, length: number): Uint8Array {
  return concatBytes([dataHeader(1, 3, total, offset, length), new Uint8Array(length).fill(9)]);
}

function changed(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = value;
  return copy;
}

test("the header of a piece has its documented layout", () => {
  assert.deepEqual([...dataHeader(1, 0x1_0000_0002, 0x01020304, 0x01020300, 4)], [0, 1, 1, 0, 4, 3, 2, 1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 3, 2, 1, 0, 0, 0, 0]);
});

test("every frame comes back as it was", () => {
  for (const frame of others) assert.deepEqual(decodeFrame(encodeFrame(frame)), frame);
  const piece = decodeFrame(data(100, 40, 60));
  assert.ok(piece.type === "data" && equalBytes(piece.payload, new Uint8Array(60).fill(9)));
  assert.deepEqual([piece.lane, piece.sequence, piece.total, piece.offset], [1, 3, 100, 40]);
});

test("whatever is out of form is refused with its position", () => {
  const credit = encodeFrame({ type: "credit", granted: [0, 0], acknowledged: [0, 0] });
  const cases: [string, Uint8Array, number][] = [
    ["short", data(10, 0, 10).subarray(0, 23), 23],
    ["type", changed(data(10, 0, 10), 0, 8), 0],
    ["lane", changed(data(10, 0, 10), 1, 2), 1],
    ["flags", changed(data(10, 0, 10), 2, 3), 2],
    ["early last flag", changed(data(10, 0, 5), 2, 1), 2],
    ["missing last flag", changed(data(10, 0, 10), 2, 0), 2],
    ["reserved", changed(data(10, 0, 10), 23, 1), 20],
    ["longer than its message", changed(data(10, 0, 10), 4, 9), 24],
    ["empty piece", data(10, 0, 0), 24],
    ["number too large", changed(data(10, 0, 10), 15, 0x80), 8],
    ["cut credit", credit.subarray(0, 55), 55],
    ["long credit", concatBytes([credit, new Uint8Array(1)]), 56],
    ["credit too large", changed(credit, 31, 0x80), 24],
    ["flags of a credit", changed(credit, 2, 1), 2],
    ["long ask", concatBytes([encodeFrame({ type: "ask" }), new Uint8Array(1)]), 24],
  ];
  for (const [name, bytes, at] of cases) {
    assert.throws(() => decodeFrame(bytes), (error) => error instanceof BBError && error.code === "protocol" && error.at === at, name);
  }
});

test("random bytes are a frame or refused, and a frame writes the same bytes again", () => {
  const stream = new RandomStream(5);
  let read = 0;
  for (let round = 0; round < 20_000; round++) {
    const bytes = Uint8Array.from({ length: stream.below(80) }, (_, index) => (index === 0 ? stream.below(9) : stream.below(6) === 0 ? stream.next() >>> 24 : 0));
    let frame: Frame;
    try {
      frame = decodeFrame(bytes);
    } catch (error) {
      assert.ok(error instanceof BBError, String(error));
      continue;
    }
    read++;
    if (frame.type !== "data" && frame.type !== "reset" && frame.type !== "close" && frame.type !== "ask") assert.ok(equalBytes(encodeFrame(frame).subarray(24), bytes.subarray(24)));
  }
  assert.ok(read > 100, `${read} frames`);
});
