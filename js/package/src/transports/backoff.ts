// How long to wait before the next attempt: twice as long each time up to a cap, and never for all clients alike.
import type { Host } from "../host.js";

/** Settings of a backoff, in milliseconds. */
export interface BackoffOptions {
  /** First wait; 500 when absent. */
  readonly firstMs?: number;
  /** Longest wait; 30,000 when absent. */
  readonly maxMs?: number;
}

/** Counts failures and says how long to wait. */
export class Backoff {
  readonly #host: Host;
  readonly #firstMs: number;
  readonly #maxMs: number;
  #failures = 0;

  constructor(host: Host, options: BackoffOptions = {}) {
    this.#host = host;
    this.#firstMs = options.firstMs ?? 500;
    this.#maxMs = options.maxMs ?? 30_000;
  }

  /** The wait after one more failure: between half and all of the current step. */
  next(): number {
    const step = Math.min(this.#maxMs, this.#firstMs * 2 ** Math.min(this.#failures, 30));
    this.#failures++;
    const chance = new Uint8Array(2);
    this.#host.random(chance);
    const unit = ((chance[0] ?? 0) * 256 + (chance[1] ?? 0)) / 65_536;
    return step * (0.5 + 0.5 * unit);
  }

  /** Forgets the failures, after a connection that lasted. */
  reset(): void {
    this.#failures = 0;
  }
}
