// What a poll tells: one block of records in the module's memory, read when it is asked for (docs/abi.md).
import { BBError } from "./errors.js";
import { concatBytes, type Bytes } from "./bytes.js";
import type { PeerId } from "./peer-id.js";
import type { Value } from "./types.js";
import { readValue } from "./values.js";
import { textAt, type Bridge } from "./wasm/bridge.js";

declare const handleBrand: unique symbol;
/** A peer as a node numbers it. */
export type PeerHandle = number & { readonly [handleBrand]: true };
/** One execution of a target. */
export type ExecId = bigint;

/** Numbers of the kinds of steps in a block. */
export const stepKinds = {
  send: 1, event: 2, failed: 3, "async-suspended": 4, completed: 5, "wire-failed": 6, "wire-timeout": 7, peer: 8, dial: 9, lifecycle: 11, bootstrap: 12, dropped: 13, suspended: 14, budget: 15,
} as const;

/** The kinds of steps. */
export type StepKind = keyof typeof stepKinds;

/** Kinds written unless `mask` says otherwise: all but one record per op. */
export const defaultKinds: readonly StepKind[] = ["send", "event", "failed", "wire-failed", "wire-timeout", "peer", "dial", "lifecycle", "bootstrap", "dropped", "suspended", "budget"];

const opErrorKinds = ["Other", "TypeMismatch", "MissingSlot", "NotRegistered", "ExecutionFailed", "RemoteFailed", "Timeout", "BadInput", "Cooldown"] as const;
const wireFailures = ["unreadable_destination", "unknown_type_hash", "type_mismatch", "decode_failed", "unknown_site", "unknown_component", "allocation_failed"] as const;
const peerEvents = ["up", "down", "blocked", "resolve-failed", "notice", "silent", "suspect"] as const;
const blockReasons = ["", "blocklisted", "not_allowlisted", "cooldown", "quarantined"] as const;

/** An envelope to ship. */
export interface SendStep {
  readonly kind: "send";
  readonly peer: PeerHandle;
  readonly lane: 0 | 1;
  readonly sequence: bigint;
  /** 0 unless an answer is awaited. */
  readonly requestId: bigint;
  /** Milliseconds left; undefined when there is no deadline. */
  readonly remainingMs: number | undefined;
  readonly size: number;
  /** Head, body and tail in the module's memory: void after the next poll, or when memory grows. */
  parts(): readonly Bytes[];
  /** A copy of all of it. */
  bytes(): Bytes;
}

/** An output of a program, or an echoed event. */
export interface EventStep {
  readonly kind: "event";
  readonly target: string;
  readonly topic: string;
  readonly exec: ExecId;
  readonly value: Value;
}

/** An op failed; what follows from it does not happen, the rest of the execution goes on. */
export interface FailedStep {
  readonly kind: "failed";
  readonly target: string;
  /** The op's name in the program. */
  readonly op: string;
  readonly exec: ExecId;
  readonly errorKind: (typeof opErrorKinds)[number];
  readonly reason: string;
  readonly detail: string;
}

/** An op ran, or waits for its answer. Only with the mask that asks for them. */
export interface OpStep {
  readonly kind: "completed" | "async-suspended";
  readonly target: string;
  readonly op: string;
  readonly exec: ExecId;
  /** Of an op that waits. */
  readonly command?: bigint;
  readonly sites: readonly bigint[];
}

/** A part of an envelope could not be delivered. */
export interface WireFailedStep {
  readonly kind: "wire-failed";
  readonly peer: PeerHandle | undefined;
  readonly fill: number;
  readonly typeHash: bigint;
  readonly payloadSize: number;
  readonly reason: (typeof wireFailures)[number];
  readonly detail: string;
}

/** A request was not answered in time. */
export interface WireTimeoutStep {
  readonly kind: "wire-timeout";
  readonly peer: PeerHandle | undefined;
  readonly requestId: bigint;
  readonly site: bigint;
  readonly startedMs: number;
  readonly command: bigint | undefined;
}

