// Recording a program: typed values, and the calls that make them.
import { BBError } from "./errors.js";
import type { Module } from "./module.js";
import { insideOf, type Engine } from "./engine.js";
import { typeId, typeName, type Tensor, type TypeName, type ValueOf } from "./types.js";
import { ValueWriter } from "./values.js";
import { halves, type Bridge } from "./wasm/bridge.js";
import type { RecorderHandle } from "./wasm/glue.js";

/** Why a program cannot be recorded or compiled: a stable code, and where. */
export class CompileError extends BBError {
  /** The compiler's pass, `record` while the program was being written down. */
  readonly pass: string;
  /** The op, or the module, that it concerns. */
  readonly node: string;
  /** The function it is in, when that is known. */
  readonly functionName: string;
  /** What the code names, for example `slot`. */
  readonly fields: Readonly<Record<string, string>>;

  constructor(code: string, detail: string, where: { readonly pass?: string; readonly node?: string; readonly function?: string; readonly fields?: Readonly<Record<string, string>> } = {}) {
    super(code, where.node === undefined || where.node === "" ? detail : `${detail} (${where.node})`);
    this.name = "CompileError";
    this.pass = where.pass ?? "record";
    this.node = where.node ?? "";
    this.functionName = where.function ?? "";
    this.fields = where.fields ?? {};
  }
}

/** The last error of the engine as one of compiling. */
export function compileError(bridge: Bridge): CompileError {
  const { code, detail, pass, node, function: where, fields } = bridge.describeError();
  return new CompileError(code, detail, {
    pass: String(pass ?? "record"), node: String(node ?? ""), function: String(where ?? ""), fields: (fields ?? {}) as Readonly<Record<string, string>>,
  });
}

declare const outputType: unique symbol;

let openOutput: (output: Output) => { recorder: RecorderHandle; id: number };
let makeOutput: <T extends TypeName>(recorder: RecorderHandle, id: number) => Output<T>;

/** A value of a program while it is being recorded. Good only in the module body that made it. */
export class Output<T extends TypeName = TypeName> {
  declare readonly [outputType]?: T;
  readonly #recorder: RecorderHandle;
  readonly #id: number;

