// The one shape of labelled images in the package, and the checks every maker of one goes through.
import { BBError } from "../errors.js";
import { RandomStream } from "./prng.js";

/** Labelled grey images: `images` holds `count * rows * cols` bytes, row by row, `labels` one byte per image. */
export interface Dataset {
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
  readonly rows: number;
  readonly cols: number;
  /** Labels are 0 to `classes` - 1. */
  readonly classes: number;
  readonly count: number;
}

/** Bytes of one image. */
export function imageSize(dataset: Pick<Dataset, "rows" | "cols">): number {
  return dataset.rows * dataset.cols;
}

/** One image, as a view into the set. */
export function imageAt(dataset: Dataset, index: number): Uint8Array {
  const size = imageSize(dataset);
  return dataset.images.subarray(index * size, (index + 1) * size);
}

/** A new set of the images with these indices, in this order. Throws `bad_index` at the first one outside. */
export function subset(dataset: Dataset, indices: readonly number[]): Dataset {
  const size = imageSize(dataset);
  const images = new Uint8Array(indices.length * size);
  const labels = new Uint8Array(indices.length);
  indices.forEach((index, at) => {
    if (!Number.isInteger(index) || index < 0 || index >= dataset.count) {
      throw new BBError("bad_index", `image ${index} of a set of ${dataset.count}`, { at });
    }
    images.set(imageAt(dataset, index), at * size);
    labels[at] = dataset.labels[index] ?? 0;
  });
  return { images, labels, rows: dataset.rows, cols: dataset.cols, classes: dataset.classes, count: indices.length };
}

/** Number of images of each class. */
export function classCounts(dataset: Dataset): number[] {
  const counts = new Array<number>(dataset.classes).fill(0);
  for (const label of dataset.labels) counts[label] = (counts[label] ?? 0) + 1;
  return counts;
}

/** The indices 0 to `count` - 1 in a seeded order (Fisher-Yates). */
export function shuffledIndices(count: number, seed: number): number[] {
  const stream = new RandomStream(seed);
  const order = Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = stream.below(last + 1);
    const held = order[last] ?? 0;
    order[last] = order[other] ?? 0;
    order[other] = held;
  }
  return order;
}
