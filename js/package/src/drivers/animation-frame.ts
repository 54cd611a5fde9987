// The driver for pages: in step with the screen while the page is visible; by messages and one timer while it is hidden,
// since hidden pages get no frames and their timers are slowed to one a minute.
import { BBError } from "../errors.js";
import type { Host } from "../host.js";
import type { Driver, DriverTarget, SliceOptions } from "./driver.js";
import { LoopDriver } from "./loop.js";
import { messageSoon } from "./soon.js";

const visibleBudgetMs = 4; // a quarter of a frame at 60 Hz, the rest is the page's
const hiddenBudgetMs = 50; // nobody is looking
const frameLateMs = 250; // covered windows count as visible and still get no frames

/** Where frames come from. */
export interface FrameSource {
  request(f: () => void): number;
  cancel(handle: number): void;
}

/** Settings of the animation frame driver. */
export interface AnimationFrameOptions extends SliceOptions {
  /** The page's own frames when absent. */
  readonly frames?: FrameSource;
  /** Whether the page can be seen at the start; asked of the document when absent. */
  readonly visible?: boolean;
}

function pageFrames(): FrameSource {
  if (typeof requestAnimationFrame !== "function") {
    throw new BBError("no_frames", "there are no animation frames here; use workerDriver or timerDriver");
  }
  return { request: (f) => requestAnimationFrame(() => f()), cancel: (handle) => cancelAnimationFrame(handle) };
}

/**
 * Drives in step with the screen while the page is visible.
 *
 * ```ts
 * const driver = animationFrameDriver(platformHost());
 * ```
 */
export function animationFrameDriver(host: Host, options: AnimationFrameOptions = {}): Driver {
  const frames = options.frames ?? pageFrames();
  const messages = messageSoon();
  let visible = options.visible ?? (typeof document === "undefined" || document.visibilityState !== "hidden");
  let stopListening: (() => void) | undefined;

  const frameSoon = (f: () => void): (() => void) => {
    let cancelTimer = (): void => undefined;
    const handle = frames.request(() => {
      cancelTimer();
      f();
    });
    cancelTimer = host.timer(frameLateMs, () => {
      frames.cancel(handle);
      f();
    });
    return () => {
      cancelTimer();
      frames.cancel(handle);
    };
  };
  const loop = new LoopDriver(
    host,
    (f) => (visible ? frameSoon(f) : messages.soon(f)),
    () => options.budgetMs ?? (visible ? visibleBudgetMs : hiddenBudgetMs),
    options,
  );
  return {
    attach(target: DriverTarget) {
      stopListening?.();
      stopListening = host.lifecycle((event) => {
        if (event.type !== "visible" && event.type !== "hidden") return;
        visible = event.type === "visible";
        loop.replan(); // a frame asked for before hiding would come only when the page is seen again
      });
      loop.attach(target);
    },
    wake: () => loop.wake(),
    detach() {
      stopListening?.();
      stopListening = undefined;
      loop.detach();
      messages.close();
    },
  };
}
