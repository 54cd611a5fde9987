// One link from its channel to its proof and beyond: first the handshake, then frames, encrypted where the channel does not do it.
import type { Bytes } from "../bytes.js";
import type { Engine } from "../engine.js";
import { BBError } from "../errors.js";
import { Handshake, handshakeMs, type AuthenticatedPeer, type HandshakeOptions } from "../identity/handshake.js";
import type { Host } from "../host.js";
import type { LinkCode, LinkId, LinkPath, Transport, TransportEvent } from "../transports/transport.js";
import { headerLength } from "./frames.js";
import { RecordOpener, recordOverhead, RecordSealer } from "./records.js";

/** What a link reports. */
export interface SessionEvents {
  /** The other side has proven who it is; frames may be sent. */
  proven(session: LinkSession, peer: AuthenticatedPeer): void;
  frame(session: LinkSession, frame: Bytes): void;
  /** Frames are taken again. */
  ready(session: LinkSession): void;
  /** The link is to be given up. */
  refused(session: LinkSession, error: BBError): void;
}

/** What a handshake needs besides its channel. */
export type SessionIdentity = Omit<HandshakeOptions, "role" | "binding" | "expected">;

/** A channel that came up. */
export type LinkUp = Extract<TransportEvent, { type: "link-up" }>;

const waitingMax = 1_024; // frames; what is asked for is answered, so somebody who does not listen could make them more and more
const underWayMax = 8; // records that are being encrypted, or were and wait for the channel

/** A link. */
export class LinkSession {
  readonly transport: Transport;
  readonly link: LinkId;
  readonly path: LinkPath;
  readonly initiator: boolean;
  /** What the transport said of the channel. */
  readonly up: LinkUp;
  /** The life of this peer that the handshake was about. */
  readonly incarnation: bigint;
  /** A new handshake was asked for: what still comes belongs to this one. */
  ending = false;
  readonly #frameMax: number;
  readonly #encrypted: boolean;
  readonly #events: SessionEvents;
  readonly #handshake: Handshake;
  readonly #cancelTimer: () => void;
  /** Frames and records that the channel did not take, in order. */
  readonly #waiting: (readonly Bytes[])[] = [];
  #sealer: RecordSealer | undefined;
  #opener: RecordOpener | undefined;
  #state: "handshake" | "up" | "closed" = "handshake";
  #owesReady = false;
  #whenSent: (() => void) | undefined;

  /** Throws what `Handshake` throws. Nothing is reported before `begin`. */
  constructor(engine: Engine, host: Host, identity: SessionIdentity, transport: Transport, up: LinkUp, events: SessionEvents) {
    this.transport = transport;
    this.up = up;
    this.incarnation = identity.incarnation;
    this.link = up.link;
    this.path = up.path;
    this.initiator = up.initiator;
    this.#encrypted = up.binding.kind === "none";
    this.#frameMax = up.frameMax - (this.#encrypted ? recordOverhead : 0);
    this.#events = events;
    this.#handshake = new Handshake(engine, {
      ...identity, role: up.initiator ? "initiator" : "responder", binding: up.binding, ...(up.peerHint === undefined ? {} : { expected: up.peerHint }),
    }, {
      send: (message) => this.#hand([message]),
      done: (peer) => this.#proven(peer),
      refused: (error) => this.#events.refused(this, error),
    });
    this.#cancelTimer = host.timer(handshakeMs, () => this.#handshake.timeOut());
  }

  /** Longest frame, header included. */
  get frameMax(): number {
    return this.#frameMax;
  }

  /** True while the other side has not proven itself. */
  get halfOpen(): boolean {
    return this.#state === "handshake";
  }

  get closed(): boolean {
    return this.#state === "closed";
  }

  /** True when a frame would be on its way, not wait here; when not, `ready` follows. */
  get ready(): boolean {
    const ready = this.#state === "up" && this.#waiting.length === 0 && (this.#sealer?.underWay ?? 0) < underWayMax;
    if (!ready) this.#owesReady = true;
    return ready;
  }

  begin(): void {
    this.#handshake.begin();
  }

  /** Takes what the channel brought. */
  receive(bytes: Bytes): void {
    if (this.#state === "handshake") this.#handshake.receive(bytes);
    else if (this.#state === "up") {
      if (this.#opener === undefined) this.#events.frame(this, bytes);
      else this.#opener.open(bytes);
    }
  }

  /** Sends a frame; its parts are not to be changed until it is gone. */
  send(parts: readonly Bytes[]): void {
    if (this.#state !== "up") return;
    if (this.#sealer === undefined) this.#hand(parts);
    else this.#sealer.seal(parts);
  }

  /** Calls `f` once, when all that was given to `send` is with the channel. */
  whenSent(f: () => void): void {
    this.#whenSent = f;
    this.#tellSent();
  }

  /** The channel has room again. */
  writable(): void {
    while (this.#waiting.length > 0) {
      const [next] = this.#waiting;
      if (next === undefined || !this.#offer(next)) return;
      this.#waiting.shift();
    }
    this.#tellReady();
  }

  /** The channel is gone, or is closed here. */
  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#whenSent = undefined;
    this.#cancelTimer();
    this.#handshake.close();
    this.#opener?.close();
    this.#waiting.length = 0;
  }

  #proven(peer: AuthenticatedPeer): void {
    this.#cancelTimer();
    this.#state = "up";
    if (this.#encrypted) {
      const { secrets } = this.#handshake;
      const refused = (error: BBError): void => this.#events.refused(this, error);
      this.#sealer = new RecordSealer(secrets.traffic(this.initiator ? "initiator" : "responder"), (record) => {
        if (this.#state !== "up") return;
        this.#hand(record);
        this.#tellReady();
      }, refused);
      this.#opener = new RecordOpener(secrets.traffic(this.initiator ? "responder" : "initiator"), (frame) => {
        if (this.#state === "up") this.#events.frame(this, frame);
      }, refused);
    }
    this.#events.proven(this, peer);
    for (const bytes of this.#handshake.takeEarly()) this.receive(bytes);
  }

  #hand(parts: readonly Bytes[]): void {
    if (this.#waiting.length === 0 && this.#offer(parts)) return;
    if (this.#waiting.length >= waitingMax) {
      this.#events.refused(this, new BBError("over_cap", `more than ${waitingMax} frames wait for the other side, which asks for answers and takes none`));
      return;
    }
    this.#waiting.push(parts);
  }

  /** False when the channel is full; what it refuses for good is the end of the link, which the transport reports. */
  #offer(parts: readonly Bytes[]): boolean {
    return this.transport.send(this.link, parts) !== "full";
  }

  #tellSent(): void {
    if (this.#whenSent === undefined || this.#waiting.length > 0 || (this.#sealer?.underWay ?? 0) > 0) return;
    const f = this.#whenSent;
    this.#whenSent = undefined;
    f();
  }

  #tellReady(): void {
    this.#tellSent();
    if (!this.#owesReady || !this.ready) return;
    this.#owesReady = false;
    this.#events.ready(this);
  }
}

/** Smallest frames a link must take: a handshake message, or a header with some payload. */
export const smallestFrameMax = 1_024 + headerLength + recordOverhead;

/** Why a link is closed over an error. */
export function linkCodeOf(error: BBError): LinkCode {
  switch (error.code) {
    case "over_cap": return "over_cap";
    case "protocol": case "malformed": return "protocol";
    case "tampered": return "tampered";
    default: return "unproven";
  }
}
