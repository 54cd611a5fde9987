// Who is there and what came from whom in which round. No clock, no peer: the bookkeeping behind the decision to merge.
import { comparePeerIds, peerIdToText, type PeerId } from "../peer-id.js";

/** What a round knows of a neighbour. */
export type NeighbourState =
  | "awaited" // its contribution to this round is still to come
  | "in" // its contribution is in, or it is a round ahead and will send no other
  | "behind" // it works on a round long past or has only just come; it catches up by itself
  | "late"; // it missed a deadline; waited for again as soon as it sends anything

interface Neighbour {
  readonly id: PeerId;
  latest: number | undefined;
  arrivals: number;
  late: boolean;
}

/** Rounds that a neighbour may lag and still be expected to send for the current one. */
export const nearRounds = 3;

/** The neighbours of one peer. */
export class Neighbours {
  readonly #live = new Map<string, Neighbour>();
  #contributors = new Set<string>();
  #countedRound = 0;

  /** A link came up. A peer that comes back is a new one: what came before its restart says nothing. */
  join(id: PeerId): void {
    const key = peerIdToText(id);
    if (!this.#live.has(key)) this.#live.set(key, { id, latest: undefined, arrivals: 0, late: false });
  }

  /** The last link to it went down. */
  leave(id: PeerId): void {
    this.#live.delete(peerIdToText(id));
  }

  /** Everybody live, in the order of ids, so that two runs invoke with the same list. */
  ids(): PeerId[] {
    return [...this.#live.values()].map((neighbour) => neighbour.id).sort(comparePeerIds);
  }

  get size(): number {
    return this.#live.size;
  }

  has(id: PeerId): boolean {
    return this.#live.has(peerIdToText(id));
  }

  /** A contribution to `round` came from `id`, live or not: what was sent before the link broke still counts. */
  arrived(id: PeerId, round: number): void {
    const key = peerIdToText(id);
    const neighbour = this.#live.get(key);
    if (neighbour !== undefined) {
      neighbour.latest = neighbour.latest === undefined ? round : Math.max(neighbour.latest, round);
      neighbour.arrivals++;
      neighbour.late = false;
    }
    if (round === this.#countedRound) this.#contributors.add(key);
  }

  /** Starts counting the contributions to `round`; those that came early are in already. */
  begin(round: number): void {
    if (round === this.#countedRound && this.#contributors.size > 0) return;
    this.#countedRound = round;
    this.#contributors = new Set();
    for (const [key, neighbour] of this.#live) {
      if (neighbour.latest === round) this.#contributors.add(key);
    }
  }

  /** Contributions of others to the round that is being counted. */
  get contributions(): number {
    return this.#contributors.size;
  }

  /** True when its contribution to the round that is being counted is in. */
  contributed(id: PeerId): boolean {
    return this.#contributors.has(peerIdToText(id));
  }

  /** State of one neighbour with respect to `round`. */
  state(id: PeerId, round: number, listening = false): NeighbourState {
    const neighbour = this.#live.get(peerIdToText(id));
    return neighbour === undefined ? "late" : stateOf(neighbour, round, listening);
  }

  /** True when nobody is waited for. `listening`: this peer is the newcomer, so who has not been heard yet is about to be. */
  complete(round: number, listening = false): boolean {
    for (const neighbour of this.#live.values()) {
      if (stateOf(neighbour, round, listening) === "awaited") return false;
    }
    return true;
  }

  /** For a newcomer: true when no neighbour is in this round or ahead of it, or will be soon. */
  hopeless(round: number): boolean {
    for (const neighbour of this.#live.values()) {
      const state = stateOf(neighbour, round, true);
      if (state === "awaited" || state === "in") return false;
    }
    return true;
  }

  /** The deadline has passed: who has not sent is not waited for until it sends again. */
  giveUpOnMissing(round: number, listening = false): PeerId[] {
    const missing = [...this.#live.values()].filter((neighbour) => stateOf(neighbour, round, listening) === "awaited");
    for (const neighbour of missing) neighbour.late = true;
    return missing.map((neighbour) => neighbour.id);
  }
}

function stateOf({ latest, arrivals, late }: Neighbour, round: number, listening: boolean): NeighbourState {
  if (latest !== undefined && latest >= round) return "in";
  if (late) return "late";
  // Nothing is known of a newcomer: at the very start everybody is one, later it has to listen before it contributes.
  if (latest === undefined) return round === 0 || listening ? "awaited" : "behind";
  // The first message of a peer that comes back is for a round long past; a second one says that it takes part again.
  return latest >= round - 1 || (arrivals > 1 && latest >= round - nearRounds) ? "awaited" : "behind";
}
