// What a node is installed with, and what it tells of itself.
import type { Artifact } from "./artifact.js";
import type { Bytes } from "./bytes.js";
import type { PeerId } from "./peer-id.js";
import type { ExecId, PeerHandle, StepKind } from "./steps.js";

/** Limits that differ from the engine's own (docs/limits.md); things, bytes or nanoseconds as their names say. Infinity is legal. */
export interface NodeLimits {
  /** Starts from the small limits for constrained devices instead. */
  readonly edge?: boolean;
  readonly envelopeBytesMax?: number;
  readonly fillsMax?: number;
  readonly fillBytesMax?: number;
  readonly destinationsMax?: number;
  readonly suffixBytesMax?: number;
  readonly sourceAddressesMax?: number;
  readonly sourceAddressBytesMax?: number;
  readonly reportsMax?: number;
  readonly opsPerPoll?: number;
  readonly parkedOpsMax?: number;
  readonly executionsMax?: number;
  readonly ingressMax?: number;
  readonly ingressBytesMax?: number;
  readonly memoryBytesMax?: number;
  readonly eventBytesMax?: number;
  readonly invokeBytesMax?: number;
  readonly invokeInputsMax?: number;
  readonly completionBytesMax?: number;
  readonly outboundMax?: number;
  readonly outboundBytesMax?: number;
  readonly peersMax?: number;
  readonly addressesPerPeerMax?: number;
  readonly timersMax?: number;
  readonly requestsMax?: number;
  readonly payloadWindow?: number;
  readonly plansPerGraphMax?: number;
  readonly clockGapNs?: number;
  readonly readyOpsMax?: number;
  readonly peerSharePercent?: number;
  readonly busMax?: number;
  readonly phasesMax?: number;
  readonly roundTripsMax?: number;
  readonly failuresBeforeDown?: number;
  readonly backoffBaseNs?: number;
  readonly backoffMaxNs?: number;
  readonly backoffJitterPercent?: number;
  readonly highWaterPercent?: number;
  readonly noticesBeforeSilent?: number;
  readonly noticeIntervalNs?: number;
  readonly malformedFramesMax?: number;
  readonly permitsMax?: number;
  readonly queuesMax?: number;
  readonly queueValuesMax?: number;
  readonly heldMax?: number;
  readonly recordsMax?: number;
  readonly recordValuesMax?: number;
  readonly metricsMax?: number;
  readonly journalBytesMax?: number;
  readonly withheldPollsMax?: number;
  readonly artifactBytesMax?: number;
  readonly functionsMax?: number;
  readonly nodesMax?: number;
}

/** What is installed, and as whom. */
export interface InstallOptions {
  readonly peer: PeerId;
  /** Own addresses, for example `/p2p/<id>`; that one when absent. */
  readonly addresses?: readonly string[];
  /** Compiled programs; slots of one name in several of them are one component. */
  readonly artifacts: readonly (Artifact | Bytes)[];
  /** Base names of the targets to install; all of all artifacts when absent. */
  readonly targets?: readonly string[];
  /** Per slot what its component is made with. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly limits?: NodeLimits;
  /** Everything random in the node comes from it; drawn from the platform when absent. */
  readonly seed?: bigint;
  /** A number that grows with every restart under one peer id; drawn from the seed when absent. */
  readonly incarnation?: bigint;
  /** Envelopes leave only against `grant`. */
  readonly creditRequired?: boolean;
  /** `deliverEvent` also yields an event. */
  readonly echoEvents?: boolean;
  /**
   * `recorded`: inputs are kept for `journal` and `replay`. `gated`: besides, steps come with the first poll after `committed` said that
   * the inputs behind them are durable, so nothing leaves that a crash could take back. Nothing is recorded when absent.
   */
  readonly durability?: "none" | "recorded" | "gated";
  /** Kinds of steps; see `mask`. */
  readonly mask?: readonly StepKind[] | "all";
}

/** What became of a frame. */
export type ReceiveStatus =
  | { readonly status: "accepted" }
  | { readonly status: "duplicate" }
  /** Nothing is wrong with the frame: `unauthenticated`, `blocked`, `silenced`, `queue_full`, `budget_exceeded`, `no_memory`, `busy`. */
  | { readonly status: "refused"; readonly reason: string }
  /** The frame is no envelope: `malformed`, `oversize_envelope`, `too_many_fills`, ... */
  | { readonly status: "malformed"; readonly reason: string; readonly detail: string };

