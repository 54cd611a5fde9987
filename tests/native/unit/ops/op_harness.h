// Runs framework ops without a node: a node of a graph is prepared once and run often, over stores with small limits and a runtime
// that only writes down what it is asked.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <variant>
#include <vector>

#include "ir/metadata.h"
#include "op/op_context_builder.h"
#include "op/prepare.h"
#include "op/services.h"
#include "ops/registry.h"

namespace bb::test {

struct Ran {
  Outcome outcome = Outcome::failed;
  OpError error{};
  CommandId command{};
  std::vector<Value> outputs{};

  bool done() const { return outcome == Outcome::done; }
  bool parked() const { return outcome == Outcome::parked; }
  bool silent() const { return done() && !outputs[0].present(); }
  bool triggered() const { return done() && outputs[0].carrier() == Carrier::trigger; }
  bool failed_with(OpErrorKind kind, std::string_view reason, std::string_view detail = {}) const {
    return outcome == Outcome::failed && error.kind == kind && error.reason == reason && (detail.empty() || error.detail == detail);
  }
  bool out_of_memory() const { return failed_with(OpErrorKind::execution_failed, "no_memory"); }
};

using OpAttributes = std::vector<std::pair<std::string, std::variant<std::int64_t, std::string>>>;

class OpHarness : private op::Runtime {
  Memory memory_;  // outlives every value below

 public:
  OpHarness() {
    OpContextBuilder::bind_node(context_,
                                {.memory = &memory_, .random = &random_, .self = &self_, .services = &services_, .error = &error_});
  }

  /// One node of a graph.
  struct Prepared {
    const OpDeclaration* declaration = nullptr;
    std::unique_ptr<OpState> state;
    std::vector<std::int64_t> parameters;
    std::uint32_t inputs = 0;
    OpRef op;
  };

  /// `inputs` are wired; others of the declaration are not. The problem of a node that cannot be prepared is in `problem`.
  std::optional<Prepared> try_prepare(std::string_view op_type, const OpAttributes& attributes = {}, std::uint32_t inputs = 0,
                                      std::string_view instance = {}, std::string_view domain = domain::kSyscall) {
    Prepared made;
    made.declaration = registry_.find_op(domain, op_type);
    REQUIRE(made.declaration);
    onnx::NodeProto node;
    node.set_op_type(std::string(op_type));
    node.set_name("node" + std::to_string(next_op_));
    for (std::uint32_t i = 0; i < inputs; ++i) node.add_input("v" + std::to_string(i));
    for (const auto& [name, value] : attributes)
      std::visit([&](const auto& content) { ir::set_attribute(node, name, content); }, value);
    if (!instance.empty()) ir::stamp_metadata(node, ir::key::kModuleInstance, instance);
    for (const auto& [key, value] : metadata) ir::stamp_metadata(node, key, value);
    made.inputs = std::max<std::uint32_t>(inputs, formals(*made.declaration));
    made.op = OpRef::pack(0, next_op_++);
    for (const Parameter& parameter : made.declaration->parameters) {
      const auto* attribute = ir::find_attribute(node, parameter.name);
      made.parameters.push_back(attribute ? attribute->i() : parameter.default_value);
    }
    if (!made.declaration->prepare) return made;
    PrepareContext context{
        .memory = memory_, .registry = registry_, .intern = [this](std::string_view name) { return intern(name); }, .problem = {}};
    auto state = made.declaration->prepare(node, context);
    problem = context.problem;
    if (!state) return std::nullopt;
    made.state = std::move(*state);
    return made;
  }
  Prepared prepare(std::string_view op_type, const OpAttributes& attributes = {}, std::uint32_t inputs = 0,
                   std::string_view instance = {}, std::string_view domain = domain::kSyscall) {
    auto made = try_prepare(op_type, attributes, inputs, instance, domain);
    INFO(problem);
    REQUIRE(made);
    return std::move(*made);
  }

  Ran run(const Prepared& op, std::vector<Value> values = {}) {
    constexpr std::uint32_t kOutputs = 4;
    values.resize(op.inputs);
    std::vector<std::uint32_t> in(op.inputs), out(outputs == 0 ? kOutputs : outputs);
    for (std::uint32_t i = 0; i < in.size(); ++i) in[i] = i;
    for (std::uint32_t i = 0; i < out.size(); ++i) out[i] = op.inputs + i;
    values.resize(in.size() + out.size());
    const std::vector<std::uint8_t> sole(in.size(), 1);
    OpContextBuilder::bind_execution(context_, ExecId{exec}, inbound_.source.present() ? &inbound_ : nullptr, clock_.now_ns(),
                                     start_ns);
    OpContextBuilder::bind_op(context_, {.values = values.data(),
                                         .inputs = in.data(),
                                         .outputs = out.data(),
                                         .sole_reader = sole.data(),
                                         .parameters = op.parameters.data(),
                                         .state = op.state.get(),
                                         .input_count = op.inputs,
                                         .output_count = static_cast<std::uint32_t>(out.size()),
                                         .op = op.op});
    error_ = {};
    allocation_hook = hook;
    Ran ran;
    ran.outcome = op.declaration->run(context_);
    allocation_hook = nullptr;
    ran.error = error_;
    ran.command = OpContextBuilder::command(context_);
    for (std::size_t i = 0; i < out.size(); ++i) ran.outputs.push_back(std::move(values[in.size() + i]));
    return ran;
  }
  Ran run(std::string_view op_type, const OpAttributes& attributes = {}, std::vector<Value> values = {}) {
    const auto inputs = static_cast<std::uint32_t>(values.size());
    return run(prepare(op_type, attributes, inputs), std::move(values));
  }
  /// Every allocation of the op fails.
  Ran starved(const Prepared& op, std::vector<Value> values = {}) {
    hook = [](const AllocationSite&) { return true; };
    Ran ran = run(op, std::move(values));
    hook = nullptr;
    return ran;
  }

