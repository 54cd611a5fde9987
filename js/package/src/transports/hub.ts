// Peers of one room, reached through a hub over a WebSocket: every other member is a link.
// Reconnects by itself with capped, jittered waits, and keeps to the hub's limits.
import { totalLength, utf8Encode, type Bytes } from "../bytes.js";
import { BBError } from "../errors.js";
import type { Host } from "../host.js";
import { TokenBucket } from "../hub/buckets.js";
import { firstCredit, hubVersion, relayCost, relayHeaderLength, type HubLimits, type HubMessage, type Member, type SignalBody } from "../hub/messages.js";
import { encodeControl, readRelayHeader, roomBytesMax } from "../hub/protocol.js";
import { Backoff, type BackoffOptions } from "./backoff.js";
import { checkFrameLength, waitForLink } from "./dial.js";
import { HubLink } from "./hub-link.js";
import { HubSocket, type HubSocketEnd } from "./hub-socket.js";
import { Listeners } from "./listeners.js";
import type { SignalEvent, Signaller, SignalMember } from "./signalling.js";
import type {
  Abort, DialTarget, LinkCode, LinkId, LinkInfo, Transport, TransportContext, TransportEvent, TransportStats, TransportStatus,
} from "./transport.js";
import { platformWebSocket, socketUrl, type WebSocketConstructor } from "./web-socket.js";

/** Settings of a hub transport. */
export interface HubTransportOptions {
  /** Address of the hub (`ws:` or `wss:`; `http:` and `https:` mean the same). */
  readonly url: string;
  /** Name of the room; at most 128 bytes of UTF-8. */
  readonly room: string;
  /** The implementation; the runtime's own when absent. */
  readonly webSocket?: WebSocketConstructor;
  /** Bytes in the socket's own buffer above which nothing more is handed to it; 1 MiB when absent. */
  readonly highWater?: number;
  /** Milliseconds `start` keeps trying; 30,000 when absent. */
  readonly startTimeoutMs?: number;
  /** Milliseconds one attempt may take; 10,000 when absent. */
  readonly connectTimeoutMs?: number;
  /** Milliseconds of silence before the hub is asked for a sign of life; 60,000 when absent. */
  readonly keepAliveMs?: number;
  readonly backoff?: BackoffOptions;
}

const stableMs = 10_000; // a connection that lasted this long starts the waits anew
const smallestFrameMax = 2_048;
const smallestQueueMax = 65_536;

/** Peers of a room behind a hub. */
export class HubTransport implements Transport, Signaller {
  readonly kind = "hub";
  readonly #url: string;
  readonly #room: Bytes;
  readonly #webSocket: WebSocketConstructor;
  readonly #options: HubTransportOptions;
  readonly #highWater: number;
  readonly #listeners = new Listeners<TransportEvent>();
  readonly #signals = new Listeners<SignalEvent>();
  readonly #links = new Map<LinkId, HubLink>();
  readonly #bySession = new Map<number, HubLink>();
  readonly #stats = { framesSent: 0, bytesSent: 0, framesReceived: 0, bytesReceived: 0 };
  #context: TransportContext | undefined;
  #backoff: Backoff | undefined;
  #socket: HubSocket | undefined;
  #limits: HubLimits | undefined;
  #frames: TokenBucket | undefined;
  #bytes: TokenBucket | undefined;
  #ownSession = 0;
  #lastLink = 0;
  #openedMs = 0;
  #status: TransportStatus = "closed";
  #started: { resolve: () => void; reject: (error: BBError) => void; cancelTimer: () => void } | undefined;
  #cancelRetry: (() => void) | undefined;
  #cancelRoom: (() => void) | undefined;
  #stopLifecycle: (() => void) | undefined;
  #notifyPlanned = false;
  /** The socket's buffer was the reason why a frame was not taken. */
  #buffered = false;
  #lastFailure: BBError | undefined;