/** What a node says of itself. */
export interface Inspection {
  readonly self: PeerId;
  readonly incarnation: bigint;
  readonly targets: readonly { readonly name: string; readonly baseName: string; readonly ops: number; readonly values: number; readonly sites: readonly bigint[] }[];
  readonly slots: readonly { readonly name: string; readonly typeName: string; readonly role: string; readonly component: number }[];
  readonly peers: readonly {
    readonly id: PeerId; readonly handle: PeerHandle; readonly admitted: boolean;
    /** How its channel is kept from others; empty when it is not admitted. */
    readonly channel: "" | "encrypted" | "dtls" | "in-process" | "itself";
    /** The highest that it has proven. */
    readonly incarnation: bigint;
    readonly addresses: readonly string[];
    readonly references: number; readonly queued: number; readonly sentBytes: number;
  }[];
}

/** Counts of a node. */
export interface EngineStats {
  readonly frontier: number;
  readonly parked: number;
  readonly ingress: number;
  readonly executions: number;
  readonly outbound: number;
  readonly peers: number;
  readonly components: number;
  readonly graphs: number;
  readonly requests: number;
  readonly timers: number;
  readonly ingressBytes: number;
  readonly outboundBytes: number;
  readonly memoryBytes: number;
  readonly systemAllocations: number;
  readonly ops: number;
  readonly envelopesIn: number;
  readonly envelopesOut: number;
  readonly duplicates: number;
  readonly malformed: number;
  readonly refused: number;
  readonly lateCompletions: number;
  readonly unmatchedResponses: number;
  readonly outboundDropped: number;
  readonly stepsDropped: number;
}

/** Which bootstraps to run: all that have not run, by target, with inputs, or components' own by slot. */
export type BootstrapTarget =
  | undefined
  | readonly string[]
  | { readonly requests: readonly { readonly target: string; readonly inputs?: Readonly<Record<string, unknown>> }[] }
  | { readonly slots: readonly string[] };

/** How far bootstraps are. */
export interface BootstrapState {
  readonly status: "idle" | "running" | "waiting-for-input";
  /** Everything that could be asked for. */
  readonly targets: readonly string[];
}

/** How a peer did lately. */
export interface PeerHealth {
  readonly consecutiveFailures: number;
  readonly down: boolean;
  readonly blocked: boolean;
  /** Until when nothing is sent to it, on the node's clock; undefined when it may be sent to. */
  readonly retryMs: number | undefined;
}

/** How a snapshot is taken up. */
export interface RestoreOptions {
  /** What the host's clock shows now; the snapshot's own clock goes on when absent. */
  readonly nowMs?: number;
  /** For a replay: messages are numbered on. A node that lives on is a new incarnation, which is what happens otherwise. */
  readonly sameIncarnation?: boolean;
  /** Ops that wait for components: "fail" when what would answer them is gone. */
  readonly pending?: "keep" | "fail";
}

/** Inputs of a node since the last time, as one frame of a journal. */
export interface JournalPart {
  readonly bytes: Bytes;
  /** The inputs up to its end. */
  readonly sequence: bigint;
}

/** What a replay did. */
export interface Replayed {
  readonly inputs: number;
  readonly polls: number;
  /** Where an incomplete last frame begins; undefined when there is none. */
  readonly tornAt: number | undefined;
}

/** Why something does not go on. Times are the node's clock in milliseconds. */
export interface Wait {
  readonly kind: "completion" | "answer" | "timer" | "permit" | "queue" | "inputs" | "slot" | "bootstrap" | "credit";
  readonly target: string;
  /** The op; empty for a whole execution. */
  readonly op: string;
  readonly exec: ExecId;
  /** Of an op that is parked. */
  readonly command: bigint | undefined;
  /** The values, or the slot, that it waits for. */
  readonly missing: readonly string[];
  readonly peers: readonly {
    readonly id: PeerId; readonly link: "up" | "down" | "unknown"; readonly linkSinceMs: number; readonly linkCode: number; readonly queued: number;
  }[];
  readonly sinceMs: number;
  readonly deadlineMs: number | undefined;
  /** One sentence. */
  readonly text: string;
}
