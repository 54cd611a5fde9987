// A compiled program: its bytes, and what a host needs to know of them.
import { BBError } from "./errors.js";
import type { Bytes } from "./bytes.js";
import { insideOf, type Engine } from "./engine.js";
import { typeName } from "./types.js";

/** A port of a target. */
export interface Port {
  readonly name: string;
  /** The name of its type. */
  readonly type: string;
}

/** The ports of a target. */
export interface PortTable {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

/** Which component class fills a slot. */
export interface SlotBinding {
  readonly slot: string;
  readonly role: string;
  readonly typeName: string;
}

interface Target extends PortTable {
  readonly name: string;
  readonly function: string;
  readonly slots: readonly SlotBinding[];
}

/** A compiled program. Its bytes may be stored, sent and read again. */
export class Artifact {
  readonly bytes: Bytes;
  readonly #targets: readonly Target[];

  private constructor(bytes: Bytes, targets: readonly Target[]) {
    this.bytes = bytes;
    this.#targets = targets;
  }

  /** Reads a compiled program. Throws when the bytes are none, with the position. */
  static from(engine: Engine, bytes: Bytes): Artifact {
    const { bridge } = insideOf(engine);
    const own = Uint8Array.from(bytes);
    const text = bridge.scoped(() => bridge.engine.describeArtifact(bridge.put(own), own.length));
    if (text === "") throw bridge.error();
    return new Artifact(own, (JSON.parse(text) as { targets: readonly Target[] }).targets);
  }

  /** The base names of the targets, in their order. */
  get targets(): string[] {
    return this.#targets.map(({ name }) => name);
  }

  /** The ports of a target, by base name or full name. Throws `UnknownTarget`. */
  ports(target: string): PortTable {
    const { inputs, outputs } = this.#find(target);
    const named = (ports: readonly Port[]): Port[] => ports.map(({ name, type }) => ({ name, type: typeName(type) }));
    return { inputs: named(inputs), outputs: named(outputs) };
  }

  /** The full name of a target, which says what it contains. */
  functionOf(target: string): string {
    return this.#find(target).function;
  }

  /** The slots of a target and what fills them. */
  slots(target: string): readonly SlotBinding[] {
    return this.#find(target).slots;
  }

  #find(target: string): Target {
    const found = this.#targets.find(({ name, function: full }) => name === target || full === target);
    if (found === undefined) throw new BBError("UnknownTarget", `no target ${target}; there are ${this.targets.join(", ")}`);
    return found;
  }
}
