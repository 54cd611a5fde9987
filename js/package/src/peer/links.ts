// The links of a peer: who is at their other ends once that is proven, what each of those was granted, and the messages both ways.
import { concatBytes, viewOf, type Bytes } from "../bytes.js";
import type { Engine } from "../engine.js";
import { BBError, describeError } from "../errors.js";
import type { Host } from "../host.js";
import { halfOpenMax, handshakeMs, type AuthenticatedPeer } from "../identity/handshake.js";
import type { HeldAccount } from "../link/incoming.js";
import { decodeFrame, encodeFrame, frameTypes, type Lane } from "../link/frames.js";
import { linkCodeOf, LinkSession, type LinkUp, type SessionIdentity } from "../link/session.js";
import { PeerStream } from "../link/stream.js";
import type { Node } from "../node.js";
import type { ReceiveStatus } from "../node-types.js";
import { peerIdToText, samePeer, type PeerId } from "../peer-id.js";
import type { PeerHandle } from "../steps.js";
import type { LinkCode, LinkId, LinkPath, Transport, TransportEvent } from "../transports/transport.js";

/** A peer that was linked at some time. */
export interface PeerRecord {
  readonly id: PeerId;
  readonly handle: PeerHandle;
  incarnation: bigint;
  readonly stream: PeerStream;
  /** Bytes that left the engine for it. */
  sent: number;
  granted: number;
  /** Forgets unfinished messages some time after the last link. */
  cancelForgetting: (() => void) | undefined;
}

/** What the links report. */
export interface LinksEvents {
  up(peer: PeerId, transport: string, path: LinkPath): void;
  /** Messages to the peer take another link from now on. */
  carries(peer: PeerId, transport: string, path: LinkPath): void;
  /** The last link of a peer. */
  down(peer: PeerId, transport: string, code: LinkCode, retryable: boolean): void;
  refused(peer: PeerId | undefined, transport: string, reason: string, detail: string, closed: boolean): void;
  dropped(peer: PeerId, reason: string, count: number): void;
  /** Something came that the node is to work on. */
  received(bytes: number): void;
}

/** Settings of the links. */
export interface LinksOptions {
  readonly engine: Engine;
  readonly host: Host;
  readonly node: Node;
  readonly own: PeerId;
  readonly identity: Omit<SessionIdentity, "incarnation">;
  readonly incarnation: bigint;
  readonly highWater: number;
  readonly messageMax: number;
  readonly heldMax: number;
  readonly malformedMax: number;
}

interface Pending {
  readonly transport: Transport;
  readonly up: LinkUp;
  /** What came before there was room for another handshake. */
  readonly early: Bytes[];
}

const departedMax = 1_024; // peers without a link whose messages are kept for their return
const pendingMax = 1_024; // links that wait for their handshake
const earlyMax = 4_096; // bytes of a first message
const forgetMs = 60_000;
const pathNumbers: Readonly<Record<LinkPath, number>> = { local: 0, direct: 1, relayed: 2, hub: 3 };
const codeNumbers: Readonly<Record<LinkCode, number>> = {
  closed: 0, left: 1, lost: 2, protocol: 3, over_cap: 4, dropped: 5, tampered: 6, unproven: 7, replaced: 8, busy: 9,
};

/** The links of a peer. */
export class Links {
  readonly #options: LinksOptions;
  readonly #node: Node;
  readonly #events: LinksEvents;
  readonly #account: HeldAccount;
  readonly #byHandle = new Map<PeerHandle, PeerRecord>();
  readonly #byId = new Map<string, PeerRecord>();
  readonly #sessions = new Map<Transport, Map<LinkId, LinkSession>>();
  readonly #owners = new Map<LinkSession, PeerRecord>();
  readonly #malformed = new Map<LinkSession, number>();
  readonly #pending: Pending[] = [];
  readonly #departed = new Set<PeerRecord>();
  readonly #spent = new Set<PeerRecord>();
  readonly #waiting = new Set<PeerRecord>();
  #halfOpen = 0;
  #incarnation: bigint;

  constructor(options: LinksOptions, events: LinksEvents) {
    this.#options = options;
    this.#node = options.node;
    this.#events = events;
    this.#incarnation = options.incarnation;
    this.#account = { held: 0, heldMax: options.heldMax };
  }

