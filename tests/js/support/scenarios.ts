// The programs of the scenarios that the native tests run, too.
import { Module } from "../../../js/package/src/module.js";
import type { Graph } from "../../../js/package/src/graph.js";
import { slot } from "../../../js/package/src/slots.js";
import { t } from "../../../js/package/src/types.js";

/** Batch → forward → `prediction`. */
export class Quickstart extends Module {
  readonly #data = slot.dataSource("data_source");
  readonly #model = slot.model("model");

  constructor() {
    super("Quickstart");
  }

  body(g: Graph): void {
    const { batch } = this.#data.nextBatch(g);
    g.output("prediction", this.#model.forward(g, batch));
  }
}

class LoaderLeaf extends Module {
  readonly #loader = slot.dataSource("loader");
  constructor() {
    super("LoaderLeaf");
  }
  body(g: Graph): void {
    g.output("batch", this.#loader.nextBatch(g).batch);
  }
}

class TrainerLeaf extends Module {
  readonly #model = slot.model("model");
  constructor() {
    super("TrainerLeaf");
  }
  body(g: Graph): void {
    g.output("prediction", this.#model.forward(g, g.input("batch", t.tensor.f32)));
  }
}

class SinkLeaf extends Module {
  readonly #aggregator = slot.aggregator("aggregator");
  constructor() {
    super("SinkLeaf");
  }
  body(g: Graph): void {
    this.#aggregator.contribute(g, g.input("contribution", t.tensor.f32), g.input("metadata"));
  }
}

/** One program for two classes of peers: the source predicts, the sinks collect. */
export class FedNetwork extends Module {
  readonly #loader = new LoaderLeaf();
  readonly #trainer = new TrainerLeaf();
  readonly #sink = new SinkLeaf();

  constructor() {
    super("FedNetwork");
  }

  body(g: Graph): void {
    const sinks = g.input("sink_peers", t.peers);
    const { batch } = this.#loader.call(g);
    if (batch === undefined) throw new Error("LoaderLeaf has no batch");
    const { prediction } = this.#trainer.call(g, { batch });
    if (prediction === undefined) throw new Error("TrainerLeaf has no prediction");
    const sent = g.netOut("prediction_port", sinks, prediction);
    this.#sink.call(g, { contribution: sent.value, metadata: sent.value });
  }
}

/** A client of federated learning: takes the server's parameters, answers with its own. */
export class ClientLogic extends Module {
  readonly #model = slot.model("model");
  readonly #data = slot.dataSource("data");

  constructor() {
    super("ClientLogic");
  }

  body(g: Graph): void {
    const received = g.netIn("server_params", t.tensor.f32);
    this.#model.loadParameters(g, received.value);
    const { batch } = this.#data.nextBatch(g);
    this.#model.forward(g, batch);
    const params = this.#model.params(g);
    g.netOut("updated_params", received.sender, params, { to: "ServerReduce/received_params" });
  }
}

/** Sends the server's parameters to two of the peers it knows. */
export class ServerLogic extends Module {
  readonly #view = slot.peerSelector("view");
  readonly #model = slot.model("model");

  constructor() {
    super("ServerLogic");
  }

  body(g: Graph): void {
    const peers = this.#view.sample(g, 2);
    g.netOut("server_params", peers, this.#model.params(g), { to: "ClientLogic/server_params" });
  }
}

/** Takes the clients' answers. */
export class ServerReduce extends Module {
  readonly #aggregator = slot.aggregator("aggregator");

  constructor() {
    super("ServerReduce");
  }

  body(g: Graph): void {
    const received = g.netIn("received_params", t.tensor.f32);
    this.#aggregator.contribute(g, received.value);
    g.output("received", received.sender);
  }
}

class RoundClient extends Module {
  readonly #data = slot.dataSource("data");
  readonly #model = slot.model("model");
  constructor() {
    super("RoundClient");
  }
  body(g: Graph): void {
    const { batch } = this.#data.nextBatch(g);
    this.#model.forward(g, batch);
    g.output("updated_params", this.#model.params(g));
  }
}

class RoundServer extends Module {
  readonly #aggregator = slot.aggregator("aggregator");
  constructor() {
    super("RoundServer");
  }
  body(g: Graph): void {
    this.#aggregator.contribute(g, g.input("params", t.tensor.f32));
  }
}

/** Client and server of one round on one node. */
export class FederatedRound extends Module {
  readonly #client = new RoundClient();
  readonly #server = new RoundServer();

  constructor() {
    super("FederatedRound");
  }

  body(g: Graph): void {
    const servers = g.input("server_peers", t.peers);
    const { updated_params } = this.#client.call(g);
    if (updated_params === undefined) throw new Error("RoundClient has no updated_params");
    const sent = g.netOut("params_port", servers, updated_params);
    this.#server.call(g, { params: sent.value });
  }
}

/** Mesh averaging with local steps as given. */
export class Mesh extends Module {
  readonly #model = slot.model("model");
  readonly #aggregator = slot.aggregator("aggregator");

  constructor() {
    super("Mesh");
  }

  body(g: Graph): void {
    const peers = g.input("peers", t.peers);
    const meta = g.input("meta", t.fedAvgMeta);
    const params = this.#model.params(g);
    this.#aggregator.contribute(g, params, meta);
    const up = g.netOut({ params, meta }, peers);
    g.on("peers", () => {
      this.#aggregator.contribute(g, up.params, up.meta, { source: up.sender });
      g.output("received", up.sender);
    });
  }
}

/** The end of a round of mesh averaging. */
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
