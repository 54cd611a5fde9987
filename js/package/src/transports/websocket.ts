// Peers of one room, reached through a hub over a WebSocket: every other member is a link.
// Reconnects by itself with capped, jittered waits; keeps to the hub's limits; cuts long messages into chunks.
import { totalLength, utf8Encode, type Bytes } from "../bytes.js";
import { BBError } from "../errors.js";
import { TokenBucket } from "../hub/buckets.js";
import { hubVersion, relayHeaderLength, type HubLimits, type HubMessage, type Member } from "../hub/messages.js";
import { readRelayHeader, roomBytesMax } from "../hub/protocol.js";
import { Backoff, type BackoffOptions } from "./backoff.js";
import type { ReassemblyAccount } from "./chunks.js";
import { checkMessageLength, waitForLink } from "./dial.js";
import { framing, HubLink } from "./hub-link.js";
import { HubSocket, type HubSocketEnd } from "./hub-socket.js";
import { Listeners } from "./listeners.js";
import type {
  Abort, DialTarget, Lane, LinkCode, LinkId, LinkInfo, Transport, TransportContext, TransportEvent, TransportStats, TransportStatus,
} from "./transport.js";
import type { WebSocketConstructor } from "./web-socket.js";

/** Settings of a WebSocket transport. */
export interface WebSocketTransportOptions {
  /** Address of the hub (`ws:` or `wss:`; `http:` and `https:` mean the same). */
  readonly url: string;
  /** Name of the room; at most 128 bytes of UTF-8. */
  readonly room: string;
  /** The implementation; the runtime's own when absent. */
  readonly webSocket?: WebSocketConstructor;
  /** Longest message in either direction; 64 MiB when absent. */
  readonly messageMax?: number;
  /** Bytes kept per link and lane before `send` says `full`; 4 MiB when absent. A single longer message is still taken. */
  readonly queueMax?: number;
  /** Bytes in the socket's own buffer above which nothing more is handed to it; 1 MiB when absent. */
  readonly highWater?: number;
  /** Bytes of unfinished messages of all links together; 256 MiB when absent. */
  readonly reassemblyMax?: number;
  /** Milliseconds `start` keeps trying; 30,000 when absent. */
  readonly startTimeoutMs?: number;
  /** Milliseconds one attempt may take; 10,000 when absent. */
  readonly connectTimeoutMs?: number;
  /** Milliseconds of silence before the hub is asked for a sign of life; 60,000 when absent. */
  readonly keepAliveMs?: number;
  readonly backoff?: BackoffOptions;
}

const bufferPollMs = 5; // sockets have no event for a buffer that has drained
const stableMs = 10_000; // a connection that lasted this long starts the waits anew
const smallestFrameMax = 512;
const smallestQueueMax = 32_768;

function socketUrl(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch (error) {
    throw new BBError("bad_url", `"${text}" is not an address`, { cause: error });
  }
  if (url.protocol === "http:") url.protocol = "ws:";
  else if (url.protocol === "https:") url.protocol = "wss:";
  if (url.protocol !== "ws:" && url.protocol !== "wss:") throw new BBError("bad_url", `"${text}" is not a WebSocket address`);
  url.hash = "";
  return url.href;
}

function platformWebSocket(): WebSocketConstructor {
  const found: unknown = Reflect.get(globalThis, "WebSocket");
  if (typeof found === "function") return found as WebSocketConstructor;
  throw new BBError("no_websocket", "this runtime has no WebSocket; pass one in as `webSocket`, for example that of the package ws");
}