  /** Links whose other end has proven itself. */
  get count(): number {
    return this.#owners.size;
  }

  /** Handshakes under way. */
  get halfOpen(): number {
    return this.#halfOpen;
  }

  /** The best link of a peer. */
  find(peer: PeerId): LinkSession | undefined {
    return this.#byId.get(peerIdToText(peer))?.stream.carrier;
  }

  /** Takes what a transport reports of its links. */
  transportEvent(transport: Transport, event: Extract<TransportEvent, { type: "link-up" | "frame" | "writable" | "link-down" }>): void {
    if (event.type === "link-up") {
      this.#linkUp(transport, event);
      return;
    }
    const session = this.#sessions.get(transport)?.get(event.link);
    if (event.type === "link-down") {
      this.#removePending(transport, event.link);
      if (session !== undefined) this.#close(session, event.code, event.retryable);
    } else if (event.type === "writable") session?.writable();
    else if (session !== undefined) session.receive(event.bytes);
    else this.#frameOfPending(transport, event.link, event.bytes);
  }

  /** Hands a message of the engine on. The parts lie in the engine's memory, so they are copied. False: the peer was never linked. */
  send(handle: PeerHandle, parts: readonly Bytes[], lane: Lane): boolean {
    const record = this.#byHandle.get(handle);
    if (record === undefined) return false;
    const message = concatBytes(parts);
    record.sent += message.length;
    this.#spent.add(record);
    record.stream.send(message, lane);
    return true;
  }

  /** Gives credit to the peers that spent some, and the node what it had no room for. */
  renew(): void {
    for (const record of this.#spent) this.#grant(record);
    this.#spent.clear();
    for (const record of this.#waiting) {
      record.stream.retry();
      if (!record.stream.waiting) this.#waiting.delete(record);
    }
  }

  /** Closes everything; the transports are closed by their owner. */
  close(): void {
    for (const sessions of this.#sessions.values()) for (const session of sessions.values()) session.close();
    this.#sessions.clear();
    this.#owners.clear();
    for (const record of this.#byId.values()) {
      record.cancelForgetting?.();
      record.stream.clear();
    }
    this.#byId.clear();
    this.#byHandle.clear();
    this.#pending.length = 0;
  }

  #linkUp(transport: Transport, up: LinkUp): void {
    if (up.peerHint !== undefined && samePeer(up.peerHint, this.#options.own)) {
      this.#refuse(transport, up.link, up.peerHint, new BBError("own_id", "the other side claims this peer's own id"), "unproven");
      return;
    }
    if (this.#halfOpen < halfOpenMax) this.#begin(transport, up, []);
    else if (this.#pending.length < pendingMax) this.#pending.push({ transport, up, early: [] });
    else this.#refuse(transport, up.link, up.peerHint, new BBError("busy", "too many links are being opened"), "busy");
  }

  #begin(transport: Transport, up: LinkUp, early: readonly Bytes[]): void {
    const { engine, host, identity } = this.#options;
    let session: LinkSession;
    try {
      session = new LinkSession(engine, host, { ...identity, incarnation: this.#incarnation }, transport, up, {
        proven: (one, peer) => this.#proven(one, peer),
        frame: (one, frame) => this.#frame(one, frame),
        ready: (one) => this.#owners.get(one)?.stream.pump(),
        refused: (one, error) => this.#fail(one, up.peerHint, error),
      });
    } catch (error) {
      this.#refuse(transport, up.link, up.peerHint, known(error), "unproven");
      return;
    }
    let sessions = this.#sessions.get(transport);
    if (sessions === undefined) this.#sessions.set(transport, (sessions = new Map<LinkId, LinkSession>()));
    sessions.set(up.link, session);
    this.#halfOpen++;
    session.begin();
    for (const bytes of early) session.receive(bytes);
  }

  #frameOfPending(transport: Transport, link: LinkId, bytes: Bytes): void {
    const pending = this.#pending.find((entry) => entry.transport === transport && entry.up.link === link);
    // Before its handshake the other side has one thing to say; a second one is kept for the handshake to refuse.
    if (pending !== undefined && pending.early.length < 2) pending.early.push(bytes.slice(0, earlyMax + 1));
  }

  #removePending(transport: Transport, link: LinkId): void {
    const index = this.#pending.findIndex((entry) => entry.transport === transport && entry.up.link === link);
    if (index >= 0) this.#pending.splice(index, 1);
  }

  #handshakeOver(): void {
    this.#halfOpen--;
    const next = this.#halfOpen < halfOpenMax ? this.#pending.shift() : undefined;
    if (next !== undefined) this.#begin(next.transport, next.up, next.early);
  }

