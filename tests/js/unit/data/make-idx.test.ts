// scripts/make-idx as people call it: what it writes is a set, the same for the same seed, and mistakes are named.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { strokes } from "../../../../js/package/src/data/index.js";
import { readIdxDirectory } from "../../../../js/package/src/data/directory.js";

/** The script of the clone these compiled tests belong to. */
function script(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    const path = join(folder, "scripts", "make-idx");
    if (existsSync(path)) return path;
  }
  throw new Error("scripts/make-idx not found");
}

function makeIdx(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [script(), ...words], (error, out, err) => resolve({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, out, err }));
  });
}

test("make-idx writes a set that is read back, plain and packed", { timeout: 60_000 }, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "make-idx-"));
  t.after(() => rm(directory, { recursive: true }));
  const plain = join(directory, "deep", "plain");
  const packed = join(directory, "packed");
  const words = ["--seed", "77", "--train", "120", "--test", "30"];
  const first = await makeIdx("--out", plain, ...words);
  assert.equal(first.code, 0, first.err);
  assert.deepEqual((await readdir(plain)).sort(), ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", "train-images-idx3-ubyte", "train-labels-idx1-ubyte"]);
  assert.equal((await makeIdx("--out", packed, ...words, "--gzip")).code, 0);
  assert.ok((await readdir(packed)).every((name) => name.endsWith(".gz")));
  const read = await readIdxDirectory(plain);
  assert.deepEqual(await readIdxDirectory(packed), read);
  assert.deepEqual(read.train, strokes({ seed: 77, count: 120 }));
  assert.equal(read.test.count, 30);
  assert.notDeepEqual(read.test.images, read.train.images.slice(0, read.test.images.length));
});

test("make-idx names mistakes", { timeout: 60_000 }, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "make-idx-"));
  t.after(() => rm(directory, { recursive: true }));
  const file = join(directory, "file");
  await writeFile(file, "");
  const cases: [string[], number, RegExp][] = [
    [[], 2, /--out is missing/],
    [["--out"], 2, /--out wants a value/],
    [["--out", directory, "--sed", "1"], 2, /unknown option "--sed"/],
    [["--out", directory, "--train", "many"], 2, /--train wants a number, not "many"/],
    [["--out", directory, "--train", "9999999999"], 1, /9999999999 images/],
    [["--out", join(file, "x"), "--train", "1", "--test", "1"], 1, /ENOTDIR/],
  ];
  for (const [words, code, text] of cases) {
    const result = await makeIdx(...words);
    assert.equal(result.code, code, result.err);
    assert.match(result.err, text);
  }
});
