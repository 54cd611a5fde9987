// Links over WebRTC data channels, straight from peer to peer: negotiated through a signaller (a hub), then without it.
//
// One connection per pair and one data channel, number 0, that both ends know of beforehand. The initiator begins an attempt; either end
// may offer again within it (ICE restart), and where both do at once the initiator's offer stands.
import { concatBytes, equalBytes, fromHex, utf8Encode, utf8Show, type Bytes } from "../bytes.js";
import { BBError, describeError } from "../errors.js";
import { peerIdToText, type PeerId } from "../peer-id.js";
import { Backoff, type BackoffOptions } from "./backoff.js";
import { ChannelTransport, type Channel } from "./channels.js";
import type { SignalBody } from "../hub/messages.js";
import type { SignalEvent, Signaller, SignalMember } from "./signalling.js";
import type { ChannelBinding, LinkCode, LinkId, LinkPath, Transport, TransportContext } from "./transport.js";

/** The part of WebRTC that is used; the browser's own, or that of `node-datachannel/polyfill`. */
export interface RtcImplementation {
  readonly RTCPeerConnection: new (configuration?: RTCConfiguration) => RTCPeerConnection;
}

/** Settings of a WebRTC transport. */
export interface WebRtcTransportOptions {
  /** How descriptions and candidates reach the other peers: the hub's transport. */
  readonly signaller: Signaller;
  /** The implementation; the runtime's own when absent. */
  readonly rtc?: RtcImplementation;
  /** STUN and TURN servers. A function is asked again for every attempt, since credentials expire. None when absent: local networks only. */
  readonly iceServers?: readonly RTCIceServer[] | (() => Promise<readonly RTCIceServer[]>);
  /** `relay` uses TURN alone. */
  readonly iceTransportPolicy?: RTCIceTransportPolicy;
  /** Milliseconds an attempt may take; 20,000 when absent. */
  readonly connectTimeoutMs?: number;
  /** Milliseconds a connection may be interrupted before it is given up; 15,000 when absent. */
  readonly interruptedMs?: number;
  readonly backoff?: BackoffOptions;
}

const frameMaxWanted = 262_144;
const frameMaxFloor = 16_384;
const highWater = 262_144;
const lowWater = 131_072;
const channelNumber = 0;
const waitingMax = 64; // signals of an attempt whose connection is being made
const pathWaitMs = 1_000; // statistics are a nicety

/** One try to connect to one peer, and the connection that came of it. */
interface Attempt {
  readonly number: number;
  readonly connection: RTCPeerConnection;
  readonly initiator: boolean;
  /** Made when the first description is there: before that, some implementations would take it for a wish to offer. */
  channel: RTCDataChannel | undefined;
  /** Signals are worked on one after the other, since each changes the state of the connection. */
  work: Promise<void>;
  makingOffer: boolean;
  ignoringOffer: boolean;
  /** The other end's description is known, so that its candidates can be taken. */
  described: boolean;
  link: LinkId | undefined;
  cancelTimer: (() => void) | undefined;
}

interface Known {
  readonly peerId: PeerId;
  /** Undefined while the signaller does not see it; a link that is up goes on. */
  member: SignalMember | undefined;
  readonly backoff: Backoff;
  attempt: Attempt | undefined;
  attempts: number;
  cancelRetry: (() => void) | undefined;
}

function platformRtc(): RtcImplementation {
  const found: unknown = Reflect.get(globalThis, "RTCPeerConnection");
  if (typeof found === "function") return { RTCPeerConnection: found as RtcImplementation["RTCPeerConnection"] };
  throw new BBError("no_webrtc", "this runtime has no WebRTC; pass one in as `rtc`, for example that of node-datachannel/polyfill");
}

