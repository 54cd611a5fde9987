// The seam to the surroundings: clock, timers, chance and life-cycle events come in through one object,
// so that the same peer runs on a wall clock in a page and on a virtual clock in a test.
import type { Bytes } from "./bytes.js";
import { RandomStream } from "./data/prng.js";
import type { Awaitable, CryptoProvider } from "./identity/crypto.js";
import { platformCrypto } from "./identity/platform.js";

/** What may happen to the page, worker or process around a peer. */
export type LifecycleEvent =
  | { readonly type: "visible" }
  | { readonly type: "hidden" }
  | { readonly type: "frozen" }
  | { readonly type: "resumed" }
  | { readonly type: "online" }
  | { readonly type: "offline" }
  | { readonly type: "terminating" };

/** Everything a peer asks of its surroundings. */
export interface Host {
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  /** Calls `f` once after at least `ms`; the result cancels. Firing early or late is legal. */
  timer(ms: number, f: () => void): () => void;
  /** Fills the array with unpredictable bytes (repeatable ones on a manual host). */
  random(into: Bytes): void;
  /** Signatures, key agreement and encryption. Rejects with `no_crypto` where there is none. */
  crypto(): Awaitable<CryptoProvider>;
  /** Reports life-cycle events until the result is called. */
  lifecycle(f: (event: LifecycleEvent) => void): () => void;
}

const timerMax = 0x7fffffff; // longer delays overflow to "at once" in every runtime
const randomChunk = 65_536; // getRandomValues refuses more in one call

function platformTimer(ms: number, f: () => void): () => void {
  let cancelled = false;
  let handle: ReturnType<typeof setTimeout>;
  const arm = (left: number): void => {
    handle = setTimeout(() => {
      if (cancelled) return;
      if (left > timerMax) arm(left - timerMax);
      else f();
    }, Math.min(left, timerMax));
  };
  arm(Number.isFinite(ms) ? Math.max(0, ms) : timerMax);
  return () => {
    cancelled = true;
    clearTimeout(handle);
  };
}

function platformLifecycle(f: (event: LifecycleEvent) => void): () => void {
  const undo: (() => void)[] = [];
  const listen = (target: EventTarget, name: string, event: () => LifecycleEvent): void => {
    const listener = (): void => f(event());
    target.addEventListener(name, listener);
    undo.push(() => target.removeEventListener(name, listener));
  };
  const scope: unknown = globalThis;
  const page = typeof document === "undefined" ? undefined : document;
  if (page !== undefined) {
    listen(page, "visibilitychange", () => ({ type: page.visibilityState === "hidden" ? "hidden" : "visible" }));
    listen(page, "freeze", () => ({ type: "frozen" }));
    listen(page, "resume", () => ({ type: "resumed" }));
  }
  if (typeof EventTarget !== "undefined" && scope instanceof EventTarget) {
    listen(scope, "online", () => ({ type: "online" }));
    listen(scope, "offline", () => ({ type: "offline" }));
    if (page !== undefined) listen(scope, "pagehide", () => ({ type: "terminating" }));
  }
  return () => {
    for (const remove of undo.splice(0)) remove();
  };
}

/**
 * The real surroundings of a browser, worker, Node.js or Deno: web standards only.
 *
 * ```ts
 * const host = platformHost();
 * const cancel = host.timer(1000, () => console.log(host.now()));
 * ```
 */
export function platformHost(): Host {
  return {
    now: () => performance.now(),
    timer: platformTimer,
    random(into) {
      for (let at = 0; at < into.length; at += randomChunk) {
        crypto.getRandomValues(into.subarray(at, at + randomChunk) as Uint8Array<ArrayBuffer>);
      }
    },
    crypto: () => (provider ??= platformCrypto()),
    lifecycle: platformLifecycle,
  };
}

let provider: Promise<CryptoProvider> | undefined; // what a platform can do does not change

/** A host whose time passes only when it is told to. */
export interface ManualHost extends Host {
  /** Moves the clock on and fires the timers that fall due, in order of time, then of creation. */
  advance(ms: number): void;
  /** Time of the next timer, or null. */
  nextTimer(): number | null;
  /** Number of armed timers. */
  timers(): number;
  /** Reports a life-cycle event to all listeners. */
  emit(event: LifecycleEvent): void;
}

/** Settings of a manual host. */
export interface ManualHostOptions {
  /** Seed of `random`; 1 when absent. */
  readonly seed?: number;
  /** First reading of the clock in milliseconds; 0 when absent. */
  readonly startMs?: number;
  /** Made with the host's chance; the platform's when absent. Answers that are promises take turns of the real event loop. */
  readonly crypto?: (random: (into: Bytes) => void) => CryptoProvider;
}

/** A host with a virtual clock and seeded randomness, for tests and simulations. */
export function manualHost(options: ManualHostOptions = {}): ManualHost {
  const stream = new RandomStream(options.seed ?? 1);
  const armed: { at: number; order: number; fire: () => void }[] = [];
  const listeners = new Set<(event: LifecycleEvent) => void>();
  let now = options.startMs ?? 0;
  let order = 0;

  const earliest = (): (typeof armed)[number] | undefined => {
    let best: (typeof armed)[number] | undefined;
    for (const entry of armed) {
      if (best === undefined || entry.at < best.at || (entry.at === best.at && entry.order < best.order)) best = entry;
    }
    return best;
  };
  const disarm = (entry: (typeof armed)[number]): void => {
    const index = armed.indexOf(entry);
    if (index >= 0) armed.splice(index, 1);
  };

  const random = (into: Bytes): void => {
    for (let index = 0; index < into.length; index++) into[index] = stream.next() >>> 24;
  };
  const provider = options.crypto?.(random);
  return {
    now: () => now,
    timer(ms, f) {
      const entry = { at: now + Math.max(0, ms), order: order++, fire: f };
      armed.push(entry);
      return () => disarm(entry);
    },
    random,
    crypto: () => provider ?? platformCrypto(),
    lifecycle(f) {
      const own = (event: LifecycleEvent): void => f(event);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    advance(ms) {
      const end = now + Math.max(0, ms);
      for (let entry = earliest(); entry !== undefined && entry.at <= end; entry = earliest()) {
        disarm(entry);
        now = Math.max(now, entry.at);
        entry.fire();
      }
      now = end;
    },
    nextTimer: () => earliest()?.at ?? null,
    timers: () => armed.length,
    emit(event) {
      for (const listener of [...listeners]) listener(event);
    },
  };
}