  Value bytes(std::string_view text) { return Value::bytes(memory_, as_bytes(text)).value(); }
  Value tensor(std::vector<float> data) {
    const std::uint64_t shape[] = {data.size()};
    return Value::tensor_f32(memory_, shape, data).value();
  }
  Value peer(std::uint64_t id) { return Value::peer(memory_, PeerId::from(id)).value(); }
  void set_inbound(std::uint64_t source, std::uint64_t request_id) {
    inbound_.source = peer(source);
    inbound_.request_id = request_id;
  }
  std::uint32_t intern(std::string_view name) {
    for (std::uint32_t i = 0; i < names.size(); ++i)
      if (names[i] == name) return i;
    names.emplace_back(name);
    return static_cast<std::uint32_t>(names.size()) - 1;
  }
  void set_now(std::uint64_t now_ns) { clock_.set_now(now_ns); }
  Memory& memory() { return memory_; }
  op::Services& services() { return services_; }

  std::string problem;
  std::vector<std::pair<std::string, std::string>> metadata;  // of the nodes that are prepared
  std::deque<std::string> names;
  std::uint64_t exec = 0;
  std::uint64_t start_ns = 0;
  std::uint32_t outputs = 0;
  std::uint32_t parked_max = 100;
  std::optional<Code> timer_error;
  AllocationHook hook = nullptr;
  struct Completion {
    CommandId command;
    Value value;
  };
  std::vector<std::pair<CommandId, std::uint64_t>> wakes;
  std::vector<std::pair<OpRef, std::uint64_t>> ticks;
  std::vector<std::pair<std::string, Value>> published;
  std::vector<Completion> completed;

 private:
  static std::uint32_t formals(const OpDeclaration& declaration) {
    const auto count = static_cast<std::uint32_t>(declaration.inputs.size());
    return count > 0 && declaration.inputs.back().variadic ? count - 1 : count;
  }
  Result<CommandId> open_command(OpContext&, std::uint64_t) override {
    if (next_command_ >= parked_max) return fail(Code::over_cap, parked_max);
    return CommandId{next_command_++};
  }
  Component* sibling(ComponentRef, std::string_view, ComponentRef&) override { return nullptr; }
  bool room_to_report(std::uint64_t) override { return true; }
  void peer_unresolved(const PeerId&, const OpContext&) override {}
  void peer_denied(std::uint32_t, const framework::Verdict&) override {}
  void request_evicted(const framework::RequestOutcome&) override {}
  void complete_later(CommandId command, Value value) override { completed.push_back({command, std::move(value)}); }
  Status wake_after(CommandId command, std::uint64_t delay_ns) override {
    if (timer_error) return fail(*timer_error);
    wakes.emplace_back(command, delay_ns);
    return {};
  }
  Status tick(OpRef op, std::uint64_t period_ns) override {
    if (timer_error) return fail(*timer_error);
    ticks.emplace_back(op, period_ns);
    return {};
  }
  void publish(std::uint32_t topic, Value value) override { published.emplace_back(names[topic], std::move(value)); }
  bool ask_to_back_off(std::uint32_t, framework::BackoffCause, std::uint64_t) override { return false; }

  Registry registry_ = ops::builtin_registry();
  RandomStream random_{1};
  PeerId self_ = PeerId::from(1);
  OpError error_;
  std::uint64_t next_command_ = 0;
  std::uint32_t next_op_ = 0;
  framework::Scheduler clock_{{.timers_max = 16}};
  framework::PeerTable peers_{&memory_, PeerId::from(1), RandomStream(2), {.peers_max = 3}};
  framework::Outbound outbound_{{.messages_max = 16}};
  framework::Requests requests_{{.requests_max = 16}, RandomStream(3), &clock_};
  framework::RttTracker rtt_{{}};
  framework::Governor governor_{{}};
  framework::Backoff backoff_{{}};
  framework::PeerGate permits_{{.names_max = 2, .waiters_max = 2}};
  framework::SerializeQueue queues_{{.values_max = 2, .queues_max = 2, .waiters_max = 2}};
  framework::HoldTable held_{{.names_max = 2}};
  framework::RecordBuffer records_{{.values_max = 3, .rings_max = 2}};
  framework::Metrics metrics_{{.names_max = 2}};
  framework::PayloadWindow payloads_{{}};
  op::Services services_{.runtime = *this,
                         .scheduler = clock_,
                         .peers = peers_,
                         .outbound = outbound_,
                         .requests = requests_,
                         .rtt = rtt_,
                         .governor = governor_,
                         .backoff = backoff_,
                         .permits = permits_,
                         .queues = queues_,
                         .held = held_,
                         .records = records_,
                         .metrics = metrics_,
                         .payloads = payloads_,
                         .fills = {}};
  Inbound inbound_;
  OpContext context_;
};

inline std::string text_of(const Value& value) { return std::string(as_text(value.as_bytes())); }

}  // namespace bb::test
