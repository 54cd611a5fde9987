// How good a model is: its answers to held-out images, batch by batch, so that no single call takes long.
import { BBError } from "../errors.js";
import { imageAt, imageSize, type Dataset } from "../data/dataset.js";
import type { Tensor } from "../types.js";

/** Images or answers: 32-bit floats, one row for each image. */
export type FloatTensor = Tensor<Float32Array>;

/** Images as the model takes them: one row each, grey values times `scale`. */
export function imagesTensor(dataset: Dataset, start = 0, count = dataset.count - start, scale = 1 / 255): FloatTensor {
  if (!(start >= 0 && count >= 0 && start + count <= dataset.count)) {
    throw new BBError("bad_index", `images ${start} to ${start + count} of a set of ${dataset.count}`, { at: start });
  }
  const size = imageSize(dataset);
  const data = new Float32Array(count * size);
  for (let index = 0; index < count; index++) {
    const image = imageAt(dataset, start + index);
    for (let pixel = 0; pixel < size; pixel++) data[index * size + pixel] = (image[pixel] ?? 0) * scale;
  }
  return { data, shape: [count, size] };
}

/** Index of the largest number; the first of equals. */
export function argMax(numbers: ArrayLike<number>): number {
  let best = 0;
  for (let index = 1; index < numbers.length; index++) {
    if ((numbers[index] ?? 0) > (numbers[best] ?? 0)) best = index;
  }
  return best;
}

/** Probabilities of logits. */
export function softmax(logits: ArrayLike<number>): number[] {
  const highest = logits[argMax(logits)] ?? 0;
  const raised = Array.from(logits, (logit) => Math.exp(logit - highest));
  const sum = raised.reduce((total, value) => total + value, 0);
  return raised.map((value) => value / sum);
}

/** Settings of a measurement. */
export interface AccuracyOptions {
  /** Images in one call; 100 when absent. */
  readonly batch?: number;
  /** Factor of grey values; 1/255 when absent. */
  readonly scale?: number;
}

/**
 * Share of the images whose class gets the largest logit.
 *
 * ```ts
 * const share = await accuracy((x) => calls.tensor("Predict", { x }, "logits"), heldOut);
 * ```
 */
export async function accuracy(predict: (x: FloatTensor) => Promise<FloatTensor>, dataset: Dataset, options: AccuracyOptions = {}): Promise<number> {
  const batch = options.batch ?? 100;
  if (!Number.isInteger(batch) || batch < 1) throw new BBError("bad_option", `batches of ${batch} images`);
  if (dataset.count === 0) throw new BBError("bad_dataset", "a measurement on no images");
  let right = 0;
  for (let start = 0; start < dataset.count; start += batch) {
    const count = Math.min(batch, dataset.count - start);
    const { data, shape } = await predict(imagesTensor(dataset, start, count, options.scale));
    const classes = shape[1] ?? 0;
    if (shape.length !== 2 || shape[0] !== count || classes < 1) {
      throw new BBError("shape_mismatch", `answers of shape [${shape.join(", ")}] to ${count} images`, { at: start });
    }
    for (let row = 0; row < count; row++) {
      if (argMax(data.subarray(row * classes, (row + 1) * classes)) === dataset.labels[start + row]) right++;
    }
  }
  return right / dataset.count;
}
