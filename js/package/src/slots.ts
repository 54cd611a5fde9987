// Slots: named places for components in a program, with the methods of their role as recording calls.
import type { Graph, OpRecord, Output } from "./graph.js";
import type { Tensor, TypeName } from "./types.js";
import { CompileError } from "./graph.js";

const rolePrefix = "ai.bytesandbrains.role.";

/** A named place for a component. Two slots of one name are one component. */
export class Slot {
  readonly name: string;
  readonly #domain: string;

  constructor(name: string, domain: string) {
    this.name = name;
    this.#domain = domain;
  }

  /** Any op of the role: inputs by position, undefined where an optional one is not wired. */
  record(g: Graph, op: string, inputs: readonly (Output | undefined)[] = [], more: Omit<OpRecord, "domain" | "op" | "slot" | "inputs"> = {}): Output[] {
    return g.record({ ...more, domain: this.#domain, op, slot: this.name, inputs });
  }

  /** The same for an op with one output. */
  protected one<T extends TypeName>(g: Graph, op: string, inputs: readonly (Output | undefined)[] = [], more: Omit<OpRecord, "domain" | "op" | "slot" | "inputs"> = {}): Output<T> {
    return at<T>(this.record(g, op, inputs, more), 0, op);
  }
}

function at<T extends TypeName>(outputs: readonly Output[], position: number, op: string): Output<T> {
  const output = outputs[position];
  if (output === undefined) throw new CompileError("MissingOutput", `${op} has no output ${position}`);
  return output as Output<T>;
}

/** A model. */
export class ModelSlot extends Slot {
  constructor(name: string) {
    super(name, `${rolePrefix}model`);
  }
  forward(g: Graph, input: Output): Output<"tensor"> {
    return this.one(g, "Forward", [input]);
  }
  /** Back-propagates the last `computeLoss` and takes the optimizer's step. */
  backward(g: Graph, loss: Output): Output<"trigger"> {
    return this.one(g, "Backward", [loss]);
  }
  /** `target`: class indices as f32, or what the model's loss compares with. */
  computeLoss(g: Graph, input: Output, target: Output): Output<"scalar.f32"> {
    return this.one(g, "ComputeLoss", [input, target]);
  }
  applyDelta(g: Graph, delta: Output): Output<"trigger"> {
    return this.one(g, "ApplyDelta", [delta]);
  }
  loadParameters(g: Graph, params: Output): Output<"trigger"> {
    return this.one(g, "LoadParameters", [params]);
  }
  params(g: Graph): Output<"tensor"> {
    return this.one(g, "Params");
  }
  /** Local steps on batches of the data source that the model depends on; the mean loss. */
  train(g: Graph, options: { readonly steps: number; readonly trigger?: Output }): Output<"scalar.f32"> {
    return this.one(g, "Train", [options.trigger], { parameters: { steps: options.steps } });
  }
}

/** A source of training data. */
export class DataSourceSlot extends Slot {
  constructor(name: string) {
    super(name, `${rolePrefix}data_source`);
  }
  nextBatch(g: Graph): { readonly batch: Output<"tensor">; readonly labels: Output<"tensor"> } {
    const outputs = this.record(g, "NextBatch");
    return { batch: at(outputs, 0, "NextBatch"), labels: at(outputs, 1, "NextBatch") };
  }
  reset(g: Graph, trigger: Output<"trigger">): Output<"trigger"> {
    return this.one(g, "Reset", [trigger]);
  }
  onDataLoaded(g: Graph): Output<"trigger"> {
    return this.one(g, "OnDataLoaded");
  }
}

/** What makes one of many contributions. */
export class AggregatorSlot extends Slot {
  constructor(name: string) {
    super(name, `${rolePrefix}aggregator`);
  }
  /** Without `source` the contribution counts as the sender's, or as this peer's own where no envelope brought it. */
  contribute(g: Graph, contribution: Output, metadata?: Output, options: { readonly source?: Output } = {}): Output<"trigger"> {
    return this.one(g, "Contribute", [contribution, metadata, options.source]);
  }
  aggregate(g: Graph, trigger: Output): { readonly params: Output<"tensor">; readonly metadata: Output } {
    const outputs = this.record(g, "Aggregate", [trigger]);
    return { params: at(outputs, 0, "Aggregate"), metadata: at(outputs, 1, "Aggregate") };
  }
}

/** How peers are chosen by `select`. */
export type SelectMode = "random" | "near" | "all";
const selectModes: Readonly<Record<SelectMode, number>> = { random: 0, near: 1, all: 2 };

/** What chooses peers. */
export class PeerSelectorSlot extends Slot {
  readonly #metadata: Readonly<Record<string, string>>;

