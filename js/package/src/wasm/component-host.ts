// The JavaScript side of component calls: frames to methods, results to frames, promises to completions (docs/abi.md).
import { BBError, describeError } from "../errors.js";
import { roleName, type BoundMethod, type CallContext, type ComponentProxy, type JsComponentClass } from "../component.js";
import { peerIdFromBytes, type PeerId } from "../peer-id.js";
import type { Value } from "../types.js";
import { readValue, recordBytes, ValueWriter } from "../values.js";
import type { Bridge, MethodDescription, PortDescription } from "./bridge.js";

/** Where completions of a node's components go; filled in once the node is there. */
export interface Completions {
  complete(command: bigint, outputs: readonly { readonly type: string; readonly value: unknown }[]): void;
  fail(command: bigint, reason: string, detail: string): void;
}

/** The node that instances belong to. */
export interface InstanceOwner {
  readonly pending: Map<bigint, AbortController>;
  completions?: Completions;
}

interface RegisteredClass {
  readonly type: JsComponentClass;
  /** By the engine's number. */
  readonly methods: ReadonlyMap<number, { readonly bound: BoundMethod; readonly described: MethodDescription }>;
}

interface Instance {
  readonly registered: RegisteredClass;
  state: unknown;
  readonly owner: InstanceOwner;
}

const status = { now: 0, later: 1, failed: 2, unknownMethod: 3 } as const;
const headerBytes = 48;
const nested = 1;
const reasonMax = 128;

