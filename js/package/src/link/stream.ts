// Everything between this peer and one other: its links, of which the best carries, and the messages both ways, which outlive links.
import type { Bytes } from "../bytes.js";
import { BBError } from "../errors.js";
import type { Host } from "../host.js";
import type { LinkPath } from "../transports/transport.js";
import { decodeFrame, encodeFrame, firstCredit, type DataFrame, type Frame, type Lane } from "./frames.js";
import { Incoming, type Arrival, type HeldAccount } from "./incoming.js";
import { Outgoing } from "./outgoing.js";
import type { LinkSession } from "./session.js";

/** What a stream reports. */
export interface StreamEvents {
  /** A message came. False: there is no room for it now, `retry` follows. */
  deliver(message: Bytes, session: LinkSession): boolean;
  /** Messages left the memory of this side: the other one has them. */
  acknowledged(): void;
  /** A message of ours will not be taken. */
  dropped(reason: string): void;
  /** Messages take another link from now on. */
  carries(session: LinkSession): void;
  /** The other side has seen this life's number used by another one. */
  outlived(incarnation: bigint): void;
  /** The other side has sent its last frame; `again`: a new handshake follows. */
  ended(session: LinkSession, again: boolean): void;
}

/** Bytes that went each way on one link, as both sides count them. */
interface Flow {
  readonly sent: [number, number];
  granted: readonly [number, number];
  readonly received: [number, number];
  readonly told: [number, number];
  /** The other side has said, since this link carries, what it holds. */
  knows: boolean;
}

const ranks: Readonly<Record<LinkPath, number>> = { local: 0, direct: 1, relayed: 2, hub: 3 };
const acknowledgeMs = 25; // an acknowledgement that nothing else carries
const resetReasons: Readonly<Record<number, string>> = { 1: "over_cap", 2: "malformed" };

/** One peer. */
export class PeerStream {
  readonly #host: Host;
  /** Of the other side. */
  #incarnation: bigint;
  readonly #events: StreamEvents;
  readonly #outgoing: Outgoing;
  readonly #incoming: Incoming;
  readonly #flows = new Map<LinkSession, Flow>();
  /** Messages that the node has no room for, in order. */
  readonly #backlog: { readonly number: bigint; readonly arrival: Arrival & { readonly message: Bytes }; readonly session: LinkSession }[] = [];
  readonly #acknowledged: [number, number] = [0, 0];
  readonly #acknowledgedTold: [number, number] = [0, 0];
  #carrier: LinkSession | undefined;
  /** The other side's life is another one than what was sent so far went to. */
  #reborn = false;
  #cancelAcknowledge: (() => void) | undefined;

  /** `number`: unpredictable, since a stream that is forgotten must not be taken for its successor. */
  constructor(host: Host, incarnation: bigint, number: bigint, messageMax: number, account: HeldAccount, events: StreamEvents) {
    this.#host = host;
    this.#incarnation = incarnation;
    this.#events = events;
    this.#outgoing = new Outgoing(number);
    this.#incoming = new Incoming(messageMax, account);
  }

  /** Bytes of messages that the other side may not have yet. */
  get bytes(): number {
    return this.#outgoing.bytes;
  }

  /** Messages that the other side may not have yet. */
  get messages(): number {
    return this.#outgoing.messages;
  }

  /** Links that are up. */
  get links(): Iterable<LinkSession> {
    return this.#flows.keys();
  }

  get linkCount(): number {
    return this.#flows.size;
  }

  /** True when there is a link over which messages go. */
  get open(): boolean {
    return this.#carrier !== undefined && this.#flows.get(this.#carrier)?.knows === true;
  }

  /** The link that messages take now. */
  get carrier(): LinkSession | undefined {
    return this.#carrier;
  }

  /** A link came up. */
  add(session: LinkSession): void {
    this.#flows.set(session, { sent: [0, 0], granted: firstCredit, received: [0, 0], told: [...firstCredit], knows: false });
    this.#sendHave(session);
    this.#choose();
  }

