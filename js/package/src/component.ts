// Components written in JavaScript: what a role asks for, and the class that a program binds to a slot.
import { BBError } from "./errors.js";
import type { Bytes } from "./bytes.js";
import type { PeerId } from "./peer-id.js";
import type { FedAvgMeta, SearchResult, Tensor, TensorData, Value, Whole } from "./types.js";

/** What a component can be. */
export type Role = "model" | "dataSource" | "aggregator" | "peerSelector" | "index" | "codec" | "backend";

const roleNames: Readonly<Record<Role, string>> = {
  model: "Model", dataSource: "DataSource", aggregator: "Aggregator", peerSelector: "PeerSelector", index: "Index", codec: "Codec", backend: "Backend",
};

/** The engine's name of a role. */
export function roleName(role: Role): string {
  if (!Object.hasOwn(roleNames, role)) throw new BBError("UnknownRole", `no role ${String(role)}`);
  return roleNames[role];
}

/** The role of an engine's name. */
export function roleOf(name: string): Role | undefined {
  return (Object.keys(roleNames) as Role[]).find((role) => roleNames[role] === name);
}

/** Which type a role's values have: the storage ports of the role ("tensor", "sample", "element", ...), by type id. */
export type Storage = Readonly<Record<string, string>>;

/** Another component as a method of a component sees it: the methods of its role, inputs by position. */
export type ComponentProxy = Readonly<Record<string, (...inputs: readonly unknown[]) => Value | Record<string, Value>>>;

/** What a method is told besides its inputs. */
export interface CallContext {
  /** Ends when the op's deadline passes or the node is closed. */
  readonly signal: AbortSignal;
  /** The node's clock in milliseconds. */
  readonly now: number;
  /** Milliseconds of the node's clock at which the answer of an async method comes too late. */
  readonly deadline?: number;
  /** Who sent the envelope that started the execution. */
  readonly source?: PeerId;
  /** The execution. */
  readonly exec: bigint;
  /** Parameters of the method by name, for example `steps` of `train`. */
  readonly parameters: Readonly<Record<string, number>>;
  /** Bytes from the node's stream of random numbers: the same in every run with the same seed. Until the method returns. */
  random(n: number): Bytes;
  /** A component that this one depends on. Until the method returns. */
  dependency(slot: string): ComponentProxy;
}

type Call<S, I extends readonly unknown[], O> = (state: S, ...args: [...I, CallContext]) => O;

/**
 * A method: a function that answers at once, or one that may answer later. The tensors and bytes that the first kind is given lie
 * in the engine's memory until the method returns, reserves or calls a dependency; the second kind is given copies.
 */
export type Method<S, I extends readonly unknown[], O> =
  | Call<S, I, O>
  | { readonly async: true; readonly run: Call<S, I, O | Promise<O>> };

/** A method of a role whose inputs are not spelled out here. */
export type AnyMethod<S> =
  | ((state: S, ...args: never[]) => unknown)
  | { readonly async: true; readonly run: (state: S, ...args: never[]) => unknown };

/** A tensor as it is given back. */
export type TensorLike = Tensor | TensorData;

/** The methods of each role. Those left out fail as unsupported. */
export interface RoleMethods<S> {
  model: {
    readonly forward?: Method<S, [input: Tensor], TensorLike>;
    readonly backward?: Method<S, [grad: Value], void>;
    readonly computeLoss?: Method<S, [input: Tensor, target: Tensor], number>;
    readonly applyDelta?: Method<S, [delta: Tensor], void>;
    readonly loadParameters?: Method<S, [params: Tensor], void>;
    readonly params?: Method<S, [], TensorLike>;
    /** `context.parameters.steps` says how many steps. */
    readonly train?: Method<S, [trigger: true | undefined], number>;
  };
  dataSource: {
    readonly nextBatch?: Method<S, [], { readonly batch: TensorLike; readonly labels?: TensorLike }>;
    readonly reset?: Method<S, [trigger: true], void>;
    readonly onDataLoaded?: Method<S, [], void>;
  };
  aggregator: {
    readonly contribute?: Method<S, [contribution: Tensor, metadata: FedAvgMeta | undefined, source: PeerId | undefined], void>;
    readonly aggregate?: Method<S, [trigger: true], { readonly params: TensorLike; readonly metadata?: unknown }>;
  };
  peerSelector: {
    readonly sample?: Method<S, [], readonly PeerId[]>;
    readonly currentView?: Method<S, [], readonly PeerId[]>;
    readonly select?: Method<S, [key: Bytes | undefined], readonly PeerId[]>;
  };
  index: {
    readonly add?: Method<S, [vector: Tensor], Whole>;
    readonly search?: Method<S, [query: Tensor], readonly SearchResult[]>;
    readonly remove?: Method<S, [id: Whole], void>;
    readonly train?: Method<S, [samples: Value], void>;
  };
  codec: {
    readonly train?: Method<S, [samples: Value], void>;
    readonly encode?: Method<S, [input: Value], unknown>;
    readonly decode?: Method<S, [encoded: Value], unknown>;
  };
  /** The ops of `ai.onnx` with a small first letter: `add`, `matMul`, `reduceSum`. */
  backend: Readonly<Record<string, AnyMethod<S>>>;
}

