// Putting an engine together, and making, listing and ending executions.
#include "runtime/engine.h"

#include <algorithm>

namespace bb::runtime {
namespace {

// 63 bits and never 0, which means "not numbered" on the wire.
std::uint64_t draw_incarnation(RandomStream stream) { return (stream.next_u64() >> 1) | 1; }

constexpr std::string_view kInfraNames[] = {
    "WireResponseLanded", "OpFailure",          "WireDecodeFailure", "WireReceiveError", "AppIngressError",   "BusOverflow",
    "PeerResolveFailure", "PeerSuspect",        "PeerDown",          "PeerLive",         "BackoffNoticeSent", "SilentDropActive",
};

}  // namespace

Engine::Engine(const EngineConfig& config)
    : config_(config),
      mask_(config.mask),
      memory_(config.limits.memory_bytes_max),
      ingress_bytes_(config.limits.ingress_bytes_max),
      op_random_(RandomStream(config.seed).fork("op")),
      timers_({.timers_max = config.limits.timers_max}),
      deadlines_({.timers_max = config.limits.timers_max}),
      peers_(&memory_, config.self, RandomStream(config.seed).fork("peers"),
             {.peers_max = config.limits.peers_max,
              .addresses = {.addresses_max = config.limits.addresses_per_peer_max,
                            .hints_max = config.limits.addresses_per_peer_max / 4}}),
      outbound_({.messages_max = config.limits.outbound_max,
                 .bytes_max = config.limits.outbound_bytes_max,
                 .share_percent = config.limits.peer_share_percent}),
      requests_({.requests_max = config.limits.requests_max}, RandomStream(config.seed).fork("wire"), &deadlines_),
      rtt_({.sites_max = config.limits.round_trips_max, .edges_max = config.limits.round_trips_max}),
      governor_({.failure_threshold = config.limits.failures_before_down, .strikes_max = config.limits.malformed_frames_max}),
      backoff_({.base_ns = config.limits.backoff_base_ns,
                .max_delay_ns = config.limits.backoff_max_ns,
                .jitter = config.limits.backoff_jitter_percent / 100.0}),
      backpressure_({.high_water_percent = config.limits.high_water_percent,
                     .notices_before_silent = config.limits.notices_before_silent,
                     .min_notice_interval_ns = config.limits.notice_interval_ns}),
      permits_({.names_max = config.limits.permits_max, .waiters_max = config.limits.parked_ops_max}),
      queues_({.values_max = config.limits.queue_values_max,
               .queues_max = config.limits.queues_max,
               .waiters_max = config.limits.parked_ops_max}),
      held_({.names_max = config.limits.held_max}),
      records_({.values_max = config.limits.record_values_max, .rings_max = config.limits.records_max}),
      metrics_({.names_max = config.limits.metrics_max}),
      bus_({.events_max = config.limits.bus_max, .subscriptions_max = config.limits.bus_max}),
      payloads_({.hashes_max = config.limits.payload_window}),
      bootstrap_(config.limits.executions_max),
      ingress_(config.limits.ingress_max + config.limits.parked_ops_max),
      gated_starts_(config.limits.executions_max),
      frontier_(config.limits.ready_ops_max),
      gated_ops_(config.limits.ready_ops_max),
      waiting_starts_(config.limits.executions_max),
      completions_(config.limits.parked_ops_max),
      phases_(config.limits.phases_max),
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
  peers_.set_credit_required(config.credit_required);
  peers_.set_incarnation(config.incarnation != 0 ? config.incarnation
                                                 : draw_incarnation(RandomStream(config.seed).fork("incarnation")));
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

Status Engine::subscribe(std::string_view event, LinkedGraph& graph, std::uint32_t value) {
  for (std::uint32_t i = 0; i < std::size(kInfraNames); ++i)
    if (kInfraNames[i] == event)
      return bus_.subscribe(framework::EventKind::of(static_cast<InfraEvent>(i)), {graph.index, value});
  BB_TRY(topic, intern_later(event));
  return bus_.subscribe(framework::EventKind::topic(topic), {graph.index, value});
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

Result<Activation*> Engine::prepare(LinkedGraph& graph) {
  if (executions_ >= config_.limits.executions_max) return fail(Code::queue_full, executions_);
  Activation* activation = Activation::create(memory_, graph, ExecId{next_exec_});
  if (!activation) return fail(Code::no_memory);
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

Status Engine::plan(Activation* activation, PlanStart::Mode mode, std::uint32_t op) {
  seeds_.clear();
  if (!seeds_.try_reserve(activation->graph->value_count)) return fail(Code::no_memory);
  const Value* const values = activation->values();
  for (std::uint32_t value = 0; value < activation->graph->value_count; ++value)
    if (values[value].present()) seeds_.push_reserved(value);
  Plan* const plan = activation->graph->plans.acquire(*activation->graph,
                                                      {.mode = mode, .op = op, .seeds = {seeds_.data(), seeds_.size()}},
                                                      config_.limits.plans_per_graph_max);
  if (!plan) return fail(Code::no_memory);
  activation->set_plan(plan);
  return {};
}

Result<ExecId> Engine::submit(Activation* activation) {
  Status ready = ingress_starts_ < config_.limits.ingress_max ? Status{} : fail(Code::queue_full, ingress_starts_);
  // Besides this start there is always room for the completion of every parked op.
  if (ready && !ingress_.try_reserve(parked_.size() + 1)) ready = fail(Code::no_memory);
  if (ready) ready = plan(activation, PlanStart::Mode::seeds);
  if (!ready) {
    discard(activation);
    return std::unexpected(ready.error());
  }
  activation->live = 1;
  activation->stage = Activation::Stage::submitted;
  ++ingress_starts_;
  ingress_.push_reserved({Ingress::Kind::start, activation, {}});
  return activation->exec;
}

void Engine::echo(const LinkedGraph& graph, const LinkedGraph::InputPort& port, ExecId exec, const Value& value) {
  emit_later(mask_.events, AppEvent{graph.base_name, names_[port.name_index], exec, value});
}

}  // namespace bb::runtime
