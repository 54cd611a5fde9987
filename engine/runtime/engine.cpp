// Putting an engine together, and making, listing and ending executions.
#include "runtime/engine.h"

#include <algorithm>

namespace bb::runtime {
namespace {

constexpr std::string_view kInfraNames[] = {
    "WireResponseLanded", "OpFailure",   "WireDecodeFailure", "WireReceiveError", "AppIngressError",   "BusOverflow",
    "PeerResolveFailure", "PeerSuspect", "PeerDown",          "PeerLive",         "BackoffNoticeSent", "SilentDropActive",
};

}  // namespace

Engine::Engine(const EngineConfig& config)
    : Stock(config.limits),
      State(config, memory_),
      config_(config),
      mask_(config.mask),
      services_{.runtime = *this,
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
                .fills = {}} {
  OpContextBuilder::bind_node(
      ctx_, {.memory = &memory_, .random = &op_random_, .self = &config_.self, .services = &services_, .error = &error_});
}

Engine::~Engine() {
  // Values must go before their Memory; executions end here, wherever they were.
  while (first_) {
    Activation* const activation = first_;
    unlink(activation);
    Activation::destroy(memory_, activation);
  }
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
    if (!receives_.try_insert(graph.receives[i].site, {&graph, i})) return fail(Code::no_memory);
  }
  return {};
}

Status Engine::register_sources(LinkedGraph& graph) {
  for (const LinkedGraph::Source& source : graph.sources) {
    if (source.kind != LinkedGraph::Source::Kind::event) continue;
    const LinkedOp& op = graph.ops[source.op];
    const std::uint32_t value = op.out_count > 0 ? graph.outputs[op.out_begin] : kNone;
    if (value != kNone) BB_CHECK(subscribe(names_[source.name], graph, value));
  }
  return {};
}

void Engine::register_bootstrap(LinkedGraph& graph, std::uint32_t op, LinkedGraph* target) {
  bootstrap_.bodies.push_back({.graph = &graph, .op = op, .target = target});
}

bool Engine::infra_event(std::string_view name, framework::EventKind& kind) {
  for (std::uint32_t i = 0; i < std::size(kInfraNames); ++i) {
    if (kInfraNames[i] != name) continue;
    kind = framework::EventKind::of(static_cast<InfraEvent>(i));
    return true;
  }
  return false;
}

Status Engine::subscribe(std::string_view event, LinkedGraph& graph, std::uint32_t value) {
  framework::EventKind kind;
  const std::size_t names = names_.size();
  if (!infra_event(event, kind)) {
    BB_TRY(topic, intern_later(event));
    kind = framework::EventKind::topic(topic);
  }
  Status subscribed = bus_.subscribe(kind, {graph.index, value});
  if (!subscribed && names_.size() > names) names_.pop_back();  // nothing else knows it
  return subscribed;
}

// The engine's time stays; only what the host's clock shows for it changes.
void Engine::set_host_clock(std::uint64_t now_ns) {
  host_ns_ = now_ns;
  clock_offset_ns_ = static_cast<std::int64_t>(now_ns - timers_.now_ns());
  gap_ns_ = 0;
}

// Ops that a component or the host was to complete.
void Engine::fail_pending(std::string_view reason, std::string_view detail) {
  Array<std::uint64_t> commands;
  if (!parked_.sorted_keys(commands)) return;
  for (const std::uint64_t command : commands) {
    const Parked& parked = *parked_.find(command);
    if (parked.activation->graph->ops[parked.op].component == kNone) continue;
    fail_later(CommandId{command}, {OpErrorKind::remote_failed, reason, std::string(detail)});
  }
}

void Engine::forget_links() {
  for (std::uint32_t peer = 0; peer < peers_.capacity(); ++peer)
    if (peers_.live(peer)) peers_.at(peer).link = {};
}

// A name that the host brings after install; there is an end to them.
Result<std::uint32_t> Engine::intern_later(std::string_view name) {
  for (std::uint32_t i = 0; i < names_.size(); ++i)
    if (names_[i] == name) return i;
  if (names_.size() >= installed_names_ + std::size_t{kLaterNamesMax}) return fail(Code::over_cap, kLaterNamesMax);
  return intern(name);
}

void Engine::link(Activation* activation) {
  activation->previous = last_;
  (last_ ? last_->next : first_) = activation;
  last_ = activation;
}

void Engine::unlink(Activation* activation) {
  (activation->previous ? activation->previous->next : first_) = activation->next;
  (activation->next ? activation->next->previous : last_) = activation->previous;
}

Activation* Engine::prepare(LinkedGraph& graph) {
  if (executions_ >= config_.limits.executions_max) return nullptr;
  Activation* activation = Activation::create(memory_, graph, ExecId{next_exec_});
  if (!activation) return nullptr;
  link(activation);
  ++next_exec_;
  ++executions_;
  return activation;
}

// Undoes `prepare`, so the number goes to the next one: the latest is discarded first.
void Engine::discard(Activation* activation) {
  if (activation->exec.v + 1 == next_exec_) --next_exec_;
  unlink(activation);
  Activation::destroy(memory_, activation);
  --executions_;
}

// False when there is no memory.
bool Engine::plan(Activation* activation, PlanStart::Mode mode, std::uint32_t op) {
  seeds_.clear();
  if (!seeds_.try_reserve(activation->graph->value_count)) return false;
  const Value* const values = activation->values();
  for (std::uint32_t value = 0; value < activation->graph->value_count; ++value)
    if (values[value].present()) seeds_.push_reserved(value);
  Plan* const plan = activation->graph->plans.acquire(
      *activation->graph, {.mode = mode, .op = op, .seeds = {seeds_.data(), seeds_.size()}}, config_.limits.plans_per_graph_max);
  if (!plan) return false;
  activation->set_plan(plan);
  return true;
}

Code Engine::submit(Activation* activation) {
  if (ingress_starts_ >= config_.limits.ingress_max) {
    discard(activation);
    return Code::queue_full;
  }
  // Besides this start there is always room for the completion of every parked op.
  if (!ingress_.try_reserve(parked_.size() + 1) || !plan(activation, PlanStart::Mode::seeds)) {
    discard(activation);
    return Code::no_memory;
  }
  activation->live = 1;
  activation->stage = Activation::Stage::submitted;
  ++ingress_starts_;
  ingress_.push_reserved({Ingress::Kind::start, activation, {}});
  return Code::ok;
}

void Engine::echo(const LinkedGraph& graph, const LinkedGraph::InputPort& port, ExecId exec, const Value& value) {
  emit_later(mask_.events, AppEvent{graph.base_name, names_[port.name_index], exec, value});
}

}  // namespace bb::runtime
