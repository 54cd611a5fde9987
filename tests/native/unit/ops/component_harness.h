// Calls a component's methods without a node: one context, one memory, siblings by slot name.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bb/config.h"
#include "op/op_context_builder.h"
#include "op/services.h"

namespace bb::test {

inline Config config() { return {}; }

/// What a call did: `values` are its outputs.
struct Called {
  Outcome outcome = Outcome::failed;
  OpError error{};
  std::vector<Value> values{};

  bool done() const { return outcome == Outcome::done; }
  bool failed_with(OpErrorKind kind, std::string_view reason) const {
    return outcome == Outcome::failed && error.kind == kind && error.reason == reason;
  }
};

class ComponentHarness final : private op::Runtime {
 public:
  explicit ComponentHarness(std::uint64_t memory_limit = UINT64_MAX) : memory_(memory_limit) {
    OpContextBuilder::bind_node(context_,
                                {.memory = &memory_, .random = &random_, .self = &self_, .services = &services_, .error = &error_});
  }
  ~ComponentHarness() { siblings_.clear(); }

  Memory& memory() { return memory_; }
  framework::PeerTable& peers() { return peers_; }
  const PeerId& self() const { return self_; }
  void bind(std::string slot, Component* component) { siblings_[std::move(slot)] = component; }
  /// The state that a backend op's dispatch sees.
  void set_state(const OpState* state) { state_ = state; }
  /// Calls are as if an envelope of this peer had started the execution; nothing for none.
  void set_inbound(const PeerId* source) {
    inbound_ = {};
    if (source) inbound_.source = Value::peer(memory_, *source).value();
  }

  /// Inputs are moved into the call; the op is their sole reader when `takes` says so.
  Called call(Component& component, auto method, std::vector<Value> inputs, std::vector<std::int64_t> parameters = {},
              bool takes = false) {
    constexpr std::size_t outputs = 4;
    std::vector<Value> values(std::move(inputs));
    std::vector<std::uint32_t> in(values.size());
    for (std::size_t i = 0; i < in.size(); ++i) in[i] = values[i].present() ? static_cast<std::uint32_t>(i) : OpContext::kAbsent;
    std::vector<std::uint32_t> out(outputs);
    for (std::size_t i = 0; i < outputs; ++i) out[i] = static_cast<std::uint32_t>(values.size() + i);
    const std::size_t first_output = values.size();
    values.resize(first_output + outputs);
    const std::vector<std::uint8_t> sole(first_output, takes ? 1 : 0);
    OpContextBuilder::bind_execution(context_, ExecId{0}, inbound_.source.present() ? &inbound_ : nullptr, deadlines_.now_ns(), 0);
    OpContextBuilder::bind_op(context_, {.values = values.data(),
                                         .inputs = in.data(),
                                         .outputs = out.data(),
                                         .sole_reader = sole.data(),
                                         .parameters = parameters.data(),
                                         .state = state_,
                                         .input_count = static_cast<std::uint32_t>(first_output),
                                         .output_count = static_cast<std::uint32_t>(outputs),
                                         .component = ComponentRef{0}});
    error_ = {};
    Called called;
    called.outcome = component.dispatch(static_cast<std::uint16_t>(method), context_);
    called.error = std::move(error_);
    for (std::size_t i = 0; i < outputs; ++i) called.values.push_back(std::move(values[first_output + i]));
    return called;
  }

  Value tensor(std::vector<std::uint64_t> shape, std::vector<float> data) {
    return Value::tensor_f32(memory_, shape, data).value();
  }
  Value vector(std::vector<float> data) { return tensor({data.size()}, data); }

 private:
  Result<CommandId> open_command(OpContext&, std::uint64_t) override { return CommandId{next_command_++}; }
  Component* sibling(ComponentRef, std::string_view slot, ComponentRef& found) override {
    const auto at = siblings_.find(slot);
    found = ComponentRef{1};
    return at == siblings_.end() ? nullptr : at->second;
  }
  bool room_to_report(std::uint64_t) override { return true; }
  void peer_unresolved(const PeerId&, const OpContext&) override {}
  void peer_denied(std::uint32_t, const framework::Verdict&) override {}
  void request_evicted(const framework::RequestOutcome&) override {}
  void complete_later(CommandId, Value) override {}
  Status wake_after(CommandId, std::uint64_t) override { return {}; }
  Status tick(OpRef, std::uint64_t) override { return {}; }
  void publish(std::uint32_t, Value) override {}
  bool ask_to_back_off(std::uint32_t, framework::BackoffCause, std::uint64_t) override { return false; }

  Memory memory_;
  RandomStream random_{1};
  PeerId self_ = PeerId::from(1);
  OpError error_;
  std::uint64_t next_command_ = 0;
  framework::Scheduler deadlines_{{.timers_max = 16}};
  framework::PeerTable peers_{&memory_, PeerId::from(1), RandomStream(2), {.peers_max = 64}};
  framework::Outbound outbound_{{.messages_max = 16}};
  framework::Requests requests_{{.requests_max = 16}, RandomStream(3), &deadlines_};
  framework::RttTracker rtt_{{}};
  framework::Governor governor_{{}};
  framework::Backoff backoff_{{}};
  framework::PeerGate permits_{{}};
  framework::SerializeQueue queues_{{}};
  framework::HoldTable held_{{}};
  framework::RecordBuffer records_{{}};
  framework::Metrics metrics_{{}};
  framework::PayloadWindow payloads_{{}};
  op::Services services_{.runtime = *this,
                         .scheduler = deadlines_,
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
  std::map<std::string, Component*, std::less<>> siblings_;
  const OpState* state_ = nullptr;
  Inbound inbound_;
  OpContext context_;
};

inline std::vector<float> floats(const Value& value) {
  const auto view = value.as_tensor().f32();
  return {view.begin(), view.end()};
}
inline std::vector<std::uint64_t> shape_of(const Value& value) {
  const auto shape = value.as_tensor().shape;
  return {shape.begin(), shape.end()};
}
inline std::unique_ptr<Component> construct(const ComponentClass& type, const Config& config) {
  auto made = type.construct(config);
  REQUIRE(made.has_value());
  return std::move(*made);
}
inline std::string refusal(const ComponentClass& type, const Config& config) {
  auto made = type.construct(config);
  return made ? "accepted" : made.error();
}

}  // namespace bb::test
