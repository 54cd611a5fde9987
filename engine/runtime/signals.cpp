// What starts executions besides invocations and fills: events on the bus, lifecycle phases, intervals, the start of a module.
#include <algorithm>

#include "runtime/engine.h"

namespace bb::runtime {

void Engine::publish(std::uint32_t topic, Value value) {
  // Room for one event of an op is made before the op runs.
  if (mask_.events) events_.push_reserved(graphs_[ctx_.op().graph()]->base_name, names_[topic], ctx_.exec(), value);
  if (!bus_.publish(framework::EventKind::topic(topic), std::move(value))) ++counters_.bus_dropped;
}

void Engine::publish_infra(InfraEvent event, Value value) {
  if (!bus_.publish(framework::EventKind::of(event), std::move(value))) ++counters_.bus_dropped;
}

bool Engine::start_from_value(LinkedGraph& graph, std::uint32_t value, const Value& content) {
  Activation* const activation = prepare(graph);
  if (!activation) return prepare_failure() == Code::queue_full;  // counted where executions are; an event is no promise
  activation->values()[value] = content.present() ? content : Value::trigger();
  if (plan(activation, PlanStart::Mode::seeds) && run_or_hold(activation)) return true;
  discard(activation);
  return false;
}

bool Engine::start_from_op(LinkedGraph& graph, std::uint32_t op) {
  Activation* const activation = prepare(graph);
  if (!activation) return prepare_failure() == Code::queue_full;
  if (plan(activation, PlanStart::Mode::one, op) && run_or_hold(activation)) return true;
  discard(activation);
  return false;
}

// Now, or behind a bootstrap with everything else.
bool Engine::run_or_hold(Activation* activation) {
  activation->live = 1;
  if (!gate_closed_) return start(activation);
  if (!gated_starts_.try_push(activation)) return false;
  activation->stage = Activation::Stage::gated;
  ++ingress_starts_;
  return true;
}

// False when there is no room: the next poll goes on with the same event.
bool Engine::route_bus() {
  if (const std::uint64_t dropped = bus_.take_dropped(); dropped > 0) {
    counters_.bus_dropped += dropped;
    publish_infra(InfraEvent::bus_overflow, Value::number(Carrier::u64, dropped));
  }
  for (std::uint32_t left = bus_.size() + (routing_ ? 1 : 0); left > 0; --left) {
    if (!routing_) {
      routing_ = bus_.pop();
      routed_ = 0;
    }
    const auto subscribers = bus_.subscribers(routing_->kind);
    for (; routed_ < subscribers.size(); ++routed_) {
      const auto subscriber = subscribers[routed_];
      LinkedGraph& graph = *graphs_[subscriber.graph];
      // A source gets a trigger; an input of a module gets what was published.
      const bool source = graph.producer[subscriber.value] != kNone;
      if (!start_from_value(graph, subscriber.value, source ? Value::trigger() : routing_->payload)) return false;
    }
    routing_.reset();
  }
  return true;
}

Status Engine::fire_lifecycle(std::string_view phase) {
  if (phases_.size() >= config_.limits.phases_max) return fail(Code::over_cap, phases_.size());
  if (!phases_.try_reserve(1)) return fail(Code::no_memory);
  BB_TRY(name, intern_later(phase));
  phases_.push_reserved({.name = name});
  return {};
}

bool Engine::run_phases() {
  while (!phases_.empty()) {
    const std::uint32_t phase = phases_.front().name;
    if (!phases_.front().announced) {
      if (!steps_.try_reserve(steps_.size() + std::uint64_t{1} + events_.size())) return false;
      emit(mask_.lifecycle, LifecycleFired{names_[phase]});
      phases_.front().announced = true;
    }
    std::uint32_t position = 0;
    for (const auto& graph : graphs_) {
      for (const LinkedGraph::Source& source : graph->sources) {
        if (source.kind != LinkedGraph::Source::Kind::lifecycle || source.name != phase) continue;
        if (position++ < phases_.front().started) continue;
        if (!start_from_op(*graph, source.op)) return false;
        ++phases_.front().started;
      }
    }
    phases_.pop();
  }
  return true;
}

// Pulses once, intervals from now on: with the first poll, or once the module's bootstrap is done.
bool Engine::start_modules() {
  if (!started_.try_resize(graphs_.size())) return false;
  bool waiting = false;
  for (const auto& graph : graphs_) {
    if (graph->kind != LinkedGraph::Kind::target) continue;
    const auto body = std::find_if(bootstrap_.bodies.begin(), bootstrap_.bodies.end(),
                                   [&](const Bootstrap::Body& b) { return b.target == graph.get() && !b.done; });
    std::uint32_t& started = started_[graph->index];
    if (started < graph->sources.size() && body != bootstrap_.bodies.end()) {
      waiting = true;
      continue;
    }
    for (; started < graph->sources.size(); ++started) {
      const LinkedGraph::Source& source = graph->sources[started];
      if (source.kind == LinkedGraph::Source::Kind::interval) {
        const std::int64_t period = graph->parameters[graph->ops[source.op].parameter_begin];
        const Status armed =
            tick(OpRef::pack(graph->index, source.op), static_cast<std::uint64_t>(std::max<std::int64_t>(period, 1)));
        if (!armed && armed.error().code == Code::no_memory) return false;
        if (!armed) break;  // once others have ended: there are too many timers now
      } else if (source.kind == LinkedGraph::Source::Kind::pulse) {
        if (!start_from_op(*graph, source.op)) return false;
      }
    }
    waiting |= started < graph->sources.size();
  }
  modules_due_ = waiting;
  return true;
}

Status Engine::tick(OpRef op, std::uint64_t period_ns) {
  if (intervals_.find(op.v)) return {};
  const std::uint64_t now = timers_.now_ns();
  if (period_ns > UINT64_MAX - now) return {};  // the clock ends before
  const std::uint64_t next = now + period_ns;
  if (!intervals_.try_reserve(1)) return fail(Code::no_memory);
  BB_TRY(timer, timers_.schedule(next, {framework::Timer::Kind::interval, op.v}));
  intervals_.insert_reserved(op.v, {.timer = timer, .next_ns = next, .period_ns = period_ns});
  return {};
}

// A timer of an op is due. False when there is no room for what it starts; it is then still due.
bool Engine::mature(const framework::Timer& timer) {
  framework::Timer due;
  if (timer.kind == framework::Timer::Kind::wake) {
    const CommandId command{timer.key};
    Parked& parked = *parked_.find(command.v);
    if (is_crowded(parked.activation, parked.activation->graph->ops[parked.op].fan_out) ||
        !room_to_finish(parked.activation, parked.op))
      return false;
    timers_.pop_due(due);
    parked.wake = {};
    if (parked.completed) return true;
    const LinkedGraph& graph = *parked.activation->graph;
    const LinkedOp& linked = graph.ops[parked.op];
    const std::uint32_t output = linked.out_count > 0 ? graph.outputs[linked.out_begin] : kNone;
    if (output != kNone) parked.activation->values()[output] = Value::trigger();
    const Parked woken = take_parked(command);
    finish_op(woken.activation, woken.op);
    let_go(woken.activation);
    if (starts_due_) (void)begin_waiting();
    return true;
  }
  BB_ASSERT(timer.kind == framework::Timer::Kind::interval);
  const OpRef op{timer.key};
  if (!start_from_op(*graphs_[op.graph()], op.op())) return false;
  // From the tick that was due, so that intervals do not drift; missed ticks are one.
  Interval& interval = *intervals_.find(op.v);
  const std::uint64_t missed = (timers_.now_ns() - interval.next_ns) / interval.period_ns;
  if (missed >= (UINT64_MAX - interval.next_ns) / interval.period_ns) {  // there is no time after it
    timers_.cancel(interval.timer);
    intervals_.erase(op.v);
    return true;
  }
  interval.next_ns += (missed + 1) * interval.period_ns;
  timers_.move(interval.timer, interval.next_ns, {framework::Timer::Kind::interval, op.v});
  return true;
}

}  // namespace bb::runtime
