// The package in Node.js: everything, and an engine that finds its module beside this file.
import { readFile } from "node:fs/promises";
import { WebSocket } from "ws";
import { Engine as CoreEngine } from "../engine.js";
import { BBError, describeError } from "../errors.js";
import type { WebSocketConstructor } from "../transports/web-socket.js";
import type { WasmSource } from "../wasm/load.js";

export * from "../index.js";
export { readIdxDirectory } from "../data/directory.js";
export { fileIdentity } from "../identity/file.js";

/** The sockets of the package ws, for `hubTransport` in versions of Node.js that have none of their own. */
export const nodeWebSocket = WebSocket as unknown as WebSocketConstructor;

async function ownModule(): Promise<Uint8Array> {
  const url = new URL("../engine.wasm", import.meta.url);
  try {
    return await readFile(url);
  } catch (error) {
    throw new BBError("bad_engine", `${url.href} cannot be read: ${describeError(error)}`, { cause: error });
  }
}

/** The engine; without a source it loads the module that comes with the package. */
export class Engine extends CoreEngine {
  static override load(source: WasmSource = ownModule()): Promise<Engine> {
    return super.load(source);
  }
}
