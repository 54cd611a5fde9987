// Running ops: starts, the frontier, one dispatch, and what each of its three ends does to the execution.
#include "runtime/engine.h"

namespace bb::runtime {

void Engine::start(Activation* activation) {
  if (!activation->plan->exclusive.empty() && (!waiting_starts_.empty() || !take_slots(activation))) {
    // Room is certain: executions are bounded by the same limit.
    BB_ASSERT(waiting_starts_.try_push(activation));
    return;
  }
  begin(activation);
}

// All slots at once or none, so two executions never wait for each other.
bool Engine::take_slots(Activation* activation) {
  for (const Plan::Exclusive& slot : activation->plan->exclusive) {
    const Instance& instance = instances_[slot.component];
    if (instance.holder || instance.parked > 0) return false;
  }
  for (const Plan::Exclusive& slot : activation->plan->exclusive) instances_[slot.component].holder = activation;
  activation->holds_slots = true;
  return true;
}

// First come, first served: nobody overtakes, so nobody starves.
void Engine::try_waiting_starts() {
  while (!waiting_starts_.empty() && take_slots(waiting_starts_.front())) begin(waiting_starts_.pop());
}

void Engine::begin(Activation* activation) {
  activation->start_ns = scheduler_.now_ns();
  activation->inbound.arrival_ns = activation->start_ns;
  for (const std::uint32_t seed : activation->plan->seeds)
    if (activation->graph->event_topic[seed] != kNone) surface(activation, seed);
  for (const std::uint32_t op : activation->plan->ready) enqueue(activation, op);
  let_go(activation);
}

void Engine::enqueue(Activation* activation, std::uint32_t op) {
  if (frontier_.try_push({activation, op})) [[likely]] {
    ++activation->live;
  } else {
    fail_op(activation, op, {OpErrorKind::execution_failed, "frontier_full", "too many ops are ready at once"});
  }
}

void Engine::run_frontier() {
  while (!frontier_.empty() && ops_run_ < budget_) {
    const Queued next = frontier_.pop();
    ++ops_run_;
    dispatch(next.activation, next.op);
  }
}

void Engine::dispatch(Activation* activation, std::uint32_t op) {
  LinkedGraph& graph = *activation->graph;
  const LinkedOp& linked = graph.ops[op];
  if (linked.component != kNone) {
    Instance& instance = instances_[linked.component];
    if (instance.holder && instance.holder != activation) {
      waiting_ops_.push_back({activation, op});
      ++instance.waiting;
      return;
    }
  }
  OpContextBuilder::bind_execution(ctx_, activation->exec, activation->from_envelope ? &activation->inbound : nullptr,
                                   scheduler_.now_ns());
  OpContextBuilder::bind_op(ctx_, {.values = activation->values(),
                                   .inputs = graph.inputs.data() + linked.in_begin,
                                   .outputs = graph.outputs.data() + linked.out_begin,
                                   .sole_reader = graph.sole_reader.data() + linked.in_begin,
                                   .parameters = graph.parameters.data() + linked.parameter_begin,
                                   .state = linked.state,
                                   .input_count = linked.in_count,
                                   .output_count = linked.out_count,
                                   .component = ComponentRef{linked.component},
                                   .op = OpRef::pack(graph.index, op)});
  const Outcome outcome = linked.run ? linked.run(ctx_) : instances_[linked.component].component->dispatch(linked.method, ctx_);
  switch (outcome) {
    case Outcome::done: finish_op(activation, op); break;
    case Outcome::parked: park(activation, op); return;
    case Outcome::failed: fail_op(activation, op, std::move(error_)); break;
  }
  let_go(activation);
}

void Engine::finish_op(Activation* activation, std::uint32_t op) {
  LinkedGraph& graph = *activation->graph;
  const LinkedOp& linked = graph.ops[op];
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
  if (linked.component != kNone) {
    const std::uint32_t next = activation->plan->effect_next[op];
    if (next != kNone && missing[next] != 0 && --missing[next] == 0) enqueue(activation, next);
    leave_slot(activation, linked.component);
  }
}

void Engine::fail_op(Activation* activation, std::uint32_t op, OpError error) {
  activation->failed = true;  // consumers and the slot's later ops stay unfired; the rest of the execution goes on
  emit(mask_.failures, OpFailed{OpRef::pack(activation->graph->index, op), activation->exec, std::move(error)});
}

void Engine::park(Activation* activation, std::uint32_t op) {
  const CommandId command = OpContextBuilder::command(ctx_);
  if (!command.valid()) {
    fail_op(activation, op, {OpErrorKind::execution_failed, "parked_without_command", "the op parked but opened no command"});
    let_go(activation);
    return;
  }
  LinkedGraph& graph = *activation->graph;
  const std::uint64_t now = scheduler_.now_ns();
  std::uint64_t deadline = OpContextBuilder::deadline_ns(ctx_);
  if (deadline == 0) deadline = graph.facts[op].deadline_ns;
  if (activation->from_envelope && activation->inbound.remaining_ns > 0) {
    const std::uint64_t elapsed = now - activation->inbound.arrival_ns;
    const std::uint64_t remaining = activation->inbound.remaining_ns > elapsed ? activation->inbound.remaining_ns - elapsed : 1;
    deadline = deadline == 0 ? remaining : std::min(deadline, remaining);
  }
  Parked parked{.activation = activation, .op = op, .deadline = {}};
  if (deadline > 0) {
    const std::uint64_t at = deadline > UINT64_MAX - now ? UINT64_MAX : now + deadline;
    const auto timer = scheduler_.schedule(at, {framework::Timer::Kind::command_deadline, command.v});
    if (!timer) {
      fail_op(activation, op, {OpErrorKind::execution_failed, "timer_cap", "too many timers are set"});
      let_go(activation);
      return;
    }
    parked.deadline = *timer;
  }
  const std::uint32_t component = graph.ops[op].component;
  if (component != kNone && instances_[component].holder != activation) ++instances_[component].parked;
  parked_.insert(command.v, parked);
  emit(mask_.ops, AsyncSuspended{OpRef::pack(graph.index, op), activation->exec, command});
}

void Engine::surface(Activation* activation, std::uint32_t value) {
  const LinkedGraph& graph = *activation->graph;
  if (!mask_.events) return;
  events_.push_back({graph.base_name, names_[graph.event_topic[value]], activation->exec, activation->values()[value]});
}

void Engine::leave_slot(Activation* activation, std::uint32_t component) {
  if (!activation->holds_slots) return;
  const auto& exclusive = activation->plan->exclusive;
  for (std::size_t i = 0; i < exclusive.size(); ++i) {
    if (exclusive[i].component != component) continue;
    if (--activation->slot_ops()[i] == 0) release_slot(component);
    return;
  }
}

void Engine::release_slot(std::uint32_t component) {
  Instance& instance = instances_[component];
  instance.holder = nullptr;
  for (std::size_t i = 0; instance.waiting > 0 && i < waiting_ops_.size();) {
    const Queued queued = waiting_ops_[i];
    if (queued.activation->graph->ops[queued.op].component != component) {
      ++i;
      continue;
    }
    waiting_ops_.erase(waiting_ops_.begin() + static_cast<std::ptrdiff_t>(i));
    --instance.waiting;
    if (!frontier_.try_push(queued)) {
      fail_op(queued.activation, queued.op, {OpErrorKind::execution_failed, "frontier_full", "too many ops are ready at once"});
      let_go(queued.activation);
    }
  }
  try_waiting_starts();
}

void Engine::let_go(Activation* activation) {
  BB_ASSERT(activation->live > 0);
  if (--activation->live > 0) return;
  if (activation->holds_slots) {
    activation->holds_slots = false;
    const auto& exclusive = activation->plan->exclusive;
    for (std::size_t i = 0; i < exclusive.size(); ++i)
      if (activation->slot_ops()[i] > 0) release_slot(exclusive[i].component);
  }
  Activation::destroy(memory_, activation);
  --executions_;
}

}  // namespace bb::runtime
