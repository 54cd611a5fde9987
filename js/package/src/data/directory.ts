// Node.js only: reading the four IDX files of a set from a directory, with a message for each thing that may be wrong.
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { BBError, describeError } from "../errors.js";
import type { Dataset } from "./dataset.js";
import { datasetFromIdx, type IdxLimits } from "./idx.js";
import type { TrainTestSplit } from "./split.js";
import { idxFileNames } from "./write-idx.js";

const fileBytesMax = 1_073_741_824;

async function readEither(directory: string, name: string): Promise<{ path: string; bytes: Uint8Array }> {
  const names = [name, `${name}.gz`];
  for (const candidate of names) {
    const path = join(directory, candidate);
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) continue;
    if (!found.isFile()) throw new BBError("bad_file", `${path} is not a file`);
    if (found.size > fileBytesMax) throw new BBError("over_cap", `${path} has ${found.size} bytes, the limit is ${fileBytesMax}`);
    try {
      return { path, bytes: new Uint8Array(await readFile(path)) };
    } catch (error) {
      throw new BBError("bad_file", `${path} cannot be read: ${describeError(error)}`, { cause: error });
    }
  }
  throw new BBError("missing_file", `${directory} holds neither ${names.join(" nor ")}`);
}

async function readPart(directory: string, images: string, labels: string, classes: number, limits: IdxLimits): Promise<Dataset> {
  const imageFile = await readEither(directory, images);
  const labelFile = await readEither(directory, labels);
  try {
    return await datasetFromIdx(imageFile.bytes, labelFile.bytes, classes, limits);
  } catch (error) {
    if (!(error instanceof BBError)) throw error;
    const path = error.detail.startsWith("labels") ? labelFile.path : imageFile.path;
    throw new BBError(error.code, `${path}: ${error.detail}`, error.at === undefined ? { cause: error } : { at: error.at, cause: error });
  }
}

/**
 * Training and test digits of a directory with files named as MNIST names them, plain or `.gz`.
 *
 * ```ts
 * const { train, test } = await readIdxDirectory("digits");
 * ```
 */
export async function readIdxDirectory(directory: string, classes = 10, limits: IdxLimits = {}): Promise<TrainTestSplit> {
  const train = await readPart(directory, idxFileNames.trainImages, idxFileNames.trainLabels, classes, limits);
  const test = await readPart(directory, idxFileNames.testImages, idxFileNames.testLabels, classes, limits);
  if (train.rows !== test.rows || train.cols !== test.cols) {
    throw new BBError("count_mismatch", `${directory}: training images of ${train.rows}x${train.cols}, test images of ${test.rows}x${test.cols}`);
  }
  return { train, test };
}