  static {
    openOutput = (output) => ({ recorder: output.#recorder, id: output.#id });
    makeOutput = (recorder, id) => new Output(recorder, id);
  }

  private constructor(recorder: RecorderHandle, id: number) {
    this.#recorder = recorder;
    this.#id = id;
  }

  /** The name of its type. */
  get type(): string {
    return typeName(this.#recorder.typeOf(this.#id));
  }
}

/** Where a `netOut` goes besides the peers. */
export interface NetOptions {
  /**
   * The receiving site of a separately compiled program as `<target>/<port>`; for several fields the target alone, each field then
   * goes to the port of its own name. Without it the receivers run `g.on(class, ...)` of this program.
   */
  readonly to?: string;
  /** Instead of the compiler's budget per hop. */
  readonly deadlineMs?: number;
}

/** What a `netOut` of one value yields. */
export interface NetOut<T extends TypeName = TypeName> {
  /** The value as the receivers get it. */
  readonly value: Output<T>;
  /** Who they got it from. */
  readonly sender: Output<"peer">;
  /** For `awaitResponse`. */
  readonly handle: Output<"request">;
}

/** What a `netOut` of several fields yields: each as the receivers get it. */
export type NetOutRecord<R extends Readonly<Record<string, Output>>> = R & { readonly sender: Output<"peer">; readonly handle: Output<"request"> };

/** What a `netIn` yields. */
export interface NetIn<T extends TypeName = TypeName> {
  readonly value: Output<T>;
  readonly sender: Output<"peer">;
}

/** One op, for `Graph.record`. */
export interface OpRecord {
  readonly domain: string;
  readonly op: string;
  /** Of role ops. */
  readonly slot?: string;
  /** By formal position; undefined where an optional one is not wired. */
  readonly inputs?: readonly (Output | undefined)[];
  readonly parameters?: Readonly<Record<string, number>>;
  /** A `bigint` is written as an integer, a `number` as a float, a list of `bigint` as integers. */
  readonly attributes?: Readonly<Record<string, bigint | number | string | readonly bigint[] | Tensor<Float32Array>>>;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Type names of the outputs, where the op leaves them open. */
  readonly outputTypes?: readonly string[];
  /** Of ops whose number of outputs the caller chooses. */
  readonly outputCount?: number;
}

const noValue = 0xffff_ffff;
const syscall = "ai.bytesandbrains.syscall";
const wire = "ai.bytesandbrains.wire";
const composite = "ai.bytesandbrains.composite";
const addressBook = "ai.bytesandbrains.address_book";

let openGraph: (engine: Engine, recorder: RecorderHandle) => Graph;

/** What a module's body writes into. */
export class Graph {
  readonly #bridge: Bridge;
  readonly #recorder: RecorderHandle;
  /** The peers' addresses, as ops. */
  readonly addressBook: {
    insertMany(peer: Output<"peer">, addresses: Output<"addresses">): Output<"trigger">;
    lookup(peer: Output<"peer">): Output<"addresses">;
  };

  static {
    openGraph = (engine, recorder) => new Graph(insideOf(engine).bridge, recorder);
  }

  private constructor(bridge: Bridge, recorder: RecorderHandle) {
    this.#bridge = bridge;
    this.#recorder = recorder;
    this.addressBook = {
      insertMany: (peer, addresses) => this.#one({ domain: addressBook, op: "InsertMany", inputs: [peer, addresses] }),
      lookup: (peer) => this.#one({ domain: addressBook, op: "Lookup", inputs: [peer] }),
    };
  }

  /** An input port of this module. */
  input<T extends TypeName = "any">(name: string, type: T = "any" as T): Output<T> {
    this.#check(this.#recorder.input(name, typeId(type)));
    return this.#result(0);
  }

  /** An output port of this module; its values are events of the node. */
  output(name: string, value: Output): void {
    this.#check(this.#recorder.output(name, this.#id(value)));
  }

  /** A port that this module already has. */
  lookupOutput(name: string): Output {
    this.#check(this.#recorder.lookupOutput(name));
    return this.#result(0);
  }

  /** Sends one value, or several in one envelope, to every peer. The name of the peers' input is their class. */
  netOut<T extends TypeName>(port: string, to: Output<"peers"> | Output<"peer">, value: Output<T>, options?: NetOptions): NetOut<T>;
  netOut<R extends Readonly<Record<string, Output>>>(fields: R, to: Output<"peers"> | Output<"peer">, options?: NetOptions): NetOutRecord<R>;
  netOut(port: string | Readonly<Record<string, Output>>, to: Output, third?: Output | NetOptions, fourth?: NetOptions): unknown {
    if (typeof port === "string") {
      this.#send({ [port]: third as Output }, to, fourth);
      return { value: this.#result(0), sender: this.#result(1), handle: this.#result(2) };
    }
    const names = Object.keys(port);
    const taken = names.find((name) => name === "sender" || name === "handle");
    if (taken !== undefined) throw new CompileError("InvalidName", `a field cannot be called ${taken}: the result has that already`);
    this.#send(port, to, third as NetOptions | undefined);
    const values = Object.fromEntries(names.map((name, index) => [name, this.#result(index)]));
    return { ...values, sender: this.#result(names.length), handle: this.#result(names.length + 1) };
  }

  /** Receives what other programs send to `<own target>/<port>`. */
  netIn<T extends TypeName = "any">(port: string, type: T = "any" as T): NetIn<T> {
    this.#check(this.#recorder.netIn(port, typeId(type)));
    return { value: this.#result(0), sender: this.#result(1) };
  }

  /** The answer to a request: the receiver's `reply`. */
  awaitResponse<T extends TypeName = "any">(handle: Output<"request">, type: T = "any" as T, options: { readonly timeoutMs?: number } = {}): Output<T> {
    const attributes = options.timeoutMs === undefined ? {} : { deadline_ns: BigInt(Math.round(options.timeoutMs * 1e6)) };
    return this.#one({ domain: wire, op: "AwaitResponse", inputs: [handle], attributes, outputTypes: [type] });
  }

  /** Answers the request that started this execution. */
  reply(value: Output, to: Output<"peer">): void {
    this.record({ domain: wire, op: "Reply", inputs: [value, to] });
  }

  /** What `record` writes down runs on that class of peers. */
  on(peerClass: string, record: () => void): void {
    this.#check(this.#recorder.beginOn(peerClass));
    record();
    this.#check(this.#recorder.endOn());
  }

  /** A value that the program carries. */
  constant<T extends TypeName>(type: T, value: ValueOf<T>): Output<T> {
    return this.#bridge.scoped(() => {
      const { engine } = this.#bridge;
      this.#bridge.check(engine.encodeValue(new ValueWriter(this.#bridge).record(typeId(type), value, "the constant")));
      this.#recorder.opBytes("literal", engine.outputAt(), engine.outputSize());
      this.#recorder.opInteger("literal_type", engine.answerLow(), engine.answerHigh());
      this.#recorder.opOutputType(typeId(type));
      this.#check(this.#recorder.record(syscall, "Constant", ""));
      return this.#result(0);
    });
  }

  passThrough<T extends TypeName>(value: Output<T>): Output<T> {
    return this.#one({ domain: syscall, op: "PassThrough", inputs: [value] });
  }

  /** `value`, once `trigger` is there. */
  gate<T extends TypeName>(value: Output<T>, trigger: Output): Output<T> {
    return this.#one({ domain: syscall, op: "Gate", inputs: [value, trigger] });
  }

  /** A trigger, once all values are there. */
  gateDispatch(values: readonly Output[]): Output<"trigger"> {
    return this.#one({ domain: syscall, op: "GateDispatch", inputs: values });
  }

  /** The first that arrives. */
  any<T extends TypeName>(values: readonly Output<T>[]): Output<T> {
    return this.#one({ domain: syscall, op: "Any", inputs: values });
  }

  /** Several values as one. */
  bundle(values: readonly Output[]): Output<"composite"> {
    return this.#one({
      domain: composite, op: "Bundle", inputs: values,
      attributes: { "ai.bytesandbrains.composite.child_count": BigInt(values.length), "ai.bytesandbrains.composite.child_types": this.#denotations(values.map((value) => this.#recorder.typeOf(this.#id(value)))) },
    });
  }

  /** The parts of a bundle, by their types. */
  unbundle(bundled: Output<"composite">, types: readonly TypeName[]): Output[] {
    return this.record({
      domain: composite, op: "Unbundle", inputs: [bundled], outputTypes: types, outputCount: types.length,
      attributes: { "ai.bytesandbrains.composite.child_count": BigInt(types.length), "ai.bytesandbrains.composite.child_types": this.#denotations(types.map(typeId)) },
    });
  }

  /** Calls a child module with values for its inputs; its outputs by port. The child is recorded once, however often it is called. */
  call(child: Module, inputs: Readonly<Record<string, Output>> = {}): Record<string, Output> {
    return this.#call(child, inputs, false);
  }

  /** Calls the bootstrap of a child module, from a `bootstrap`. */
  callBootstrap(child: Module, inputs: Readonly<Record<string, Output>> = {}): Record<string, Output> {
    return this.#call(child, inputs, true);
  }

  /** Any op that the engine has; its outputs. */
  record(op: OpRecord): Output[] {
    const recorder = this.#recorder;
    const inputs = (op.inputs ?? []).map((input) => (input === undefined ? noValue : this.#id(input)));
    for (const input of inputs) recorder.opInput(input);
    for (const [name, value] of Object.entries(op.parameters ?? {})) recorder.opParameter(name, value);
    this.#bridge.scoped(() => {
      for (const [name, value] of Object.entries(op.attributes ?? {})) this.#attribute(name, value);
    });
    for (const [key, value] of Object.entries(op.metadata ?? {})) recorder.opMetadata(key, value);
    for (const type of op.outputTypes ?? []) recorder.opOutputType(typeId(type));
    recorder.opOutputCount(op.outputCount ?? 0);
    this.#check(recorder.record(op.domain, op.op, op.slot ?? ""));
    return Array.from({ length: recorder.resultCount() }, (_, index) => this.#result(index));
  }

  #call(child: Module, inputs: Readonly<Record<string, Output>>, bootstrap: boolean): Record<string, Output> {
    for (const [port, id] of Object.entries(inputs).map(([port, value]) => [port, this.#id(value)] as const)) this.#recorder.argument(port, id);
    this.#check(this.#recorder.beginModule(child.name, bootstrap));
    if (bootstrap) child.bootstrap(this);
    else child.body(this);
    this.#check(this.#recorder.endModule());
    return Object.fromEntries(Array.from({ length: this.#recorder.resultCount() }, (_, index) => [this.#recorder.resultName(index), this.#result(index)]));
  }

  #attribute(name: string, value: bigint | number | string | readonly bigint[] | Tensor<Float32Array>): void {
    const bridge = this.#bridge;
    const integers = (numbers: readonly bigint[]): number => {
      const at = bridge.reserve(numbers.length * 8);
      const view = bridge.view();
      numbers.forEach((number, index) => view.setBigInt64(at + index * 8, number, true));
      return at;
    };
    if (typeof value === "bigint") this.#recorder.opInteger(name, ...halves(value));
    else if (typeof value === "number") this.#recorder.opNumber(name, value);
    else if (typeof value === "string") {
      const bytes = new TextEncoder().encode(value);
      this.#recorder.opBytes(name, bridge.put(bytes), bytes.length);
    } else if ("shape" in value) {
      const dimsAt = integers(value.shape.map((dim) => BigInt(dim)));
      const { data } = value;
      const dataAt = bridge.put(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      this.#recorder.opTensor(name, dimsAt, value.shape.length, dataAt, data.length);
    } else this.#recorder.opIntegers(name, integers(value), value.length);
  }

  #send(fields: Readonly<Record<string, Output>>, to: Output, options: NetOptions = {}): void {
    const values = Object.entries(fields).map(([name, value]) => [name, this.#id(value)] as const);
    const peers = this.#id(to);
    for (const [name, id] of values) this.#recorder.argument(name, id);
    this.#check(this.#recorder.netOut(peers, options.to ?? "", options.deadlineMs ?? 0));
  }

  #one<T extends TypeName>(op: OpRecord): Output<T> {
    const [first] = this.record(op);
    if (first === undefined) throw new CompileError("MissingOutput", `${op.op} has no output`);
    return first as Output<T>;
  }

  #denotations(types: readonly string[]): string {
    return types.map((type) => this.#bridge.denotations.get(type) ?? "").join(",");
  }

  #id(value: Output): number {
    return outputId(this.#recorder, value);
  }

  #result<T extends TypeName>(position: number): Output<T> {
    return makeOutput(this.#recorder, this.#recorder.result(position));
  }

  #check(status: number): void {
    if (status < 0) throw compileError(this.#bridge);
  }
}

function outputId(recorder: RecorderHandle, value: Output): number {
  if (!(value instanceof Output)) throw new CompileError("InvalidArgument", `a value of the program is wanted, got ${value === null ? "null" : typeof value}`);
  const open = openOutput(value);
  if (open.recorder !== recorder) throw new CompileError("ForeignHandle", "a value of another graph");
  return open.id;
}

/** A graph over a recorder; for the compiler. */
export function graphOf(engine: Engine, recorder: RecorderHandle): Graph {
  return openGraph(engine, recorder);
}
