// The driver for threads without a screen (workers, Node.js): messages to oneself while there is work, one timer otherwise.
import type { Host } from "../host.js";
import type { Driver, DriverTarget, SliceOptions } from "./driver.js";
import { LoopDriver } from "./loop.js";
import { messageSoon } from "./soon.js";

const budgetMsDefault = 16;

/**
 * Drives by messages to oneself, so that neither the 4 ms floor of nested timers nor the throttling of hidden tabs applies.
 *
 * ```ts
 * const driver = workerDriver(platformHost());
 * ```
 */
export function workerDriver(host: Host, options: SliceOptions = {}): Driver {
  const budgetMs = options.budgetMs ?? budgetMsDefault;
  const messages = messageSoon();
  const loop = new LoopDriver(host, messages.soon, () => budgetMs, options);
  return {
    attach: (target: DriverTarget) => loop.attach(target),
    wake: () => loop.wake(),
    detach() {
      loop.detach();
      messages.close();
    },
  };
}
