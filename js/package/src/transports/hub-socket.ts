// One connection to a hub, from opening to its end: says Hello, hands on what the hub sends, keeps the line alive.
// It reports its end exactly once, and nothing afterwards.
import type { Bytes } from "../bytes.js";
import { BBError, describeError } from "../errors.js";
import type { Host } from "../host.js";
import { controlKind, hubErrorName, hubErrors, relayKind, type Hello, type HubMessage } from "../hub/messages.js";
import { decodeControl, encodeControl } from "../hub/protocol.js";
import { socketOpen, type WebSocketConstructor, type WebSocketLike } from "./web-socket.js";

/** Why a connection ended. */
export interface HubSocketEnd {
  readonly error: BBError;
  /** False when another attempt would end the same way. */
  readonly retryable: boolean;
  readonly retryAfterMs: number;
  /** True when the hub broke the protocol. */
  readonly broken: boolean;
}

/** What a connection reports. */
export interface HubSocketEvents {
  control(message: HubMessage): void;
  relay(message: Bytes): void;
  end(end: HubSocketEnd): void;
}

/** Settings of a connection. */
export interface HubSocketOptions {
  readonly url: string;
  readonly webSocket: WebSocketConstructor;
  readonly host: Host;
  readonly hello: Hello;
  /** Milliseconds for opening and for the Welcome. */
  readonly connectTimeoutMs: number;
  /** Milliseconds of silence before the hub is asked for a sign of life. */
  readonly keepAliveMs: number;
}

const pongWaitMs = 20_000;
const messageMax = 1_114_112; // a hub's frame_max is at most 1 MiB; a little more for what it says itself
const normalClosure = 1_000;

/** A connection to a hub. */
export class HubSocket {
  readonly #options: HubSocketOptions;
  readonly #events: HubSocketEvents;
  readonly #socket: WebSocketLike;
  #lastError: { name: string; detail: string; retryable: boolean; retryAfterMs: number } | undefined;
  #errorText = "";
  #cancelTimer: (() => void) | undefined;
  #heardMs: number;
  #welcomed = false;
  #over = false;

