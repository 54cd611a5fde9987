// Node.js only: a hub as a server, on `ws` and node:http, on one port with whatever else the caller serves there.
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { WebSocketServer, type WebSocket } from "ws";
import type { Bytes } from "../bytes.js";
import { BBError, describeError } from "../errors.js";
import { platformHost, type Host } from "../host.js";
import { HubCore } from "./core.js";
import type { HubConnection, HubOptions } from "./options.js";

/** How a hub server is started. */
export interface StartHubOptions {
  /** Port to listen on; 0 takes a free one. 8787 when absent. */
  readonly port?: number;
  /** Address to listen on; 127.0.0.1 when absent, so that only this machine reaches it. */
  readonly host?: string;
  /** Paths on which WebSockets are taken; `/` and `/hub` when absent. */
  readonly paths?: readonly string[];
  /** Answers every HTTP request except `/health`; 404 when absent. */
  readonly staticHandler?: RequestListener;
  /** Gets a line per event; silence when absent. */
  readonly log?: (line: string) => void;
  /** Clock and timers; the platform's when absent. */
  readonly platform?: Host;
  /** Limits of the hub. */
  readonly limits?: HubOptions;
}

/** A running hub server. */
export interface RunningHub {
  /** Address for `hubTransport`, for example `ws://127.0.0.1:8787/hub`. */
  readonly url: string;
  /** Address of the page, if one is served. */
  readonly pageUrl: string;
  readonly port: number;
  readonly core: HubCore;
  /** Tells the members, closes all connections and frees the port. */
  close(graceMs?: number): Promise<void>;
}

/** Port of a hub when none is asked for. */
export const hubPortDefault = 8787;

const headersTimeoutMs = 10_000;
const requestTimeoutMs = 30_000;

function adapt(socket: WebSocket, onDrain: () => void): HubConnection {
  const isOpen = (): boolean => socket.readyState === socket.OPEN;
  return {
    send(bytes: Bytes) {
      if (isOpen()) socket.send(bytes, { binary: true }, onDrain);
    },
    sendText(text) {
      if (isOpen()) socket.send(text);
    },
    buffered: () => socket.bufferedAmount,
    ping() {
      if (isOpen()) socket.ping();
    },
    close(code, reason) {
      socket.close(code, reason);
    },
  };
}

function takeSocket(core: HubCore, socket: WebSocket): void {
  const connection = adapt(socket, () => session.drained());
  const session = core.accept(connection);
  socket.on("message", (data, isBinary) => {
    // One Buffer per message, as `binaryType` stays at its default.
    const bytes = data as Buffer;
    if (isBinary) session.message(bytes);
    else session.message(bytes.length <= 16 ? bytes.toString("latin1") : "over-long text");
  });
  socket.on("pong", () => session.alive());
  socket.on("close", () => session.closed());
  socket.on("error", () => session.closed()); // a broken frame or connection; `close` follows
}

function listenError(error: NodeJS.ErrnoException, port: number, address: string): BBError {
  switch (error.code) {
    case "EADDRINUSE":
      return new BBError("port_in_use", `port ${port} on ${address} is in use by another program; choose another port`, { cause: error });
    case "EACCES":
      return new BBError("port_denied", `port ${port} on ${address} may not be used; choose one above 1023`, { cause: error });
    case "EADDRNOTAVAIL": case "ENOTFOUND":
      return new BBError("bad_address", `${address} is not an address of this machine`, { cause: error });
    default:
      return new BBError("listen_failed", `listening on ${address}:${port} failed: ${describeError(error)}`, { cause: error });
  }
}

function serve(core: HubCore, options: StartHubOptions, request: IncomingMessage, response: ServerResponse): void {
  const path = (request.url ?? "/").split("?")[0];
  if (path === "/health") {
    const body = JSON.stringify({ status: "ok", ...core.figures() });
    response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(request.method === "HEAD" ? undefined : body);
  } else if (options.staticHandler !== undefined) {
    options.staticHandler(request, response);
  } else {
    response.writeHead(404, { "content-type": "text/plain; charset=utf-8" });
    response.end("This is a bytesandbrains hub; peers connect to it by WebSocket.\n");
  }
}

function hostInUrl(address: string): string {
  if (address === "0.0.0.0" || address === "::") return "127.0.0.1";
  return address.includes(":") ? `[${address}]` : address;
}

/**
 * Starts a hub. Rejects with `port_in_use`, `port_denied`, `bad_address` or `bad_option`.
 *
 * ```ts
 * const hub = await startHub({ port: 0 });
 * console.log(hub.url);
 * await hub.close();
 * ```
 */
export async function startHub(options: StartHubOptions = {}): Promise<RunningHub> {
  const port = options.port ?? hubPortDefault;
  const address = options.host ?? "127.0.0.1";
  const paths = options.paths ?? ["/", "/hub"];
  const log = options.log ?? ((): void => undefined);
  const host = options.platform ?? platformHost();
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new BBError("bad_option", `port ${port}, legal is 0 to 65535`);

  const core = new HubCore(options.limits ?? {}, host);
  const server = createServer((request, response) => serve(core, options, request, response));
  server.headersTimeout = headersTimeoutMs;
  server.requestTimeout = requestTimeoutMs;
  server.maxConnections = core.settings.connectionsMax + 256; // pages and /health besides the members
  // Longer messages are cut off by `ws` before they are held in memory.
  const sockets = new WebSocketServer({ noServer: true, maxPayload: core.settings.frameMax, perMessageDeflate: false, clientTracking: true });
  server.on("upgrade", (request, socket, head) => {
    socket.on("error", () => socket.destroy());
    const path = (request.url ?? "/").split("?")[0] ?? "/";
    if (!paths.includes(path)) {
      socket.end("HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
      return;
    }
    sockets.handleUpgrade(request, socket, head, (accepted) => {
      log(`connection from ${request.socket.remoteAddress ?? "somewhere"}`);
      accepted.on("close", (code) => log(`connection closed (${code})`));
      takeSocket(core, accepted);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(listenError(error, port, address)));
    server.listen(port, address, resolve);
  });
  server.on("error", (error) => log(`server error: ${describeError(error)}`));

  const bound = server.address();
  const boundPort = typeof bound === "object" && bound !== null ? bound.port : port;
  const authority = `${hostInUrl(address)}:${boundPort}`;
  const path = paths.includes("/hub") ? "/hub" : (paths[0] ?? "/");
  log(`hub listening on ws://${authority}${path}`);
  let closing: Promise<void> | undefined;
  return {
    url: `ws://${authority}${path}`,
    pageUrl: `http://${authority}/`,
    port: boundPort,
    core,
    close(graceMs = 0) {
      closing ??= (async () => {
        const closed = new Promise<void>((resolve) => server.close(() => resolve()));
        await core.drain(graceMs);
        sockets.close();
        for (const socket of sockets.clients) socket.terminate();
        server.closeAllConnections();
        await closed;
        log("hub closed");
      })();
      return closing;
    },
  };
}
