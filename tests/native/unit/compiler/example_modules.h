// The modules of the worked examples (spec D §7, examples.md).
#pragma once

#include "fixture.h"
#include "support/modules.h"

namespace bb::test {

struct Quickstart : Module {
  DataSourceSlot data{"data_source"};
  ModelSlot model{"model"};
  Quickstart() : Module("Quickstart") {}
  void body(Graph& g) const override { g.output("prediction", model.forward(g, data.next_batch(g).batch)); }
};

struct LoaderLeaf : Module {
  DataSourceSlot loader{"loader"};
  LoaderLeaf() : Module("LoaderLeaf") {}
  void body(Graph& g) const override { g.output("batch", loader.next_batch(g).batch); }
};
struct TrainerLeaf : Module {
  ModelSlot model{"model"};
  TrainerLeaf() : Module("TrainerLeaf") {}
  void body(Graph& g) const override { g.output("prediction", model.forward(g, g.input("batch"))); }
};
struct SinkLeaf : Module {
  AggregatorSlot aggregator{"aggregator"};
  SinkLeaf() : Module("SinkLeaf") {}
  void body(Graph& g) const override {
    const Output contribution = g.input("contribution");
    aggregator.contribute(g, contribution, g.input("metadata"));
  }
};
struct FedNetwork : Module {
  FedNetwork() : Module("FedNetwork") {}
  void body(Graph& g) const override {
    const Output peers = g.input<type::Peers>("sink_peers");
    const auto loaded = g.call(LoaderLeaf(), {});
    const auto trained = g.call(TrainerLeaf(), {{"batch", loaded["batch"]}});
    g.net_out("prediction_port", peers, trained["prediction"]);
    const Output received = g.lookup_output("prediction_port");
    g.call(SinkLeaf(), {{"contribution", received}, {"metadata", received}});
  }
};

struct ClientLogic : Module {
  ModelSlot model{"model"};
  DataSourceSlot data{"data"};
  ClientLogic() : Module("ClientLogic") {}
  void body(Graph& g) const override {
    const NetIn rx = g.net_in<type::TensorF32>("server_params");
    model.load_parameters(g, rx.value);
    model.forward(g, data.next_batch(g).batch);
    g.net_out("updated_params", rx.sender, model.params(g), {.to = "ServerReduce/received_params", .deadline_ns = 0});
  }
};
struct ServerLogic : Module {
  PeerSelectorSlot view{"view"};
  ModelSlot model{"model"};
  ServerLogic() : Module("ServerLogic") {}
  void body(Graph& g) const override {
    const Output peers = view.sample(g, 2);
    g.net_out("server_params", peers, model.params(g), {.to = "ClientLogic/server_params", .deadline_ns = 0});
  }
};
struct ServerReduce : Module {
  AggregatorSlot aggregator{"aggregator"};
  ServerReduce() : Module("ServerReduce") {}
  void body(Graph& g) const override {
    const NetIn rx = g.net_in<type::TensorF32>("received_params");
    aggregator.contribute(g, rx.value, {}, rx.sender);
  }
};

struct RoundClient : Module {
  DataSourceSlot data{"data"};
  ModelSlot model{"model"};
  RoundClient() : Module("ClientLogic") {}
  void body(Graph& g) const override {
    // The model is used first, so it has slot 0.
    model.forward(g, data.next_batch(g).batch);
    g.output("updated_params", model.params(g));
  }
};
struct RoundServer : Module {
  AggregatorSlot aggregator{"aggregator"};
  RoundServer() : Module("ServerLogic") {}
  void body(Graph& g) const override { aggregator.contribute(g, g.input("params")); }
};
struct FederatedRound : Module {
  FederatedRound() : Module("FederatedRound") {}
  void body(Graph& g) const override {
    const Output servers = g.input<type::Peers>("server_peers");
    const auto client = g.call(RoundClient(), {});
    const NetOut up = g.net_out("params_port", servers, client["updated_params"]);
    g.call(RoundServer(), {{"params", up.value}});
  }
};

constexpr int kMeshSteps = 2;
struct Mesh : Module {
  DataSourceSlot data{"data"};
  ModelSlot model{"model"};
  AggregatorSlot aggregator{"aggregator"};
  Mesh() : Module("Mesh") {}
  void body(Graph& g) const override {
    const Output peers = g.input<type::Peers>("peers");
    const Output meta = g.input<type::FedAvgMetadata>("meta");
    Output loss;
    for (int step = 0; step < kMeshSteps; ++step) {
      const Batch batch = data.next_batch(g);
      loss = model.compute_loss(g, batch.batch, batch.labels);
      model.backward(g, loss);
    }
    g.output("loss", loss);
    const Output params = model.params(g);
    aggregator.contribute(g, params, meta);
    const NetOutRecord up = g.net_out({{"params", params}, {"meta", meta}}, peers);
    g.on("peers", [&] {
      aggregator.contribute(g, up["params"], up["meta"], up.sender);
      g.output("received", up.sender);
    });
  }
};

}  // namespace bb::test