  /** A link is gone. */
  remove(session: LinkSession): void {
    this.#flows.delete(session);
    if (this.#carrier === session) this.#carrier = undefined;
    this.#choose();
  }

  /** Takes a message; the bytes are the stream's from now on. */
  send(message: Bytes, lane: Lane): void {
    this.#outgoing.push(message, lane);
    this.pump();
  }

  /** Sends what may be sent. */
  pump(): void {
    const session = this.#carrier;
    const flow = session === undefined ? undefined : this.#flows.get(session);
    if (session === undefined || flow === undefined || !flow.knows) return;
    while (session.ready) {
      const piece = this.#outgoing.next([flow.granted[0] - flow.sent[0], flow.granted[1] - flow.sent[1]], session.frameMax);
      if (piece === undefined) return;
      flow.sent[piece.lane] += piece.length;
      session.send(piece.parts);
    }
  }

  /** Offers the node again what it had no room for. */
  retry(): void {
    while (this.#backlog.length > 0) {
      const [next] = this.#backlog;
      if (next === undefined || !this.#events.deliver(next.arrival.message, next.session)) return;
      this.#backlog.shift();
      if (next.number === this.#incoming.number) this.#taken(next.arrival);
    }
  }

  /** True while messages wait for room. */
  get waiting(): boolean {
    return this.#backlog.length > 0;
  }

  /** Takes a frame of a link. Throws `protocol` or `over_cap` for what ends the link. */
  receive(session: LinkSession, bytes: Bytes): void {
    const flow = this.#flows.get(session);
    if (flow === undefined) return;
    const frame = decodeFrame(bytes);
    switch (frame.type) {
      case "data": return this.#data(session, flow, frame);
      case "credit": return this.#credit(flow, frame);
      case "have": return this.#have(session, flow, frame);
      case "ask": return this.#sendHave(session);
      case "reset":
        if (this.#outgoing.refuse(frame.lane, frame.sequence)) this.#events.dropped(resetReasons[frame.code] ?? "refused");
        return;
      case "ping": return session.send([encodeFrame({ type: "pong", token: frame.token })]);
      case "pong": return;
      case "close": return this.#events.ended(session, frame.again);
      default: return frame satisfies never;
    }
  }

  /** The other side has begun another life: what it sends begins anew, and what was on its way to the one before is lost. */
  renew(incarnation: bigint): void {
    this.#incarnation = incarnation;
    this.#reborn = true;
    this.#follow(0n);
  }

  /** Lets go of everything. */
  clear(): void {
    this.#cancelAcknowledge?.();
    this.#cancelAcknowledge = undefined;
    this.#incoming.clear();
    this.#backlog.length = 0;
  }

  #data(session: LinkSession, flow: Flow, frame: DataFrame): void {
    const { lane } = frame;
    flow.received[lane] += frame.payload.length;
    if (flow.received[lane] > flow.told[lane]) throw new BBError("protocol", `${flow.received[lane]} bytes on lane ${lane}, ${flow.told[lane]} were granted`, { at: 16 });
    const arrival = this.#incoming.take(frame);
    if (arrival?.reset !== undefined) {
      session.send([encodeFrame({ type: "reset", lane, sequence: arrival.sequence, code: arrival.reset })]);
      this.#taken(arrival);
    } else if (arrival?.message !== undefined) {
      const whole = { ...arrival, message: arrival.message };
      if (this.#backlog.length === 0 && this.#events.deliver(whole.message, session)) this.#taken(arrival);
      // The channel's buffer may be used again for what comes next, so what waits is a copy.
      else this.#backlog.push({ number: this.#incoming.number, arrival: { ...whole, message: whole.message.slice() }, session });
    }
    this.#grant();
  }

  #taken(arrival: Arrival): void {
    this.#acknowledged[arrival.lane] = arrival.sequence + 1;
    this.#grant();
    this.#cancelAcknowledge ??= this.#host.timer(acknowledgeMs, () => {
      this.#cancelAcknowledge = undefined;
      const session = this.#carrier;
      const flow = session === undefined ? undefined : this.#flows.get(session);
      if (session !== undefined && flow !== undefined && this.#unsaid()) this.#sendCredit(session, flow);
    });
  }

  #unsaid(): boolean {
    return this.#acknowledged.some((value, lane) => value > (this.#acknowledgedTold[lane] ?? 0));
  }

  /** Grants what was used up, when it is half of what was granted. */
  #grant(): void {
    if (this.#backlog.length > 0) return; // whoever sends more than there is room for waits
    for (const [session, flow] of this.#flows) {
      const owed = firstCredit.some((window, lane) => (flow.received[lane] ?? 0) + window - (flow.told[lane] ?? 0) >= window / 2);
      if (owed) this.#sendCredit(session, flow);
    }
  }

  #sendCredit(session: LinkSession, flow: Flow): void {
    if (this.#backlog.length === 0) firstCredit.forEach((window, lane) => (flow.told[lane] = Math.max(flow.told[lane] ?? 0, (flow.received[lane] ?? 0) + window)));
    this.#acknowledgedTold[0] = this.#acknowledged[0];
    this.#acknowledgedTold[1] = this.#acknowledged[1];
    session.send([encodeFrame({ type: "credit", granted: [...flow.told], acknowledged: [...this.#acknowledged] })]);
  }

  #credit(flow: Flow, frame: Extract<Frame, { type: "credit" }>): void {
    // Absolute, so that one that is late or comes twice does no harm.
    flow.granted = [Math.max(flow.granted[0], frame.granted[0]), Math.max(flow.granted[1], frame.granted[1])];
    for (const lane of [0, 1] as const) {
      if (!this.#outgoing.acknowledge(lane, frame.acknowledged[lane])) throw new BBError("protocol", "the other side has what was never sent", { at: 40 + lane * 8 });
    }
    this.#events.acknowledged();
    this.pump();
  }

  #have(session: LinkSession, flow: Flow, frame: Extract<Frame, { type: "have" }>): void {
    this.#follow(frame.own);
    // Of a stream with another number it knows from a life that had this one's incarnation, or a later one.
    const another = frame.known !== 0n && frame.known !== this.#outgoing.number;
    if (frame.incarnation > session.incarnation || (another && frame.incarnation === session.incarnation)) return this.#events.outlived(frame.incarnation);
    if (session !== this.#carrier || flow.knows) return;
    const reborn = this.#reborn && frame.known === 0n; // a new process, which knows nothing of us
    this.#reborn = false;
    if (reborn) for (let count = this.#outgoing.dropBegun(); count > 0; count--) this.#events.dropped("replaced");
    else if (frame.known !== this.#outgoing.number) this.#outgoing.restart();
    else {
      for (const lane of [0, 1] as const) {
        if (!this.#outgoing.rewind(lane, frame.lanes[lane])) throw new BBError("protocol", "the other side holds what was never sent", { at: 48 + lane * 12 });
      }
    }
    flow.knows = true;
    this.#events.acknowledged();
    this.pump();
  }

  #follow(number: bigint): void {
    if (this.#incoming.number === number) return;
    this.#incoming.follow(number);
    this.#acknowledged.fill(0);
    this.#acknowledgedTold.fill(0);
  }

  #sendHave(session: LinkSession): void {
    session.send([encodeFrame({
      type: "have", own: this.#outgoing.number, known: this.#incoming.number, incarnation: this.#incarnation, lanes: this.#incoming.lanes,
    })]);
  }

  /** The best link carries. What is on its way over another one may still arrive there, so the new one begins where the other side says. */
  #choose(): void {
    let best: LinkSession | undefined;
    for (const session of this.#flows.keys()) {
      if (best === undefined || ranks[session.path] < ranks[best.path]) best = session;
    }
    if (best === this.#carrier) return;
    this.#carrier = best;
    if (best === undefined) return;
    const flow = this.#flows.get(best);
    if (flow !== undefined) flow.knows = false;
    best.send([encodeFrame({ type: "ask" })]);
    this.#events.carries(best);
  }
}
