// The plain driver: timers only. It works everywhere, and on a virtual clock.
import type { Host } from "../host.js";
import type { Driver, SliceOptions } from "./driver.js";
import { LoopDriver } from "./loop.js";
import { timerSoon } from "./soon.js";

const budgetMsDefault = 8;

/**
 * Drives by the timers of the host.
 *
 * ```ts
 * const driver = timerDriver(platformHost());
 * ```
 */
export function timerDriver(host: Host, options: SliceOptions = {}): Driver {
  const budgetMs = options.budgetMs ?? budgetMsDefault;
  return new LoopDriver(host, timerSoon(host), () => budgetMs, options);
}
