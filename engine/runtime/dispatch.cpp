// Running ops: starts, the frontier, one dispatch, calls, and what each end of an op does to its execution.
#include <algorithm>

#include "runtime/engine.h"

namespace bb::runtime {
namespace {

constexpr std::uint32_t kStepsPerOp = 4;  // completed or failed, suspended, and what a Send reports of one destination

}  // namespace

// What `make_room` makes is there already, as it nearly always is. Where allocations can be made to fail, it is asked for each time.
[[gnu::always_inline]] inline bool Engine::has_room(std::uint64_t ready, std::uint64_t events, std::uint64_t steps) const {
  ++events;
  return !kFaultInjection && events_.has_room(events) && steps_.has_room(steps + events_.size() + events) &&
         frontier_.has_room(ready + waiting_ops_.size()) && waiting_ops_.has_room(1) && !gate_closed_ && bus_.has_room(2);
}

// For so many more ready ops, function outputs and steps, and one event that an op publishes. What is written then cannot fail.
bool Engine::make_room(std::uint64_t ready, std::uint64_t events, std::uint64_t steps) {
  ++events;
  const auto ops = static_cast<std::uint32_t>(std::min<std::uint64_t>(ready + waiting_ops_.size(), UINT32_MAX));
  return steps_.try_reserve(steps_.size() + steps + events_.size() + events) && events_.try_reserve(events_.size() + events) &&
         frontier_.try_reserve(ops) && (!gate_closed_ || gated_ops_.try_reserve(ops)) && bus_.try_reserve(2) &&
         waiting_ops_.try_reserve(waiting_ops_.size() + std::uint64_t{1});
}

// What ends in a body may write outputs of every caller above, make their ops ready, and end their calls.
[[gnu::always_inline]] inline bool Engine::make_room_with_callers(const Activation* activation, std::uint64_t ready,
                                                                  std::uint64_t events) {
  std::uint64_t steps = kStepsPerOp;
  if (!activation->parent && has_room(ready, events, steps)) [[likely]]
    return true;
  for (const Activation* inner = activation; inner->parent; inner = inner->parent) {
    const LinkedOp& call = inner->parent->graph->ops[inner->call_op];
    ready += call.fan_out;
    events += call.out_count;
    ++steps;
  }
  return make_room(ready, events, steps);
}

// Ops that become ready when so many of an execution's do: what ends in a body goes on in its callers.
std::uint64_t Engine::ready_with_callers(const Activation* activation, std::uint64_t ready) {
  for (const Activation* inner = activation; inner->parent; inner = inner->parent)
    ready += inner->parent->graph->ops[inner->call_op].fan_out;
  return ready;
}

// Whether so many more would be too many ready ops. It is no want of memory: those that are ready make room when they run.
bool Engine::is_crowded(const Activation* activation, std::uint64_t ready) {
  crowded_ = !frontier_.empty() && frontier_.size() + ready_with_callers(activation, ready) > config_.limits.ready_ops_max;
  return crowded_;
}

bool Engine::room_to_start(const Activation* activation) {
  const Plan& plan = *activation->plan;
  return make_room_with_callers(activation, plan.ready.size(), plan.seeds.size()) && waiting_starts_.try_reserve(1);
}

bool Engine::room_to_finish(const Activation* activation, std::uint32_t op) {
  const LinkedOp& linked = activation->graph->ops[op];
  return make_room_with_callers(activation, linked.fan_out, linked.out_count);
}

// False when there is no room; the execution is then where it was.
bool Engine::start(Activation* activation) {
  if (is_crowded(activation, activation->plan->ready.size()) || !room_to_start(activation)) return false;
  if (activation->peer != kNone) note_drained(activation);
  if (!activation->bootstrap && !activation->plan->exclusive.empty() && (!waiting_starts_.empty() || !take_slots(activation))) {
    activation->stage = Activation::Stage::waiting;
    waiting_starts_.push_reserved(activation);
    return true;
  }
  begin(activation);
  return true;
}

// All slots at once or none, so two executions never wait for each other. A bootstrap takes none and waits for none: whoever holds
// one may be held back by it.
bool Engine::take_slots(Activation* activation) {
  for (const Plan::Exclusive& slot : activation->plan->exclusive) {
    const Instance& instance = instances_[slot.component];
    if (instance.holder || instance.parked > 0) return false;
  }
  for (const Plan::Exclusive& slot : activation->plan->exclusive) instances_[slot.component].holder = activation;
  activation->holds_slots = true;
  return true;
}

// First come, first served: nobody overtakes, so nobody starves. False when there is no memory; what would make too many ops ready
// stays due until some of them have run.
bool Engine::begin_waiting() {
  while (!waiting_starts_.empty()) {
    Activation* const next = waiting_starts_.front();
    if (is_crowded(next, next->plan->ready.size())) {
      crowded_ = false;
      return true;
    }
    if (!room_to_start(next)) return false;
    if (!take_slots(next)) break;
    begin(waiting_starts_.pop());
  }
  starts_due_ = false;
  return true;
}

void Engine::begin(Activation* activation) {
  activation->stage = Activation::Stage::running;
  activation->start_ns = timers_.now_ns();
  if (!activation->parent) activation->inbound.arrival_ns = activation->start_ns;
  for (const std::uint32_t seed : activation->plan->seeds)
    if (activation->graph->event_topic[seed] != kNone) surface(activation, seed);
  for (const std::uint32_t op : activation->plan->ready) enqueue(activation, op);
  let_go(activation);
}

void Engine::enqueue(Activation* activation, std::uint32_t op) {
  ++activation->live;
  if (gate_closed_ && !activation->root->bootstrap) [[unlikely]]
    return gated_ops_.push_reserved({activation, op});
  frontier_.push_reserved({activation, op});
}

// The op at the front. False, and it stays there, when there is no memory for what it adds.
[[gnu::always_inline]] inline bool Engine::run_next() {
  // Read by field: it may have been pushed just now, and a copy of the whole would wait for the stores of its halves.
  const Queued& front = frontier_.front();
  const Queued next{front.activation, front.op};
  if (!room_to_finish(next.activation, next.op)) [[unlikely]]
    return false;
  frontier_.drop_front();
  ++ops_run_;
  const std::uint32_t fan_out = next.activation->graph->ops[next.op].fan_out;
  if (fan_out > 0 && !frontier_.empty() && is_crowded(next.activation, fan_out)) [[unlikely]] {
    crowded_ = false;
    fail_op(next.activation, next.op, {OpErrorKind::execution_failed, "frontier_full", "too many ops are ready at once"});
    let_go(next.activation);
    return true;
  }
  dispatch(next.activation, next.op);
  return true;
}

// False when there is no memory for what the next op, or the next start, adds.
bool Engine::run_frontier() {
  enter_span("engine.frontier");
  bool moved = !starts_due_ || begin_waiting();
  while (moved) {
    while (moved && !frontier_.empty() && ops_run_ < budget_) {
      moved = run_next();
      if (starts_due_) [[unlikely]]
        moved = moved && begin_waiting();
    }
    if (!moved || !gate_closed_ || bootstrap_.current) break;
    const Began began = begin_bootstrap();
    if (began == Began::stalled) moved = false;
    if (began != Began::started) break;
  }
  exit_span("engine.frontier");
  return moved;
}

// What an op has put out makes those ready that waited for it.
[[gnu::always_inline]] inline void Engine::write_outputs(Activation* activation, const LinkedGraph& graph, const LinkedOp& linked,
                                                         std::uint32_t op) {
  emit(mask_.ops,
       OpCompleted{
           OpRef::pack(graph.index, op), activation->exec, {graph.output_sites.data() + linked.out_begin, linked.out_count}});
  std::uint16_t* const missing = activation->missing();
  Value* const values = activation->values();
  for (std::uint32_t i = 0; i < linked.out_count; ++i) {
    const std::uint32_t value = graph.outputs[linked.out_begin + i];
    if (value == kNone || !values[value].present()) continue;
    if (linked.has_events && graph.event_topic[value] != kNone) surface(activation, value);
    for (const std::uint32_t consumer : graph.consumers_of(value))
      if (missing[consumer] != 0 && --missing[consumer] == 0) enqueue(activation, consumer);
  }
  if (linked.component != kNone) finish_effects(activation, op);
}

void Engine::dispatch(Activation* activation, std::uint32_t op) {
  LinkedGraph& graph = *activation->graph;
  const LinkedOp& linked = graph.ops[op];
  if (linked.component != kNone) {
    Instance& instance = instances_[linked.component];
    if (instance.holder && instance.holder != activation->root && !activation->root->bootstrap) {
      waiting_ops_.push_reserved(Queued{activation, op});
      ++instance.waiting;
      return;
    }
  } else if (linked.call != kNone) {
    return enter_call(activation, op);
  }
  const OpRef ref = OpRef::pack(graph.index, op);
  OpContextBuilder::bind_execution(ctx_, activation->exec, activation->from_envelope ? &activation->inbound : nullptr,
                                   timers_.now_ns(), activation->root->start_ns);
  OpContextBuilder::bind_op(ctx_, {.values = activation->values(),
                                   .inputs = graph.inputs.data() + linked.in_begin,
                                   .outputs = graph.outputs.data() + linked.out_begin,
                                   .sole_reader = graph.sole_reader.data() + linked.in_begin,
                                   .parameters = graph.parameters.data() + linked.parameter_begin,
                                   .state = linked.state,
                                   .input_count = linked.in_count,
                                   .output_count = linked.out_count,
                                   .component = ComponentRef{linked.component},
                                   .op = ref});
  enter_span("engine.op", ref, activation->exec);
  const Outcome outcome = linked.run ? linked.run(ctx_) : run_component(linked);
  exit_span("engine.op", ref, activation->exec);
  // A command that was opened and not parked on is gone.
  if (outcome != Outcome::parked && OpContextBuilder::command(ctx_).valid()) forget(OpContextBuilder::command(ctx_));
  switch (outcome) {
    case Outcome::done: write_outputs(activation, graph, linked, op); break;
    case Outcome::parked: park(activation, op); return;
    case Outcome::failed: fail_op(activation, op, std::move(error_)); break;
  }
  let_go(activation);
}

Outcome Engine::run_component(const LinkedOp& linked) {
  Component& component = *instances_[linked.component].component;
  if (linked.method < kServiceMethods) [[likely]]
    return component.dispatch(linked.method, ctx_);
  if (linked.method == kBootstrapMethod) return component.bootstrap(ctx_);
  return component.serve(static_cast<std::uint16_t>(linked.method - kServiceMethods), ctx_);
}

void Engine::finish_op(Activation* activation, std::uint32_t op) {
  const LinkedGraph& graph = *activation->graph;
  write_outputs(activation, graph, graph.ops[op], op);
}

// The slot's next op of the execution may run, and after the last one the slot is free.
void Engine::finish_effects(Activation* activation, std::uint32_t op) {
  std::uint16_t* const missing = activation->missing();
  const auto release = [&](std::uint32_t next) {
    if (missing[next] != 0 && --missing[next] == 0) enqueue(activation, next);
  };
  const LinkedOp& linked = activation->graph->ops[op];
  if (linked.call == kNone) {
    if (const std::uint32_t next = activation->plan->effect_next[op]; next != kNone) release(next);
    return leave_slot(activation, linked.component);
  }
  for (const Plan::CallEffect& effect : activation->plan->call_effects)
    if (effect.op == op) release(effect.next);
  for (const LinkedGraph::Use& use : activation->graph->calls[linked.call].callee->uses) leave_slot(activation, use.component);
}

// A value of a caller was written by the body of its call.
void Engine::arrive(Activation* activation, std::uint32_t value) {
  const LinkedGraph& graph = *activation->graph;
  if (graph.event_topic[value] != kNone) surface(activation, value);
  std::uint16_t* const missing = activation->missing();
  for (const std::uint32_t consumer : graph.consumers_of(value))
    if (missing[consumer] != 0 && --missing[consumer] == 0) enqueue(activation, consumer);
}

// A function output has its value: an event of a target, a value of the caller. Calls nest no deeper than linking allows.
void Engine::surface(Activation* activation, std::uint32_t value) {
  const LinkedGraph& graph = *activation->graph;
  if (activation->parent) {
    Activation* const caller = activation->parent;
    const auto& forwards = caller->graph->calls[caller->graph->ops[activation->call_op].call].forwards;
    for (const LinkedGraph::Call::Forward& forward : forwards) {
      if (forward.inner != value) continue;
      BB_ASSERT(activation->owed > 0);
      --activation->owed;
      caller->values()[forward.outer] = activation->values()[value];
      arrive(caller, forward.outer);
    }
  } else if (graph.kind == LinkedGraph::Kind::target && mask_.events) {
    events_.push_reserved(graph.base_name, names_[graph.event_topic[value]], activation->exec, activation->values()[value]);
  }
}

void Engine::enter_call(Activation* activation, std::uint32_t op) {
  LinkedGraph& graph = *activation->graph;
  const LinkedOp& linked = graph.ops[op];
  const LinkedGraph::Call& call = graph.calls[linked.call];
  const auto refuse = [&](std::string_view reason, std::string detail) {
    fail_op(activation, op, {OpErrorKind::cooldown, reason, std::move(detail)});
    let_go(activation);
  };
  Activation* const body = prepare(*call.callee);
  if (!body)
    return refuse(prepare_failure() == Code::no_memory ? "no_memory" : "executions_limit", "the call's body was not started");
  body->parent = activation;
  body->root = activation->root;
  body->call_op = op;
  body->inbound = activation->inbound;
  body->from_envelope = activation->from_envelope;
  body->owed = static_cast<std::uint32_t>(call.forwards.size());
  for (std::uint32_t i = 0; i < linked.in_count; ++i) {
    const std::uint32_t value = graph.inputs[linked.in_begin + i];
    if (value != kNone && call.formals[i] != kNone) body->values()[call.formals[i]] = activation->values()[value];
  }
  if (!plan(body, PlanStart::Mode::whole) || !room_to_start(body)) {
    discard(body);
    return refuse("no_memory", "no memory for the call's body");
  }
  body->live = 1;
  emit(mask_.ops, OpCompleted{OpRef::pack(graph.index, op), activation->exec, {}});
  begin(body);  // what was counted for the op is now counted for its body
}

void Engine::fail_op(Activation* activation, std::uint32_t op, OpError error) {
  activation->failed = true;  // consumers and the slot's later ops stay unfired; the rest of the execution goes on
  publish_infra(InfraEvent::op_failure);
  emit(mask_.failures, OpFailed{OpRef::pack(activation->graph->index, op), activation->exec, std::move(error)});
}

void Engine::park(Activation* activation, std::uint32_t op) {
  const CommandId command = OpContextBuilder::command(ctx_);
  Parked* const parked = command.valid() ? parked_.find(command.v) : nullptr;
  if (!parked || parked->activation) {
    fail_op(activation, op, {OpErrorKind::execution_failed, "parked_without_command", "the op parked but opened no command"});
    return let_go(activation);
  }
  LinkedGraph& graph = *activation->graph;
  const std::uint64_t now = timers_.now_ns();
  std::uint64_t deadline = OpContextBuilder::deadline_ns(ctx_);
  if (deadline == 0) deadline = graph.facts[op].deadline_ns;
  if (activation->from_envelope && activation->inbound.remaining_ns > 0) {
    const std::uint64_t elapsed = now - activation->inbound.arrival_ns;
    const std::uint64_t remaining = activation->inbound.remaining_ns > elapsed ? activation->inbound.remaining_ns - elapsed : 1;
    deadline = deadline == 0 ? remaining : std::min(deadline, remaining);
  }
  parked->activation = activation;
  parked->op = op;
  parked->since_ns = now;
  if (deadline > 0) {
    parked->deadline_ns = deadline > UINT64_MAX - now ? UINT64_MAX : now + deadline;
    const auto timer = deadlines_.schedule(parked->deadline_ns, {framework::Timer::Kind::command_deadline, command.v});
    if (!timer) {
      forget(command);
      const bool limit = timer.error().code == Code::over_cap;
      fail_op(activation, op,
              {OpErrorKind::execution_failed, limit ? "timer_cap" : "no_memory",
               limit ? "too many timers are set" : "no memory for the deadline"});
      return let_go(activation);
    }
    parked->deadline = *timer;
  }
  const std::uint32_t component = graph.ops[op].component;
  if (component != kNone && instances_[component].holder != activation->root) ++instances_[component].parked;
  emit(mask_.ops, AsyncSuspended{OpRef::pack(graph.index, op), activation->exec, command});
}

void Engine::leave_slot(Activation* activation, std::uint32_t component) {
  if (!activation->holds_slots) return;
  const auto& exclusive = activation->plan->exclusive;
  for (std::uint32_t i = 0; i < exclusive.size(); ++i) {
    if (exclusive[i].component != component) continue;
    if (--activation->slot_ops()[i] == 0) release_slot(component);
    return;
  }
}

void Engine::release_slot(std::uint32_t component) {
  Instance& instance = instances_[component];
  instance.holder = nullptr;
  for (std::uint32_t i = 0; instance.waiting > 0 && i < waiting_ops_.size();) {
    const Queued queued = waiting_ops_[i];
    if (queued.activation->graph->ops[queued.op].component != component) {
      ++i;
      continue;
    }
    waiting_ops_.erase_at(i);
    --instance.waiting;
    --queued.activation->live;  // `enqueue` counts it again
    enqueue(queued.activation, queued.op);
  }
  starts_due_ = !waiting_starts_.empty();
}

// And of the callers whose last op that was.
void Engine::end(Activation* activation) {
  do {
    if (activation->holds_slots) {
      activation->holds_slots = false;
      const auto& exclusive = activation->plan->exclusive;
      for (std::uint32_t i = 0; i < exclusive.size(); ++i)
        if (activation->slot_ops()[i] > 0) release_slot(exclusive[i].component);
    }
    Activation* const caller = activation->parent;
    const std::uint32_t call_op = activation->call_op;
    const bool body_failed = activation->failed && activation->owed > 0;
    if (activation == bootstrap_.current) bootstrap_ended();
    unlink(activation);
    Activation::destroy(memory_, activation);
    --executions_;
    if (caller) {
      if (body_failed) {
        fail_op(caller, call_op, {OpErrorKind::execution_failed, "call_body_failed", "an op of the called function failed"});
      } else if (!caller->graph->calls[caller->graph->ops[call_op].call].callee->uses.empty()) {
        finish_effects(caller, call_op);
      }
    }
    activation = caller;
    BB_ASSERT(!activation || activation->live > 0);
  } while (activation && --activation->live == 0);
}

}  // namespace bb::runtime
