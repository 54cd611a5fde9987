// Telling what waits.
#include "runtime/waits.h"

#include <map>

namespace bb::runtime {

std::vector<Wait> Explainer::explain() {
  for (const Activation* activation = engine_.first_; activation; activation = activation->next) execution(*activation);
  parked();
  for (const Queued& entry : engine_.waiting_ops_) {
    if (Wait* wait = add(Wait::Kind::slot, entry.activation, entry.op, entry.activation->start_ns))
      wait->missing.push_back(slot_of(entry.activation->graph->ops[entry.op].component));
  }
  held_envelopes();
  return std::move(waits_);
}

Wait* Explainer::add(Wait::Kind kind, const Activation* activation, std::uint32_t op, std::uint64_t since_ns) {
  if (waits_.size() >= waits_max_) return nullptr;
  Wait& wait = waits_.emplace_back();
  wait.kind = kind;
  wait.since_ns = since_ns;
  if (activation) {
    wait.target = activation->graph->base_name;
    wait.exec = activation->exec;
    if (op != kNone) wait.op = activation->graph->facts[op].node;
  }
  return &wait;
}

std::string Explainer::slot_of(std::uint32_t component) const {
  return component < engine_.instances_.size() ? engine_.instances_[component].slot : std::string();
}

Wait::Peer Explainer::peer(std::uint32_t index) const {
  const framework::PeerRecord& record = engine_.peers_.at(index);
  static constexpr std::string_view kLinks[] = {"unknown", "up", "down"};
  return {.id = record.id,
          .link = kLinks[static_cast<std::size_t>(record.link.kind)],
          .link_since_ns = record.link.since_ns,
          .link_code = record.link.code,
          .queued = record.outbound.messages};
}

void Explainer::execution(const Activation& activation) {
  switch (activation.stage) {
    case Activation::Stage::prepared:
    case Activation::Stage::submitted: return;
    case Activation::Stage::gated: add(Wait::Kind::bootstrap, &activation, kNone, activation.start_ns); return;
    case Activation::Stage::waiting: {
      Wait* const wait = add(Wait::Kind::slot, &activation, kNone, activation.start_ns);
      for (std::uint32_t i = 0; wait && i < activation.plan->exclusive.size(); ++i)
        wait->missing.push_back(slot_of(activation.plan->exclusive[i].component));
      return;
    }
    case Activation::Stage::running: return unfed_ops(activation);
  }
}

// Ops of the plan that have not run, and the values that they lack.
void Explainer::unfed_ops(const Activation& activation) {
  const LinkedGraph& graph = *activation.graph;
  for (std::uint32_t op = 0; op < graph.ops.size(); ++op) {
    if (!activation.plan->member[op] || activation.missing()[op] == 0) continue;
    Wait* const wait = add(Wait::Kind::inputs, &activation, op, activation.start_ns);
    if (!wait) return;
    const LinkedOp& linked = graph.ops[op];
    for (std::uint32_t i = 0; i < linked.in_count; ++i) {
      const std::uint32_t value = graph.inputs[linked.in_begin + i];
      if (value != kNone && !activation.values()[value].present()) wait->missing.push_back(graph.value_names[value]);
    }
  }
}

void Explainer::parked() {
  std::map<std::uint64_t, std::uint64_t> requests;  // by waiter
  engine_.requests_.for_each_waiter([&](std::uint64_t request, CommandId waiter) { requests[waiter.v] = request; });
  Array<std::uint64_t> commands;
  if (!engine_.parked_.sorted_keys(commands)) return;
  for (const std::uint64_t key : commands) {
    const CommandId command{key};
    const Parked& parked = *engine_.parked_.find(key);
    if (parked.completed) continue;
    const auto request = requests.find(key);
    const Wait::Kind kind = parked.wake.valid()                    ? Wait::Kind::timer
                            : request != requests.end()            ? Wait::Kind::answer
                            : engine_.permits_.is_waiting(command) ? Wait::Kind::permit
                            : engine_.queues_.is_waiting(command)  ? Wait::Kind::queue
                                                                   : Wait::Kind::completion;
    Wait* const wait = add(kind, parked.activation, parked.op, parked.since_ns);
    if (!wait) return;
    wait->command = command;
    wait->deadline_ns = parked.deadline_ns;
    const std::uint32_t component = parked.activation->graph->ops[parked.op].component;
    if (kind == Wait::Kind::completion && component != kNone) wait->missing.push_back(slot_of(component));
    if (kind == Wait::Kind::answer)
      engine_.requests_.unanswered(request->second, [&](std::uint32_t index, std::uint64_t) {
        if (engine_.peers_.live(index)) wait->peers.push_back(peer(index));
      });
  }
}

void Explainer::held_envelopes() {
  for (const std::uint32_t index : engine_.outbound_.waiting()) {
    const framework::PeerOutbound& queue = engine_.peers_.at(index).outbound;
    if (queue.messages == 0 || queue.sent < queue.granted) continue;
    if (Wait* wait = add(Wait::Kind::credit, nullptr, kNone, engine_.peers_.at(index).link.since_ns))
      wait->peers.push_back(peer(index));
  }
}

}  // namespace bb::runtime
