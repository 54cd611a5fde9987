// A contribution that comes in puts out two things, who sent it and for which round; they belong together by execution.
import type { PeerId } from "../peer-id.js";
import { readRoundMeta } from "./options.js";
import type { OutputEvent } from "./port.js";

const openMax = 256; // half-told arrivals; a peer's graph tells both halves in one go, so this is never reached honestly

/** Pairs the events `received` (the sender) and `contributed` (samples and round) of one execution. */
export class Arrivals {
  readonly #report: (from: PeerId, round: number) => void;
  readonly #open = new Map<bigint, { from?: PeerId; round?: number }>();

  constructor(report: (from: PeerId, round: number) => void) {
    this.#report = report;
  }

  /** Takes any event of the receiving target. */
  take(event: OutputEvent): void {
    if (event.topic !== "received" && event.topic !== "contributed") return;
    const half = this.#open.get(event.exec) ?? {};
    if (event.topic === "received") half.from = event.value as PeerId;
    else {
      const meta = readRoundMeta(event.value);
      if (meta === undefined) return; // a round that no honest peer reaches; the sender counts as silent
      half.round = meta.round;
    }
    if (half.from === undefined || half.round === undefined) {
      this.#open.set(event.exec, half);
      for (const oldest of this.#open.keys()) {
        if (this.#open.size <= openMax) break;
        this.#open.delete(oldest);
      }
      return;
    }
    this.#open.delete(event.exec);
    this.#report(half.from, half.round);
  }
}
