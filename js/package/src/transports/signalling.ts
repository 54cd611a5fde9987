// How two peers that cannot reach each other yet say what is needed to open a connection of their own.
import type { SignalBody } from "../hub/messages.js";
import type { PeerId } from "../peer-id.js";

/** Somebody who can be signalled to. */
export interface SignalMember {
  /** Number of the member's stay; another one when it comes back. */
  readonly session: number;
  readonly peerId: PeerId;
  /** True at exactly one end: the one that begins. */
  readonly initiator: boolean;
}

/** What a signaller reports. */
export type SignalEvent =
  | { readonly type: "member"; readonly member: SignalMember }
  | { readonly type: "gone"; readonly session: number }
  | { readonly type: "signal"; readonly session: number; readonly attempt: number; readonly body: SignalBody };

/** Carries signals: a hub, or anything an application has. Signals arrive in order, or not at all. */
export interface Signaller {
  members(): readonly SignalMember[];
  /** False when there is no way to the member at the moment. */
  signal(session: number, attempt: number, body: SignalBody): boolean;
  onSignal(f: (event: SignalEvent) => void): () => void;
}
