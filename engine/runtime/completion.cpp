// Parked ops: the host, other ops and timers complete or fail them, deadlines and unanswered requests end them. A completion only
// enqueues; its op goes on in a poll.
#include "op/port_types.h"
#include "runtime/engine.h"

namespace bb::runtime {

// Everything that the end of the command will need is taken now, so that a completion never fails for want of room.
Result<CommandId> Engine::open_command(OpContext& ctx, std::uint64_t) {
  if (const CommandId open = OpContextBuilder::command(ctx); open.valid()) return open;
  if (parked_.size() >= config_.limits.parked_ops_max) return fail(Code::over_cap, config_.limits.parked_ops_max);
  if (!ingress_.try_reserve(parked_.size() + 1) || !completions_.try_reserve(parked_.size() + 1) ||
      !failures_.try_reserve(parked_.size() + 1) || !parked_.try_insert(next_command_, {}))
    return fail(Code::no_memory);
  return CommandId{next_command_++};
}

Component* Engine::sibling(ComponentRef from, std::string_view slot, ComponentRef& found) {
  if (from.v >= instances_.size()) return nullptr;
  bool depends = false;
  for (const Dependency& dependency : instances_[from.v].type->depends) depends |= dependency.slot == slot;
  if (!depends) return nullptr;
  for (std::uint32_t i = 0; i < instances_.size(); ++i) {
    if (instances_[i].slot != slot || i == from.v) continue;
    found = ComponentRef{i};
    return instances_[i].component.get();
  }
  return nullptr;
}

Status Engine::complete(CommandId command, std::span<Value> outputs) {
  if (busy()) return fail(Code::busy);
  Parked* parked = parked_.find(command.v);
  if (!parked || parked->completed) {
    ++counters_.late_completions;
    return fail(Code::unknown_command);
  }
  LinkedGraph& graph = *parked->activation->graph;
  const LinkedOp& linked = graph.ops[parked->op];
  const OpDeclaration* declaration = graph.facts[parked->op].declaration;
  if (outputs.size() > linked.out_count) return fail(Code::too_many_inputs, linked.out_count);
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (declaration && !op::port_accepts(*declaration, static_cast<std::uint32_t>(i), outputs[i]))
      return fail(Code::type_mismatch, i);
    bytes += content_size(outputs[i]);
  }
  if (bytes > config_.limits.completion_bytes_max) return fail(Code::oversize_payload, bytes);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::uint32_t value = graph.outputs[linked.out_begin + i];
    if (value != kNone) parked->activation->values()[value] = std::move(outputs[i]);
  }
  parked->completed = true;
  ingress_.push_reserved({Ingress::Kind::completion, nullptr, command});
  return {};
}

Status Engine::complete_failed(CommandId command, OpError error) {
  if (busy()) return fail(Code::busy);
  Parked* parked = parked_.find(command.v);
  if (!parked || parked->completed) {
    ++counters_.late_completions;
    return fail(Code::unknown_command);
  }
  error.reason = kept_reason(error);
  failures_.insert_reserved(command.v, std::move(error));
  parked->completed = true;
  ingress_.push_reserved({Ingress::Kind::completion, nullptr, command});
  return {};
}

// By an op of this poll, or by a timer: the outputs' types are the ops' own affair.
void Engine::complete_later(CommandId command, Value value) {
  Parked* parked = parked_.find(command.v);
  if (!parked || parked->completed || !parked->activation) return;
  const LinkedGraph& graph = *parked->activation->graph;
  const LinkedOp& linked = graph.ops[parked->op];
  const std::uint32_t output = linked.out_count > 0 ? graph.outputs[linked.out_begin] : kNone;
  if (output != kNone) parked->activation->values()[output] = std::move(value);
  parked->completed = true;
  completions_.push_reserved(command);
}

Status Engine::wake_after(CommandId command, std::uint64_t delay_ns) {
  Parked* parked = parked_.find(command.v);
  BB_ASSERT(parked != nullptr);
  const std::uint64_t now = timers_.now_ns();
  const std::uint64_t at_ns = delay_ns > UINT64_MAX - now ? UINT64_MAX : now + delay_ns;
  BB_TRY(timer, timers_.schedule(at_ns, {framework::Timer::Kind::wake, command.v}));
  parked->wake = timer;
  return {};
}

// False when there is no room for what it starts; the command is then as it was.
bool Engine::apply_completion(CommandId command) {
  const Parked* found = parked_.find(command.v);
  BB_ASSERT(found != nullptr);
  if (is_crowded(found->activation, found->activation->graph->ops[found->op].fan_out) ||
      !room_to_finish(found->activation, found->op))
    return false;
  OpError* const failure = failures_.find(command.v);
  const Parked parked = take_parked(command);
  if (failure) {
    fail_op(parked.activation, parked.op, std::move(*failure));
    failures_.erase(command.v);
  } else {
    finish_op(parked.activation, parked.op);
  }
  let_go(parked.activation);
  if (starts_due_) (void)begin_waiting();
  return true;
}

// A command that an op opened and did not park on after all.
void Engine::forget(CommandId command) {
  if (const Parked* parked = parked_.find(command.v); parked && parked->wake.valid()) timers_.cancel(parked->wake);
  parked_.erase(command.v);
  abandon(command);
}

// The op waits for nothing any more; a permit that it was next for goes to whoever is behind it.
void Engine::abandon(CommandId command) {
  if (queues_.waiting() > 0) queues_.abandon(command);
  if (permits_.waiting() == 0) return;
  if (const auto next = permits_.abandon(command)) complete_later(*next, Value::trigger());
}