/** Peers of a room behind a hub. */
export class WebSocketTransport implements Transport {
  readonly kind = "websocket";
  readonly #url: string;
  readonly #room: Bytes;
  readonly #webSocket: WebSocketConstructor;
  readonly #options: WebSocketTransportOptions;
  readonly #messageMax: number;
  readonly #queueMax: number;
  readonly #highWater: number;
  readonly #account: ReassemblyAccount;
  readonly #listeners = new Listeners<TransportEvent>();
  readonly #links = new Map<LinkId, HubLink>();
  readonly #bySession = new Map<number, HubLink>();
  readonly #stats = { messagesSent: 0, bytesSent: 0, messagesReceived: 0, bytesReceived: 0 };
  #context: TransportContext | undefined;
  #backoff: Backoff | undefined;
  #socket: HubSocket | undefined;
  #limits: HubLimits | undefined;
  #frames: TokenBucket | undefined;
  #bytes: TokenBucket | undefined;
  #ownSession = 0;
  #lastLink = 0;
  #turn = 0;
  #openedMs = 0;
  #status: TransportStatus = "closed";
  #started: { resolve: () => void; reject: (error: BBError) => void; cancelTimer: () => void } | undefined;
  #cancelRetry: (() => void) | undefined;
  #cancelPump: (() => void) | undefined;
  #stopLifecycle: (() => void) | undefined;
  #notifyPlanned = false;
  #lastFailure: BBError | undefined;

  /** Throws `bad_url`, `bad_option` or `no_websocket`. */
  constructor(options: WebSocketTransportOptions) {
    this.#options = options;
    this.#url = socketUrl(options.url);
    this.#room = utf8Encode(options.room);
    if (this.#room.length > roomBytesMax) throw new BBError("bad_option", `a room name of ${this.#room.length} bytes, at most ${roomBytesMax} are legal`);
    this.#webSocket = options.webSocket ?? platformWebSocket();
    this.#messageMax = options.messageMax ?? 67_108_864;
    if (!(this.#messageMax >= 1 && this.#messageMax <= 0xffffffff)) throw new BBError("bad_option", `messageMax is ${this.#messageMax}`);
    this.#queueMax = options.queueMax ?? 4_194_304;
    this.#highWater = options.highWater ?? 1_048_576;
    this.#account = { held: 0, heldMax: options.reassemblyMax ?? 268_435_456 };
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
      link: link.id, peerHint: link.peerId, path: "hub", initiator: link.initiator, frameMax: this.#messageMax, queuedBytes: link.queuedBytes,
    }));
  }

  send(link: LinkId, parts: readonly Bytes[], lane: Lane): "sent" | "full" | "closed" {
    const found = this.#links.get(link);
    if (found === undefined) return "closed";
    const total = totalLength(parts);
    checkMessageLength(total, lane, this.#messageMax);
    if (found.queued[lane] > 0 && found.queued[lane] + total > this.#queueMax) {
      found.owesWritable[lane] = true;
      return "full";
    }
    this.#stats.messagesSent++;
    this.#stats.bytesSent += total;
    const small = found.queued[lane] === 0 && this.#mayWrite(framing + total) ? found.direct(parts, lane) : undefined;
    if (small !== undefined) this.#write(small);
    else {
      found.enqueue(parts, lane);
      this.#pump();
    }
    return "sent";
  }

  close(link?: LinkId): Promise<void> {
    if (link !== undefined) {
      const found = this.#links.get(link);
      if (found !== undefined) {
        found.refused = true;
        this.#down(found, "closed", false);
      }
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
    this.#cancelPump?.();
    this.#cancelPump = undefined;
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
        this.#pump();
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
    const link = new HubLink(++this.#lastLink, this.#ownSession, member, limits, this.#messageMax, this.#account);
    this.#links.set(link.id, link);
    this.#bySession.set(link.session, link);
    this.#emit({
      type: "link-up", link: link.id, peerHint: link.peerId, path: "hub", binding: { kind: "none" }, initiator: link.initiator, frameMax: this.#messageMax,
    });
  }

  #left(session: number): void {
    const link = this.#bySession.get(session);
    if (link === undefined) return;
    this.#bySession.delete(session);
    this.#down(link, "left", true);
  }