  /** Throws `bad_url`, `bad_option` or `no_websocket`. */
  constructor(options: HubTransportOptions) {
    this.#options = options;
    this.#url = socketUrl(options.url);
    this.#room = utf8Encode(options.room);
    if (this.#room.length > roomBytesMax) throw new BBError("bad_option", `a room name of ${this.#room.length} bytes, at most ${roomBytesMax} are legal`);
    this.#webSocket = options.webSocket ?? platformWebSocket();
    this.#highWater = options.highWater ?? 1_048_576;
  }

  /** State of the connection to the hub. */
  get status(): TransportStatus {
    return this.#status;
  }

  start(context: TransportContext): Promise<void> {
    if (this.#context !== undefined) return Promise.reject(new BBError("already_started", "the transport runs already"));
    this.#context = context;
    this.#backoff = new Backoff(context.host, this.#options.backoff);
    this.#stopLifecycle = context.host.lifecycle((event) => {
      if (event.type === "online" && this.#cancelRetry !== undefined) this.#connect();
    });
    return new Promise<void>((resolve, reject) => {
      const cancelTimer = context.host.timer(this.#options.startTimeoutMs ?? 30_000, () => {
        const last = this.#lastFailure;
        this.#stop(new BBError("unreachable", last === undefined ? `the hub at ${this.#url} does not answer` : last.detail, { cause: last }));
      });
      this.#started = { resolve, reject, cancelTimer };
      this.#connect();
    });
  }

  connect(target: DialTarget, options: Abort = {}): Promise<LinkId> {
    return waitForLink(this, target, options);
  }

