// IDX files from strangers: what is right is read exactly, everything else is refused with a code and a position.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import {
  datasetFromIdx, idxFileNames, parseIdxImages, parseIdxLabels, strokes, unpackIdx, writeIdxImages, writeIdxLabels,
} from "../../../../js/package/src/data/index.js";
import { readIdxDirectory } from "../../../../js/package/src/data/directory.js";
import { BBError } from "../../../../js/package/src/errors.js";

const set = strokes({ seed: 5, count: 12 });
const images = writeIdxImages(set);
const labels = writeIdxLabels(set);

function changed(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = value;
  return copy;
}

test("what was written is read back, plain and gzip", async () => {
  assert.deepEqual(await datasetFromIdx(images, labels), set);
  assert.deepEqual(await datasetFromIdx(gzipSync(images), gzipSync(labels)), set);
  assert.deepEqual([...images.subarray(0, 16)], [0, 0, 8, 3, 0, 0, 0, 12, 0, 0, 0, 28, 0, 0, 0, 28]);
  assert.deepEqual([...labels.subarray(0, 8)], [0, 0, 8, 1, 0, 0, 0, 12]);
});

test("an image file cut at any length is refused at that position", () => {
  for (let length = 0; length < images.length; length += length < 20 ? 1 : 97) {
    assert.throws(() => parseIdxImages(images.subarray(0, length)), { code: "truncated", at: length });
  }
});

test("a label file cut at any length is refused at that position", () => {
  for (let length = 0; length < labels.length; length++) {
    assert.throws(() => parseIdxLabels(labels.subarray(0, length)), { code: "truncated", at: length });
  }
});

test("wrong headers are refused with their position", () => {
  assert.throws(() => parseIdxImages(changed(images, 2, 9)), { code: "bad_magic", at: 0 });
  assert.throws(() => parseIdxImages(labels), (error: unknown) => error instanceof BBError && error.code === "bad_magic" && /exchanged/.test(error.detail));
  assert.throws(() => parseIdxLabels(images), { code: "bad_magic", at: 0 });
  assert.throws(() => parseIdxImages(changed(images, 11, 0)), { code: "bad_dimensions", at: 8 });
  assert.throws(() => parseIdxImages(changed(images, 8, 0x80)), { code: "bad_dimensions", at: 8 });
  assert.throws(() => parseIdxImages(changed(images, 15, 0)), { code: "bad_dimensions", at: 12 });
  assert.throws(() => parseIdxImages(changed(images, 12, 1)), { code: "bad_dimensions", at: 12 });
  assert.throws(() => parseIdxImages(changed(images, 4, 0xff)), { code: "over_cap", at: 4 });
  assert.throws(() => parseIdxImages(images, { countMax: 11 }), { code: "over_cap", at: 4 });
  assert.throws(() => parseIdxLabels(changed(labels, 4, 0xff)), { code: "over_cap", at: 4 });
});

test("sizes that contradict the header are refused", () => {
  assert.throws(() => parseIdxImages(changed(images, 7, 13)), { code: "truncated", at: images.length });
  assert.throws(() => parseIdxImages(changed(images, 7, 11)), { code: "trailing", at: 16 + 11 * 784 });
  assert.throws(() => parseIdxImages(changed(images, 15, 27)), { code: "trailing" });
  assert.throws(() => parseIdxLabels(changed(labels, 7, 11)), { code: "trailing", at: 19 });
});

test("labels beyond the classes are refused where they stand", () => {
  assert.throws(() => parseIdxLabels(changed(labels, 8 + 5, 10)), { code: "label_range", at: 13 });
  assert.equal(parseIdxLabels(changed(labels, 8 + 5, 10), 11).length, 12);
  assert.throws(() => parseIdxLabels(labels, 0), { code: "bad_classes" });
  assert.throws(() => parseIdxLabels(labels, 257), { code: "bad_classes" });
});

test("two files of different length do not make a set", async () => {
  await assert.rejects(datasetFromIdx(images, writeIdxLabels(strokes({ seed: 5, count: 11 }))), { code: "count_mismatch" });
});

test("broken gzip, rubbish behind it and a bomb are refused", async () => {
  const packed = gzipSync(images);
  for (const length of [2, 9, 20, packed.length - 9, packed.length - 1]) {
    await assert.rejects(unpackIdx(packed.subarray(0, length)), { code: "bad_gzip" });
  }
  await assert.rejects(unpackIdx(Buffer.concat([packed, Buffer.from("rubbish")])), { code: "bad_gzip" });
  await assert.rejects(unpackIdx(changed(packed, 30, packed[30]! ^ 0x5a)), { code: "bad_gzip" });
  const bomb = gzipSync(new Uint8Array(32 * 1024 * 1024));
  await assert.rejects(unpackIdx(bomb, { bytesMax: 1_000_000 }), { code: "over_cap", at: 1_000_000 });
  await assert.rejects(unpackIdx(images, { bytesMax: 100 }), { code: "over_cap", at: 100 });
});

test("no flipped byte of a header gets past the parser as another set", () => {
  for (let at = 0; at < 16; at++) {
    for (let bit = 0; bit < 8; bit++) assert.throws(() => parseIdxImages(changed(images, at, images[at]! ^ (1 << bit))), BBError);
  }
});

test("a directory is read, and each missing or wrong file is named", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "idx-"));
  t.after(() => rm(directory, { recursive: true }));
  await assert.rejects(readIdxDirectory(join(directory, "nowhere")), { code: "missing_file" });
  await writeFile(join(directory, idxFileNames.trainImages), images);
  await assert.rejects(readIdxDirectory(directory), (error: unknown) => error instanceof BBError && error.detail.includes(idxFileNames.trainLabels));
  await writeFile(join(directory, idxFileNames.trainLabels), labels);
  await writeFile(join(directory, `${idxFileNames.testImages}.gz`), gzipSync(images));
  await writeFile(join(directory, `${idxFileNames.testLabels}.gz`), gzipSync(labels));
  const read = await readIdxDirectory(directory);
  assert.deepEqual(read.train, set);
  assert.deepEqual(read.test, set);
  await writeFile(join(directory, idxFileNames.trainLabels), changed(labels, 9, 99));
  await assert.rejects(readIdxDirectory(directory), (error: unknown) =>
    error instanceof BBError && error.code === "label_range" && error.at === 9 && error.detail.includes(idxFileNames.trainLabels));
});

test("a set whose parts contradict each other is not written", () => {
  assert.throws(() => writeIdxImages({ ...set, count: 13 }), { code: "bad_dataset" });
  assert.throws(() => writeIdxLabels({ ...set, count: 13 }), { code: "bad_dataset" });
});
