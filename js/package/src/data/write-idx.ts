// Writing IDX files, so that generated digits can stand in wherever MNIST is expected.
import { viewOf } from "../bytes.js";
import { BBError } from "../errors.js";
import { imageSize, type Dataset } from "./dataset.js";
import { idxImagesMagic, idxLabelsMagic } from "./idx.js";

/** Names under which the four files of a set are looked for and written (`.gz` may follow). */
export const idxFileNames = {
  trainImages: "train-images-idx3-ubyte",
  trainLabels: "train-labels-idx1-ubyte",
  testImages: "t10k-images-idx3-ubyte",
  testLabels: "t10k-labels-idx1-ubyte",
} as const;

/** Bytes of the image file of a set. */
export function writeIdxImages(dataset: Dataset): Uint8Array<ArrayBuffer> {
  const size = dataset.count * imageSize(dataset);
  if (dataset.images.length !== size) throw new BBError("bad_dataset", `${dataset.images.length} image bytes where ${size} belong`);
  const file = new Uint8Array(16 + size);
  const view = viewOf(file);
  [idxImagesMagic, dataset.count, dataset.rows, dataset.cols].forEach((word, index) => view.setUint32(4 * index, word));
  file.set(dataset.images, 16);
  return file;
}

/** Bytes of the label file of a set. */
export function writeIdxLabels(dataset: Dataset): Uint8Array<ArrayBuffer> {
  if (dataset.labels.length !== dataset.count) throw new BBError("bad_dataset", `${dataset.labels.length} labels for ${dataset.count} images`);
  const file = new Uint8Array(8 + dataset.count);
  const view = viewOf(file);
  view.setUint32(0, idxLabelsMagic);
  view.setUint32(4, dataset.count);
  file.set(dataset.labels, 8);
  return file;
}
