// Splits: disjoint, complete where they can be, and the same for the same seed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { classCounts, classesOfPeers, imageAt, splitByClass, splitTrainTest, strokes, subset, type Dataset } from "../../../../js/package/src/data/index.js";

const set = strokes({ seed: 8, count: 1_000 });

/** Images of a set as text, so that sets can be compared as sets. */
function pictures(part: Dataset): string[] {
  return Array.from({ length: part.count }, (_, index) => Buffer.from(imageAt(part, index)).toString("base64"));
}

test("five peers with two classes each hold all ten, two by two", () => {
  for (let seed = 0; seed < 20; seed++) {
    const held = classesOfPeers(10, 5, 2, seed);
    assert.deepEqual(held.map((classes) => classes.length), [2, 2, 2, 2, 2]);
    assert.equal(new Set(held.flat()).size, 10);
  }
  assert.notDeepEqual(classesOfPeers(10, 5, 2, 1), classesOfPeers(10, 5, 2, 2));
});

test("every peer holds distinct classes, and all are covered when there are enough hands", () => {
  for (let peers = 1; peers <= 12; peers++) {
    for (let each = 1; each <= 10; each++) {
      const held = classesOfPeers(10, peers, each, peers * 31 + each);
      for (const classes of held) assert.equal(new Set(classes).size, each);
      assert.equal(new Set(held.flat()).size, Math.min(10, peers * each));
    }
  }
});

test("shares are disjoint and together hold every image of the covered classes", () => {
  const shares = splitByClass(set, 7, 3, 4);
  const all = shares.flatMap(pictures);
  assert.equal(all.length, 1_000);
  assert.deepEqual([...all].sort(), pictures(set).sort());
  for (const share of shares) assert.equal(classCounts(share).filter((count) => count > 0).length, 3);
});

test("classes nobody holds are left out, and shared ones are dealt evenly", () => {
  const few = splitByClass(set, 2, 3, 4);
  assert.equal(few.reduce((sum, share) => sum + share.count, 0), 600);
  const shared = splitByClass(set, 10, 10, 4);
  for (const share of shared) assert.deepEqual(classCounts(share), new Array(10).fill(10));
});

test("the same seed gives the same shares", () => {
  assert.deepEqual(splitByClass(set, 5, 2, 9), splitByClass(set, 5, 2, 9));
  assert.notDeepEqual(splitByClass(set, 5, 2, 9), splitByClass(set, 5, 2, 10));
});

test("held-out images are not trained on", () => {
  const { train, test: held } = splitTrainTest(set, 200, 3);
  assert.equal(train.count, 800);
  assert.equal(held.count, 200);
  assert.deepEqual([...pictures(train), ...pictures(held)].sort(), pictures(set).sort());
});

test("impossible splits are refused", () => {
  assert.throws(() => splitByClass(set, 0, 2, 1), { code: "bad_split" });
  assert.throws(() => splitByClass(set, 2, 0, 1), { code: "bad_split" });
  assert.throws(() => splitByClass(set, 2, 11, 1), { code: "bad_split" });
  assert.throws(() => splitTrainTest(set, 1_001, 1), { code: "bad_split" });
  assert.throws(() => subset(set, [0, 1_000]), { code: "bad_index", at: 1 });
});
