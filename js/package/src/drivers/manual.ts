// The driver that does nothing by itself: tests and simulations say when to run.
import { opsPerRunDefault, type Driver, type DriverTarget, type RunResult, type SliceOptions } from "./driver.js";

/** A driver run by hand. */
export interface ManualDriver extends Driver {
  /** One run of the target; what is left afterwards. Without a target there is nothing to do. */
  step(): RunResult;
  /** Runs until nothing is left to do now, at most `runsMax` times; what is left afterwards. */
  settle(runsMax?: number): RunResult;
  /** True after `attach` or `wake` until the next run. */
  readonly woken: boolean;
}

const runsMaxDefault = 100_000;

/**
 * Drives when told to.
 *
 * ```ts
 * const driver = manualDriver();
 * // after it was given to a peer:
 * driver.settle();
 * ```
 */
export function manualDriver(options: SliceOptions = {}): ManualDriver {
  const opsPerRun = options.opsPerRun ?? opsPerRunDefault;
  const idle: RunResult = { more: false, nextMs: null };
  let target: DriverTarget | undefined;
  let woken = false;
  const step = (): RunResult => {
    woken = false;
    return target?.run(opsPerRun) ?? idle;
  };
  return {
    attach(next) {
      target = next;
      woken = true;
    },
    wake() {
      woken = target !== undefined;
    },
    detach() {
      target = undefined;
      woken = false;
    },
    step,
    settle(runsMax = runsMaxDefault) {
      let result = step();
      for (let runs = 1; (result.more || woken) && runs < runsMax; runs++) result = step();
      return result;
    },
    get woken() {
      return woken;
    },
  };
}
