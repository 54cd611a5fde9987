// The engine: one instance of the WebAssembly module, the component classes it knows, and the codec as developer tools.
import { BBError } from "./errors.js";
import type { Bytes } from "./bytes.js";
import { JsComponentClass, roleOf, type ComponentClass, type Role } from "./component.js";
import { typeId, type Value } from "./types.js";
import { readValue, ValueWriter } from "./values.js";
import { Bridge, halves } from "./wasm/bridge.js";
import { ComponentHost } from "./wasm/component-host.js";
import { loadGlue, type WasmSource } from "./wasm/load.js";

/** The component classes that ship with the engine, by type name. */
export interface Builtins {
  readonly Mlp: ComponentClass;
  readonly FedAvg: ComponentClass;
  readonly Dataset: ComponentClass;
  readonly ConstantView: ComponentClass;
  readonly RandomSelector: ComponentClass;
  readonly CpuBackend: ComponentClass;
}

const builtin: Builtins = {
  Mlp: { typeName: "Mlp", role: "model" },
  FedAvg: { typeName: "FedAvg", role: "aggregator" },
  Dataset: { typeName: "Dataset", role: "dataSource" },
  ConstantView: { typeName: "ConstantView", role: "peerSelector" },
  RandomSelector: { typeName: "RandomSelector", role: "peerSelector" },
  CpuBackend: { typeName: "bytesandbrains::backends::cpu::CpuBackend", role: "backend" },
};

/** One fill of an envelope. */
export interface EnvelopeFill {
  readonly suffix: string;
  readonly payload: string;
  readonly typeHash: bigint;
  readonly triggerOnly: boolean;
}

/** An envelope taken apart; bytes are hexadecimal text. */
export interface DecodedEnvelope {
  readonly destinations: readonly string[];
  readonly fills: readonly EnvelopeFill[];
  readonly correlation?: { readonly kind: number; readonly requestId: bigint };
  readonly remainingDeadlineNs: bigint;
  readonly reports: readonly { readonly nextHopSiteId: bigint; readonly chainId: bigint; readonly hopIndex: number; readonly srttNs: bigint; readonly rttvarNs: bigint; readonly sampleCount: bigint }[];
  readonly sourcePeer: string;
  readonly schemaVersion: number;
  readonly sourceAddresses: readonly string[];
  readonly incarnation: bigint;
  readonly sequence: bigint;
}

/** A role with its methods and their ports. */
export interface RoleInfo {
  readonly role: Role;
  readonly methods: readonly { readonly op: string; readonly inputs: readonly string[]; readonly outputs: readonly string[]; readonly parameters: readonly string[] }[];
}

let inside: (engine: Engine) => { bridge: Bridge; host: ComponentHost };

/**
 * The engine. Everything is made of one: compilers, nodes, peers.
 *
 * ```ts
 * const engine = await Engine.load();
 * ```
 */
export class Engine {
  readonly #bridge: Bridge;
  readonly #host: ComponentHost;
  /** The component classes that ship. */
  readonly builtin: Builtins = builtin;