/** The SHA-256 fingerprint that a description names. Throws `protocol` where it names none or several. */
export function fingerprintOf(sdp: string): Bytes {
  const found = new Set([...sdp.matchAll(/^a=fingerprint:(\S+) ([0-9A-Fa-f:]+)\s*$/gm)].map(([, algorithm, value]) => `${(algorithm ?? "").toLowerCase()} ${(value ?? "").toLowerCase()}`));
  const [only] = found;
  const [algorithm, value] = (only ?? "").split(" ");
  if (found.size !== 1 || algorithm !== "sha-256" || !/^([0-9a-f]{2}:){31}[0-9a-f]{2}$/.test(value ?? "")) {
    throw new BBError("protocol", "a description without one SHA-256 fingerprint");
  }
  return fromHex((value ?? "").replaceAll(":", ""));
}

/** Longest message the other side takes, as its description says: 64 KiB when it does not, any length when it says 0. */
function messageMaxOf(sdp: string): number {
  const said = /^a=max-message-size:(\d{1,10})\s*$/m.exec(sdp)?.[1];
  if (said === undefined) return 65_536;
  return Number(said) === 0 ? frameMaxWanted : Number(said);
}

/** A transport over data channels. */
export class WebRtcTransport extends ChannelTransport {
  readonly kind = "webrtc";
  readonly #options: WebRtcTransportOptions;
  readonly #rtc: RtcImplementation;
  readonly #known = new Map<string, Known>();
  readonly #bySession = new Map<number, Known>();
  /** Signals of an attempt whose connection is being made. */
  readonly #waiting = new WeakMap<Known, { readonly number: number; readonly bodies: SignalBody[] }>();
  #stopSignals: (() => void) | undefined;

  /** Throws `no_webrtc`. */
  constructor(options: WebRtcTransportOptions) {
    super();
    this.#options = options;
    this.#rtc = options.rtc ?? platformRtc();
  }

  protected opened(context: TransportContext): void {
    this.#stopSignals = this.#options.signaller.onSignal((event) => this.#signal(context, event));
    for (const member of this.#options.signaller.members()) this.#member(context, member);
  }

  protected ended(): void {
    this.#stopSignals?.();
    this.#stopSignals = undefined;
    for (const known of this.#known.values()) {
      known.cancelRetry?.();
      this.#drop(known, "closed", false);
    }
    this.#known.clear();
    this.#bySession.clear();
  }

  #signal(context: TransportContext, event: SignalEvent): void {
    if (event.type === "member") this.#member(context, event.member);
    else if (event.type === "gone") this.#gone(event.session);
    else {
      const known = this.#bySession.get(event.session);
      if (known !== undefined) this.#received(context, known, event.attempt, event.body);
    }
  }

  #member(context: TransportContext, member: SignalMember): void {
    const key = peerIdToText(member.peerId);
    let known = this.#known.get(key);
    if (known === undefined) {
      known = { peerId: member.peerId, member, backoff: new Backoff(context.host, this.#options.backoff), attempt: undefined, attempts: 0, cancelRetry: undefined };
      this.#known.set(key, known);
    }
    if (known.member !== undefined) this.#bySession.delete(known.member.session);
    known.member = member;
    this.#bySession.set(member.session, known);
    // A connection that is up needs no signaller; whether it still leads anywhere, it finds out itself.
    if (known.attempt?.link === undefined) this.#try(context, known);
  }

  #gone(session: number): void {
    const known = this.#bySession.get(session);
    if (known === undefined) return;
    this.#bySession.delete(session);
    known.member = undefined;
    known.cancelRetry?.();
    known.cancelRetry = undefined;
    if (known.attempt?.link !== undefined) return;
    this.#drop(known, "lost", true);
    this.#known.delete(peerIdToText(known.peerId));
  }

