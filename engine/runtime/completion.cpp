// Parked ops: the host completes or fails them, deadlines and unanswered requests end them. A completion only enqueues; its op
// goes on in the next poll.
#include "op/port_types.h"
#include "runtime/engine.h"

namespace bb::runtime {

Result<CommandId> Engine::open_command(OpContext&, std::uint64_t) {
  if (parked_.size() >= config_.limits.parked_ops_max) return fail(Code::over_cap, config_.limits.parked_ops_max);
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

void Engine::peer_unresolved(const PeerId& peer, OpRef op, ExecId exec) { unresolved_.push_back({peer, op, exec}); }

Status Engine::complete(CommandId command, std::span<Value> outputs) {
  if (polling_) return fail(Code::busy);
  Parked* parked = parked_.find(command.v);
  if (!parked || parked->completed) {
    ++counters_.late_completions;
    return fail(Code::unknown_command);
  }
  LinkedGraph& graph = *parked->activation->graph;
  const LinkedOp& linked = graph.ops[parked->op];
  const OpDeclaration& declaration = *graph.facts[parked->op].declaration;
  if (outputs.size() > linked.out_count) return fail(Code::too_many_inputs, linked.out_count);
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!op::port_accepts(declaration, static_cast<std::uint32_t>(i), outputs[i])) return fail(Code::type_mismatch, i);
    bytes += encoded_size(outputs[i]);
  }
  if (bytes > config_.limits.completion_bytes_max) return fail(Code::oversize_payload, bytes);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::uint32_t value = graph.outputs[linked.out_begin + i];
    if (value != kNone) parked->activation->values()[value] = std::move(outputs[i]);
  }
  parked->completed = true;
  // Room is certain: the ingress keeps a place for every op that may be parked.
  BB_ASSERT(ingress_.try_push({Ingress::Kind::completion, nullptr, command}));
  return {};
}

Status Engine::complete_failed(CommandId command, OpError error) {
  if (polling_) return fail(Code::busy);
  Parked* parked = parked_.find(command.v);
  if (!parked || parked->completed) {
    ++counters_.late_completions;
    return fail(Code::unknown_command);
  }
  parked->completed = true;
  failures_.insert(command.v, {command, std::move(error)});
  BB_ASSERT(ingress_.try_push({Ingress::Kind::completion, nullptr, command}));
  return {};
}

void Engine::apply_completion(CommandId command) {
  if (Failure* failure = failures_.find(command.v)) {
    OpError error = std::move(failure->error);
    failures_.erase(command.v);
    fail_parked(command, std::move(error));
    return;
  }
  const Parked parked = *parked_.find(command.v);
  parked_.erase(command.v);
  if (parked.deadline.valid()) scheduler_.cancel(parked.deadline);
  const std::uint32_t component = parked.activation->graph->ops[parked.op].component;
  const bool shared = component != kNone && instances_[component].holder != parked.activation;
  if (shared) --instances_[component].parked;
  finish_op(parked.activation, parked.op);
  let_go(parked.activation);
  if (shared) try_waiting_starts();
}

void Engine::fail_parked(CommandId command, OpError error) {
  const Parked* found = parked_.find(command.v);
  if (!found) return;
  const Parked parked = *found;
  parked_.erase(command.v);
  if (parked.deadline.valid()) scheduler_.cancel(parked.deadline);
  const std::uint32_t component = parked.activation->graph->ops[parked.op].component;
  const bool shared = component != kNone && instances_[component].holder != parked.activation;
  if (shared) --instances_[component].parked;
  fail_op(parked.activation, parked.op, std::move(error));
  let_go(parked.activation);
  if (shared) try_waiting_starts();
}

void Engine::expire(const framework::Timer& timer) {
  switch (timer.kind) {
    case framework::Timer::Kind::command_deadline: {
      const CommandId command{timer.key};
      Parked* parked = parked_.find(command.v);
      BB_ASSERT(parked != nullptr);
      parked->deadline = {};
      if (!parked->completed) fail_parked(command, {OpErrorKind::timeout, "deadline_exceeded", "deadline exceeded"});
      return;
    }
    case framework::Timer::Kind::request_expiry: {
      const framework::RequestOutcome outcome = requests_.expire(timer.key);
      if (outcome.kind == framework::RequestOutcome::Kind::forgotten) return;
      const bool waits = outcome.waiter.valid() && parked_.find(outcome.waiter.v) != nullptr;
      const PeerId& peer = peers_.at(outcome.peer).id;
      emit(mask_.failures, WireTimeout{.peer = peer,
                                       .request_id = outcome.request_id,
                                       .target_site = peer.site_hash(),
                                       .started_ns = outcome.started_ns,
                                       .waiter = waits ? outcome.waiter : CommandId{}});
      if (waits && outcome.kind == framework::RequestOutcome::Kind::last_expired && !parked_.find(outcome.waiter.v)->completed)
        fail_parked(outcome.waiter, {OpErrorKind::timeout, "chain_timeout", "chain timeout"});
      return;
    }
  }
}

}  // namespace bb::runtime
