// One instance of the module with what every class around it needs: its memory, its errors, what it says exists.
import { BBError } from "../errors.js";
import { copyInto, utf8Encode, type Bytes } from "../bytes.js";
import type { EngineHandle, GlueModule, Handle } from "./glue.js";

/** A port of a method, as the engine declares it. */
export interface PortDescription {
  readonly name: string;
  readonly type: string;
  readonly optional?: boolean;
  readonly variadic?: boolean;
}

/** A method of a role. */
export interface MethodDescription {
  readonly op: string;
  readonly method: number;
  readonly inputs: readonly PortDescription[];
  readonly outputs: readonly PortDescription[];
  readonly parameters: readonly { readonly name: string; readonly default: number }[];
}

/** A role with its methods. */
export interface RoleDescription {
  readonly name: string;
  readonly domain: string;
  readonly methods: readonly MethodDescription[];
}

interface Description {
  readonly roles: readonly RoleDescription[];
  readonly types: readonly { readonly id: string; readonly concrete: boolean; readonly hash?: string; readonly denotation: string }[];
}

/** An error of the module: what its `lastError` says. */
export interface ErrorDescription {
  readonly code: string;
  readonly detail: string;
  readonly at?: number;
  readonly [field: string]: unknown;
}

/** The module's instance, shared by everything made of one engine. */
export class Bridge {
  readonly module: GlueModule;
  readonly engine: EngineHandle;
  readonly roles: ReadonlyMap<string, RoleDescription>;
  /** Type id to the hash that is written for it. */
  readonly hashes: ReadonlyMap<string, bigint>;
  /** Type id to what models call it. */
  readonly denotations: ReadonlyMap<string, string>;
  /** The reverse of `hashes`; the first type of a hash wins. */
  readonly typesByHash: ReadonlyMap<bigint, string>;
  #closed = false;
  // Growing memory detaches its old buffer, and views of that have no length: which is looked at before each use.
  #heap: Uint8Array<ArrayBuffer>;
  #view: DataView<ArrayBuffer>;
  readonly #scratchEnd: number;
  #scratchAt: number;
  #depth = 0;
  #reserved = false;

  constructor(module: GlueModule) {
    this.module = module;
    this.engine = new module.Engine();
    const description = JSON.parse(this.engine.describe()) as Description;
    this.roles = new Map(description.roles.map((role) => [role.name, role]));
    const hashes = new Map<string, bigint>();
    const types = new Map<bigint, string>();
    for (const { id, hash } of description.types) {
      if (hash === undefined) continue;
      hashes.set(id, BigInt(hash));
      if (!types.has(BigInt(hash))) types.set(BigInt(hash), id);
    }
    this.hashes = hashes;
    this.denotations = new Map(description.types.map(({ id, denotation }) => [id, denotation]));
    this.typesByHash = types;
    this.#heap = module.HEAPU8;
    this.#view = new DataView(this.#heap.buffer);
    this.#scratchAt = this.engine.scratchAt();
    this.#scratchEnd = this.#scratchAt + this.engine.scratchSize();
  }

  /** All of the module's memory; ask for it again after every call, since it moves when memory grows. */
  heap(): Uint8Array<ArrayBuffer> {
    if (this.#heap.length === 0) this.#moved();
    return this.#heap;
  }

  /** The same as numbers. */
  view(): DataView<ArrayBuffer> {
    if (this.#heap.length === 0) this.#moved();
    return this.#view;
  }

  /** A copy of some of it. */
  copy(at: number, size: number): Uint8Array<ArrayBuffer> {
    return this.heap().slice(at, at + size);
  }

  /** Room for `size` bytes, 16-byte aligned, until the scope ends; within a component's method, until that returns. */
  reserve(size: number): number {
    const at = this.#scratchAt;
    const end = at + ((size + 15) & ~15);
    if (this.#depth > 0 && size >= 0 && size <= 0x4000 && end <= this.#scratchEnd) {
      this.#scratchAt = end;
      return at;
    }
    if (size > 0xffff_ffff) throw new BBError("no_memory", `no room for ${size} bytes`);
    const reserved = this.engine.reserve(size);
    if (reserved === 0) throw this.error();
    this.#reserved = true;
    return reserved;
  }

  /** Writes bytes where the module can read them, into room of that scope. */
  put(bytes: Bytes): number {
    const at = this.reserve(bytes.length);
    copyInto(this.heap(), bytes, at);
    return at;
  }

  /** Runs `f` with room to reserve, and gives the room back. */
  scoped<T>(f: () => T): T {
    const mark = this.enter();
    try {
      return f();
    } finally {
      this.leave(mark);
    }
  }

  /** Begins a scope in which there is room to reserve; what it answers is for `leave`, which must follow. */
  enter(): number {
    this.#depth++;
    return this.#scratchAt;
  }

  leave(mark: number): void {
    this.#scratchAt = mark;
    if (--this.#depth === 0 && this.#reserved) {
      this.#reserved = false;
      this.engine.release();
    }
  }

  #moved(): void {
    this.#heap = this.module.HEAPU8;
    this.#view = new DataView(this.#heap.buffer);
  }

  /** What the last failed call says, as data. */
  describeError(): ErrorDescription {
    try {
      return JSON.parse(this.engine.lastError()) as ErrorDescription;
    } catch {
      return { code: "unknown", detail: "the engine gave no reason" };
    }
  }

  /** What the last failed call says, as an error. */
  error(): BBError {
    const { code, detail, at } = this.describeError();
    return new BBError(code, detail, at === undefined ? {} : { at });
  }

  /** Throws when a call answered with a failure. */
  check(status: number): number {
    if (status < 0) throw this.error();
    return status;
  }

  /** The type hash of what was encoded last. */
  answer(): bigint {
    return (BigInt(this.engine.answerHigh()) << 32n) | BigInt(this.engine.answerLow());
  }

  /** Throws when the engine was closed. */
  checkOpen(): void {
    if (this.#closed) throw new BBError("closed", "the engine was closed");
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Throws within a poll, an installation or a component's method: what runs then may not be let go of. */
  checkIdle(): void {
    if (!this.#closed && this.engine.busy()) throw new BBError("busy", "the engine is running; call it after the poll, or the component's method, has returned");
  }

  close(): void {
    if (this.#closed) return;
    this.checkIdle();
    this.#closed = true;
    this.engine.delete();
  }
}

/** The two halves of a 64-bit number, as the module takes them. */
export function halves(value: bigint): [low: number, high: number] {
  const whole = BigInt.asUintN(64, value);
  return [Number(whole & 0xffff_ffffn), Number(whole >> 32n)];
}

const left = new FinalizationRegistry<string>((what) => {
  console.warn(`bytesandbrains: ${what} was dropped without close(); its memory is held until the engine goes`);
});

/** Warns when `owner` is collected with its handle alive; the result calls that off. */
export function warnIfLeft(owner: object, handle: Handle, what: string): () => void {
  left.register(owner, what, handle);
  return () => left.unregister(handle);
}

/** UTF-8 text in the module's memory. */
export function textAt(bridge: Bridge, at: number, size: number): string {
  return new TextDecoder().decode(bridge.copy(at, size));
}

/** Length of a text in UTF-8. */
export function textBytes(text: string): Uint8Array<ArrayBuffer> {
  return utf8Encode(text);
}
