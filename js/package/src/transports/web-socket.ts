// The part of the web-standard WebSocket this package uses, so that any implementation can be passed in.

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
