// Seats: which share of the classes a newcomer takes. Five seats cover all ten digits, two each; a newcomer gets the
// seat that fewest of those present hold, so that the classes stay covered as peers come and go.
import type { RequestListener } from "node:http";
import { answer } from "./static-files.js";

/** Seats in one round around the table. */
export const seatCount = 5;
/** A seat is lost when its holder has not asked for it again for so long. */
export const seatLeaseMs = 90_000;

interface Holder {
  readonly seat: number;
  untilMs: number;
}

const holdersMax = 4_096;
const peerTextMax = 128;

/** Who holds which seat. */
export class Seats {
  readonly #holders = new Map<string, Holder>();

  /** The seat of the peer, a new one if it has none; asking again keeps it. */
  take(peer: string, nowMs: number): number {
    for (const [other, { untilMs }] of this.#holders) {
      if (untilMs <= nowMs) this.#holders.delete(other);
    }
    const held = this.#holders.get(peer);
    if (held !== undefined) {
      held.untilMs = nowMs + seatLeaseMs;
      return held.seat;
    }
    const counts = new Array<number>(seatCount).fill(0);
    for (const { seat } of this.#holders.values()) counts[seat] = (counts[seat] ?? 0) + 1;
    const seat = counts.indexOf(Math.min(...counts));
    if (this.#holders.size < holdersMax) this.#holders.set(peer, { seat, untilMs: nowMs + seatLeaseMs });
    return seat;
  }

  /** Gives a seat back. */
  leave(peer: string): void {
    this.#holders.delete(peer);
  }
}

/** Answers `/seat?peer=ID` (take or keep) and `/seat?left=ID` (give back); everything else goes to `next`. */
export function seatRequests(seats: Seats, now: () => number, next: RequestListener): RequestListener {
  return (request, response) => {
    const url = new URL(request.url ?? "/", "http://local");
    if (url.pathname !== "/seat") {
      next(request, response);
      return;
    }
    const peer = url.searchParams.get("peer");
    const left = url.searchParams.get("left");
    const name = peer ?? left ?? "";
    if (name === "" || name.length > peerTextMax) {
      answer(response, 400, "application/json", JSON.stringify({ error: "which peer?" }));
    } else if (peer === null) {
      seats.leave(name);
      answer(response, 200, "application/json", "{}");
    } else {
      answer(response, 200, "application/json", JSON.stringify({ seat: seats.take(name, now()), seats: seatCount }));
    }
  };
}
