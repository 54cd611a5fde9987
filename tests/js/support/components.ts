// Components of the scenarios, written in JavaScript.
import { defineComponent } from "../../../js/package/src/component.js";
import type { FedAvgMeta, Tensor } from "../../../js/package/src/types.js";
import type { PeerId } from "../../../js/package/src/peer-id.js";

/** What test components wrote down. */
export interface Journal {
  readonly contributions: { readonly values: number[]; readonly source: PeerId | undefined; readonly metadata: FedAvgMeta | undefined }[];
  readonly calls: string[];
}

/** A new empty journal. */
export function newJournal(): Journal {
  return { contributions: [], calls: [] };
}

/** Numbers of a tensor, copied. */
export function numbers(tensor: Tensor): number[] {
  return Array.from(tensor.data as Float32Array);
}

/** Gives the same batch each time. */
export const StubLoader = defineComponent({
  typeName: "StubLoader",
  role: "dataSource",
  storage: { sample: "tensor.f32" },
  create: (config: { batch?: number[]; journal?: Journal } | undefined) => ({ batch: new Float32Array(config?.batch ?? [1, 2, 3]), journal: config?.journal }),
  methods: {
    nextBatch: (state) => {
      state.journal?.calls.push("nextBatch");
      return { batch: state.batch, labels: new Float32Array(0) };
    },
  },
});

/** Gives back what it is given, and keeps parameters. */
export const StubModel = defineComponent({
  typeName: "StubModel",
  role: "model",
  storage: { tensor: "tensor.f32" },
  create: (config: { weight?: number; journal?: Journal } | undefined) => ({ params: new Float32Array([config?.weight ?? 0]), journal: config?.journal }),
  methods: {
    forward: (state, input) => {
      state.journal?.calls.push("forward");
      return { data: input.data.slice(), shape: input.shape };
    },
    loadParameters: (state, params) => {
      state.journal?.calls.push("loadParameters");
      state.params = Float32Array.from(numbers(params));
    },
    params: (state) => {
      state.journal?.calls.push("params");
      return state.params;
    },
  },
});

/** Writes down what is contributed. */
export const StubAggregator = defineComponent({
  typeName: "StubAggregator",
  role: "aggregator",
  storage: { element: "tensor.f32" },
  ignoresMetadata: true,
  create: (config: { journal?: Journal } | undefined) => config?.journal ?? newJournal(),
  methods: {
    contribute: (journal, contribution, metadata, source, context) => {
      journal.contributions.push({ values: numbers(contribution), source: source ?? context.source, metadata });
    },
    aggregate: (journal) => ({ params: new Float32Array(journal.contributions[0]?.values ?? [0]), metadata: true }),
  },
});
