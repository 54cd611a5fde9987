// The types of the hub protocol, its numbers and its limits; no behaviour.
import type { Bytes } from "../bytes.js";
import type { PeerId } from "../peer-id.js";

/** Version of the protocol spoken here. */
export const hubVersion = 1;
/** First byte of a control message. */
export const controlKind = 1;
/** First byte of a relay message. */
export const relayKind = 2;
/** Length of a relay header. */
export const relayHeaderLength = 8;
/** Part of `queueMax` a sender may use toward each member before it hears of more. */
export const firstCreditShare = 8;

/** What a member is told about another one. */
export interface Member {
  readonly session: number;
  readonly peerId: PeerId;
  readonly caps: number;
  readonly sinceMs: number;
}

/** What the hub asks of a member. */
export interface HubLimits {
  /** Longest binary message, relay header included. */
  readonly frameMax: number;
  readonly framesPerSecond: number;
  readonly bytesPerSecond: number;
  readonly roomMax: number;
  /** Bytes the hub keeps for a destination that reads slowly. */
  readonly queueMax: number;
}

/** First message of a member. */
export interface Hello {
  readonly version: number;
  readonly networkId: Bytes;
  readonly room: Bytes;
  readonly peerId: PeerId;
  readonly caps: number;
}

/** Answer to a Hello. */
export interface Welcome {
  readonly session: number;
  readonly leaseSeconds: number;
  readonly limits: HubLimits;
  readonly members: readonly Member[];
}

/** What one member says to another one through the hub to open a connection of their own. */
export type SignalBody =
  /** An SDP description, as JSON of `type` and `sdp`. */
  | { readonly type: "description"; readonly bytes: Bytes }
  /** An ICE candidate, as JSON of an `RTCIceCandidateInit`. */
  | { readonly type: "candidate"; readonly bytes: Bytes }
  /** There are no more candidates. */
  | { readonly type: "end" };

/** One control message. */
export type HubMessage =
  | { readonly kind: "hello"; readonly hello: Hello }
  | { readonly kind: "welcome"; readonly welcome: Welcome }
  | { readonly kind: "presence"; readonly joined: readonly Member[]; readonly left: readonly number[]; readonly revision: number }
  /** `session`: to whom, on the way to the hub; from whom, on the way from it. `attempt` counts the connections that were tried. */
  | { readonly kind: "signal"; readonly session: number; readonly attempt: number; readonly body: SignalBody }
  | { readonly kind: "leave"; readonly code: number }
  | { readonly kind: "quota"; readonly session: number; readonly writable: number }
  | { readonly kind: "error"; readonly code: number; readonly detail: string; readonly retryAfterMs: number }
  | { readonly kind: "drain"; readonly graceMs: number; readonly url: string };

/** Reasons the hub gives in an Error message. Those with `retry` are worth another attempt. */
export const hubErrors = {
  malformed: { code: 1, retry: false },
  version: { code: 2, retry: false },
  room_full: { code: 3, retry: true },
  hub_full: { code: 4, retry: true },
  rate: { code: 5, retry: true },
  quota: { code: 6, retry: false },
  replaced: { code: 7, retry: false },
  lease: { code: 8, retry: true },
  late_hello: { code: 9, retry: true },
  over_cap: { code: 10, retry: false },
  overloaded: { code: 11, retry: true },
  draining: { code: 12, retry: true },
  unsupported: { code: 13, retry: false },
} as const;

/** Name of a reason. */
export type HubErrorName = keyof typeof hubErrors;

/** Name of an Error code; undefined for one this version does not know. */
export function hubErrorName(code: number): HubErrorName | undefined {
  for (const [name, entry] of Object.entries(hubErrors)) {
    if (entry.code === code) return name as HubErrorName;
  }
  return undefined;
}

/** What a relay message of this length is charged: its bytes and what the hub spends on keeping it. */
export function relayCost(length: number): number {
  return length + 64;
}

/**
 * Cost a sender may run up toward a member before the first Quota. A hub renews when half of what it granted is used, so that a frame
 * of half of this always gets its turn.
 */
export function firstCredit(queueMax: number): number {
  return Math.floor(queueMax / firstCreditShare);
}