  constructor(name: string, peerClass: string) {
    super(name, `${rolePrefix}peer_selector`);
    this.#metadata = { "ai.bytesandbrains.peer_class": peerClass };
  }
  sample(g: Graph, n: number): Output<"peers"> {
    return this.one(g, "Sample", [], { parameters: { n }, metadata: this.#metadata });
  }
  currentView(g: Graph): Output<"peers"> {
    return this.one(g, "CurrentView", [], { metadata: this.#metadata });
  }
  select(g: Graph, options: { readonly mode: SelectMode; readonly n: number; readonly key?: Output }): Output<"peers"> {
    return this.one(g, "Select", [options.key], { parameters: { mode: selectModes[options.mode], n: options.n }, metadata: this.#metadata });
  }
}

/** An index of vectors. */
export class IndexSlot extends Slot {
  constructor(name: string) {
    super(name, `${rolePrefix}index`);
  }
  add(g: Graph, vector: Output): Output<"u64"> {
    return this.one(g, "Add", [vector]);
  }
  search(g: Graph, query: Output, options: { readonly k: number }): Output<"searchResults"> {
    return this.one(g, "Search", [query], { parameters: { k: options.k } });
  }
  remove(g: Graph, id: Output): Output<"trigger"> {
    return this.one(g, "Remove", [id]);
  }
  train(g: Graph, samples: Output): Output<"trigger"> {
    return this.one(g, "Train", [samples], { metadata: { "ai.bytesandbrains.index.port": "samples" } });
  }
}

/** A coder of values. */
export class CodecSlot extends Slot {
  constructor(name: string) {
    super(name, `${rolePrefix}codec`);
  }
  train(g: Graph, samples: Output): Output<"trigger"> {
    return this.one(g, "Train", [samples], { metadata: { "ai.bytesandbrains.codec.port": "in" } });
  }
  encode(g: Graph, value: Output): Output {
    return this.one(g, "Encode", [value], { metadata: { "ai.bytesandbrains.codec.port": "out" } });
  }
  decode(g: Graph, encoded: Output): Output {
    return this.one(g, "Decode", [encoded], { metadata: { "ai.bytesandbrains.codec.port": "in" } });
  }
}

/** Arithmetic on tensors; `record` has the ops that are not here. */
export class BackendSlot extends Slot {
  constructor(name: string) {
    super(name, "ai.onnx");
  }
  add(g: Graph, a: Output, b: Output): Output<"tensor"> {
    return this.one(g, "Add", [a, b]);
  }
  sub(g: Graph, a: Output, b: Output): Output<"tensor"> {
    return this.one(g, "Sub", [a, b]);
  }
  mul(g: Graph, a: Output, b: Output): Output<"tensor"> {
    return this.one(g, "Mul", [a, b]);
  }
  div(g: Graph, a: Output, b: Output): Output<"tensor"> {
    return this.one(g, "Div", [a, b]);
  }
  matMul(g: Graph, a: Output, b: Output): Output<"tensor"> {
    return this.one(g, "MatMul", [a, b]);
  }
  relu(g: Graph, x: Output): Output<"tensor"> {
    return this.one(g, "Relu", [x]);
  }
  identity(g: Graph, x: Output): Output<"tensor"> {
    return this.one(g, "Identity", [x]);
  }
  constant(g: Graph, value: Tensor<Float32Array>): Output<"tensor"> {
    return this.one(g, "Constant", [], { attributes: { value } });
  }
}

/**
 * Makes slots by name.
 *
 * ```ts
 * const model = slot.model("model");
 * ```
 */
export const slot = {
  model: (name = "model"): ModelSlot => new ModelSlot(name),
  dataSource: (name = "data_source"): DataSourceSlot => new DataSourceSlot(name),
  aggregator: (name = "aggregator"): AggregatorSlot => new AggregatorSlot(name),
  /** `peerClass`: where the chosen peers run what is sent to them. */
  peerSelector: (name = "peer_selector", peerClass = "@self"): PeerSelectorSlot => new PeerSelectorSlot(name, peerClass),
  index: (name = "index"): IndexSlot => new IndexSlot(name),
  codec: (name = "codec"): CodecSlot => new CodecSlot(name),
  backend: (name = "backend"): BackendSlot => new BackendSlot(name),
} as const;