  /** Begins an attempt, where this end is the one that does. */
  #try(context: TransportContext, known: Known): void {
    known.cancelRetry?.();
    known.cancelRetry = undefined;
    if (known.member?.initiator !== true || this.context !== context) return;
    this.#drop(known, "replaced", true);
    known.attempts++;
    this.#begin(context, known, known.attempts, true).catch((error: unknown) => this.#failed(context, known, error));
  }

  async #configuration(): Promise<RTCConfiguration> {
    const { iceServers = [], iceTransportPolicy } = this.#options;
    const servers = typeof iceServers === "function" ? await iceServers() : iceServers;
    return { iceServers: [...servers], ...(iceTransportPolicy === undefined ? {} : { iceTransportPolicy }) };
  }

  async #begin(context: TransportContext, known: Known, number: number, initiator: boolean): Promise<Attempt | undefined> {
    const configuration = await this.#configuration();
    if (this.context !== context || known.member === undefined || known.attempts !== number || known.attempt !== undefined) return undefined;
    const connection = new this.#rtc.RTCPeerConnection(configuration);
    const attempt: Attempt = {
      number, connection, initiator, channel: undefined, work: Promise.resolve(), makingOffer: false, ignoringOffer: false, described: false, link: undefined,
      cancelTimer: undefined,
    };
    known.attempt = attempt;
    attempt.cancelTimer = context.host.timer(this.#options.connectTimeoutMs ?? 20_000, () =>
      this.#failed(context, known, new BBError("timeout", "no connection came of it"), attempt));
    connection.onnegotiationneeded = () => {
      if (attempt.link !== undefined) this.#offer(context, known, attempt); // the first offer is made below
    };
    connection.onicecandidate = ({ candidate }) => {
      if (candidate !== null && candidate.candidate !== "") this.#say(known, attempt, { type: "candidate", bytes: utf8Encode(JSON.stringify({ candidate: candidate.candidate.replace(/^a=/, ""), sdpMid: candidate.sdpMid, sdpMLineIndex: candidate.sdpMLineIndex })) });
    };
    connection.onconnectionstatechange = () => this.#stateChanged(context, known, attempt);
    if (initiator) {
      this.#makeChannel(context, known, attempt);
      this.#offer(context, known, attempt);
    }
    return attempt;
  }

  #makeChannel(context: TransportContext, known: Known, attempt: Attempt): void {
    const channel = attempt.connection.createDataChannel("bytesandbrains", { negotiated: true, id: channelNumber, ordered: true });
    attempt.channel = channel;
    channel.binaryType = "arraybuffer";
    channel.bufferedAmountLowThreshold = lowWater;
    let opened = false;
    const open = (): void => {
      if (opened) return;
      opened = true;
      this.#channelOpen(context, known, attempt, channel).catch((error: unknown) => this.#failed(context, known, error, attempt));
    };
    channel.onopen = open;
    channel.onclose = () => this.#over(context, known, attempt, "left");
    if (channel.readyState === "open") open();
  }

  #offer(context: TransportContext, known: Known, attempt: Attempt): void {
    this.#enqueue(context, known, attempt, async () => {
      attempt.makingOffer = true;
      try {
        await attempt.connection.setLocalDescription(await attempt.connection.createOffer());
        this.#describe(known, attempt);
      } finally {
        attempt.makingOffer = false;
      }
    });
  }

  #describe(known: Known, attempt: Attempt): void {
    const description = attempt.connection.localDescription;
    if (description !== null) this.#say(known, attempt, { type: "description", bytes: utf8Encode(JSON.stringify({ type: description.type, sdp: description.sdp })) });
  }

  #say(known: Known, attempt: Attempt, body: SignalBody): void {
    if (known.attempt === attempt && known.member !== undefined) this.#options.signaller.signal(known.member.session, attempt.number, body);
  }

  #enqueue(context: TransportContext, known: Known, attempt: Attempt, work: () => Promise<void>): void {
    attempt.work = attempt.work.then(work).catch((error: unknown) => this.#failed(context, known, error, attempt));
  }

  #received(context: TransportContext, known: Known, number: number, body: SignalBody): void {
    if (known.attempt?.number === number) {
      const { attempt } = known;
      this.#enqueue(context, known, attempt, () => this.#apply(context, known, attempt, body));
      return;
    }
    // Another attempt: only the initiator begins one, with an offer.
    if (known.member === undefined || known.member.initiator || body.type !== "description") {
      const waiting = this.#waiting.get(known);
      if (waiting?.number === number && waiting.bodies.length < waitingMax) waiting.bodies.push(body);
      return;
    }
    this.#drop(known, "replaced", true);
    known.attempts = number;
    const waiting = { number, bodies: [body] };
    this.#waiting.set(known, waiting);
    this.#begin(context, known, number, false).then((attempt) => {
      this.#waiting.delete(known);
      if (attempt === undefined) return;
      for (const one of waiting.bodies) this.#enqueue(context, known, attempt, () => this.#apply(context, known, attempt, one));
    }, (error: unknown) => this.#failed(context, known, error));
  }

  async #apply(context: TransportContext, known: Known, attempt: Attempt, body: SignalBody): Promise<void> {
    const { connection } = attempt;
    if (body.type === "end" || known.attempt !== attempt) return;
    if (body.type === "candidate") {
      if (!attempt.ignoringOffer && attempt.described) await connection.addIceCandidate(parsed(body.bytes) as RTCIceCandidateInit);
      return;
    }
    const description = parsed(body.bytes) as RTCSessionDescriptionInit;
    if ((description.type !== "offer" && description.type !== "answer") || typeof description.sdp !== "string") throw new BBError("protocol", "a description that is none");
    const collides = description.type === "offer" && (attempt.makingOffer || connection.signalingState !== "stable");
    attempt.ignoringOffer = attempt.initiator && collides;
    if (attempt.ignoringOffer) return;
    await connection.setRemoteDescription({ type: description.type, sdp: description.sdp });
    attempt.described = true;
    if (description.type !== "offer") return;
    await connection.setLocalDescription(await connection.createAnswer());
    this.#describe(known, attempt);
    if (attempt.channel === undefined) this.#makeChannel(context, known, attempt);
  }

  async #channelOpen(context: TransportContext, known: Known, attempt: Attempt, channel: RTCDataChannel): Promise<void> {
    const { connection, initiator } = attempt;
    const local = fingerprintOf(connection.localDescription?.sdp ?? "");
    const remoteSdp = connection.remoteDescription?.sdp ?? "";
    const remote = fingerprintOf(remoteSdp);
    if (equalBytes(local, remote)) throw new BBError("protocol", "both ends name the same certificate");
    const binding: ChannelBinding = { kind: "dtls", initiator: initiator ? local : remote, responder: initiator ? remote : local };
    const frameMax = Math.max(frameMaxFloor, Math.min(frameMaxWanted, connection.sctp?.maxMessageSize ?? frameMaxWanted, messageMaxOf(remoteSdp)));
    // What comes before the path is known belongs to the link, too.
    const early: Bytes[] = [];
    channel.onmessage = ({ data }: MessageEvent<unknown>) => void (data instanceof ArrayBuffer && early.length < 16 && early.push(new Uint8Array(data)));
    const path = await Promise.race([pathOf(connection), new Promise<LinkPath>((resolve) => context.host.timer(pathWaitMs, () => resolve("direct")))]);
    if (known.attempt !== attempt || channel.readyState !== "open" || this.context !== context) return;
    attempt.cancelTimer?.();
    attempt.cancelTimer = undefined;
    known.backoff.reset();
    const link = this.up({
      peerHint: known.peerId, path, binding, initiator, frameMax,
      send: (parts) => {
        if (channel.readyState !== "open") return true; // its close is under way and says the rest
        if (channel.bufferedAmount > highWater) return false;
        try {
          channel.send(concatBytes(parts));
        } catch {
          // The other end has just closed it: that is reported next.
        }
        return true;
      },
      close: () => this.#release(attempt),
    } satisfies Channel);
    attempt.link = link;
    channel.onbufferedamountlow = () => this.writable(link);
    channel.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (data instanceof ArrayBuffer) this.frame(link, new Uint8Array(data));
      else this.#over(context, known, attempt, "protocol");
    };
    for (const bytes of early) this.frame(link, bytes);
  }

  #stateChanged(context: TransportContext, known: Known, attempt: Attempt): void {
    const { connectionState } = attempt.connection;
    if (known.attempt !== attempt) return;
    if (connectionState === "failed") {
      if (attempt.link === undefined) this.#failed(context, known, new BBError("unreachable", "no candidates of the two reach each other"), attempt);
      else this.#over(context, known, attempt, "lost");
    } else if (connectionState === "disconnected" && attempt.link !== undefined && attempt.cancelTimer === undefined) {
      // A network that changed: other candidates may reach. The offer this leads to goes over the signaller.
      if (attempt.initiator && known.member !== undefined) attempt.connection.restartIce();
      attempt.cancelTimer = context.host.timer(this.#options.interruptedMs ?? 15_000, () => this.#over(context, known, attempt, "lost"));
    } else if (connectionState === "connected" && attempt.link !== undefined) {
      attempt.cancelTimer?.();
      attempt.cancelTimer = undefined;
    }
  }

  /** An attempt came to nothing. */
  #failed(context: TransportContext, known: Known, error: unknown, attempt?: Attempt): void {
    if (this.context !== context || (attempt !== undefined && known.attempt !== attempt)) return;
    const reported = error instanceof BBError ? error : new BBError("webrtc", describeError(error), { cause: error });
    if (attempt?.link !== undefined) this.#over(context, known, attempt, "protocol");
    else {
      this.#drop(known, "lost", true);
      this.#retry(context, known);
    }
    this.emit({ type: "error", error: reported, retryable: true });
  }

  /** A connection that was up is gone. */
  #over(context: TransportContext, known: Known, attempt: Attempt, code: LinkCode): void {
    if (known.attempt !== attempt) return;
    this.#drop(known, code, true);
    if (known.member === undefined) this.#known.delete(peerIdToText(known.peerId));
    else this.#retry(context, known);
  }

  #retry(context: TransportContext, known: Known): void {
    if (known.member?.initiator !== true || this.context !== context) return;
    known.cancelRetry?.();
    known.cancelRetry = context.host.timer(known.backoff.next(), () => this.#try(context, known));
  }

  #drop(known: Known, code: LinkCode, retryable: boolean): void {
    const { attempt } = known;
    if (attempt === undefined) return;
    known.attempt = undefined;
    if (attempt.link === undefined) this.#release(attempt);
    else this.down(attempt.link, code, retryable);
  }

  #release(attempt: Attempt): void {
    attempt.cancelTimer?.();
    attempt.cancelTimer = undefined;
    const { channel, connection } = attempt;
    if (channel !== undefined) channel.onopen = channel.onclose = channel.onmessage = channel.onbufferedamountlow = null;
    connection.onnegotiationneeded = connection.onicecandidate = connection.onconnectionstatechange = null;
    channel?.close();
    connection.close();
  }
}

