// Calling a target and waiting for what it puts out: pairs an invocation with its events by execution.
import { BBError } from "../errors.js";
import { platformHost, type Host } from "../host.js";
import type { FloatTensor } from "./evaluate.js";
import type { FailureEvent, OutputEvent, PacedPeer } from "./port.js";

/** Outputs of one execution, by port. */
export type CallOutputs = Readonly<Record<string, unknown>>;

/** Settings of a call. */
export interface CallOptions {
  /** Milliseconds after which the call is given up; 60,000 when absent. */
  readonly timeoutMs?: number;
  /** Gives the call up. What was started in the engine ends by itself. */
  readonly signal?: AbortSignal;
}

interface OpenCall {
  readonly awaited: Set<string>;
  readonly outputs: Record<string, unknown>;
  readonly settle: (result: CallOutputs | BBError) => void;
}

function isFloatTensor(value: unknown): value is FloatTensor {
  return typeof value === "object" && value !== null && "data" in value && "shape" in value
    && value.data instanceof Float32Array && Array.isArray(value.shape);
}

const timeoutMsDefault = 60_000;
const earlyMax = 1_024; // events between an invocation and the answer that names its execution

/**
 * Calls of one peer's targets.
 *
 * ```ts
 * const calls = new Calls(peer);
 * const { logits } = await calls.run("Predict", { x }, ["logits"]);
 * ```
 */
export class Calls {
  readonly #peer: PacedPeer;
  readonly #host: Host;
  readonly #open = new Map<bigint, OpenCall>();
  readonly #undo: (() => void)[];
  #starting = 0;
  #early: (OutputEvent | FailureEvent)[] = [];
  #closed = false;

  constructor(peer: PacedPeer, host: Host = platformHost()) {
    this.#peer = peer;
    this.#host = host;
    this.#undo = [peer.on("event", (event) => this.#take(event)), peer.on("failed", (event) => this.#take(event))];
  }

  /**
   * Invokes `target` and resolves once all `topics` were put out by that execution. Rejects with the reason of the first op of
   * it that fails before, with `timeout`, `aborted` or `closed`.
   */
  async run(target: string, inputs: Readonly<Record<string, unknown>>, topics: readonly string[], options: CallOptions = {}): Promise<CallOutputs> {
    if (this.#closed) throw new BBError("closed", "the calls were closed");
    if (options.signal?.aborted === true) throw new BBError("aborted", `the call of ${target} was given up`);
    this.#starting++;
    let exec: bigint;
    try {
      exec = await this.#peer.invoke(target, inputs);
    } catch (error) {
      this.#started();
      throw error;
    }
    return await new Promise<CallOutputs>((resolve, reject) => {
      const timeoutMs = options.timeoutMs ?? timeoutMsDefault;
      const settle = (result: CallOutputs | BBError): void => {
        cancel();
        options.signal?.removeEventListener("abort", onAbort);
        this.#open.delete(exec);
        if (result instanceof BBError) reject(result);
        else resolve(result);
      };
      const onAbort = (): void => settle(new BBError("aborted", `the call of ${target} was given up`));
      const cancel = this.#host.timer(timeoutMs, () => settle(new BBError("timeout", `${target} put out nothing for ${timeoutMs} ms`)));
      options.signal?.addEventListener("abort", onAbort);
      this.#open.set(exec, { awaited: new Set(topics), outputs: {}, settle });
      for (const event of [...this.#early]) {
        if (event.exec === exec) this.#take(event);
      }
      this.#started();
      if (this.#closed) settle(new BBError("closed", "the calls were closed"));
    });
  }

  /** Like `run`, for a single output. */
  async one(target: string, inputs: Readonly<Record<string, unknown>>, topic: string, options: CallOptions = {}): Promise<unknown> {
    return (await this.run(target, inputs, [topic], options))[topic];
  }

  /** Like `one`, for a tensor of 32-bit floats; rejects with `bad_output` when it is something else. */
  async tensor(target: string, inputs: Readonly<Record<string, unknown>>, topic: string, options: CallOptions = {}): Promise<FloatTensor> {
    const value = await this.one(target, inputs, topic, options);
    if (isFloatTensor(value)) return value;
    throw new BBError("bad_output", `${topic} of ${target} is no tensor of 32-bit floats`);
  }

  /** Stops listening; open calls reject with `closed`. */
  close(): void {
    this.#closed = true;
    for (const undo of this.#undo.splice(0)) undo();
    for (const call of [...this.#open.values()]) call.settle(new BBError("closed", "the calls were closed"));
    this.#early = [];
  }

  #started(): void {
    this.#starting--;
    if (this.#starting === 0) this.#early = [];
  }

  #take(event: OutputEvent | FailureEvent): void {
    const call = this.#open.get(event.exec);
    if (call === undefined) {
      // A driver may run the engine before the caller learns which execution it has started.
      if (this.#starting > 0 && this.#early.length < earlyMax) this.#early.push(event);
      return;
    }
    if (!("topic" in event)) {
      call.settle(new BBError(event.reason, event.detail));
      return;
    }
    if (!call.awaited.delete(event.topic)) return;
    call.outputs[event.topic] = event.value;
    if (call.awaited.size === 0) call.settle(call.outputs);
  }
}