/** What `defineComponent` is given. */
export interface ComponentDefinition<R extends Role, S, C> {
  /** Unique among all components, for example `demo.Linear`; part of artifacts. */
  readonly typeName: string;
  readonly role: R;
  readonly storage?: Storage;
  /** Slots of other components that methods call, by name. */
  readonly depends?: Readonly<Record<string, Role | { readonly role: Role; readonly optional: boolean }>>;
  /** True for an aggregator that ignores what comes with a contribution. */
  readonly ignoresMetadata?: boolean;
  /** Milliseconds after which an async method has failed; none when absent. */
  readonly deadlineMs?: number;
  /** Makes the state of one instance; called once per slot and installation. */
  create(config: C): S;
  /** The state's bytes, for snapshots of the node; a node whose components lack it cannot be saved. */
  serialize?(state: S): Bytes;
  /** A state from such bytes. Throw when they are none. */
  restore?(bytes: Bytes): S;
  /** Lets go of what the state holds. */
  dispose?(state: S): void;
  readonly methods: RoleMethods<S>[R];
}

/** A component class that can be bound to a slot: one of the engine's, or one made by `defineComponent`. */
export interface ComponentClass {
  readonly typeName: string;
  readonly role: Role;
}

/** A method as the engine calls it. */
export interface BoundMethod {
  readonly name: string;
  readonly isAsync: boolean;
  readonly call: (state: unknown, ...args: unknown[]) => unknown;
}

/** A class of JavaScript. Made by `defineComponent` only. */
export class JsComponentClass implements ComponentClass {
  readonly typeName: string;
  readonly role: Role;
  readonly storage: Storage;
  readonly depends: readonly { readonly slot: string; readonly role: Role; readonly optional: boolean }[];
  readonly ignoresMetadata: boolean;
  readonly deadlineMs: number | undefined;
  readonly methods: readonly BoundMethod[];
  readonly create: (config: unknown) => unknown;
  readonly dispose: (state: unknown) => void;
  readonly serialize: ((state: unknown) => Bytes) | undefined;
  readonly restore: ((bytes: Bytes) => unknown) | undefined;

  constructor(definition: ComponentDefinition<Role, unknown, unknown>) {
    this.typeName = definition.typeName;
    this.role = definition.role;
    this.storage = { ...definition.storage };
    this.depends = Object.entries(definition.depends ?? {}).map(([slot, depends]) =>
      typeof depends === "string" ? { slot, role: depends, optional: false } : { slot, role: depends.role, optional: depends.optional });
    this.ignoresMetadata = definition.ignoresMetadata ?? false;
    this.deadlineMs = definition.deadlineMs;
    this.create = (config) => definition.create(config);
    this.dispose = (state) => definition.dispose?.(state);
    this.serialize = definition.serialize === undefined ? undefined : (state) => definition.serialize?.(state) ?? new Uint8Array();
    this.restore = definition.restore === undefined ? undefined : (bytes) => definition.restore?.(bytes);
    this.methods = Object.entries(definition.methods as Readonly<Record<string, AnyMethod<unknown> | undefined>>).flatMap(([name, method]) => {
      if (method === undefined) return [];
      const isAsync = typeof method !== "function";
      const call = (isAsync ? method.run : method) as BoundMethod["call"];
      if (typeof call !== "function") throw new BBError("InvalidArgument", `method ${name} of ${definition.typeName} is no function`);
      return [{ name, isAsync, call }];
    });
  }
}

/**
 * A component of your own.
 *
 * ```ts
 * const Linear = defineComponent({
 *   typeName: "demo.Linear",
 *   role: "model",
 *   storage: { tensor: "tensor.f32" },
 *   create: (config: { weight: number }) => ({ ...config }),
 *   methods: {
 *     forward: (state, x) => ({ data: x.data.map((v) => Number(v) * state.weight) as Float32Array, shape: x.shape }),
 *     params: (state) => new Float32Array([state.weight]),
 *   },
 * });
 * ```
 */
export function defineComponent<R extends Role, S, C = undefined>(definition: ComponentDefinition<R, S, C>): ComponentClass {
  return new JsComponentClass(definition as unknown as ComponentDefinition<Role, unknown, unknown>);
}
