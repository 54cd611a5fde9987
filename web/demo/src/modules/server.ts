// Federated averaging with a server: clients train and send to one peer, which averages for all and sends the result back.
// The server is one of its own clients: it invokes ClientTrain with its own id, and its envelope comes back to itself.
import { Module, slot, t, type Graph } from "bytesandbrains";
import { trainInPieces, type LocalTraining } from "./local-training.js";

/** Runs on every client; the part under `on("peers")` runs on the server. */
export class ClientTrain extends Module {
  readonly #model = slot.model("model");
  readonly #aggregator = slot.aggregator("aggregator");
  readonly #training: LocalTraining;

  constructor(training: LocalTraining) {
    super("ClientTrain");
    this.#training = training;
  }

  body(g: Graph): void {
    const peers = g.input("peers", t.peers); // the server, alone
    const meta = g.input("meta", t.fedAvgMeta);

    g.output("loss", trainInPieces(g, this.#model, this.#training));
    const update = g.netOut({ params: this.#model.params(g), meta }, peers);
    g.on("peers", () => {
      this.#aggregator.contribute(g, update.params, update.meta, { source: update.sender });
      g.output("received", update.sender);
      g.output("contributed", update.meta);
    });
  }
}

/** Runs on the server at the end of a round: average, keep, send to everybody. */
export class ServerMerge extends Module {
  readonly #model = slot.model("model");
  readonly #aggregator = slot.aggregator("aggregator");

  constructor() {
    super("ServerMerge");
  }

  body(g: Graph): void {
    const go = g.input("go", t.trigger);
    const clients = g.input("clients", t.peers);
    const average = this.#aggregator.aggregate(g, go);
    this.#model.loadParameters(g, average.params);
    // The clients' part is another program, named by its target; each field goes to the port of its own name.
    g.netOut({ params: average.params, meta: average.metadata }, clients, { to: "ClientReceive" });
    g.output("merged", average.metadata);
  }
}

/** Runs on a client when the server's model arrives. */
export class ClientReceive extends Module {
  readonly #model = slot.model("model");

  constructor() {
    super("ClientReceive");
  }

  body(g: Graph): void {
    const params = g.netIn("params", t.tensor.f32);
    const meta = g.netIn("meta", t.fedAvgMeta);
    this.#model.loadParameters(g, params.value);
    g.output("merged", meta.value);
  }
}
