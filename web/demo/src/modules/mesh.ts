// Federated averaging without a server: every peer trains, sends its model to its neighbours and averages what it received.
import { Module, slot, t, type Graph } from "bytesandbrains";
import { trainInPieces, type LocalTraining } from "./local-training.js";

/** One round's local training, and what happens to its result on this peer and on its neighbours. */
export class Mesh extends Module {
  readonly #model = slot.model("model");
  readonly #aggregator = slot.aggregator("aggregator");
  readonly #training: LocalTraining;

  constructor(training: LocalTraining) {
    super("Mesh");
    this.#training = training;
  }

  body(g: Graph): void {
    const peers = g.input("peers", t.peers);
    const meta = g.input("meta", t.fedAvgMeta); // how many samples stand behind the model, and the round

    g.output("loss", trainInPieces(g, this.#model, this.#training));
    const params = this.#model.params(g);
    this.#aggregator.contribute(g, params, meta);

    // One envelope with both values to every neighbour; what follows runs there.
    const update = g.netOut({ params, meta }, peers);
    g.on("peers", () => {
      this.#aggregator.contribute(g, update.params, update.meta, { source: update.sender });
      g.output("received", update.sender);
      g.output("contributed", update.meta);
    });
  }
}

/** The end of a round: the average of all contributions becomes the model. */
export class MeshMerge extends Module {
  readonly #model = slot.model("model");
  readonly #aggregator = slot.aggregator("aggregator");

  constructor() {
    super("MeshMerge");
  }

  body(g: Graph): void {
    const go = g.input("go", t.trigger);
    const average = this.#aggregator.aggregate(g, go);
    this.#model.loadParameters(g, average.params);
    g.output("merged", average.metadata);
  }
}
