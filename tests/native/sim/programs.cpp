// What simulated nodes run.
#include "sim/programs.h"

#include "bb/compiler.h"
#include "ops/registry.h"
#include "sim/components.h"
#include "support/modules.h"

namespace bb::sim {
namespace {

using Attributes = std::vector<std::pair<std::string, Attribute>>;

Output syscall(Graph& g, std::string op_type, std::vector<Output> inputs, Attributes attributes) {
  const auto outputs = g.record({.domain = std::string(domain::kSyscall),
                                 .op_type = std::move(op_type),
                                 .inputs = std::move(inputs),
                                 .attributes = std::move(attributes)});
  return outputs.empty() ? Output() : outputs[0];
}

constexpr auto kDeadline = static_cast<std::int64_t>(kDeadlineNs);

struct Mesh final : Module {
  Mesh() : Module("Mesh") {}
  ModelSlot model{"model"};
  AggregatorSlot aggregator{"aggregator"};
  void body(Graph& g) const override {
    const Output peers = g.input<type::Peers>("peers");
    const Output meta = g.input<type::FedAvgMetadata>("meta");
    const Output params = model.forward(g, g.input<type::TensorF32>("x"));
    aggregator.contribute(g, params, meta);
    const NetOutRecord up = g.net_out({{"params", params}, {"meta", meta}}, peers);
    g.on("peers", [&] {
      aggregator.contribute(g, up["params"], up["meta"], up.sender);
      g.output("received", up.sender);
    });
  }
};

struct Merge final : Module {
  Merge() : Module("Merge") {}
  AggregatorSlot aggregator{"aggregator"};
  void body(Graph& g) const override {
    const Aggregate merged = aggregator.aggregate(g, g.input<type::Trigger>("go"));
    g.output("merged", g.bundle({merged.params, merged.metadata}));
  }
};

struct Gather final : Module {
  Gather() : Module("Gather") {}
  void body(Graph& g) const override {
    const NetOut out = g.net_out("question", g.input<type::Peers>("servers"), g.input<type::TensorF32>("x"));
    const auto answers = g.record({.domain = std::string(domain::kWire),
                                   .op_type = "GatherResponses",
                                   .inputs = {out.handle},
                                   .parameters = {{"quorum", 2}, {"timeout_ns", kDeadline}}});
    g.output("answers", answers.empty() ? Output() : answers[0]);
    g.on("servers", [&] { g.reply(g.pass_through(out.value), out.sender); });
  }
};

struct Timers final : Module {
  Timers() : Module("Timers") {}
  void body(Graph& g) const override {
    const Output go = g.input<type::Trigger>("go");
    g.output("slept", syscall(g, "Sleep", {go}, {{"duration_ns", std::int64_t{30'000'000}}}));
    g.output("after", syscall(g, "After", {go}, {{"delay_ns", std::int64_t{5'000'000}}}));
  }
};

struct Ticker final : Module {
  Ticker() : Module("Ticker") {}
  void body(Graph& g) const override {
    const Output tick = syscall(g, "Interval", {}, {{"period_ns", std::int64_t{700'000'000}}});
    syscall(g, "IncrMetric", {tick}, {{"name", std::string("ticks")}});
    g.output("tick", tick);
  }
};

struct Stores final : Module {
  Stores() : Module("Stores") {}
  void body(Graph& g) const override {
    const Attributes permit{
        {"name", std::string("p")}, {"on_full", std::string("wait")}, {"n", std::int64_t{2}}, {"deadline_ns", kDeadline}};
    g.output("got", syscall(g, "Limit.Acquire", {g.input<type::Trigger>("take")}, permit));
    syscall(g, "Limit.Release", {g.input<type::Trigger>("give")}, {{"name", std::string("p")}});
    syscall(g, "Serialize.Enqueue", {g.input<type::TensorF32>("x")}, {{"queue", std::string("q")}});
    g.output("y", syscall(g, "Serialize.Dequeue", {g.input<type::Trigger>("next")},
                          {{"queue", std::string("q")}, {"wait", std::int64_t{1}}, {"deadline_ns", kDeadline}}));
  }
};

struct Setup final : Module {
  Setup() : Module("Setup") {}
  ModelSlot model{"model"};
  void body(Graph& g) const override { g.output("ready", model.forward(g, g.input<type::TensorF32>("x"))); }
  void bootstrap(Graph& g) const override {
    const Output started = g.constant({.dims = {1}, .data = {1}});
    g.output("started", model.forward(g, started));
  }
};

}  // namespace

Programs::Programs() : registry(ops::builtin_registry()) {
  add_components(registry);
  const auto add = [&](Part part, const Module& module, std::vector<std::string> targets, bool models, bool aggregates) {
    Compiler compiler(registry);
    if (models) compiler.bind("model", "SimModel");
    if (aggregates) compiler.bind("aggregator", "SimAggregator");
    const auto artifact = compiler.compile(module);
    if (!artifact) {
      if (error.empty()) error = module.name() + ": " + artifact.error().code + ": " + artifact.error().message;
      return;
    }
    programs.push_back({part, {artifact->bytes().begin(), artifact->bytes().end()}, std::move(targets)});
  };
  add(Part::mesh, Mesh(), {"Mesh", "Mesh_peers"}, true, true);
  add(Part::mesh, Merge(), {"Merge"}, false, true);
  add(Part::ask, test::Ask(kDeadlineNs), {"Ask", "Ask_servers"}, false, false);
  add(Part::gather, Gather(), {"Gather", "Gather_servers"}, false, false);
  add(Part::timers, Timers(), {"Timers"}, false, false);
  add(Part::ticker, Ticker(), {"Ticker"}, false, false);
  add(Part::stores, Stores(), {"Stores"}, false, false);
  add(Part::setup, Setup(), {"Setup"}, true, false);
}

InstallOptions Programs::options(std::uint32_t parts) const {
  InstallOptions options;
  for (const Program& program : programs) {
    if ((parts & part_bit(program.part)) == 0) continue;
    options.artifacts.emplace_back(program.artifact);
    options.targets.insert(options.targets.end(), program.targets.begin(), program.targets.end());
  }
  return options;
}

}  // namespace bb::sim
