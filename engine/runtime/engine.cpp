// Putting an engine together, and the executions that the host starts.
#include "runtime/engine.h"

#include <algorithm>

namespace bb::runtime {
namespace {

constexpr std::uint32_t kFrontierMax = 1u << 22;

// 63 bits and never 0, which means "not numbered" on the wire.
std::uint64_t draw_incarnation(RandomStream stream) { return (stream.next_u64() >> 1) | 1; }

}  // namespace

Engine::Engine(const EngineConfig& config)
    : config_(config),
      mask_(config.mask),
      memory_(config.limits.memory_bytes_max),
      ingress_bytes_(config.limits.ingress_bytes_max),
      op_random_(RandomStream(config.seed).fork("op")),
      scheduler_(config.limits.timers_max),
      peers_(memory_, config.self, RandomStream(config.seed).fork("peers"), config.limits.peers_max,
             config.limits.addresses_per_peer_max),
      outbound_(config.limits.outbound_max, config.limits.outbound_bytes_max),
      requests_(config.limits.requests_max, RandomStream(config.seed).fork("wire"), scheduler_),
      payloads_(config.limits.payload_window),
      services_{
          .runtime = *this, .scheduler = scheduler_, .peers = peers_, .outbound = outbound_, .requests = requests_, .fills = {}},
      ingress_(config.limits.ingress_max + config.limits.parked_ops_max),
      frontier_(kFrontierMax),
      waiting_starts_(config.limits.executions_max) {
  peers_.set_credit_required(config.credit_required);
  peers_.set_incarnation(config.incarnation != 0 ? config.incarnation
                                                 : draw_incarnation(RandomStream(config.seed).fork("incarnation")));
  OpContextBuilder::bind_node(
      ctx_, {.memory = &memory_, .random = &op_random_, .self = &config_.self, .services = &services_, .error = &error_});
}

Engine::~Engine() {
  // Values must go before their Memory; executions end here, wherever they were.
  steps_.clear();
  later_.clear();
  events_.clear();
  const auto drop = [this](Activation* activation) {
    if (std::find(opened_.begin(), opened_.end(), activation) == opened_.end()) opened_.push_back(activation);
  };
  opened_.clear();
  while (!ingress_.empty()) {
    const Ingress ingress = ingress_.pop();
    if (ingress.kind == Ingress::Kind::start) drop(ingress.activation);
  }
  while (!frontier_.empty()) drop(frontier_.pop().activation);
  while (!waiting_starts_.empty()) drop(waiting_starts_.pop());
  for (const Queued& queued : waiting_ops_) drop(queued.activation);
  parked_.for_each([&](std::uint64_t, Parked& parked) { drop(parked.activation); });
  for (Activation* activation : opened_) Activation::destroy(memory_, activation);
}

std::uint32_t Engine::intern(std::string_view name) {
  for (std::uint32_t i = 0; i < names_.size(); ++i)
    if (names_[i] == name) return i;
  names_.emplace_back(name);
  return static_cast<std::uint32_t>(names_.size()) - 1;
}

std::uint32_t Engine::add_instance(Instance instance) {
  instances_.push_back(std::move(instance));
  return static_cast<std::uint32_t>(instances_.size()) - 1;
}

LinkedGraph& Engine::add_graph(std::unique_ptr<LinkedGraph> graph) {
  graphs_.push_back(std::move(graph));
  return *graphs_.back();
}

Status Engine::register_receives(LinkedGraph& graph) {
  for (std::uint32_t i = 0; i < graph.receives.size(); ++i) {
    if (receives_.find(graph.receives[i].site)) return fail(Code::duplicate, i);
    receives_.insert(graph.receives[i].site, {&graph, i});
  }
  return {};
}

Result<Activation*> Engine::prepare(LinkedGraph& graph) {
  if (executions_ >= config_.limits.executions_max) return fail(Code::queue_full, executions_);
  Activation* activation = Activation::create(memory_, graph, ExecId{next_exec_});
  if (!activation) return fail(Code::no_memory);
  ++next_exec_;
  ++executions_;
  return activation;
}

void Engine::discard(Activation* activation) {
  Activation::destroy(memory_, activation);
  --executions_;
}

Result<ExecId> Engine::submit(Activation* activation) {
  if (ingress_starts_ >= config_.limits.ingress_max) {
    discard(activation);
    return fail(Code::queue_full, ingress_starts_);
  }
  seeds_.clear();
  const Value* const values = activation->values();
  for (std::uint32_t value = 0; value < activation->graph->value_count; ++value)
    if (values[value].present()) seeds_.push_back(value);
  activation->set_plan(activation->graph->plans.acquire(*activation->graph, seeds_, config_.limits.plans_per_graph_max));
  activation->live = 1;
  ++ingress_starts_;
  BB_ASSERT(ingress_.try_push({Ingress::Kind::start, activation, {}}));
  return activation->exec;
}

void Engine::echo(const LinkedGraph& graph, const LinkedGraph::InputPort& port, ExecId exec, const Value& value) {
  emit_later(mask_.events, AppEvent{graph.base_name, names_[port.name_index], exec, value});
}

}  // namespace bb::runtime
