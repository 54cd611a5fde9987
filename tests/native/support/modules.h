// Modules that tests of several folders run.
#pragma once

#include "bb/module.h"

namespace bb::test {

/// Sends `x` to each of `servers`, which send it back: `answer`.
struct Ask final : Module {
  explicit Ask(std::uint64_t wait_ns = 50'000'000) : Module("Ask"), wait_ns_(wait_ns) {}
  void body(Graph& g) const override {
    const Output servers = g.input<type::Peers>("servers");
    const NetOut out = g.net_out("question", servers, g.input<type::TensorF32>("x"));
    g.output("answer", g.await_response(out.handle, "tensor.f32", wait_ns_));
    g.on("servers", [&] { g.reply(g.pass_through(out.value), out.sender); });
  }

 private:
  std::uint64_t wait_ns_;
};

/// Trains, contributes its own parameters and sends them to `peers`, which contribute them too.
struct TrainingMesh final : Module {
  explicit TrainingMesh(std::int64_t steps) : Module("Mesh"), steps_(steps) {}
  ModelSlot model{"model"};
  AggregatorSlot aggregator{"aggregator"};
  void body(Graph& g) const override {
    const Output peers = g.input<type::Peers>("peers");
    const Output meta = g.input<type::FedAvgMetadata>("meta");
    g.output("loss", model.train(g, steps_));
    const Output params = model.params(g);
    aggregator.contribute(g, params, meta);
    const NetOutRecord up = g.net_out({{"params", params}, {"meta", meta}}, peers);
    g.on("peers", [&] {
      aggregator.contribute(g, up["params"], up["meta"], up.sender);
      g.output("received", up.sender);
    });
  }

 private:
  std::int64_t steps_;
};

/// Merges what was contributed, and goes on from it.
struct MeshMerge final : Module {
  MeshMerge() : Module("MeshMerge") {}
  ModelSlot model{"model"};
  AggregatorSlot aggregator{"aggregator"};
  void body(Graph& g) const override {
    const Aggregate merged = aggregator.aggregate(g, g.input<type::Trigger>("go"));
    model.load_parameters(g, merged.params);
    g.output("merged", merged.metadata);
  }
};

}  // namespace bb::test
