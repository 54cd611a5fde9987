// Reading IDX files, the format of the MNIST digits: big-endian header, then bytes; plain or gzip.
// The bytes may come from anyone: every header field is checked against the length before anything is reserved.
import { BBError, describeError } from "../errors.js";
import { viewOf, type Bytes } from "../bytes.js";
import type { Dataset } from "./dataset.js";

/** Upper bounds on what a file may ask for. */
export interface IdxLimits {
  /** Images or labels in one file; 1,000,000 when absent. */
  readonly countMax?: number;
  /** Rows and columns of an image; 1,024 when absent. */
  readonly sideMax?: number;
  /** Bytes after unpacking; 1 GiB when absent. */
  readonly bytesMax?: number;
}

/** Content of an image file. */
export interface IdxImages {
  /** `count * rows * cols` bytes; a view into the input. */
  readonly images: Uint8Array;
  readonly count: number;
  readonly rows: number;
  readonly cols: number;
}

/** Magic number of an image file: unsigned bytes, three dimensions. */
export const idxImagesMagic = 0x00000803;
/** Magic number of a label file: unsigned bytes, one dimension. */
export const idxLabelsMagic = 0x00000801;

const defaults = { countMax: 1_000_000, sideMax: 1_024, bytesMax: 1_073_741_824 };

/** True when the bytes start like a gzip file. */
export function isGzip(bytes: Bytes): boolean {
  return bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** The bytes themselves, or unpacked when they are gzip. Throws `bad_gzip`, or `over_cap` when they grow beyond the limit. */
export async function unpackIdx(bytes: Bytes, limits: IdxLimits = {}): Promise<Uint8Array> {
  const cap = limits.bytesMax ?? defaults.bytesMax;
  if (!isGzip(bytes)) {
    if (bytes.length > cap) throw new BBError("over_cap", `${bytes.length} bytes, the limit is ${cap}`, { at: cap });
    return bytes;
  }
  const unpacker = new DecompressionStream("gzip");
  const writer = unpacker.writable.getWriter();
  // The reader below reports the same failure, so this one only has to be looked at.
  const feeding = writer.write(bytes as Uint8Array<ArrayBuffer>).then(() => writer.close()).catch(() => undefined);
  const reader = unpacker.readable.getReader();
  const parts: Uint8Array[] = [];
  let total = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      total += value.length;
      if (total > cap) {
        throw new BBError("over_cap", `the file unpacks to more than ${cap} bytes`, { at: cap });
      }
      parts.push(value);
    }
  } catch (error) {
    await reader.cancel().catch(() => undefined);
    if (error instanceof BBError) throw error;
    throw new BBError("bad_gzip", `unpacking failed after ${total} bytes: ${describeError(error)}`, { at: total, cause: error });
  }
  await feeding;
  const joined = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function header(bytes: Bytes, magic: number, what: string, dimensions: number): number[] {
  const length = 4 + 4 * dimensions;
  if (bytes.length < 4) throw new BBError("truncated", `${what}: ${bytes.length} bytes, the magic number alone has 4`, { at: bytes.length });
  const view = viewOf(bytes);
  const found = view.getUint32(0);
  if (found !== magic) {
    const shown = found.toString(16).padStart(8, "0");
    const wanted = magic.toString(16).padStart(8, "0");
    const hint = found === idxImagesMagic || found === idxLabelsMagic ? " (images and labels exchanged?)" : "";
    throw new BBError("bad_magic", `${what}: magic number ${shown} instead of ${wanted}${hint}`, { at: 0 });
  }
  if (bytes.length < length) throw new BBError("truncated", `${what}: the header has ${length} bytes, ${bytes.length} present`, { at: bytes.length });
  return Array.from({ length: dimensions }, (_, index) => view.getUint32(4 + 4 * index));
}

function body(bytes: Bytes, start: number, size: number, what: string): Uint8Array {
  const held = bytes.length - start;
  if (held < size) throw new BBError("truncated", `${what}: ${size} bytes announced, ${held} present`, { at: bytes.length });
  if (held > size) throw new BBError("trailing", `${what}: ${held - size} bytes after the end`, { at: start + size });
  return bytes.subarray(start, start + size);
}

/** Parses an unpacked image file. Throws `truncated`, `bad_magic`, `bad_dimensions`, `over_cap` or `trailing` with the byte position. */
export function parseIdxImages(bytes: Bytes, limits: IdxLimits = {}): IdxImages {
  const [count = 0, rows = 0, cols = 0] = header(bytes, idxImagesMagic, "images", 3);
  const sideMax = limits.sideMax ?? defaults.sideMax;
  const countMax = limits.countMax ?? defaults.countMax;
  if (count > countMax) throw new BBError("over_cap", `images: ${count} images, the limit is ${countMax}`, { at: 4 });
  if (rows === 0 || rows > sideMax) throw new BBError("bad_dimensions", `images: ${rows} rows, legal are 1 to ${sideMax}`, { at: 8 });
  if (cols === 0 || cols > sideMax) throw new BBError("bad_dimensions", `images: ${cols} columns, legal are 1 to ${sideMax}`, { at: 12 });
  // At most 2^20 images of 2^20 bytes with the default limits, so the product is exact.
  return { images: body(bytes, 16, count * rows * cols, "images"), count, rows, cols };
}

/** Parses an unpacked label file; every label must be below `classes`. Throws like `parseIdxImages`, and `label_range`. */
export function parseIdxLabels(bytes: Bytes, classes = 10, limits: IdxLimits = {}): Uint8Array {
  if (!Number.isInteger(classes) || classes < 1 || classes > 256) throw new BBError("bad_classes", `${classes} classes, legal are 1 to 256`);
  const [count = 0] = header(bytes, idxLabelsMagic, "labels", 1);
  const countMax = limits.countMax ?? defaults.countMax;
  if (count > countMax) throw new BBError("over_cap", `labels: ${count} labels, the limit is ${countMax}`, { at: 4 });
  const labels = body(bytes, 8, count, "labels");
  labels.forEach((label, index) => {
    if (label >= classes) throw new BBError("label_range", `labels: label ${label} of image ${index}, ${classes} classes are known`, { at: 8 + index });
  });
  return labels;
}

/**
 * A set out of an image file and a label file, each plain or gzip.
 * Throws what the parsers throw, and `count_mismatch` when the two do not belong together.
 *
 * ```ts
 * const set = await datasetFromIdx(imageFileBytes, labelFileBytes);
 * ```
 */
export async function datasetFromIdx(imageFile: Bytes, labelFile: Bytes, classes = 10, limits: IdxLimits = {}): Promise<Dataset> {
  const { images, count, rows, cols } = parseIdxImages(await unpackIdx(imageFile, limits), limits);
  const labels = parseIdxLabels(await unpackIdx(labelFile, limits), classes, limits);
  if (labels.length !== count) throw new BBError("count_mismatch", `${count} images and ${labels.length} labels`, { at: 4 });
  return { images, labels, rows, cols, classes, count };
}
