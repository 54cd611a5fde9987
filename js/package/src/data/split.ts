// Cutting a set into parts: held-out images, and shares for peers who each know some classes only.
import { BBError } from "../errors.js";
import { shuffledIndices, subset, type Dataset } from "./dataset.js";

/** Two disjoint parts of one set. */
export interface TrainTestSplit {
  readonly train: Dataset;
  readonly test: Dataset;
}

/** Takes `heldOut` images, chosen by the seed, out of the set. */
export function splitTrainTest(dataset: Dataset, heldOut: number, seed: number): TrainTestSplit {
  if (!Number.isInteger(heldOut) || heldOut < 0 || heldOut > dataset.count) {
    throw new BBError("bad_split", `${heldOut} images held out of ${dataset.count}`);
  }
  const order = shuffledIndices(dataset.count, seed);
  return { train: subset(dataset, order.slice(heldOut)), test: subset(dataset, order.slice(0, heldOut)) };
}

/**
 * The classes each peer holds: with consecutive draws from a seeded order of all classes, every class is held by
 * someone as soon as `peers * classesPerPeer` reaches the number of classes, and no class by two peers more than another.
 */
export function classesOfPeers(classes: number, peers: number, classesPerPeer: number, seed: number): number[][] {
  if (!Number.isInteger(peers) || peers < 1) throw new BBError("bad_split", `a split between ${peers} peers`);
  if (!Number.isInteger(classesPerPeer) || classesPerPeer < 1 || classesPerPeer > classes) {
    throw new BBError("bad_split", `${classesPerPeer} classes for each peer, the set has ${classes}`);
  }
  const order = shuffledIndices(classes, seed);
  return Array.from({ length: peers }, (_, peer) =>
    Array.from({ length: classesPerPeer }, (_unused, slot) => order[(peer * classesPerPeer + slot) % classes] ?? 0));
}

/**
 * Non-IID shares: every peer holds `classesPerPeer` classes and no image belongs to two peers.
 * The images of a class are dealt evenly, in a seeded order, to the peers who hold it.
 *
 * ```ts
 * const shares = splitByClass(strokes({ seed: 1, count: 5000 }), 5, 2, 1); // five peers, two digits each
 * ```
 */
export function splitByClass(dataset: Dataset, peers: number, classesPerPeer: number, seed: number): Dataset[] {
  const held = classesOfPeers(dataset.classes, peers, classesPerPeer, seed);
  const holders = Array.from({ length: dataset.classes }, () => [] as number[]);
  held.forEach((classes, peer) => {
    for (const label of classes) holders[label]?.push(peer);
  });
  const shares = Array.from({ length: peers }, () => [] as number[]);
  const dealt = new Array<number>(dataset.classes).fill(0);
  for (const index of shuffledIndices(dataset.count, seed + 1)) {
    const label = dataset.labels[index] ?? 0;
    const owners = holders[label] ?? [];
    if (owners.length === 0) continue;
    const turn = dealt[label] ?? 0;
    dealt[label] = turn + 1;
    const owner = owners[turn % owners.length] ?? 0;
    shares[owner]?.push(index);
  }
  return shares.map((indices) => subset(dataset, indices));
}