// By a deadline, a timeout, the transport: the op fails in this poll, or in the next.
// The reason of a failure that waits is a name of the node, so that a snapshot and a replay have it too.
std::string_view Engine::kept_reason(const OpError& error) {
  const auto name = intern_later(error.reason);
  return name ? std::string_view(names_[*name]) : op_error_kind_name(error.kind);
}

void Engine::fail_later(CommandId command, OpError error) {
  Parked* parked = parked_.find(command.v);
  if (!parked || parked->completed) return;
  parked->completed = true;
  error.reason = kept_reason(error);
  failures_.insert_reserved(command.v, std::move(error));
  completions_.push_reserved(command);
}

Parked Engine::take_parked(CommandId command) {
  const Parked parked = *parked_.find(command.v);
  parked_.erase(command.v);
  if (parked.deadline.valid()) deadlines_.cancel(parked.deadline);
  if (parked.wake.valid()) timers_.cancel(parked.wake);
  abandon(command);
  if (parked.activation->root->bootstrap) bootstrap_.announced = false;
  const std::uint32_t component = parked.activation->graph->ops[parked.op].component;
  if (component != kNone && instances_[component].holder != parked.activation->root) {
    --instances_[component].parked;
    starts_due_ = !waiting_starts_.empty();
  }
  return parked;
}

void Engine::expire(const framework::Timer& timer) {
  if (timer.kind == framework::Timer::Kind::silence) {
    if (const auto transition = rtt_.silence_due(timer.key, deadlines_)) note_silence(*transition);
  } else if (timer.kind == framework::Timer::Kind::command_deadline) {
    const CommandId command{timer.key};
    parked_.find(command.v)->deadline = {};
    fail_later(command, {OpErrorKind::timeout, "deadline_exceeded", "deadline exceeded"});
  } else {
    BB_ASSERT(timer.kind == framework::Timer::Kind::request_expiry);
    const framework::RequestOutcome outcome = requests_.expire(timer.key);
    if (outcome.kind == framework::RequestOutcome::Kind::forgotten) return;
    if (is_still(outcome)) note_failure(outcome.peer);
    request_ended(outcome, {OpErrorKind::timeout, "chain_timeout", "chain timeout"});
  }
}

// A record whose peer is gone may be another peer's by now.
bool Engine::is_still(const framework::RequestOutcome& outcome) const {
  return peers_.live(outcome.peer) && peers_.at(outcome.peer).id.site_hash() == outcome.site;
}

// A request to one peer is over without an answer; with the last of them whoever waits fails.
void Engine::request_ended(const framework::RequestOutcome& outcome, OpError error) {
  const Parked* waiter = outcome.waiter.valid() ? parked_.find(outcome.waiter.v) : nullptr;
  if (error.kind == OpErrorKind::timeout)
    emit_later(mask_.failures, WireTimeout{.peer = is_still(outcome) ? peers_.at(outcome.peer).id : PeerId(),
                                           .request_id = outcome.request_id,
                                           .target_site = outcome.site,
                                           .started_ns = outcome.started_ns,
                                           .waiter = waiter ? outcome.waiter : CommandId{}});
  using Kind = framework::RequestOutcome::Kind;
  const bool last = outcome.kind == Kind::last_expired || outcome.kind == Kind::last_failed || outcome.kind == Kind::last_evicted;
  if (!last) return;
  if (!waiter) {
    if (outcome.quorum > 0) (void)requests_.take_answers(outcome.request_id);  // nobody gathers any more
    return;
  }
  if (outcome.quorum > 0) {
    const Status gathered = gather(outcome);
    if (gathered) return;
    if (gathered.error().code == Code::no_memory) error = {OpErrorKind::execution_failed, "no_memory", "no memory for the answers"};
  }
  fail_later(outcome.waiter, std::move(error));
}

// What a gathering op gets: (peer, answer) for every answer there is.
Status Engine::gather(const framework::RequestOutcome& outcome) {
  const auto answers = requests_.take_answers(outcome.request_id);
  if (answers.size() < outcome.quorum) return fail(Code::empty_list, answers.size());
  Array<Value> children;
  if (!children.try_reserve(answers.size() * std::uint64_t{2})) return fail(Code::no_memory);
  for (const auto& answer : answers) {
    children.push_reserved(peers_.at(answer.peer).id_value);
    children.push_reserved(answer.value);
  }
  auto composite = Value::composite(memory_, {children.data(), children.size()});
  if (!composite) return std::unexpected(composite.error());
  complete_later(outcome.waiter, std::move(*composite));
  return {};
}

void Engine::request_evicted(const framework::RequestOutcome& outcome) {
  request_ended(outcome, {OpErrorKind::timeout, "request_evicted", "too many requests await an answer"});
}

Status Engine::send_failed(std::uint64_t request_id, std::uint32_t peer, std::string_view reason) {
  if (busy()) return fail(Code::busy);
  if (!reserve_told(2) || !bus_.try_reserve(2)) return fail(Code::no_memory);
  // The transport knows that it did not get through, whether or not an answer was awaited.
  note_failure(peer);
  const framework::RequestOutcome outcome = requests_.send_failed(request_id, peer);
  if (outcome.kind != framework::RequestOutcome::Kind::none)
    request_ended(outcome, {OpErrorKind::remote_failed, "send_failed", std::string(reason)});
  return {};
}

}  // namespace bb::runtime