  #proven(session: LinkSession, peer: AuthenticatedPeer): void {
    this.#handshakeOver();
    const { id, incarnation } = peer;
    let record: PeerRecord;
    try {
      record = this.#admit(id, incarnation, peer);
    } catch (error) {
      this.#fail(session, id, known(error));
      return;
    }
    if (session.closed) return; // by a listener
    this.#owners.set(session, record);
    this.#departed.delete(record);
    record.cancelForgetting?.();
    record.cancelForgetting = undefined;
    this.#node.linkUp(record.handle, pathNumbers[session.path]);
    this.#events.up(id, session.transport.kind, session.path);
    if (session.closed) return; // by a listener
    record.stream.add(session);
    // It was about an earlier life of this peer, which has begun another one since.
    if (session.incarnation < this.#incarnation) this.#again(session);
  }

  /** Asks for a new handshake on a link. */
  #again(session: LinkSession): void {
    if (session.ending) return;
    session.ending = true;
    session.send([encodeFrame({ type: "close", again: true })]);
    const record = this.#owners.get(session);
    record?.stream.remove(session);
    this.#options.host.timer(handshakeMs, () => {
      if (!session.closed) this.#fail(session, record?.id, new BBError("late", "the other side does not begin anew"));
    });
  }

  /** The other side sent its last frame under this handshake. */
  #ended(session: LinkSession, again: boolean): void {
    if (!again) return; // the channel goes next
    this.#again(session);
    session.whenSent(() => {
      this.#close(session, "replaced", true);
      this.#begin(session.transport, session.up, []);
    });
  }

  /** This life's number was used before: the next one begins, on every link. */
  #outlived(incarnation: bigint): void {
    if (incarnation < this.#incarnation) return;
    this.#incarnation = incarnation + 1n;
    this.#node.reincarnate(this.#incarnation);
    for (const session of this.#owners.keys()) this.#again(session);
  }

  #admit(id: PeerId, incarnation: bigint, proof: AuthenticatedPeer): PeerRecord {
    const handle = this.#node.admit(proof);
    const existing = this.#byId.get(peerIdToText(id));
    if (existing !== undefined) {
      if (incarnation > existing.incarnation) this.#replace(existing, incarnation);
      return existing;
    }
    try {
      this.#node.addPeer(id, [`/p2p/${peerIdToText(id)}`]);
    } catch (error) {
      this.#node.retire(handle);
      throw error;
    }
    const record: PeerRecord = { id, handle, incarnation, sent: 0, granted: 0, cancelForgetting: undefined, stream: this.#stream(id, incarnation, () => record) };
    this.#byHandle.set(handle, record);
    this.#byId.set(peerIdToText(id), record);
    return record;
  }

  /** The peer has begun another life. One link to it is here; whether the others lead to it, too, their handshakes tell. */
  #replace(record: PeerRecord, incarnation: bigint): void {
    record.incarnation = incarnation;
    record.stream.renew(incarnation);
    for (const session of [...record.stream.links]) this.#again(session);
  }

  #stream(id: PeerId, incarnation: bigint, record: () => PeerRecord): PeerStream {
    const { host, messageMax } = this.#options;
    const number = new Uint8Array(8);
    host.random(number);
    return new PeerStream(host, incarnation, viewOf(number).getBigUint64(0, true) | 1n, messageMax, this.#account, {
      deliver: (message, session) => this.#deliver(record(), message, session),
      acknowledged: () => this.#grant(record()),
      dropped: (reason) => this.#events.dropped(id, reason, 1),
      carries: ({ transport, path }) => this.#events.carries(id, transport.kind, path),
      outlived: (seen) => this.#outlived(seen),
      ended: (session, again) => this.#ended(session, again),
    });
  }

  #frame(session: LinkSession, frame: Bytes): void {
    const record = this.#owners.get(session);
    if (record === undefined) return;
    try {
      if (!session.ending) record.stream.receive(session, frame);
      else if (frame[0] === frameTypes.close) {
        const last = decodeFrame(frame);
        if (last.type === "close") this.#ended(session, last.again);
      }
    } catch (error) {
      this.#fail(session, record.id, known(error));
    }
  }

  /** False: the node has no room at the moment. */
  #deliver(record: PeerRecord, message: Bytes, session: LinkSession): boolean {
    let status: ReceiveStatus;
    try {
      status = this.#node.receive(record.handle, message);
    } catch (error) {
      if (error instanceof BBError && error.code === "busy") {
        this.#waiting.add(record);
        return false;
      }
      status = { status: "refused", reason: known(error).code };
    }
    if (status.status === "refused" && (status.reason === "queue_full" || status.reason === "budget_exceeded")) {
      this.#waiting.add(record);
      this.#events.received(0);
      return false;
    }
    this.#events.received(message.length);
    if (status.status === "refused") this.#events.refused(record.id, session.transport.kind, status.reason, "the message was not taken", false);
    else if (status.status === "malformed") {
      const malformed = (this.#malformed.get(session) ?? 0) + 1;
      this.#malformed.set(session, malformed);
      const closed = malformed >= this.#options.malformedMax;
      this.#events.refused(record.id, session.transport.kind, status.reason, status.detail, closed);
      if (closed) {
        // Not from within its own frame.
        queueMicrotask(() => {
          this.#close(session, "protocol", false);
          void session.transport.close(session.link, "protocol").catch(() => undefined);
        });
      }
    }
    return true;
  }

  /** Grants what the peer's memory here has room for. */
  #grant(record: PeerRecord): void {
    if (!record.stream.open || record.stream.bytes >= this.#options.highWater) return;
    const total = record.sent - record.stream.bytes + this.#options.highWater;
    if (total <= record.granted) return;
    record.granted = total;
    this.#node.grant(record.handle, total);
    this.#events.received(0);
  }

  #fail(session: LinkSession, peer: PeerId | undefined, error: BBError): void {
    const code = linkCodeOf(error);
    this.#close(session, code, false);
    this.#refuse(session.transport, session.link, peer, error, code);
  }

  #refuse(transport: Transport, link: LinkId, peer: PeerId | undefined, error: BBError, code: LinkCode): void {
    this.#events.refused(peer, transport.kind, error.code, error.detail, true);
    void transport.close(link, code).catch(() => undefined); // a link that will not close brings frames that nobody listens to
  }

  #forgetSession(session: LinkSession): PeerRecord | undefined {
    const sessions = this.#sessions.get(session.transport);
    if (sessions?.get(session.link) === session) sessions.delete(session.link);
    const { halfOpen } = session;
    session.close();
    if (halfOpen) this.#handshakeOver();
    const record = this.#owners.get(session);
    this.#owners.delete(session);
    this.#malformed.delete(session);
    return record;
  }

  #close(session: LinkSession, code: LinkCode, retryable: boolean): void {
    if (session.closed) return;
    const record = this.#forgetSession(session);
    if (record === undefined) return;
    record.stream.remove(session);
    if (record.stream.linkCount > 0) return;
    this.#node.linkDown(record.handle, codeNumbers[code]);
    record.cancelForgetting = this.#options.host.timer(forgetMs, () => record.stream.clear());
    this.#departed.add(record);
    this.#events.down(record.id, session.transport.kind, code, retryable);
    if (this.#departed.size > departedMax) for (const oldest of this.#departed) return this.#forget(oldest);
  }

  #forget(record: PeerRecord): void {
    record.cancelForgetting?.();
    record.stream.clear();
    this.#departed.delete(record);
    this.#spent.delete(record);
    this.#waiting.delete(record);
    this.#byHandle.delete(record.handle);
    this.#byId.delete(peerIdToText(record.id));
    this.#node.dropPeer(record.id);
    this.#node.retire(record.handle);
  }
}

function known(error: unknown): BBError {
  return error instanceof BBError ? error : new BBError("failed", describeError(error), { cause: error });
}
