// Waiting for a condition on state that changes by events, with a deadline on the host's clock and a way to be stopped.
import type { Host } from "../host.js";

/** How a wait ended. */
export type WaitResult = "met" | "deadline" | "stopped";

/** Conditions that are looked at again whenever something has changed. */
export class Waiting {
  readonly #host: Host;
  readonly #checks = new Set<() => void>();
  #stopped = false;

  constructor(host: Host) {
    this.#host = host;
  }

  /** True after `stop`. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Something changed: all open waits look again. */
  changed(): void {
    for (const check of [...this.#checks]) check();
  }

  /** Ends all waits, those to come included. */
  stop(): void {
    this.#stopped = true;
    this.changed();
  }

  /** Resolves as soon as `met` holds, the deadline has passed, or everything was stopped. */
  until(met: () => boolean, deadlineMs?: number): Promise<WaitResult> {
    const state = (): WaitResult | undefined => (this.#stopped ? "stopped" : met() ? "met" : undefined);
    const now = state();
    if (now !== undefined) return Promise.resolve(now);
    return new Promise((resolve) => {
      let cancel: (() => void) | undefined;
      const end = (result: WaitResult): void => {
        cancel?.();
        this.#checks.delete(check);
        resolve(result);
      };
      const check = (): void => {
        const result = state();
        if (result !== undefined) end(result);
      };
      this.#checks.add(check);
      if (deadlineMs !== undefined) cancel = this.#host.timer(deadlineMs, () => end("deadline"));
    });
  }
}