/** A Send found no address of a peer. */
export interface PeerUnresolvedStep {
  readonly kind: "peer";
  readonly event: "resolve-failed";
  readonly peer: PeerId;
  readonly target: string;
  readonly op: string;
  readonly exec: ExecId;
}

/**
 * What the node thinks of a peer has changed. `blocked`: a frame of it was refused or a Send to it held back; `down` and `suspect`:
 * failures or silence; `up`: it answered again; `notice`: it was asked to send less; `silent`: its envelopes are dropped until it was quiet.
 */
export interface PeerChangeStep {
  readonly kind: "peer";
  readonly event: Exclude<(typeof peerEvents)[number], "resolve-failed">;
  readonly peer: PeerId;
  /** Of `blocked`. */
  readonly reason: (typeof blockReasons)[number];
  /** When to try again, on the node's clock; of `blocked` by cooldown or quarantine, and how long `notice` asked for. */
  readonly retryMs: number | undefined;
  /** How sure the node is that the peer is gone; of `suspect` and `down` by silence. */
  readonly phi: number;
}

/** Something about a peer. */
export type PeerStep = PeerUnresolvedStep | PeerChangeStep;

/** The ops of a lifecycle phase were started. */
export interface LifecycleStep {
  readonly kind: "lifecycle";
  readonly phase: string;
}

/** A bootstrap (`X__bootstrap`) is done, or, without a target, waits for a completion. */
export interface BootstrapStep {
  readonly kind: "bootstrap";
  readonly target: string | undefined;
}

/** Envelopes wait for a peer that was never granted credit. */
export interface DialStep {
  readonly kind: "dial";
  readonly peer: PeerHandle;
  /** Multiaddr bytes. */
  readonly addresses: readonly Bytes[];
}

/** Envelopes were dropped because the queues were full. */
export interface DroppedStep {
  readonly kind: "dropped";
  readonly count: bigint;
}

/** The clock jumped; deadlines were shifted. */
export interface SuspendedStep {
  readonly kind: "suspended";
  readonly gapMs: number;
}

/** The poll's budget ended with work left. */
export interface BudgetStep {
  readonly kind: "budget";
  readonly ops: number;
}

/** A step of a poll. */
export type Step =
  | SendStep | EventStep | FailedStep | OpStep | WireFailedStep | WireTimeoutStep | PeerStep | DialStep | LifecycleStep | BootstrapStep | DroppedStep
  | SuspendedStep | BudgetStep;

/** Names that records refer to, and the number of the poll they are of. */
export interface BlockSource {
  readonly bridge: Bridge;
  /** How many polls there were; a block of an earlier one than the last is void. */
  polls(): number;
  name(number: number): string;
  opName(number: number): { readonly target: string; readonly op: string };
}

const magic = 0x31534242;
const headerBytes = 32;
const moreFlag = 1;
const abandonedFlag = 8;
const never = 0xffff_ffff_ffff_ffffn;
const noPeer = 0xffff_ffff;
const high = 0x1_0000_0000;

/** A raw record, for those who want no objects: `at` is where its body starts in `view`. */
export type RecordVisitor = (kind: number, at: number, size: number, view: DataView<ArrayBuffer>) => void;

/** The steps of one poll. Iterating makes an object per step; all of it is void after the next poll of the node. */
export class StepBlock implements Iterable<Step> {
  readonly #source: BlockSource;
  readonly #at: number;
  readonly #poll: number;
  /** Runnable work remains: poll again with the same time. */
  readonly more: boolean;
  /** Some async methods of components are no longer awaited. */
  readonly abandoned: boolean;
  /** When the node wants to be polled again, in milliseconds of its clock; null when nothing is due. */
  readonly nextWakeupMs: number | null;
  readonly nowMs: number;
  readonly count: number;

