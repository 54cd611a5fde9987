// The part of the web-standard WebSocket this package uses, so that any implementation can be passed in.
import { BBError } from "../errors.js";

/** An event of a socket, with the fields of all its kinds. */
export interface WebSocketEvent {
  readonly type?: string;
  readonly data?: unknown;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
}

/** A socket: the browser's own, Deno's, or that of `ws`. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  send(data: Uint8Array<ArrayBuffer> | string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: "open" | "message" | "close" | "error", listener: (event: WebSocketEvent) => void): void;
}

/** Makes a socket. */
export type WebSocketConstructor = new (url: string) => WebSocketLike;

/** `readyState` of a socket that can send. */
export const socketOpen = 1;

/** A WebSocket address of a text; `http:` and `https:` mean `ws:` and `wss:`. Throws `bad_url`. */
export function socketUrl(text: string): string {
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

/** The runtime's own implementation. Throws `no_websocket`. */
export function platformWebSocket(): WebSocketConstructor {
  const found: unknown = Reflect.get(globalThis, "WebSocket");
  if (typeof found === "function") return found as WebSocketConstructor;
  throw new BBError("no_websocket", "this runtime has no WebSocket; pass one in as `webSocket`, for example that of the package ws");
}
