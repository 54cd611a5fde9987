// The state machine the automatic drivers share: at most one run is planned, a wake during a run plans one more,
// and one timer stands for the next due time.
import type { Host } from "../host.js";
import { opsPerRunDefault, runSlice, type Driver, type DriverTarget, type SliceOptions } from "./driver.js";

/** How a driver has its next run called: the function runs soon; the result cancels. */
export type Soon = (f: () => void) => () => void;

/** A driver made of a way to run soon and a timer. */
export class LoopDriver implements Driver {
  readonly #host: Host;
  readonly #soon: Soon;
  readonly #opsPerRun: number;
  readonly #budgetMs: () => number;
  #target: DriverTarget | undefined;
  #cancelSoon: (() => void) | undefined;
  #cancelTimer: (() => void) | undefined;
  #running = false;
  #woken = false;

  constructor(host: Host, soon: Soon, budgetMs: () => number, options: SliceOptions) {
    this.#host = host;
    this.#soon = soon;
    this.#budgetMs = budgetMs;
    this.#opsPerRun = options.opsPerRun ?? opsPerRunDefault;
  }

  attach(target: DriverTarget): void {
    this.detach();
    this.#target = target;
    this.wake();
  }

  wake(): void {
    if (this.#target === undefined) return;
    if (this.#running) {
      this.#woken = true;
      return;
    }
    if (this.#cancelSoon !== undefined) return;
    this.#cancelSoon = this.#soon(() => this.#run());
  }

  /** Plans the pending run anew, after the way to run soon has changed. */
  replan(): void {
    if (this.#cancelSoon === undefined) return;
    this.#cancelSoon();
    this.#cancelSoon = undefined;
    this.wake();
  }

  detach(): void {
    this.#target = undefined;
    this.#woken = false;
    this.#cancelSoon?.();
    this.#cancelSoon = undefined;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #run(): void {
    const target = this.#target;
    this.#cancelSoon = undefined;
    if (target === undefined || this.#running) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#running = true;
    this.#woken = false;
    let again = true;
    let nextMs: number | null = null;
    try {
      const result = runSlice(target, this.#opsPerRun, this.#budgetMs());
      again = result.more;
      nextMs = result.nextMs;
    } finally {
      // A run that throws is the target's affair; the next wake still finds a working driver.
      this.#running = false;
    }
    if (this.#target !== target) return; // detached or attached anew from within the run
    if (again || this.#woken) this.wake();
    else if (nextMs !== null) {
      this.#cancelTimer = this.#host.timer(Math.max(0, nextMs - target.now()), () => {
        this.#cancelTimer = undefined;
        this.wake();
      });
    }
  }
}
