// The data of a headless run: IDX files of a directory, or generated digits.
import { readIdxDirectory } from "bytesandbrains";
import type { TrainTestSplit } from "bytesandbrains/data";
import { generatedDigits } from "../shares.js";

/** The data cannot be used; the message says what to do about it. */
export class DataError extends Error {}

const side = 28;

/** Training and held-out digits. Throws `DataError`, or what reading the files throws. */
export async function loadDigits(directory: string | undefined, seed: number): Promise<TrainTestSplit> {
  if (directory === undefined) return generatedDigits(seed);
  const digits = await readIdxDirectory(directory);
  const { train, test } = digits;
  if (train.rows !== side || train.cols !== side) {
    throw new DataError(`${directory} holds images of ${train.rows}x${train.cols}; the model takes ${side}x${side}`);
  }
  if (train.count === 0 || test.count === 0) throw new DataError(`${directory} holds no ${train.count === 0 ? "training" : "test"} images`);
  return digits;
}