  links(): LinkInfo[] {
    return [...this.#links.values()].map((link) => ({
      link: link.id, peerHint: link.peerId, path: "hub", initiator: link.initiator, frameMax: this.#frameMax,
    }));
  }

  send(link: LinkId, parts: readonly Bytes[]): "sent" | "full" | "closed" {
    const found = this.#links.get(link);
    const host = this.#context?.host;
    if (found === undefined || host === undefined) return "closed";
    const total = totalLength(parts);
    checkFrameLength(total, this.#frameMax);
    const length = relayHeaderLength + total;
    if (!found.takes(length) || !this.#roomFor(host, length)) {
      found.owesWritable = true;
      return "full";
    }
    this.#frames?.take(1, host.now());
    this.#bytes?.take(length, host.now());
    this.#stats.framesSent++;
    this.#stats.bytesSent += total;
    this.#socket?.send(found.message(parts));
    return "sent";
  }

  close(link?: LinkId, code: LinkCode = "closed"): Promise<void> {
    if (link !== undefined) {
      const found = this.#links.get(link);
      if (found !== undefined) this.#down(found, code, false);
      return Promise.resolve();
    }
    this.#stop(new BBError("closed", "the transport was closed"));
    return Promise.resolve();
  }

  on(f: (event: TransportEvent) => void): () => void {
    return this.#listeners.add(f);
  }

  stats(): TransportStats {
    return { ...this.#stats };
  }

  members(): SignalMember[] {
    return [...this.#bySession.values()].map(memberOf);
  }

  signal(session: number, attempt: number, body: SignalBody): boolean {
    const { host } = this.#context ?? {};
    if (host === undefined || this.#socket?.open !== true || !this.#bySession.has(session)) return false;
    this.#frames?.take(1, host.now());
    this.#socket.send(encodeControl({ kind: "signal", session, attempt, body }));
    return true;
  }

  onSignal(f: (event: SignalEvent) => void): () => void {
    return this.#signals.add(f);
  }

  // ---- connection

  #connect(): void {
    const context = this.#context;
    if (context === undefined || this.#socket !== undefined) return;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#setStatus("connecting");
    let socket: HubSocket | undefined;
    try {
      socket = new HubSocket({
        url: this.#url,
        webSocket: this.#webSocket,
        host: context.host,
        hello: { version: hubVersion, networkId: context.networkId ?? new Uint8Array(0), room: this.#room, peerId: context.peerId, caps: 0 },
        connectTimeoutMs: this.#options.connectTimeoutMs ?? 10_000,
        keepAliveMs: this.#options.keepAliveMs ?? 60_000,
      }, {
        control: (message) => this.#control(message),
        relay: (message) => this.#relay(message),
        end: (end) => this.#ended(end),
      });
    } catch (error) {
      if (!(error instanceof BBError)) throw error;
      this.#stop(error);
      return;
    }
    this.#socket = socket;
  }

  #ended(end: HubSocketEnd): void {
    const context = this.#context;
    this.#socket = undefined;
    this.#lastFailure = end.error;
    this.#dropLinks(end.broken ? "protocol" : "lost", end.retryable);
    if (context === undefined) return;
    if (!end.retryable) {
      this.#stop(end.error);
      return;
    }
    if (this.#status === "open" && context.host.now() - this.#openedMs >= stableMs) this.#backoff?.reset();
    const waitMs = Math.max(end.retryAfterMs, this.#backoff?.next() ?? 0);
    this.#emit({ type: "error", error: end.error, retryable: true });
    if (this.#context === undefined) return; // closed by a listener
    this.#cancelRetry = context.host.timer(waitMs, () => {
      this.#cancelRetry = undefined;
      this.#connect();
    });
    this.#setStatus("waiting", waitMs);
  }

  /** Ends for good; a pending `start` rejects with the error, which is also reported unless the caller asked for the end. */
  #stop(error: BBError): void {
    if (this.#context === undefined) return;
    this.#context = undefined;
    this.#stopLifecycle?.();
    this.#stopLifecycle = undefined;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#cancelRoom?.();
    this.#cancelRoom = undefined;
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.leave();
    this.#dropLinks("closed", false);
    const started = this.#started;
    this.#started = undefined;
    started?.cancelTimer();
    if (error.code !== "closed") this.#emit({ type: "error", error, retryable: false });
    this.#setStatus("closed");
    started?.reject(error);
  }

  #setStatus(status: TransportStatus, retryAfterMs?: number): void {
    if (this.#status === status) return;
    this.#status = status;
    this.#emit(retryAfterMs === undefined ? { type: "status", status } : { type: "status", status, retryAfterMs });
  }

  // ---- what the hub says

  #control(message: HubMessage): void {
    switch (message.kind) {
      case "welcome":
        this.#welcome(message.welcome.session, message.welcome.limits, message.welcome.members);
        return;
      case "presence":
        // Who has left first: a peer that joined again is in both lists, with another session.
        for (const session of message.left) this.#left(session);
        for (const member of message.joined) this.#joined(member);
        return;
      case "quota":
        this.#bySession.get(message.session)?.grant(message.writable);
        this.#planNotify();
        return;
      case "signal":
        if (this.#bySession.has(message.session)) this.#signals.emit({ type: "signal", session: message.session, attempt: message.attempt, body: message.body });
        return;
      case "drain": case "error": case "hello": case "leave":
        return; // the end of the connection follows by itself; the others do not come here
      default:
        message satisfies never;
    }
  }

  #welcome(session: number, limits: HubLimits, members: readonly Member[]): void {
    const context = this.#context;
    if (context === undefined) return;
    if (limits.frameMax < smallestFrameMax || limits.queueMax < smallestQueueMax || limits.framesPerSecond < 1 || limits.bytesPerSecond < limits.frameMax) {
      throw new BBError("malformed", "limits under which nothing can be sent", { at: 1 });
    }
    const nowMs = context.host.now();
    this.#ownSession = session;
    this.#limits = limits;
    // One second's worth at once, where the hub takes two: its clock and ours need not agree to the millisecond.
    this.#frames = new TokenBucket(limits.framesPerSecond * 0.95, limits.framesPerSecond, nowMs);
    this.#bytes = new TokenBucket(limits.bytesPerSecond * 0.95, limits.bytesPerSecond, nowMs);
    this.#openedMs = nowMs;
    this.#setStatus("open");
    const started = this.#started;
    this.#started = undefined;
    started?.cancelTimer();
    started?.resolve();
    for (const member of members) this.#joined(member);
  }

  #joined(member: Member): void {
    const limits = this.#limits;
    if (limits === undefined || member.session === this.#ownSession || this.#bySession.has(member.session)) return;
    if (this.#bySession.size >= limits.roomMax) throw new BBError("malformed", `more than ${limits.roomMax} members`, { at: 1 });
    const link = new HubLink(++this.#lastLink, this.#ownSession, member, limits);
    this.#links.set(link.id, link);
    this.#bySession.set(link.session, link);
    this.#signals.emit({ type: "member", member: memberOf(link) });
    this.#emit({
      type: "link-up", link: link.id, peerHint: link.peerId, path: "hub", binding: { kind: "none" }, initiator: link.initiator, frameMax: this.#frameMax,
    });
  }

  #left(session: number): void {
    const link = this.#bySession.get(session);
    if (link === undefined) return;
    this.#bySession.delete(session);
    this.#signals.emit({ type: "gone", session });
    this.#down(link, "left", true);
  }

  #relay(message: Bytes): void {
    const link = this.#bySession.get(readRelayHeader(message).session);
    // A message of a member that has just left, or whose link was closed here, concerns nobody.
    if (link === undefined || !this.#links.has(link.id)) return;
    const bytes = message.subarray(relayHeaderLength);
    this.#stats.framesReceived++;
    this.#stats.bytesReceived += bytes.length;
    this.#emit({ type: "frame", link: link.id, bytes });
    if (this.#buffered) this.#planNotify(); // sockets have no event for a buffer that has drained, but what drains it is answered
  }

  #down(link: HubLink, code: LinkCode, retryable: boolean): void {
    if (this.#links.delete(link.id)) this.#emit({ type: "link-down", link: link.id, code, retryable });
  }

  #dropLinks(code: LinkCode, retryable: boolean): void {
    for (const session of [...this.#bySession.keys()]) this.#signals.emit({ type: "gone", session });
    this.#bySession.clear();
    for (const link of [...this.#links.values()]) this.#down(link, code, retryable);
  }

  // ---- sending

  /** What the hub takes at any time: a longer frame would wait for credit that it may never give at once. */
  get #frameMax(): number {
    const limits = this.#limits;
    return limits === undefined ? 0 : Math.min(limits.frameMax, Math.floor(firstCredit(limits.queueMax) / 2) - relayCost(0)) - relayHeaderLength;
  }

  /** Whether the socket and the hub's limits leave room for a message; when not, there will be an occasion to look again. */
  #roomFor(host: Host, length: number): boolean {
    if (this.#socket?.open !== true) return false;
    if (this.#socket.buffered > this.#highWater) {
      this.#buffered = true;
      return false;
    }
    const nowMs = host.now();
    const waitMs = Math.max(this.#frames?.waitMs(1, nowMs) ?? 0, this.#bytes?.waitMs(length, nowMs) ?? 0);
    if (waitMs === 0) return true;
    this.#cancelRoom ??= host.timer(waitMs, () => {
      this.#cancelRoom = undefined;
      this.#notify();
    });
    return false;
  }

  /** Reports `writable` later, as nothing is reported from within a call. */
  #planNotify(): void {
    if (this.#notifyPlanned) return;
    this.#notifyPlanned = true;
    queueMicrotask(() => {
      this.#notifyPlanned = false;
      this.#notify();
    });
  }

  #notify(): void {
    this.#buffered = false;
    for (const link of [...this.#links.values()]) {
      if (!link.owesWritable) continue;
      link.owesWritable = false;
      this.#emit({ type: "writable", link: link.id });
    }
  }

  #emit(event: TransportEvent): void {
    this.#listeners.emit(event);
  }
}

function memberOf({ session, peerId, initiator }: HubLink): SignalMember {
  return { session, peerId, initiator };
}

/**
 * A transport to the members of a room behind a hub.
 *
 * ```ts
 * const transport = hubTransport({ url: "ws://127.0.0.1:8787/hub", room: "digits" });
 * ```
 */
export function hubTransport(options: HubTransportOptions): Transport & Signaller & { readonly status: TransportStatus } {
  return new HubTransport(options);
}
