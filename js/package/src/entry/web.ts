// The package in pages, workers and bundlers: everything, and an engine that fetches its module from beside this file.
import { Engine as CoreEngine } from "../engine.js";
import type { WasmSource } from "../wasm/load.js";

export * from "../index.js";

/** The engine; without a source it fetches the module that comes with the package. */
export class Engine extends CoreEngine {
  static override load(source: WasmSource = new URL("../engine.wasm", import.meta.url)): Promise<Engine> {
    return super.load(source);
  }
}
