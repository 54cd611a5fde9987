// What a snapshot of the reference's says, put into a state that begins anew.
#include "runtime/state_codec.h"

namespace bb::runtime {

State& StateCodec::state(Loaded& loaded) { return loaded.state_; }

// What install put into the state: sources listen, bootstraps count as done.
Status StateCodec::begin(Loaded& loaded) {
  Engine& engine = loaded.engine_;
  loaded.state_.bootstrap_.bodies = engine.bootstrap_.bodies;
  for (Bootstrap::Body& body : loaded.state_.bootstrap_.bodies) {
    body.done = true;
    body.skipped = false;
  }
  std::swap(static_cast<State&>(engine).bus_, loaded.state_.bus_);
  Status registered;
  for (const auto& graph : engine.graphs_)
    if (registered && graph->kind == LinkedGraph::Kind::target) registered = engine.register_sources(*graph);
  std::swap(static_cast<State&>(engine).bus_, loaded.state_.bus_);
  return registered;
}

// The op's execution knows nothing but the op: its completion goes on from there.
Status StateCodec::park(Loaded& loaded, CommandId command, OpRef op, ExecId exec, std::uint64_t deadline_ns) {
  Engine& engine = loaded.engine_;
  State& state = loaded.state_;
  if (op.graph() >= engine.graphs_.size() || op.op() >= engine.graphs_[op.graph()]->ops.size()) return fail(Code::invalid_value);
  if (state.executions_ >= engine.limits().executions_max || state.parked_.size() >= engine.limits().parked_ops_max)
    return fail(Code::over_cap, state.executions_);
  LinkedGraph& graph = *engine.graphs_[op.graph()];
  if (graph.kind == LinkedGraph::Kind::function || state.parked_.find(command.v)) return fail(Code::invalid_value);
  const std::uint32_t parked = state.parked_.size() + 1;
  if (!state.parked_.try_reserve(1) || !state.failures_.try_reserve(parked) || !state.completions_.try_reserve(parked) ||
      !state.ingress_.try_reserve(parked))
    return fail(Code::no_memory);
  Activation* const activation = Activation::create(engine.memory_, graph, exec);
  Plan* const plan = activation ? graph.plans.acquire(graph, {.mode = PlanStart::Mode::one, .op = op.op(), .seeds = {}},
                                                      engine.limits().plans_per_graph_max)
                                : nullptr;
  if (!plan) {
    if (activation) Activation::destroy(engine.memory_, activation);
    return fail(Code::no_memory);
  }
  activation->set_plan(plan);
  activation->stage = Activation::Stage::running;
  activation->live = 1;
  // Another slot holder would wait for this one, which took none.
  for (std::uint32_t i = 0; i < plan->exclusive.size(); ++i) activation->slot_ops()[i] = 0;
  activation->previous = state.last_;
  (state.last_ ? state.last_->next : state.first_) = activation;
  state.last_ = activation;
  ++state.executions_;
  Parked record{.activation = activation, .op = op.op(), .completed = false, .deadline = {}, .wake = {}};
  if (deadline_ns > 0) {
    record.deadline_ns = deadline_ns;
    const auto timer = state.deadlines_.schedule(deadline_ns, {framework::Timer::Kind::command_deadline, command.v});
    if (timer) record.deadline = *timer;
  }
  state.parked_.insert_reserved(command.v, record);
  state.next_exec_ = std::max(state.next_exec_, exec.v + 1);
  state.next_command_ = std::max(state.next_command_, command.v + 1);
  return {};
}

Result<std::uint32_t> StateCodec::name(Loaded& loaded, std::string_view text) {
  const Engine& engine = loaded.engine_;
  for (std::uint32_t i = 0; i < engine.installed_names_; ++i)
    if (engine.names_[i] == text) return i;
  std::uint32_t at = 0;
  while (at < loaded.later_names_.size() && loaded.later_names_[at] != text) ++at;
  if (at == Engine::kLaterNamesMax) return fail(Code::over_cap, at);
  if (at == loaded.later_names_.size()) loaded.later_names_.emplace_back(text);
  return engine.installed_names_ + at;
}

// Sites that no installed graph writes are left out.
Status StateCodec::subscribe(Loaded& loaded, std::string_view kind, SiteId site) {
  Engine& engine = loaded.engine_;
  for (const auto& graph : engine.graphs_) {
    for (std::size_t i = 0; i < graph->outputs.size(); ++i) {
      if (graph->output_sites[i] != site || graph->outputs[i] == kNone) continue;
      framework::EventKind event;
      if (!Engine::infra_event(kind, event)) {
        BB_TRY(topic, name(loaded, kind));
        event = framework::EventKind::topic(topic);
      }
      return loaded.state_.bus_.subscribe(event, {graph->index, graph->outputs[i]});
    }
  }
  return {};
}

}  // namespace bb::runtime
