// Links over WebSockets of their own, without a hub: to servers that are peers, and on those, from whoever connects.
import { concatBytes } from "../bytes.js";
import { BBError } from "../errors.js";
import { Backoff, type BackoffOptions } from "./backoff.js";
import { ChannelTransport, type Channel } from "./channels.js";
import type { LinkId, Transport, TransportContext } from "./transport.js";
import { platformWebSocket, socketOpen, socketUrl, type WebSocketConstructor, type WebSocketLike } from "./web-socket.js";

/** Settings of a WebSocket transport. */
export interface WebSocketTransportOptions {
  /** Addresses of peers to connect to, and to come back to when a connection breaks. */
  readonly urls?: readonly string[];
  /** The implementation; the runtime's own when absent. */
  readonly webSocket?: WebSocketConstructor;
  /** Longest frame; 256 KiB of a message and its headers when absent. */
  readonly frameMax?: number;
  /** Bytes in a socket's own buffer above which nothing more is handed to it; 256 KiB when absent. */
  readonly highWater?: number;
  /** Connections from others at once; 1,024 when absent. */
  readonly acceptedMax?: number;
  /** Milliseconds one attempt may take; 10,000 when absent. */
  readonly connectTimeoutMs?: number;
  readonly backoff?: BackoffOptions;
}

const frameMaxDefault = 262_144 + 64;
const highWaterDefault = 262_144;
const acceptedMaxDefault = 1_024;
const stableMs = 10_000; // a connection that lasted this long starts the waits anew
const normalClosure = 1_000;
const protocolClosure = 4_001;
const tryAgainClosure = 1_013;

interface Dialled {
  readonly url: string;
  readonly backoff: Backoff;
  cancelTimer: (() => void) | undefined;
  socket: WebSocketLike | undefined;
  openedMs: number;
}

/** A transport over WebSockets. */
export class WebSocketTransport extends ChannelTransport {
  readonly kind = "websocket";
  readonly #options: WebSocketTransportOptions;
  readonly #urls: readonly string[];
  readonly #webSocket: WebSocketConstructor | undefined;
  readonly #frameMax: number;
  readonly #highWater: number;
  readonly #dialled: Dialled[] = [];
  #accepted = 0;

  /** Throws `bad_url` or `no_websocket`. */
  constructor(options: WebSocketTransportOptions = {}) {
    super();
    this.#options = options;
    this.#urls = (options.urls ?? []).map(socketUrl);
    this.#webSocket = options.webSocket ?? (this.#urls.length > 0 ? platformWebSocket() : undefined);
    this.#frameMax = options.frameMax ?? frameMaxDefault;
    this.#highWater = options.highWater ?? highWaterDefault;
  }

  /** Takes a socket that somebody opened to this peer: one of `ws`, Deno, Bun or workerd. Before `start`, and beyond `acceptedMax`, it is closed. */
  accept(socket: WebSocketLike): void {
    if (this.context === undefined || this.#accepted >= (this.#options.acceptedMax ?? acceptedMaxDefault)) {
      socket.close(tryAgainClosure, "busy");
      return;
    }
    this.#accepted++;
    this.#attach(socket, false, () => this.#accepted--);
  }

  protected opened(context: TransportContext): void {
    for (const url of this.#urls) {
      const dialled: Dialled = { url, backoff: new Backoff(context.host, this.#options.backoff), cancelTimer: undefined, socket: undefined, openedMs: 0 };
      this.#dialled.push(dialled);
      this.#dial(context, dialled);
    }
  }

  protected ended(): void {
    for (const dialled of this.#dialled.splice(0)) {
      dialled.cancelTimer?.();
      dialled.socket?.close(normalClosure, "closed");
    }
  }

  #dial(context: TransportContext, dialled: Dialled): void {
    if (this.#webSocket === undefined) return;
    const socket = new this.#webSocket(dialled.url);
    dialled.socket = socket;
    dialled.cancelTimer = context.host.timer(this.#options.connectTimeoutMs ?? 10_000, () => socket.close(normalClosure, "no answer"));
    let detail = "";
    socket.addEventListener("error", (event) => (detail = event.message ?? ""));
    socket.addEventListener("open", () => {
      dialled.cancelTimer?.();
      dialled.cancelTimer = undefined;
      dialled.openedMs = context.host.now();
      if (this.context !== context) socket.close(normalClosure, "closed");
      else this.#attach(socket, true, () => undefined);
    });
    socket.addEventListener("close", () => {
      dialled.cancelTimer?.();
      dialled.cancelTimer = undefined;
      dialled.socket = undefined;
      if (this.context !== context) return;
      if (dialled.openedMs > 0 && context.host.now() - dialled.openedMs >= stableMs) dialled.backoff.reset();
      else if (dialled.openedMs === 0) {
        this.emit({ type: "error", error: new BBError("unreachable", `no connection to ${dialled.url}${detail === "" ? "" : ` (${detail})`}`), retryable: true });
      }
      dialled.openedMs = 0;
      dialled.cancelTimer = context.host.timer(dialled.backoff.next(), () => this.#dial(context, dialled));
    });
  }

  #attach(socket: WebSocketLike, initiator: boolean, gone: () => void): void {
    socket.binaryType = "arraybuffer";
    let full = false;
    const channel: Channel = {
      path: "direct", binding: { kind: "none" }, initiator, frameMax: this.#frameMax,
      send: (parts) => {
        if (socket.readyState !== socketOpen) return true; // its close is under way and says the rest
        // workerd does not say how much is buffered; the credit of the link layer bounds it there.
        full = (socket.bufferedAmount ?? 0) > this.#highWater;
        if (full) return false;
        const frame = concatBytes(parts);
        socket.send(frame);
        return true;
      },
      close: (code) => socket.close(code === "closed" || code === "left" ? normalClosure : protocolClosure, code),
    };
    const link: LinkId = this.up(channel);
    socket.addEventListener("message", ({ data }) => {
      if (!(data instanceof ArrayBuffer)) {
        this.down(link, "protocol", false);
        return;
      }
      this.frame(link, new Uint8Array(data));
      // Sockets have no event for a buffer that has drained, but what is in it will be answered.
      if (full && socket.bufferedAmount <= this.#highWater / 2) this.writable(link);
    });
    socket.addEventListener("close", ({ code }) => {
      gone();
      this.down(link, code === normalClosure ? "left" : "lost", true);
    });
  }
}

/**
 * A transport over WebSockets of its own.
 *
 * ```ts
 * const transport = webSocketTransport(); // a server
 * new WebSocketServer({ port: 8080 }).on("connection", (socket) => transport.accept(socket));
 *
 * const client = webSocketTransport({ urls: ["ws://127.0.0.1:8080"] });
 * ```
 */
export function webSocketTransport(options: WebSocketTransportOptions = {}): Transport & { accept(socket: WebSocketLike): void } {
  return new WebSocketTransport(options);
}
