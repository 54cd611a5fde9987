// What decides when a peer's engine runs: the contract, and the slice of work every driver hands it.

/** What is left after a run. */
export interface RunResult {
  /** True when work is waiting now. */
  readonly more: boolean;
  /** When the engine wants to run next, on the clock of `DriverTarget.now`; null when nothing is due. */
  readonly nextMs: number | null;
}

/** The side a driver drives; a peer gives it to `attach`. */
export interface DriverTarget {
  /** The clock by which slices are cut and `nextMs` is meant. */
  now(): number;
  /** Does at most `ops` operations of work. Must not call the driver back, except `wake`. */
  run(ops: number): RunResult;
}

/** Runs a target when it should run: at once after `wake`, and when its own time comes. */
export interface Driver {
  /** Starts driving; the first run comes as after `wake`. */
  attach(target: DriverTarget): void;
  /** Says that there is something to do. Cheap, may be called any number of times, also from within a run. */
  wake(): void;
  /** Stops; nothing runs after this returns. */
  detach(): void;
}

/** How much a driver does before it gives the thread back. */
export interface SliceOptions {
  /** Operations asked for in one call of `run`; 256 when absent. */
  readonly opsPerRun?: number;
  /** Milliseconds after which a slice ends; each driver has its own default. */
  readonly budgetMs?: number;
}

/** Operations per call when nothing else is asked for. */
export const opsPerRunDefault = 256;

/** Runs the target until it has nothing more to do now or the time is used up. */
export function runSlice(target: DriverTarget, opsPerRun: number, budgetMs: number): RunResult {
  const end = target.now() + budgetMs;
  let result = target.run(opsPerRun);
  while (result.more && target.now() < end) result = target.run(opsPerRun);
  return result;
}
