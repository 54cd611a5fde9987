// What the round glue needs of a peer: less than `Peer` offers, so that anything with these calls can be paced.
import type { PeerId } from "../peer-id.js";

/** An output of an execution. */
export interface OutputEvent {
  readonly target: string;
  readonly topic: string;
  readonly exec: bigint;
  readonly value: unknown;
}

/** An op of an execution that failed. */
export interface FailureEvent {
  readonly exec: bigint;
  readonly reason: string;
  readonly detail: string;
}

/** A link to another peer came up or went down. */
export interface NeighbourEvent {
  readonly peer: PeerId;
}

/** The events that are listened to. */
export interface PacedPeerEvents {
  readonly event: OutputEvent;
  readonly failed: FailureEvent;
  readonly link: NeighbourEvent;
  readonly "link-down": NeighbourEvent;
}

/** The part of `Peer` that rounds are made of. */
export interface PacedPeer {
  readonly peerId: PeerId;
  invoke(target: string, inputs?: Readonly<Record<string, unknown>>): Promise<bigint>;
  on<K extends keyof PacedPeerEvents>(kind: K, f: (event: PacedPeerEvents[K]) => void): () => void;
}
