// What federated rounds are started with and what they report.
import { BBError } from "../errors.js";
import type { Host } from "../host.js";
import { samePeer, type PeerId } from "../peer-id.js";
import type { NeighbourState } from "./neighbours.js";
import type { PacedPeer } from "./port.js";

/**
 * The part a peer plays, with the targets it invokes.
 *
 * - `mesh`: every peer trains, sends to all neighbours and merges what it received. No single point of failure.
 * - `server`: trains like a client of itself, merges for all and sends the result to everybody.
 * - `client`: trains, sends to the server and takes over what the server sends back.
 */
export type RoundsRole =
  | {
    readonly kind: "mesh";
    /** Inputs `peers` and `meta`, outputs `loss`, `received` and `contributed`; `Mesh` when absent. */
    readonly train?: string;
    /** Input `go`, output `merged`; `MeshMerge` when absent. */
    readonly merge?: string;
  }
  | {
    readonly kind: "server";
    /** As a mesh's; `ClientTrain` when absent. */
    readonly train?: string;
    /** Inputs `go` and `clients`, output `merged`; `ServerMerge` when absent. */
    readonly merge?: string;
  }
  | {
    readonly kind: "client";
    readonly server: PeerId;
    /** Inputs `peers` and `meta`, output `loss`; `ClientTrain` when absent. */
    readonly train?: string;
    /** Puts out `merged` when the server's model has come; `ClientReceive` when absent. */
    readonly receive?: string;
  };

/** Number of samples and round: what travels with every contribution and comes out of every merge. */
export interface RoundMeta {
  readonly samples: number;
  readonly round: number;
}

/** Reads what a graph puts out as samples and round; undefined when it is something else, or beyond what a number holds exactly. */
export function readRoundMeta(value: unknown): RoundMeta | undefined {
  if (typeof value !== "object" || value === null || !("samples" in value) || !("round" in value)) return undefined;
  const [samples, round] = [Number(value.samples), Number(value.round)];
  return Number.isSafeInteger(samples) && Number.isSafeInteger(round) && samples >= 0 && round >= 0 ? { samples, round } : undefined;
}

/** Settings of federated rounds. `E` is whatever `evaluate` measures. */
export interface FederatedRoundsOptions<E = undefined> {
  readonly peer: PacedPeer;
  /** Weight of this peer's contributions: the number of its training samples. */
  readonly samples: number;
  /** `{ kind: "mesh" }` when absent. */
  readonly role?: RoundsRole;
  /** Rounds 0 to `rounds` - 1, then an end; without one when absent. */
  readonly rounds?: number;
  /** Contributions, the own one included, below which a round is not merged; 1 when absent. */
  readonly minContributions?: number;
  /** Milliseconds after which a neighbour that has not sent is not waited for any more; 10,000 when absent. */
  readonly roundDeadlineMs?: number;
  /** Milliseconds to rest after each round; 0 when absent. */
  readonly restMs?: number;
  /** Measures the model after each merge; the answer is part of the `round` event. */
  readonly evaluate?: (merged: MergedRound) => Promise<E>;
  /** Clock and timers; the platform's when absent. */
  readonly host?: Host;
  /** Ends the rounds. */
  readonly signal?: AbortSignal;
}

/** A round that was merged. */
export interface MergedRound {
  readonly round: number;
  /** Samples behind the merged model. */
  readonly samples: number;
  /** Peers whose contributions this peer knows to be in it, itself included. */
  readonly contributors: number;
  /** Mean loss of the local training steps of this round; undefined when there were none: they failed, or the peer was catching up. */
  readonly loss: number | undefined;
}

/** A finished round, measured. */
export interface RoundEvent<E> extends MergedRound {
  readonly evaluation: E | undefined;
  readonly durationMs: number;
}

/** Where in a round the peer is. */
export type RoundPhase = "training" | "waiting" | "merging" | "evaluating" | "resting" | "paused" | "finished";

/** Said at every change of phase, and when the state of a neighbour changes while waiting. */
export interface ProgressEvent {
  readonly phase: RoundPhase;
  readonly round: number;
  readonly neighbours: readonly { readonly peer: PeerId; readonly state: NeighbourState }[];
}

/** Something went wrong; the rounds go on. */
export interface RoundFailure {
  readonly round: number;
  readonly phase: RoundPhase;
  readonly error: BBError;
}

/** What `FederatedRounds.on` listens to. */
export interface FederatedRoundsEvents<E> {
  readonly round: RoundEvent<E>;
  readonly progress: ProgressEvent;
  readonly failed: RoundFailure;
}

/** The settings with their defaults. */
export interface RoundsSettings {
  readonly train: string;
  readonly merge: string;
  readonly receive: string;
  readonly rounds: number;
  readonly minContributions: number;
  readonly roundDeadlineMs: number;
  readonly restMs: number;
}

function whole(name: string, value: number, low: number, high: number): number {
  if (!Number.isSafeInteger(value) || value < low || value > high) throw new BBError("bad_option", `${name} is ${value}, legal are whole numbers from ${low} to ${high}`);
  return value;
}

/** Checks the options and fills in the defaults. Throws `bad_option`. */
export function roundsSettings<E>(options: FederatedRoundsOptions<E>): RoundsSettings {
  const { role = { kind: "mesh" } } = options;
  whole("samples", options.samples, 1, Number.MAX_SAFE_INTEGER);
  if (role.kind === "client" && samePeer(role.server, options.peer.peerId)) {
    throw new BBError("bad_option", "a client is not its own server; give the server the role `server`");
  }
  return {
    train: role.train ?? (role.kind === "mesh" ? "Mesh" : "ClientTrain"),
    merge: role.kind === "client" ? "" : role.merge ?? (role.kind === "mesh" ? "MeshMerge" : "ServerMerge"),
    receive: role.kind === "client" ? role.receive ?? "ClientReceive" : "",
    rounds: options.rounds === undefined ? Number.POSITIVE_INFINITY : whole("rounds", options.rounds, 1, 1_000_000_000),
    minContributions: whole("minContributions", options.minContributions ?? 1, 1, 1_000_000),
    roundDeadlineMs: whole("roundDeadlineMs", options.roundDeadlineMs ?? 10_000, 1, 86_400_000),
    restMs: whole("restMs", options.restMs ?? 0, 0, 86_400_000),
  };
}
