// What every peer of the demonstration has besides the rounds: asking the model, training alone for comparison, telling
// the others how it is going.
import { Module, slot, t, type Graph } from "bytesandbrains";
import { trainInPieces, type LocalTraining } from "./local-training.js";

/** Answers of a model to images: `slotName` says which model. */
export class Predict extends Module {
  readonly #model;

  constructor(name: string, slotName: string) {
    super(name);
    this.#model = slot.model(slotName);
  }

  body(g: Graph): void {
    g.output("logits", this.#model.forward(g, g.input("x", t.tensor.f32)));
  }
}

/** The same training on a second model that nobody else ever sees. */
export class TrainAlone extends Module {
  readonly #model = slot.model("alone");
  readonly #training: LocalTraining;

  constructor(training: LocalTraining) {
    super("TrainAlone");
    this.#training = training;
  }

  body(g: Graph): void {
    g.output("loss", trainInPieces(g, this.#model, this.#training));
  }
}

/** Tells the neighbours how this peer is doing. */
export class Report extends Module {
  constructor() {
    super("Report");
  }

  body(g: Graph): void {
    const peers = g.input("peers", t.peers);
    const report = g.input("report", t.tensor.f32);
    const told = g.netOut({ report }, peers);
    g.on("peers", () => {
      g.output("reporter", told.sender);
      g.output("reported", told.report);
    });
  }
}