/** A method's name: the op's with a small first letter. */
export function methodName(op: string): string {
  return op.slice(0, 1).toLowerCase() + op.slice(1);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** Calls components and keeps what they are. */
export class ComponentHost {
  /** Runs a compiler's stage by its number, while that compiler runs. */
  stage: ((stage: number) => number) | undefined;
  readonly #classes: RegisteredClass[] = [];
  readonly #byName = new Map<string, JsComponentClass>();
  readonly #instances = new Map<number, Instance>();
  #bridge: Bridge | undefined;
  #installing: { readonly owner: InstanceOwner; readonly configs: readonly unknown[] } | undefined;
  #createError: unknown;

  /** The engine goes: methods still at work are told, states let go of. */
  close(): void {
    for (const [component, { owner }] of [...this.#instances]) {
      delete owner.completions;
      for (const controller of owner.pending.values()) controller.abort(new BBError("closed", "the engine was closed"));
      owner.pending.clear();
      this.dispose(component);
    }
  }

  /** Called when the module is there. */
  attach(bridge: Bridge): void {
    this.#bridge = bridge;
  }

  /** The class of that name, if it is one of JavaScript. */
  find(typeName: string): JsComponentClass | undefined {
    return this.#byName.get(typeName);
  }

  /** Tells the engine of a class; telling it twice is no error, telling it of another with the same name is. */
  register(type: JsComponentClass): void {
    if (this.#byName.get(type.typeName) === type) return;
    const bridge = this.#wired();
    const { engine } = bridge;
    const role = roleName(type.role);
    const described = bridge.roles.get(role)?.methods ?? [];
    const methods = new Map<number, { bound: BoundMethod; described: MethodDescription }>();
    bridge.check(engine.beginComponent(type.typeName, role));
    for (const { slot, role: wanted, optional } of type.depends) bridge.check(engine.componentDepends(roleName(wanted), slot, optional));
    for (const [port, stored] of Object.entries(type.storage)) bridge.check(engine.componentStorage(port, stored));
    for (const bound of type.methods) {
      const method = described.find((candidate) => methodName(candidate.op) === bound.name);
      if (method === undefined) {
        throw new BBError("UnknownMethod", `${type.typeName}: a ${type.role} has no method ${bound.name}; it has ${described.map(({ op }) => methodName(op)).join(", ")}`);
      }
      bridge.check(engine.componentSupports(method.op, bound.isAsync));
      methods.set(method.method, { bound, described: method });
    }
    if (type.ignoresMetadata) bridge.check(engine.componentIgnoresMetadata());
    if (type.deadlineMs !== undefined) bridge.check(engine.componentDeadline(type.deadlineMs));
    bridge.check(engine.endComponent(this.#classes.length));
    this.#classes.push({ type, methods });
    this.#byName.set(type.typeName, type);
  }

  /** Runs an installation whose instances belong to `owner`; `configs` are what `create` is given, by the number in the slot's config. */
  installing<T>(owner: InstanceOwner, configs: readonly unknown[], install: () => T): T {
    this.#installing = { owner, configs };
    this.#createError = undefined;
    try {
      return install();
    } finally {
      this.#installing = undefined;
    }
  }

  /** What a `create` threw during the last installation. */
  get createError(): unknown {
    return this.#createError;
  }

  /** Imported by the module. */
  create(classId: number, component: number, config: number): number {
    const registered = this.#classes[classId];
    const installing = this.#installing;
    if (registered === undefined || installing === undefined) return -1;
    try {
      const state = registered.type.create(config < 0 ? undefined : installing.configs[config]);
      this.#instances.set(component, { registered, state, owner: installing.owner });
      return 0;
    } catch (error) {
      this.#createError ??= error;
      return -1;
    }
  }

  /** Imported by the module. */
  dispose(component: number): void {
    const instance = this.#instances.get(component);
    if (!this.#instances.delete(component) || instance === undefined) return;
    try {
      instance.registered.type.dispose(instance.state);
    } catch (error) {
      // There is nobody to fail: the node is going. The runtime reports it as it does any uncaught error.
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  /** Imported by the module: the bytes of an instance's state, in its memory. */
  save(component: number, answer: number): number {
    const instance = this.#instances.get(component);
    const serialize = instance?.registered.type.serialize;
    if (instance === undefined || serialize === undefined) return -1;
    try {
      const bridge = this.#wired();
      const bytes = serialize(instance.state);
      const at = bytes.length === 0 ? answer : bridge.engine.reserve(bytes.length);
      if (at === 0) return -1;
      bridge.heap().set(bytes, at);
      const view = bridge.view();
      view.setUint32(answer, at, true);
      view.setUint32(answer + 4, bytes.length, true);
      return 0;
    } catch {
      return -1;
    }
  }

  /** Imported by the module: an instance takes the state of such bytes. */
  load(component: number, at: number, size: number): number {
    const instance = this.#instances.get(component);
    const restore = instance?.registered.type.restore;
    if (instance === undefined || restore === undefined) return -1;
    try {
      const state = restore(this.#wired().copy(at, size));
      instance.registered.type.dispose(instance.state);
      instance.state = state;
      return 0;
    } catch {
      return -1;
    }
  }

  /** Imported by the module. Never throws. */
  call(component: number, method: number, frame: number): number {
    const instance = this.#instances.get(component);
    const found = instance?.registered.methods.get(method);
    if (instance === undefined || found === undefined) return status.unknownMethod;
    try {
      return this.#call(instance, found.bound, found.described, frame);
    } catch (error) {
      this.#fail(error);
      return status.failed;
    }
  }

  #wired(): Bridge {
    if (this.#bridge === undefined) throw new BBError("closed", "the engine is not there yet");
    return this.#bridge;
  }

  #fail(error: unknown): void {
    const { reason, detail } = failureOf(error);
    this.#wired().engine.failCall(reason, detail);
  }

  #call(instance: Instance, bound: BoundMethod, described: MethodDescription, frame: number): number {
    const bridge = this.#wired();
    const view = bridge.view();
    const inputCount = view.getUint16(frame + 4, true);
    const outputCount = view.getUint16(frame + 6, true);
    const command = view.getBigUint64(frame + 8, true);
    const isNested = (view.getUint16(frame + 44, true) & nested) !== 0;
    const context = new Context(this, bridge, instance, described, frame);
    const inputs: Value[] = [];
    for (let index = 0; index < inputCount; index++) inputs.push(readValue(bridge, frame + headerBytes + index * recordBytes, !bound.isAsync));
    while (inputs.length < described.inputs.length) inputs.push(undefined);
    let result: unknown;
    try {
      result = bound.call(instance.state, ...inputs, context);
    } finally {
      context.leave();
    }
    if (!isThenable(result)) {
      const outputs = frame + headerBytes + inputCount * recordBytes;
      const writer = new ValueWriter(bridge);
      outputsOf(instance.registered.type, bound, described, result).forEach(({ type, value }, index) => {
        if (index < outputCount) writer.write(outputs + index * recordBytes, type, value, `${bound.name} output ${described.outputs[index]?.name ?? index}`);
      });
      return status.now;
    }
    if (!bound.isAsync || isNested) {
      context.controller.abort(new BBError("aborted", "the answer comes too late to be taken"));
      result.then(undefined, () => undefined);
      throw bound.isAsync
        ? new BBError("dependency_async", `${bound.name} answers later, and a sibling cannot wait for it`)
        : new BBError("async_not_declared", `${bound.name} returned a promise; declare it as { async: true, run }`);
    }
    this.#await(instance, bound, described, command, context.controller, result);
    return status.later;
  }

  #await(instance: Instance, bound: BoundMethod, described: MethodDescription, command: bigint, controller: AbortController, result: PromiseLike<unknown>): void {
    const { pending } = instance.owner;
    pending.set(command, controller);
    const settle = (finish: (completions: Completions) => void): void => {
      // Given up meanwhile: the deadline passed or the node was closed.
      if (pending.get(command) !== controller) return;
      pending.delete(command);
      if (instance.owner.completions !== undefined) finish(instance.owner.completions);
    };
    const fail = (completions: Completions, error: unknown): void => {
      const { reason, detail } = failureOf(error);
      try {
        completions.fail(command, reason, detail);
      } catch (refused) {
        // The op is gone already; there is nobody left to tell.
        if (!(refused instanceof BBError && (refused.code === "unknown_command" || refused.code === "closed"))) throw refused;
      }
    };
    result.then(
      (value) => settle((completions) => {
        try {
          completions.complete(command, outputsOf(instance.registered.type, bound, described, value));
        } catch (error) {
          fail(completions, error);
        }
      }),
      (error: unknown) => settle((completions) => fail(completions, error)),
    );
  }

  /** Calls a sibling for a method that is running. */
  callDependency(type: JsComponentClass, slot: string, described: MethodDescription, args: readonly unknown[]): Value | Record<string, Value> {
    const bridge = this.#wired();
    const inputs = args.slice(0, described.inputs.length);
    const parameters = (args[described.inputs.length] ?? {}) as Readonly<Record<string, number>>;
    const size = headerBytes + (described.inputs.length + described.outputs.length) * recordBytes + described.parameters.length * 8;
    const frame = bridge.reserve(size);
    bridge.heap().fill(0, frame, frame + size);
    const writer = new ValueWriter(bridge);
    described.inputs.forEach((port, index) => {
      writer.write(frame + headerBytes + index * recordBytes, portType(type, port), inputs[index], `${slot}.${methodName(described.op)} input ${port.name}`);
    });
    const view = bridge.view();
    view.setUint32(frame, size, true);
    view.setUint16(frame + 4, described.inputs.length, true);
    view.setUint16(frame + 6, described.outputs.length, true);
    view.setUint16(frame + 46, described.parameters.length, true);
    const outputs = frame + headerBytes + described.inputs.length * recordBytes;
    described.parameters.forEach(({ name, default: fallback }, index) => {
      view.setBigInt64(outputs + described.outputs.length * recordBytes + index * 8, BigInt(Math.trunc(parameters[name] ?? fallback)), true);
    });
    if (bridge.engine.callDependency(slot, described.method, frame) !== status.now) throw bridge.error();
    const values = described.outputs.map((_, index) => readValue(bridge, outputs + index * recordBytes));
    if (described.outputs.length === 1) return values[0];
    return Object.fromEntries(described.outputs.map((port, index) => [port.name, values[index]]));
  }
}

/** What a call's method is told; good until the method returns, but for its signal. */
class Context implements CallContext {
  readonly #host: ComponentHost;
  readonly #bridge: Bridge;
  readonly #instance: Instance;
  #controller: AbortController | undefined;
  #open = true;
  readonly now: number;
  readonly exec: bigint;
  readonly parameters: Readonly<Record<string, number>>;
  declare readonly deadline?: number;
  declare readonly source?: PeerId;

  constructor(host: ComponentHost, bridge: Bridge, instance: Instance, described: MethodDescription, frame: number) {
    this.#host = host;
    this.#bridge = bridge;
    this.#instance = instance;
    const view = bridge.view();
    this.exec = view.getBigUint64(frame + 16, true);
    this.now = Number(view.getBigUint64(frame + 24, true)) / 1e6;
    const deadline = view.getBigUint64(frame + 32, true);
    if (deadline > 0n) this.deadline = Number(deadline) / 1e6;
    const sourceAt = view.getUint32(frame + 40, true);
    if (sourceAt !== 0) this.source = peerIdFromBytes(bridge.copy(sourceAt + 4, view.getUint32(sourceAt, true)));
    const values = frame + headerBytes + (view.getUint16(frame + 4, true) + view.getUint16(frame + 6, true)) * recordBytes;
    this.parameters = Object.fromEntries(described.parameters.map(({ name }, index) => [name, Number(view.getBigInt64(values + index * 8, true))]));
  }

  get controller(): AbortController {
    return (this.#controller ??= new AbortController());
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  random(n: number): Uint8Array<ArrayBuffer> {
    this.#check("random");
    const at = this.#bridge.reserve(n);
    this.#bridge.engine.fillRandom(at, n);
    return this.#bridge.copy(at, n);
  }

  dependency(slot: string): ComponentProxy {
    const { type } = this.#instance.registered;
    const depends = type.depends.find((candidate) => candidate.slot === slot);
    if (depends === undefined) throw new BBError("dependency_not_bound", `${type.typeName} does not depend on a slot ${slot}`);
    const methods = this.#bridge.roles.get(roleName(depends.role))?.methods ?? [];
    return Object.fromEntries(methods.map((described) => [methodName(described.op), (...args: readonly unknown[]) => {
      this.#check("dependency");
      return this.#host.callDependency(type, slot, described, args);
    }]));
  }

  /** The method has returned: memory and siblings are out of reach. */
  leave(): void {
    this.#open = false;
  }

  #check(what: string): void {
    if (!this.#open) throw new BBError("closed", `${what} can be used only until the method returns or first waits`);
  }
}

/** The type of a port of a class: what its storage says, where the role leaves it to the class. */
function portType(type: JsComponentClass, port: PortDescription): string {
  if (!port.type.startsWith("$")) return port.type;
  return type.storage[port.type.slice(1)] ?? (port.type === "$tensor" || port.type === "$element" || port.type === "$sample" || port.type === "$vector" ? "tensor" : "any");
}

function outputsOf(type: JsComponentClass, bound: BoundMethod, described: MethodDescription, result: unknown): { type: string; value: unknown }[] {
  const missing = (port: PortDescription): BBError => new BBError("missing_output", `${type.typeName}.${bound.name} gave no ${port.name}`);
  const [only] = described.outputs;
  if (described.outputs.length === 1 && only !== undefined) {
    if (only.type === "trigger") return [{ type: only.type, value: true }];
    if (result === undefined) throw missing(only);
    return [{ type: portType(type, only), value: result }];
  }
  if (typeof result !== "object" || result === null) throw new BBError("missing_output", `${type.typeName}.${bound.name} gave no object of outputs`);
  const named = result as Readonly<Record<string, unknown>>;
  if (described.outputs.every(({ name }) => named[name] === undefined)) {
    throw new BBError("missing_output", `${type.typeName}.${bound.name} gave none of ${described.outputs.map(({ name }) => name).join(", ")}`);
  }
  return described.outputs.map((port) => ({ type: portType(type, port), value: named[port.name] }));
}

function failureOf(error: unknown): { reason: string; detail: string } {
  if (error instanceof BBError) return { reason: error.code.slice(0, reasonMax), detail: error.detail };
  return { reason: "component_threw", detail: describeError(error) };
}