  constructor(source: BlockSource, at: number) {
    const view = source.bridge.view();
    if (view.getUint32(at, true) !== magic) throw new BBError("bad_record", "this is no step block", { at });
    this.#source = source;
    this.#at = at;
    this.#poll = source.polls();
    this.count = view.getUint32(at + 8, true);
    const flags = view.getUint32(at + 12, true);
    this.more = (flags & moreFlag) !== 0;
    this.abandoned = (flags & abandonedFlag) !== 0;
    const next = view.getBigUint64(at + 16, true);
    // Rounded up: a driver that wakes a fraction early would find nothing due.
    this.nextWakeupMs = next === never ? null : Math.ceil(Number(next) / 1e3) / 1e3;
    this.nowMs = nanoseconds(view, at + 24) / 1e6;
  }

  /** The block's bytes, copied. */
  bytes(): Bytes {
    this.check();
    return this.#source.bridge.copy(this.#at, this.#source.bridge.view().getUint32(this.#at + 4, true));
  }

  /** Walks the records without making objects. */
  walk(visit: RecordVisitor): void {
    let at = this.#at + headerBytes;
    for (let index = 0; index < this.count; index++) {
      this.check();
      const view = this.#source.bridge.view();
      const size = view.getUint32(at + 4, true);
      visit(view.getUint16(at, true), at + 8, size - 8, view);
      at += size;
    }
  }

  // Written out, since a generator costs more than the step that it yields.
  [Symbol.iterator](): Iterator<Step> {
    let at = this.#at + headerBytes;
    let left = this.count;
    return {
      next: (): IteratorResult<Step> => {
        if (left === 0) return { done: true, value: undefined };
        this.check();
        left--;
        const view = this.#source.bridge.view();
        const value = this.#read(view, view.getUint16(at, true), at + 8);
        at += view.getUint32(at + 4, true);
        return { done: false, value };
      },
    };
  }

