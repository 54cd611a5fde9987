// The data of the demonstration: generated digits, of which each peer knows two, and held-out digits of all ten.
import { classesOfPeers, splitByClass, strokes, subset, type Dataset } from "bytesandbrains/data";

/** What a peer learns from and is measured with. */
export interface Share {
  readonly train: Dataset;
  readonly heldOut: Dataset;
  /** The digits it knows, in order. */
  readonly digits: readonly number[];
}

/** Digits each peer knows. */
export const digitsPerPeer = 2;

const trainCount = 6_000;
const heldOutCount = 1_000;
const heldOutSeedOffset = 1_000_003; // another stream than that of the training digits

/** Digits that occur in a set, in order. */
export function digitsOf(dataset: Dataset): number[] {
  return [...new Set(dataset.labels)].sort((left, right) => left - right);
}

/** Generated digits: a training set and a held-out set. */
export function generatedDigits(seed: number): { train: Dataset; test: Dataset } {
  return {
    train: strokes({ seed, count: trainCount }),
    test: strokes({ seed: seed + heldOutSeedOffset, count: heldOutCount }),
  };
}

/** At most `count` images from the front of the set. */
export function firstOf(dataset: Dataset, count: number): Dataset {
  return dataset.count <= count ? dataset : subset(dataset, Array.from({ length: count }, (_, index) => index));
}

/** Images used to measure; more would take longer than the training itself. */
export const measuredCount = 1_000;

/** One share for each of `peers` peers. */
export function makeShares(train: Dataset, test: Dataset, peers: number, seed: number): Share[] {
  const heldOut = firstOf(test, measuredCount);
  return splitByClass(train, peers, digitsPerPeer, seed).map((part) => ({ train: part, heldOut, digits: digitsOf(part) }));
}

const pageSeed = 1; // everybody at one address speaks of the same split
const pageTrainCount = 3_000;
const pageMeasuredCount = 400;

/** The share of a seat at the page: `salt` gives everybody in the same seat digits of their own. */
export function shareOfSeat(seat: number, seats: number, salt: number): Share {
  const digits = classesOfPeers(10, seats, digitsPerPeer, pageSeed)[seat % seats] ?? [];
  const all = strokes({ seed: salt, count: pageTrainCount });
  const own: number[] = [];
  all.labels.forEach((label, index) => {
    if (digits.includes(label)) own.push(index);
  });
  const train = subset(all, own);
  return { train, heldOut: strokes({ seed: pageSeed + heldOutSeedOffset, count: pageMeasuredCount }), digits: digitsOf(train) };
}
