// A seeded generator of 28x28 handwritten-looking digits, so that learning needs no download.
//
// For each image: a skeleton of the digit is picked, its corners are moved at random, the whole is sheared, scaled, turned and
// shifted, then drawn with a round pen of random width whose edge fades over one pixel, then noise is laid on top.
// The same seed gives the same bytes in every runtime: all numbers come from `RandomStream`, and only +, -, *, / and the
// square root (exact by IEEE 754) touch them.
import { BBError } from "../errors.js";
import type { Dataset } from "./dataset.js";
import { RandomStream } from "./prng.js";
import { cosine, makeSkeletons, sine, type Skeleton } from "./skeletons.js";

/** What to generate. */
export interface StrokesOptions {
  /** 32-bit seed. */
  readonly seed: number;
  /** Number of images; labels come in a seeded order, each digit equally often (to within one). */
  readonly count: number;
  /** Strength of all disturbances: 0 clean, 1 the default, up to 2. */
  readonly difficulty?: number;
}

const side = 28;
const classes = 10;
const countMax = 1_000_000;
const digitHeight = 13.5; // pixels per unit of a skeleton, whose height is 1.32

let skeletons: readonly (readonly Skeleton[])[] | undefined;

function pick(digit: number, stream: RandomStream): Skeleton {
  skeletons ??= makeSkeletons();
  const ways = skeletons[digit] ?? [];
  return ways[stream.below(ways.length)] ?? [];
}

/** Darkens the pixels near the piece from (x0, y0) to (x1, y1): full within the pen, fading over one pixel at its edge. */
function drawPiece(ink: Float64Array, x0: number, y0: number, x1: number, y1: number, pen: number): void {
  const reach = pen + 0.5;
  const left = Math.max(0, Math.ceil(Math.min(x0, x1) - reach));
  const right = Math.min(side - 1, Math.floor(Math.max(x0, x1) + reach));
  const top = Math.max(0, Math.ceil(Math.min(y0, y1) - reach));
  const bottom = Math.min(side - 1, Math.floor(Math.max(y0, y1) + reach));
  const dx = x1 - x0;
  const dy = y1 - y0;
  const square = dx * dx + dy * dy;
  const scale = square > 0 ? 1 / square : 0;
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const along = Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) * scale));
      const offX = x - x0 - along * dx;
      const offY = y - y0 - along * dy;
      const dark = reach - Math.sqrt(offX * offX + offY * offY);
      const at = y * side + x;
      if (dark > (ink[at] ?? 0)) ink[at] = dark > 1 ? 1 : dark;
    }
  }
}

function drawDigit(digit: number, stream: RandomStream, difficulty: number, ink: Float64Array, into: Uint8Array): void {
  const skeleton = pick(digit, stream);
  const angle = stream.normal() * 0.095 * difficulty;
  const shear = stream.normal() * 0.1 * difficulty;
  const width = digitHeight * (1 + stream.between(-0.14, 0.1) * difficulty);
  const height = digitHeight * (1 + stream.between(-0.1, 0.085) * difficulty);
  const shiftX = (side - 1) / 2 + stream.normal() * 0.6 * difficulty;
  const shiftY = (side - 1) / 2 + stream.normal() * 0.6 * difficulty;
  const pen = 1.2 + stream.between(-0.34, 0.42) * difficulty;
  const wobble = 0.024 * difficulty;
  const brightness = 255 * (1 - 0.25 * stream.unit() * difficulty);
  const cos = cosine(angle);
  const sin = sine(angle);
  ink.fill(0);
  for (const stroke of skeleton) {
    let lastX = 0;
    let lastY = 0;
    stroke.forEach(([pointX, pointY], index) => {
      const x = (pointX + stream.normal() * wobble) * width;
      const y = (pointY + stream.normal() * wobble) * height;
      const sheared = x - y * shear;
      const nextX = sheared * cos - y * sin + shiftX;
      const nextY = sheared * sin + y * cos + shiftY;
      if (index > 0) drawPiece(ink, lastX, lastY, nextX, nextY, pen);
      lastX = nextX;
      lastY = nextY;
    });
  }
  const noise = 24 * difficulty;
  for (let at = 0; at < into.length; at++) {
    const value = (ink[at] ?? 0) * brightness + (stream.unit() - 0.5) * 2 * noise;
    into[at] = value <= 0 ? 0 : value >= 255 ? 255 : Math.floor(value);
  }
}

function checkedDifficulty(difficulty = 1): number {
  if (!(difficulty >= 0 && difficulty <= 2)) throw new BBError("bad_option", `difficulty ${difficulty}, legal is 0 to 2`);
  return difficulty;
}

/** One generated image of a digit (784 bytes, row by row), drawing its chance from the stream. */
export function strokeDigit(digit: number, stream: RandomStream, difficulty?: number): Uint8Array {
  if (!Number.isInteger(digit) || digit < 0 || digit >= classes) throw new BBError("bad_option", `${digit} is not a digit`);
  const into = new Uint8Array(side * side);
  drawDigit(digit, stream, checkedDifficulty(difficulty), new Float64Array(side * side), into);
  return into;
}

/**
 * A set of generated digits.
 *
 * ```ts
 * const digits = strokes({ seed: 7, count: 1000 }); // 28x28, ten classes
 * ```
 */
export function strokes(options: StrokesOptions): Dataset {
  const { seed, count } = options;
  if (!Number.isInteger(count) || count < 0 || count > countMax) throw new BBError("bad_option", `${count} images, legal is 0 to ${countMax}`);
  if (!Number.isInteger(seed)) throw new BBError("bad_option", `seed ${seed} is not an integer`);
  const difficulty = checkedDifficulty(options.difficulty);
  const size = side * side;
  const images = new Uint8Array(count * size);
  const labels = new Uint8Array(count);
  const order = new RandomStream(seed).fork(1);
  const drawing = new RandomStream(seed).fork(2);
  const ink = new Float64Array(size);
  for (let start = 0; start < count; start += classes) {
    const digits = Array.from({ length: classes }, (_, digit) => digit);
    for (let last = classes - 1; last > 0; last--) {
      const other = order.below(last + 1);
      const held = digits[last] ?? 0;
      digits[last] = digits[other] ?? 0;
      digits[other] = held;
    }
    for (let offset = 0; offset < classes && start + offset < count; offset++) {
      const index = start + offset;
      labels[index] = digits[offset] ?? 0;
      drawDigit(labels[index] ?? 0, drawing, difficulty, ink, images.subarray(index * size, (index + 1) * size));
    }
  }
  return { images, labels, rows: side, cols: side, classes, count };
}