  /** Starts connecting. Throws `bad_url` when the implementation refuses the address. */
  constructor(options: HubSocketOptions, events: HubSocketEvents) {
    this.#options = options;
    this.#events = events;
    this.#heardMs = options.host.now();
    try {
      this.#socket = new options.webSocket(options.url);
    } catch (error) {
      throw new BBError("bad_url", `${options.url}: ${describeError(error)}`, { cause: error });
    }
    this.#socket.binaryType = "arraybuffer";
    this.#socket.addEventListener("open", () => this.#opened());
    this.#socket.addEventListener("message", (event) => this.#received(event.data));
    this.#socket.addEventListener("close", (event) => this.#closed(event.code ?? 0, event.reason ?? ""));
    this.#socket.addEventListener("error", (event) => {
      this.#errorText = event.message ?? ""; // `close` follows; browsers say nothing here, `ws` names the cause
    });
    this.#cancelTimer = options.host.timer(options.connectTimeoutMs, () =>
      this.#end({ error: new BBError("timeout", `no answer from ${options.url}`), retryable: true, retryAfterMs: 0, broken: false }));
  }

  /** Bytes handed over and not yet on their way. */
  get buffered(): number {
    return this.#socket.bufferedAmount;
  }

  /** True while messages can be sent. */
  get open(): boolean {
    return !this.#over && this.#welcomed && this.#socket.readyState === socketOpen;
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    this.#socket.send(bytes);
  }

  /** Leaves politely; `end` is not reported. */
  leave(): void {
    if (this.#over) return;
    this.#finish();
    if (this.#socket.readyState === socketOpen) this.#socket.send(encodeControl({ kind: "leave", code: 0 }));
    this.#socket.close(normalClosure, "left");
  }

  /** Ends the connection because the hub said something it may not. */
  refuse(error: BBError): void {
    this.#end({ error, retryable: true, retryAfterMs: 0, broken: true });
  }

  #opened(): void {
    if (this.#over) return;
    this.#socket.send(encodeControl({ kind: "hello", hello: this.#options.hello }));
  }

  #received(data: unknown): void {
    if (this.#over) return;
    this.#heardMs = this.#options.host.now();
    if (data === "pong") return;
    if (data === "ping") {
      if (this.open) this.#socket.send("pong");
      return;
    }
    try {
      if (!(data instanceof ArrayBuffer)) throw new BBError("malformed", "a text message from the hub", { at: 0 });
      if (data.byteLength > messageMax) throw new BBError("malformed", `a message of ${data.byteLength} bytes from the hub`, { at: messageMax });
      const bytes = new Uint8Array(data);
      if (bytes[0] === controlKind) this.#control(decodeControl(bytes));
      else if (bytes[0] === relayKind && this.#welcomed) this.#events.relay(bytes);
      else throw new BBError("malformed", `a message of kind ${bytes[0] ?? "nothing"} from the hub`, { at: 0 });
    } catch (error) {
      if (!(error instanceof BBError)) throw error;
      this.refuse(new BBError("protocol", `the hub at ${this.#options.url} broke the protocol: ${error.message}`, { cause: error }));
    }
  }

  #control(message: HubMessage): void {
    if (message.kind === "error") {
      const name = hubErrorName(message.code);
      this.#lastError = {
        name: name ?? `hub_error_${message.code}`,
        detail: message.detail,
        retryable: name === undefined || hubErrors[name].retry,
        retryAfterMs: message.retryAfterMs,
      };
      return; // the hub closes next
    }
    if (message.kind === "drain") {
      this.#events.control(message);
      return;
    }
    if ((message.kind === "welcome") === this.#welcomed || message.kind === "hello" || message.kind === "leave") {
      throw new BBError("malformed", `a ${message.kind} message at this point`, { at: 1 });
    }
    if (message.kind === "welcome") {
      this.#welcomed = true;
      this.#watch();
    }
    this.#events.control(message);
  }

  /** Asks for a sign of life after a silence, and believes in a dead line only when the question was really sent. */
  #watch(): void {
    const { host, keepAliveMs } = this.#options;
    this.#cancelTimer?.();
    const quietMs = host.now() - this.#heardMs;
    this.#cancelTimer = host.timer(Math.max(0, keepAliveMs - quietMs), () => {
      if (host.now() - this.#heardMs < keepAliveMs) return this.#watch();
      if (this.#socket.readyState === socketOpen) this.#socket.send("ping");
      const askedMs = host.now();
      this.#cancelTimer = host.timer(pongWaitMs, () => {
        if (this.#heardMs >= askedMs) return this.#watch();
        return this.#end({ error: new BBError("timeout", "the hub no longer answers"), retryable: true, retryAfterMs: 0, broken: false });
      });
      return undefined;
    });
  }

  #closed(code: number, reason: string): void {
    const last = this.#lastError;
    if (last !== undefined) {
      this.#end({ error: new BBError(last.name, `the hub refused: ${last.detail}`), retryable: last.retryable, retryAfterMs: last.retryAfterMs, broken: false });
      return;
    }
    const said = reason === "" ? this.#errorText : reason;
    const why = said === "" ? `code ${code}` : `${said}, code ${code}`;
    const what = this.#welcomed ? "the connection to the hub ended" : `no connection to the hub at ${this.#options.url}`;
    this.#end({ error: new BBError("unreachable", `${what} (${why})`), retryable: true, retryAfterMs: 0, broken: false });
  }

  #end(end: HubSocketEnd): void {
    if (this.#over) return;
    this.#finish();
    this.#socket.close(normalClosure, "");
    this.#events.end(end);
  }

  #finish(): void {
    this.#over = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}