  static {
    inside = (engine) => {
      engine.#bridge.checkOpen();
      return { bridge: engine.#bridge, host: engine.#host };
    };
  }

  protected constructor(bridge: Bridge, host: ComponentHost) {
    this.#bridge = bridge;
    this.#host = host;
  }

  /** Starts the module. Rejects with `bad_engine` when the source is not it. */
  static async load(source: WasmSource): Promise<Engine> {
    const host = new ComponentHost();
    const module = await loadGlue(source, {
      bbComponentCreate: (classId, component, config) => host.create(classId, component, config),
      bbComponentCall: (component, method, frame) => host.call(component, method, frame),
      bbComponentDispose: (component) => host.dispose(component),
      bbComponentSave: (component, answer) => host.save(component, answer),
      bbComponentLoad: (component, at, size) => host.load(component, at, size),
      bbStageCall: (stage) => host.stage?.(stage) ?? -1,
    });
    const bridge = new Bridge(module);
    host.attach(bridge);
    return new this(bridge, host);
  }

  /** Makes component classes known, so that artifacts that name them can be installed. `Compiler.bind` does it by itself. */
  register(...classes: readonly ComponentClass[]): void {
    const { host } = inside(this);
    for (const type of classes) {
      if (type instanceof JsComponentClass) host.register(type);
    }
  }

  /** The roles that components can have, with their methods. */
  roles(): RoleInfo[] {
    return [...inside(this).bridge.roles.values()].flatMap(({ name, methods }) => {
      const role = roleOf(name);
      if (role === undefined) return [];
      return [{
        role,
        methods: methods.map((method) => ({
          op: method.op, inputs: method.inputs.map((port) => port.name), outputs: method.outputs.map((port) => port.name),
          parameters: method.parameters.map((parameter) => parameter.name),
        })),
      }];
    });
  }

  /** A value from its wire bytes. Throws with the byte position. */
  decodeValue(typeHash: bigint, bytes: Bytes): Value {
    const { bridge } = inside(this);
    return bridge.scoped(() => {
      const record = bridge.engine.decodeValue(...halves(typeHash), bridge.put(bytes), bytes.length);
      if (record === 0) throw bridge.error();
      return readValue(bridge, record);
    });
  }

  /** The wire bytes of a value and the hash that says what they are. `type` is a type's name; without one the value decides. */
  encodeValue(value: Value, type = "any"): { typeHash: bigint; bytes: Bytes } {
    const { bridge } = inside(this);
    return bridge.scoped(() => {
      bridge.check(bridge.engine.encodeValue(new ValueWriter(bridge).record(typeId(type), value, "the value")));
      return { typeHash: bridge.answer(), bytes: bridge.copy(bridge.engine.outputAt(), bridge.engine.outputSize()) };
    });
  }

  /** Decodes and encodes again: the bytes as this engine writes them. */
  reencodeValue(typeHash: bigint, bytes: Bytes): { typeHash: bigint; bytes: Bytes } {
    const { bridge } = inside(this);
    return bridge.scoped(() => {
      const record = bridge.engine.decodeValue(...halves(typeHash), bridge.put(bytes), bytes.length);
      if (record === 0) throw bridge.error();
      bridge.check(bridge.engine.encodeValue(record));
      return { typeHash: bridge.answer(), bytes: bridge.copy(bridge.engine.outputAt(), bridge.engine.outputSize()) };
    });
  }

  /** The bytes of an address like `/p2p/16uZAbWC1AJvS`. */
  parseAddress(text: string): Bytes {
    const { bridge } = inside(this);
    bridge.check(bridge.engine.parseAddress(text));
    return bridge.copy(bridge.engine.outputAt(), bridge.engine.outputSize());
  }

  /** The text of an address. */
  formatAddress(bytes: Bytes): string {
    const { bridge } = inside(this);
    return bridge.scoped(() => {
      const text = bridge.engine.formatAddress(bridge.put(bytes), bytes.length);
      if (text === "" && bytes.length > 0) throw bridge.error();
      return text;
    });
  }

  /** An envelope taken apart. Throws the reason for which a peer would refuse it. */
  decodeEnvelope(bytes: Bytes): DecodedEnvelope {
    const { bridge } = inside(this);
    const text = bridge.scoped(() => bridge.engine.decodeEnvelope(bridge.put(bytes), bytes.length));
    if (text === "") throw bridge.error();
    const bigints = new Set(["typeHash", "requestId", "remainingDeadlineNs", "nextHopSiteId", "chainId", "srttNs", "rttvarNs", "sampleCount", "incarnation", "sequence"]);
    return JSON.parse(text, (key, value: unknown) => (bigints.has(key) && typeof value === "string" ? BigInt(value) : value)) as DecodedEnvelope;
  }

  /** Lets go of the module and of all that was made of it; nodes that are left are of no more use. */
  close(): void {
    this.#bridge.close();
    this.#host.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** What an engine is made of, for the other classes of the package. Throws when it was closed. */
export function insideOf(engine: Engine): { readonly bridge: Bridge; readonly host: ComponentHost } {
  if (!(engine instanceof Engine)) throw new BBError("bad_argument", "this is no engine");
  return inside(engine);
}
