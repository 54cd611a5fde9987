// Generated digits: the same everywhere, balanced, quick to make, learnable and not for nothing.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { RandomStream, classCounts, imageAt, strokeDigit, strokes } from "../../../../js/package/src/data/index.js";
import { cosine, sine } from "../../../../js/package/src/data/skeletons.js";
import { trainedAccuracy } from "./perceptron.js";

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

test("the random stream has fixed numbers", () => {
  const stream = new RandomStream(1);
  const first = Array.from({ length: 4 }, () => stream.next());
  assert.deepEqual(first, [2442144158, 3238099751, 3819917871, 2104621829]);
  assert.deepEqual(Array.from({ length: 4 }, () => new RandomStream(1 + 2 ** 32).next())[0], first[0]);
  const forked = new RandomStream(1);
  const before = forked.fork(7).next();
  assert.equal(forked.fork(7).next(), before);
  assert.notEqual(forked.fork(8).next(), before);
  assert.equal(forked.next(), first[0]);
});

test("below is in range and hits everything", () => {
  const stream = new RandomStream(9);
  const seen = new Array<number>(7).fill(0);
  for (let draw = 0; draw < 7_000; draw++) seen[stream.below(7)]!++;
  for (const count of seen) assert.ok(count > 850 && count < 1_150, String(seen));
});

test("the sine is a sine", () => {
  for (let angle = -12; angle < 12; angle += 0.01) {
    assert.ok(Math.abs(sine(angle) - Math.sin(angle)) < 1e-8, String(angle));
    assert.ok(Math.abs(cosine(angle) - Math.cos(angle)) < 1e-8, String(angle));
  }
});

test("the first hundred images of seed 1 are fixed", () => {
  const set = strokes({ seed: 1, count: 100 });
  assert.equal(digest(set.images), "4f4100aca141ecc2e9242184f60eef5d4b7c2df8f074b136a001b563a4f0b22b");
  assert.equal(digest(set.labels), "27a1e2f3c665da92669f89e45b10ce3ebc7dbfd6f44bbf72af3a7d6407ee8760");
});

test("a shorter set is the beginning of a longer one, and seeds differ", () => {
  const long = strokes({ seed: 3, count: 60 });
  const short = strokes({ seed: 3, count: 25 });
  assert.deepEqual(short.images, long.images.slice(0, short.images.length));
  assert.deepEqual(short.labels, long.labels.slice(0, 25));
  assert.notEqual(digest(strokes({ seed: 4, count: 25 }).images), digest(short.images));
  assert.notEqual(digest(strokes({ seed: 3, count: 25, difficulty: 0.5 }).images), digest(short.images));
});

test("every digit comes equally often and has ink", () => {
  const set = strokes({ seed: 11, count: 1_003 });
  for (const count of classCounts(set)) assert.ok(count === 100 || count === 101);
  for (let index = 0; index < set.count; index++) {
    const dark = imageAt(set, index).filter((byte) => byte > 128).length;
    assert.ok(dark >= 15 && dark <= 250, `image ${index}: ${dark} dark pixels`);
  }
});

test("single digits and wrong arguments", () => {
  assert.deepEqual(strokeDigit(4, new RandomStream(2)), strokeDigit(4, new RandomStream(2)));
  assert.throws(() => strokeDigit(10, new RandomStream(2)), { code: "bad_option" });
  assert.throws(() => strokes({ seed: 1.5, count: 1 }), { code: "bad_option" });
  assert.throws(() => strokes({ seed: 1, count: -1 }), { code: "bad_option" });
  assert.throws(() => strokes({ seed: 1, count: 2_000_000 }), { code: "bad_option" });
  assert.throws(() => strokes({ seed: 1, count: 1, difficulty: Number.NaN }), { code: "bad_option" });
  assert.equal(strokes({ seed: 1, count: 0 }).count, 0);
});

test("at least 5,000 images a second", () => {
  strokes({ seed: 1, count: 500 });
  let best = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 3; attempt++) {
    const start = performance.now();
    strokes({ seed: 2, count: 2_000 });
    best = Math.min(best, performance.now() - start);
  }
  assert.ok(best < 400, `2,000 images took ${best.toFixed(0)} ms`);
});

test("a perceptron learns them well, and one look is not enough", { timeout: 120_000 }, () => {
  const train = strokes({ seed: 21, count: 2_000 });
  const held = strokes({ seed: 22, count: 1_000 });
  const little = trainedAccuracy(strokes({ seed: 21, count: 64 }), held, 4);
  const much = trainedAccuracy(train, held, 4);
  assert.ok(much > 0.95, `after four passes over 2,000: ${much}`);
  assert.ok(little < 0.85, `after four passes over 64: ${little}`);
});
