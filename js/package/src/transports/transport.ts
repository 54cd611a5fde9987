// What a transport is: links to other peers that carry frames whole and in order, with back-pressure and without any knowledge of them.
// Cutting messages into frames, priorities, credit, proof and encryption are the same over all of them and live in ../link.
import type { Bytes } from "../bytes.js";
import type { BBError } from "../errors.js";
import type { Host } from "../host.js";
import type { PeerId } from "../peer-id.js";

/** Number of a link, unique within its transport. */
export type LinkId = number;
/** Which way the bytes of a link take. */
export type LinkPath = "local" | "direct" | "relayed" | "hub";
/** Why a link went down. */
export type LinkCode =
  | "closed" // this side closed it
  | "left" // the other side left
  | "lost" // the connection under it broke
  | "protocol" // the other side, or the hub, broke the rules
  | "over_cap" // the other side sent more than is allowed
  | "tampered" // somebody changed what the other side sent
  | "unproven" // the other side did not prove who it is
  | "replaced" // the other side began another life
  | "busy" // too many links are being opened
  | "dropped"; // cut by a simulation

/**
 * What ties a handshake to the channel under it: `none` for a channel that others can read, so that what follows is encrypted; the SHA-256
 * fingerprints of both DTLS certificates, 32 bytes each, as both ends see them; or a channel that nobody else can reach.
 */
export type ChannelBinding =
  | { readonly kind: "none" }
  | { readonly kind: "dtls"; readonly initiator: Bytes; readonly responder: Bytes }
  | { readonly kind: "in-process" };

/** A live link. */
export interface LinkInfo {
  readonly link: LinkId;
  /** The id the other side claims; nobody has checked it. */
  readonly peerHint?: PeerId;
  readonly path: LinkPath;
  readonly initiator: boolean;
  /** Longest frame it takes. */
  readonly frameMax: number;
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

/** Counts since the start; bytes are those of frames, without what the channel adds. */
export interface TransportStats {
  readonly framesSent: number;
  readonly bytesSent: number;
  readonly framesReceived: number;
  readonly bytesReceived: number;
}

/** Carries frames between peers. Listen with `on` before `start`. */
export interface Transport {
  readonly kind: string;
  /** Gets ready; rejects with a `BBError` when that cannot work. */
  start(context: TransportContext): Promise<void>;
  /** The link to a peer, as soon as there is one. */
  connect(target: DialTarget, options?: Abort): Promise<LinkId>;
  /** All live links. */
  links(): LinkInfo[];
  /**
   * Takes a frame (the parts are copied before this returns) or says why not: `full` is followed by a `writable` event, `closed` means the
   * link is gone. Frames arrive whole, in order and once, or the link goes down. Throws `over_cap` beyond the link's `frameMax`.
   */
  send(link: LinkId, parts: readonly Bytes[]): "sent" | "full" | "closed";
  /** Closes one link, for the reason given, or the transport. */
  close(link?: LinkId, code?: LinkCode): Promise<void>;
  /** Calls `f` for every event until the result is called. */
  on(f: (event: TransportEvent) => void): () => void;
  stats(): TransportStats;
}
