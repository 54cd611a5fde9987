// What a transport is: links to other peers that carry whole messages, with back-pressure and without any knowledge of them.
import type { Bytes } from "../bytes.js";
import type { BBError } from "../errors.js";
import type { Host } from "../host.js";
import type { PeerId } from "../peer-id.js";

/** Number of a link, unique within its transport. */
export type LinkId = number;
/** 0 control: small and urgent; 1 bulk. Order holds within a lane only. */
export type Lane = 0 | 1;
/** Longest message on the control lane: urgent messages are small, and a stranger may not reserve more there. */
export const controlMessageMax = 1_048_576;
/** Which way the bytes of a link take. */
export type LinkPath = "local" | "direct" | "relayed" | "hub";
/** Why a link went down. */
export type LinkCode =
  | "closed" // this side closed it
  | "left" // the other side left
  | "lost" // the connection under it broke
  | "protocol" // the other side, or the hub, broke the rules
  | "over_cap" // the other side sent more than is allowed
  | "dropped"; // cut by a simulation

/** What ties a handshake to the channel under it; nothing does yet, except sharing a process. */
export type ChannelBinding = { readonly kind: "none" } | { readonly kind: "in-process" };

/** A live link. */
export interface LinkInfo {
  readonly link: LinkId;
  /** The id the other side claims; nobody has checked it. */
  readonly peerHint?: PeerId;
  readonly path: LinkPath;
  readonly initiator: boolean;
  /** Longest message it takes. */
  readonly frameMax: number;
  /** Bytes taken and not yet handed to the channel. */
  readonly queuedBytes: number;
}

/** What a transport reports. Nothing is reported from within `send`. */
export type TransportEvent =
  | {
    readonly type: "link-up"; readonly link: LinkId; readonly peerHint?: PeerId; readonly path: LinkPath;
    readonly binding: ChannelBinding; readonly initiator: boolean; readonly frameMax: number;
  }
  | { readonly type: "frame"; readonly link: LinkId; readonly bytes: Bytes }
  | { readonly type: "writable"; readonly link: LinkId }
  | { readonly type: "link-down"; readonly link: LinkId; readonly code: LinkCode; readonly retryable: boolean; readonly retryAfterMs?: number }
  | { readonly type: "status"; readonly status: TransportStatus; readonly retryAfterMs?: number }
  | { readonly type: "error"; readonly error: BBError; readonly retryable: boolean };

/** State of the transport as a whole. */
export type TransportStatus = "connecting" | "open" | "waiting" | "closed";

/** What a transport is started with. */
export interface TransportContext {
  readonly host: Host;
  /** The id announced to others. */
  readonly peerId: PeerId;
  /** Peers of different networks do not meet; empty when absent. */
  readonly networkId?: Bytes;
}

/** Whom to connect to. */
export interface DialTarget {
  readonly peerId: PeerId;
}

/** A way to give up. */
export interface Abort {
  readonly signal?: AbortSignal;
}

/** Counts since the start; bytes are those of messages, without any framing. */
export interface TransportStats {
  readonly messagesSent: number;
  readonly bytesSent: number;
  readonly messagesReceived: number;
  readonly bytesReceived: number;
}

/** Carries messages between peers. Listen with `on` before `start`. */
export interface Transport {
  readonly kind: string;
  /** Gets ready; rejects with a `BBError` when that cannot work. */
  start(context: TransportContext): Promise<void>;
  /** The link to a peer, as soon as there is one. */
  connect(target: DialTarget, options?: Abort): Promise<LinkId>;
  /** All live links. */
  links(): LinkInfo[];
  /**
   * Takes a message (the parts are copied before this returns) or says why not: `full` (of this lane) is followed by a `writable` event,
   * `closed` means the link is gone. Throws `over_cap` beyond the link's `frameMax`, and beyond `controlMessageMax` on lane 0.
   */
  send(link: LinkId, parts: readonly Bytes[], lane: Lane): "sent" | "full" | "closed";
  /** Closes one link, or the transport. */
  close(link?: LinkId): Promise<void>;
  /** Calls `f` for every event until the result is called. */
  on(f: (event: TransportEvent) => void): () => void;
  stats(): TransportStats;
}
