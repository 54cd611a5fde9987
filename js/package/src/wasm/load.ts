// Gets the WebAssembly module from whatever the host has: a compiled module, bytes, a response, an address.
import createModule from "#engine-glue";
import { BBError, describeError } from "../errors.js";
import type { GlueModule, GlueOptions } from "./glue.js";

/** What the module can be made of. */
export type WasmContent = WebAssembly.Module | Response | URL | ArrayBuffer | ArrayBufferView;

/** Where the module comes from: its content, or a promise of it. */
export type WasmSource = WasmContent | PromiseLike<WasmContent>;

/** The functions that the module imports. */
export type Imports = Omit<GlueOptions, "instantiateWasm">;

const wasmMagic = [0x00, 0x61, 0x73, 0x6d];

function bad(detail: string, cause?: unknown): BBError {
  return new BBError("bad_engine", detail, cause === undefined ? {} : { cause });
}

function checkedBytes(source: ArrayBuffer | ArrayBufferView, what: string): Uint8Array<ArrayBuffer> {
  const bytes = source instanceof ArrayBuffer ? new Uint8Array(source) : new Uint8Array(source.buffer as ArrayBuffer, source.byteOffset, source.byteLength);
  if (wasmMagic.some((byte, index) => bytes[index] !== byte)) {
    const html = bytes[0] === 0x3c; // "<": the server answered with a page
    throw bad(`${what} is no WebAssembly module${html ? " but looks like an HTML page" : ""}`);
  }
  return bytes;
}

async function fromResponse(response: Response): Promise<WebAssembly.Module> {
  const what = response.url === "" ? "the response" : response.url;
  if (!response.ok) throw bad(`${what} was answered with status ${response.status}`);
  // Runtimes stream for exactly this type only; everything else takes the way over the bytes.
  if (response.headers.get("content-type") === "application/wasm" && typeof WebAssembly.compileStreaming === "function") {
    try {
      return await WebAssembly.compileStreaming(response);
    } catch (error) {
      throw bad(`${what} does not compile: ${describeError(error)}`, error);
    }
  }
  return await compile(await response.arrayBuffer(), what);
}

async function compile(source: ArrayBuffer | ArrayBufferView, what: string): Promise<WebAssembly.Module> {
  const bytes = checkedBytes(source, what);
  try {
    return await WebAssembly.compile(bytes);
  } catch (error) {
    throw bad(`${what} does not compile: ${describeError(error)}`, error);
  }
}

async function moduleOf(given: WasmSource): Promise<WebAssembly.Module> {
  const source = await given;
  if (source instanceof WebAssembly.Module) return source;
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return await compile(source, "the given source");
  if (typeof Response === "function" && source instanceof Response) return await fromResponse(source);
  if (source instanceof URL) {
    let response: Response;
    try {
      response = await fetch(source);
    } catch (error) {
      throw bad(`${source.href} cannot be fetched: ${describeError(error)}`, error);
    }
    return await fromResponse(response);
  }
  throw bad("the source is neither a module, bytes, a response nor a URL");
}

/** An instance of the module; rejects with `bad_engine` when the source is not it. */
export async function loadGlue(source: WasmSource, imports: Imports): Promise<GlueModule> {
  const compiled = await moduleOf(source);
  // The factory's own promise never settles when instantiation fails, hence the second one.
  return await new Promise<GlueModule>((resolve, reject) => {
    createModule({
      ...imports,
      instantiateWasm(wanted, done) {
        WebAssembly.instantiate(compiled, wanted).then((instance) => done(instance)).catch((error: unknown) => {
          reject(bad(`the module does not start: ${describeError(error)}`, error));
        });
        return {};
      },
    }).then(resolve, reject);
  });
}