  /** Throws `stale_block` when the node was polled again. */
  check(): void {
    if (this.#source.polls() !== this.#poll) throw new BBError("stale_block", "the node was polled again; read a block before that");
  }

  #read(view: DataView<ArrayBuffer>, kind: number, at: number): Step {
    const source = this.#source;
    const u32 = (offset: number): number => view.getUint32(at + offset, true);
    const u64 = (offset: number): bigint => view.getBigUint64(at + offset, true);
    const handle = (offset: number): PeerHandle | undefined => (u32(offset) === noPeer ? undefined : (u32(offset) as PeerHandle));
    switch (kind) {
      case stepKinds.send: return new SendRecord(this, source.bridge, view, at);
      case stepKinds.event:
        return { kind: "event", target: source.name(u32(0)), topic: source.name(u32(4)), exec: u64(8), value: readValue(source.bridge, at + 16) };
      case stepKinds.failed:
        return {
          kind: "failed", ...source.opName(u32(0)), exec: u64(8), errorKind: opErrorKinds[view.getUint8(at + 4)] ?? "Other",
          reason: source.name(u32(16)), detail: textAt(source.bridge, at + 24, u32(20)),
        };
      case stepKinds["async-suspended"]:
        return { kind: "async-suspended", ...source.opName(u32(0)), exec: u64(8), command: u64(16), sites: [] };
      case stepKinds.completed:
        return { kind: "completed", ...source.opName(u32(0)), exec: u64(8), sites: Array.from({ length: u32(4) }, (_, index) => u64(24 + index * 8)) };
      case stepKinds["wire-failed"]:
        return {
          kind: "wire-failed", peer: handle(0), fill: u32(4), typeHash: u64(8), payloadSize: u32(16),
          reason: wireFailures[view.getUint16(at + 20, true)] ?? "unknown_site", detail: textAt(source.bridge, at + 24, view.getUint16(at + 22, true)),
        };
      case stepKinds["wire-timeout"]:
        return {
          kind: "wire-timeout", peer: handle(0), requestId: u64(8), site: u64(16), startedMs: Number(u64(24)) / 1e6,
          command: u64(32) === never ? undefined : u64(32),
        };
      case stepKinds.peer: {
        const event = peerEvents[view.getUint16(at + 4, true)] ?? "notice";
        const peer = source.bridge.copy(at + 32, u32(20)) as Uint8Array as PeerId;
        if (event === "resolve-failed") return { kind: "peer", event, peer, ...source.opName(u32(16)), exec: u64(24) };
        const retry = nanoseconds(view, at + 24);
        return {
          kind: "peer", event, peer, reason: blockReasons[view.getUint16(at + 6, true)] ?? "", retryMs: retry === 0 ? undefined : retry / 1e6,
          phi: view.getFloat64(at + 8, true),
        };
      }
      case stepKinds.lifecycle: return { kind: "lifecycle", phase: source.name(u32(0)) };
      case stepKinds.bootstrap: return { kind: "bootstrap", target: u32(0) === noPeer ? undefined : source.name(u32(0)) };
      case stepKinds.dial: return { kind: "dial", peer: u32(0) as PeerHandle, addresses: this.#addresses(view, at) };
      case stepKinds.dropped: return { kind: "dropped", count: u64(8) };
      case stepKinds.suspended: return { kind: "suspended", gapMs: Number(u64(0)) / 1e6 };
      case stepKinds.budget: return { kind: "budget", ops: u32(0) };
      default: throw new BBError("bad_record", `a step of kind ${kind}`, { at });
    }
  }

  #addresses(view: DataView<ArrayBuffer>, at: number): Bytes[] {
    const addresses: Bytes[] = [];
    let next = at + 8;
    for (let index = 0; index < view.getUint32(at + 4, true); index++) {
      const length = view.getUint32(next, true);
      addresses.push(this.#source.bridge.copy(next + 4, length));
      next += 4 + ((length + 3) & ~3);
    }
    return addresses;
  }
}

/** An envelope where the poll left it. */
class SendRecord implements SendStep {
  readonly kind = "send";
  readonly peer: PeerHandle;
  readonly lane: 0 | 1;
  readonly remainingMs: number | undefined;
  readonly size: number;
  readonly #block: StepBlock;
  readonly #bridge: Bridge;
  readonly #at: number;

  constructor(block: StepBlock, bridge: Bridge, view: DataView<ArrayBuffer>, at: number) {
    this.peer = view.getUint32(at, true) as PeerHandle;
    this.lane = view.getUint8(at + 4) === 0 ? 0 : 1;
    const remaining = nanoseconds(view, at + 24);
    this.remainingMs = remaining === 0 ? undefined : remaining / 1e6;
    this.size = view.getUint32(at + 40, true) + view.getUint32(at + 48, true) + view.getUint32(at + 56, true);
    this.#block = block;
    this.#bridge = bridge;
    this.#at = at;
  }

  // Read when asked for: a transport wants neither, and each would be an object of its own.
  get sequence(): bigint {
    this.#block.check();
    return this.#bridge.view().getBigUint64(this.#at + 8, true);
  }

  get requestId(): bigint {
    this.#block.check();
    return this.#bridge.view().getBigUint64(this.#at + 16, true);
  }

  parts(): Bytes[] {
    this.#block.check();
    const view = this.#bridge.view();
    const heap = this.#bridge.heap();
    const start = view.getUint32(this.#at + 36, true);
    const length = view.getUint32(this.#at + 40, true);
    if (length === this.size) return [heap.subarray(start, start + length)];
    const parts: Bytes[] = [];
    for (let span = this.#at + 36; span < this.#at + 60; span += 8) {
      const start = view.getUint32(span, true);
      const length = view.getUint32(span + 4, true);
      if (length > 0) parts.push(heap.subarray(start, start + length));
    }
    return parts;
  }

  bytes(): Bytes {
    return concatBytes(this.parts());
  }
}

/** A time as a number: exact to a microsecond for centuries. */
function nanoseconds(view: DataView<ArrayBuffer>, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * high;
}