  #relay(message: Bytes): void {
    const { lane, session } = readRelayHeader(message);
    const link = this.#bySession.get(session);
    // A message of a member that has just left, or of one that was refused, concerns nobody.
    if (link === undefined || link.refused) return;
    let whole: Bytes | undefined;
    try {
      const chunk = message.subarray(relayHeaderLength);
      if (chunk[1] !== lane) throw new BBError("protocol", "the lane of a chunk differs from that of its message", { at: 1 });
      whole = link.reassembler.add(chunk);
    } catch (error) {
      if (!(error instanceof BBError)) throw error;
      link.refused = true;
      this.#emit({ type: "error", error, retryable: false });
      this.#down(link, error.code === "over_cap" ? "over_cap" : "protocol", false);
      return;
    }
    if (whole !== undefined) {
      this.#stats.messagesReceived++;
      this.#stats.bytesReceived += whole.length;
      this.#emit({ type: "frame", link: link.id, bytes: whole });
    }
    if (this.#cancelPump !== undefined) this.#pump(); // timers of hidden pages are slow, messages are not
  }

  #down(link: HubLink, code: LinkCode, retryable: boolean): void {
    link.clear();
    if (this.#links.delete(link.id)) this.#emit({ type: "link-down", link: link.id, code, retryable });
  }

  #dropLinks(code: LinkCode, retryable: boolean): void {
    this.#bySession.clear();
    for (const link of [...this.#links.values()]) this.#down(link, code, retryable);
  }

  // ---- sending

  #mayWrite(length: number): boolean {
    const { host } = this.#context ?? {};
    if (host === undefined || this.#socket?.open !== true || this.#socket.buffered > this.#highWater) return false;
    const nowMs = host.now();
    return (this.#frames?.waitMs(1, nowMs) ?? 1) === 0 && (this.#bytes?.waitMs(length, nowMs) ?? 1) === 0;
  }

  #write(frame: Uint8Array<ArrayBuffer>): void {
    const nowMs = this.#context?.host.now() ?? 0;
    this.#frames?.take(1, nowMs);
    this.#bytes?.take(frame.length, nowMs);
    this.#socket?.send(frame);
  }

  /** Sends what may be sent: control of all links before bulk, one chunk of each link in turn. */
  #pump(): void {
    this.#cancelPump?.();
    this.#cancelPump = undefined;
    const { host } = this.#context ?? {};
    if (host === undefined) return;
    for (const lane of [0, 1] as const) {
      const links = [...this.#links.values()];
      let idle = 0;
      for (let at = this.#turn; links.length > 0 && idle < links.length; at++) {
        const link = links[at % links.length];
        const length = link?.nextLength(lane) ?? 0;
        if (link === undefined || length === 0) {
          idle++;
          continue;
        }
        if (!this.#mayWrite(length)) {
          this.#turn = at % links.length;
          const nowMs = host.now();
          const waitMs = Math.max(this.#frames?.waitMs(1, nowMs) ?? 0, this.#bytes?.waitMs(length, nowMs) ?? 0, bufferPollMs);
          this.#cancelPump = host.timer(waitMs, () => {
            this.#cancelPump = undefined;
            this.#pump();
          });
          this.#planNotify();
          return;
        }
        idle = 0;
        const frame = link.nextFrame(lane);
        if (frame !== undefined) this.#write(frame);
      }
    }
    this.#planNotify();
  }

  /** Reports `writable` later, as nothing is reported from within a call. */
  #planNotify(): void {
    if (this.#notifyPlanned) return;
    this.#notifyPlanned = true;
    queueMicrotask(() => {
      this.#notifyPlanned = false;
      for (const link of [...this.#links.values()]) {
        if (link.settle(this.#queueMax / 2)) this.#emit({ type: "writable", link: link.id });
      }
    });
  }

  #emit(event: TransportEvent): void {
    this.#listeners.emit(event);
  }
}

/**
 * A transport to the members of a room behind a hub.
 *
 * ```ts
 * const transport = webSocketTransport({ url: "ws://127.0.0.1:8787/hub", room: "digits" });
 * ```
 */
export function webSocketTransport(options: WebSocketTransportOptions): Transport & { readonly status: TransportStatus } {
  return new WebSocketTransport(options);
}