function parsed(bytes: Bytes): unknown {
  try {
    const value: unknown = JSON.parse(utf8Show(bytes));
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // said below
  }
  throw new BBError("protocol", "a signal that is no JSON");
}

/** Whether the connection goes over a TURN server. */
async function pathOf(connection: RTCPeerConnection): Promise<LinkPath> {
  const stats = new Map<string, Record<string, unknown>>();
  (await connection.getStats()).forEach((entry: Record<string, unknown>, id: string) => stats.set(id, entry));
  for (const entry of stats.values()) {
    const chosen = entry["type"] === "candidate-pair" && (entry["selected"] === true || (entry["nominated"] === true && entry["state"] === "succeeded"));
    if (!chosen) continue;
    const ends = [entry["localCandidateId"], entry["remoteCandidateId"]].map((id) => stats.get(String(id))?.["candidateType"]);
    if (ends.includes("relay")) return "relayed";
  }
  return "direct";
}

/**
 * A transport over WebRTC data channels.
 *
 * ```ts
 * const hub = hubTransport({ url, room: "lab" });
 * const peer = await Peer.create({ engine, artifact, transports: [hub, webRtcTransport({ signaller: hub })] });
 * ```
 */
export function webRtcTransport(options: WebRtcTransportOptions): Transport {
  return new WebRtcTransport(options);
}
