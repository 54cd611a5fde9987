// The façade: peers to records, what a node tells of itself. What the host pushes is in ingress.cpp.
#include "bb/node.h"

#include <algorithm>

#include "node/output_gate.h"
#include "node/recording.h"
#include "runtime/waits.h"

namespace bb {
Node::Node() = default;
Node::~Node() = default;

Poll Node::poll(std::uint64_t now_ns, std::uint32_t ops) {
  if (engine_->polling()) return {.steps = {}, .more = true};
  if (gate_ && gate_->releasable()) {
    const auto steps = gate_->release();
    return {.steps = steps, .next_wakeup_ns = now_ns, .more = true, .uncommitted = uncommitted()};
  }
  const std::uint32_t budget = ops == 0 ? engine_->limits().ops_per_poll : ops;
  const Poll stands_still{.steps = {}, .next_wakeup_ns = now_ns, .more = true, .uncommitted = uncommitted()};
  if (gate_ && !gate_->has_room()) return stands_still;
  // Until the host has taken the journal, or made it durable, or there is memory again, the node stands still. The rest of a poll that
  // found no memory is in the journal already.
  if (!engine_->stalled()) {
    Recording record(*this, Journal::Kind::poll);
    if (!record.number(now_ns).number(budget).ready()) return stands_still;
    record.keep();
  }
  const runtime::PollResult result = engine_->poll(now_ns, budget);
  Poll poll{.steps = result.steps, .next_wakeup_ns = result.next_wakeup_ns, .more = result.more};
  if (gate_) {
    if (!result.steps.empty()) gate_->withhold(engine_->journal_sequence(), engine_->take_steps());
    poll.steps = {};
    poll.uncommitted = uncommitted();
  }
  return poll;
}

std::uint32_t Node::uncommitted() const {
  return gate_ ? static_cast<std::uint32_t>(engine_->journal_sequence() - gate_->committed()) : 0;
}

Result<JournalPart> Node::journal() {
  if (engine_->polling()) return fail(Code::busy);
  JournalPart part{.bytes = {}, .sequence = engine_->journal_sequence()};
  if (!journal_ || journal_->empty()) return part;
  BB_TRY(bytes, journal_->take(part.sequence - journal_->records()));
  part.bytes = std::move(bytes);
  return part;
}

Status Node::committed(std::uint64_t sequence) {
  if (!gate_) return {};
  if (sequence > engine_->journal_sequence() - journal_->records()) return fail(Code::bad_argument);
  gate_->commit(sequence);
  return {};
}

void Node::reincarnate(std::uint64_t incarnation) { engine_->begin_life(std::max(incarnation, engine_->incarnation() + 1)); }

Memory& Node::memory() { return engine_->memory(); }
std::string_view Node::name(std::uint32_t index) const {
  return index < engine_->names().size() ? std::string_view(engine_->names()[index]) : std::string_view();
}
std::uint32_t Node::name_count() const { return static_cast<std::uint32_t>(engine_->names().size()); }

std::pair<std::string_view, std::string_view> Node::op_name(OpRef op) const {
  if (op.graph() >= engine_->graphs().size()) return {};
  const runtime::LinkedGraph& graph = *engine_->graphs()[op.graph()];
  if (op.op() >= graph.facts.size()) return {graph.base_name, {}};
  return {graph.base_name, graph.facts[op.op()].node};
}

Component* Node::component(std::string_view slot) {
  for (const runtime::Instance& instance : engine_->instances())
    if (instance.slot == slot) return instance.component.get();
  return nullptr;
}

std::optional<std::uint32_t> Node::find_name(std::string_view name) const {
  for (std::uint32_t i = 0; i < engine_->names().size(); ++i)
    if (engine_->names()[i] == name) return i;
  return std::nullopt;
}

Status Node::fire_lifecycle(std::string_view phase) {
  if (engine_->busy()) return fail(Code::busy);
  Recording record(*this, Journal::Kind::fire_lifecycle);
  BB_CHECK(record.text(phase).ready());
  return record.keep(engine_->fire_lifecycle(phase));
}

Status Node::subscribe_event(std::string_view kind, std::string_view target, std::string_view input) {
  if (engine_->busy()) return fail(Code::busy);
  const auto found = find_target(target);
  if (!found) return fail(Code::unknown_module);
  runtime::LinkedGraph& graph = *engine_->graphs()[found->v];
  const auto* port = graph.find_input(input);
  if (!port) return fail(Code::unknown_input);
  Recording record(*this, Journal::Kind::subscribe_event);
  BB_CHECK(record.text(kind).text(target).text(input).ready());
  return record.keep(engine_->subscribe(kind, graph, port->value));
}

Status Node::suspended(std::uint64_t gap_ns) {
  if (engine_->busy()) return fail(Code::busy);
  Recording record(*this, Journal::Kind::suspended);
  BB_CHECK(record.number(gap_ns).ready());
  record.keep();
  engine_->suspended(gap_ns);
  return {};
}
void Node::set_span_hook(SpanHook hook) { engine_->set_span_hook(hook); }
std::vector<Wait> Node::why(std::uint32_t waits_max) const { return runtime::Explainer(*engine_, waits_max).explain(); }

std::uint64_t Node::metric(std::string_view name) const {
  const auto found = find_name(name);
  return found ? engine_->metric(*found) : 0;
}

Status Node::set_mask(StepMask mask) {
  if (engine_->busy()) return fail(Code::busy);
  Recording record(*this, Journal::Kind::set_mask);
  BB_CHECK(record.number(mask.to_bits()).ready());
  record.keep();
  engine_->set_mask(mask);
  return {};
}
const PeerId& Node::peer() const { return engine_->self(); }
std::uint64_t Node::incarnation() const { return engine_->incarnation(); }

std::vector<std::string> Node::targets() const {
  std::vector<std::string> names;
  for (const auto& graph : engine_->graphs()) names.push_back(graph->name);
  return names;
}

EngineStats Node::stats() const {
  const runtime::Counters& counters = engine_->counters();
  EngineStats stats;
  stats.frontier = engine_->frontier_size();
  stats.parked = engine_->parked_count();
  stats.ingress = engine_->ingress_size();
  stats.executions = engine_->executions();
  stats.outbound = engine_->outbound().messages();
  stats.peers = engine_->peers().size();
  stats.components = static_cast<std::uint32_t>(engine_->instances().size());
  stats.graphs = static_cast<std::uint32_t>(engine_->graphs().size());
  stats.requests = engine_->requests().in_flight();
  stats.timers = engine_->timer_count();
  stats.ingress_bytes = engine_->ingress_bytes().used();
  stats.outbound_bytes = engine_->outbound().bytes();
  stats.memory_bytes = engine_->memory().live_bytes();
  stats.system_allocations = engine_->memory().system_allocations();
  stats.ops = counters.ops;
  stats.envelopes_in = counters.envelopes_in;
  stats.envelopes_out = counters.envelopes_out;
  stats.duplicates = counters.duplicates;
  stats.malformed = counters.malformed;
  stats.refused = counters.refused;
  stats.late_completions = counters.late_completions;
  stats.unmatched_responses = counters.unmatched_responses;
  stats.outbound_dropped = counters.outbound_dropped;
  stats.steps_dropped = counters.steps_dropped;
  stats.bus_dropped = counters.bus_dropped;
  stats.stalls = engine_->stalls();
  return stats;
}

Inspection Node::inspect() const {
  Inspection inspection{.self = engine_->self(), .incarnation = engine_->incarnation(), .targets = {}, .slots = {}, .peers = {}};
  for (const auto& graph : engine_->graphs()) {
    Inspection::Target target{.name = graph->name,
                              .base_name = graph->base_name,
                              .ops = static_cast<std::uint32_t>(graph->ops.size()),
                              .values = graph->value_count,
                              .sites = {}};
    for (const auto& receive : graph->receives) target.sites.push_back(receive.site);
    inspection.targets.push_back(std::move(target));
  }
  for (std::uint32_t i = 0; i < engine_->instances().size(); ++i) {
    const runtime::Instance& instance = engine_->instances()[i];
    inspection.slots.push_back({.name = instance.slot,
                                .type_name = instance.type->type_name,
                                .role = std::string(role_name(instance.type->role)),
                                .component = ComponentRef{i}});
  }
  const framework::PeerTable& peers = engine_->peers();
  for (std::uint32_t i = 0; i < peers.capacity(); ++i) {
    const framework::PeerRecord& record = peers.at(i);
    if (!peers.live(i)) continue;
    Inspection::Peer peer{.id = record.id,
                          .handle = peers.handle_of(i),
                          .admitted = record.admitted,
                          .channel = record.channel,
                          .incarnation = record.incarnation,
                          .addresses = {},
                          .references = record.references,
                          .queued = record.outbound.messages,
                          .sent_bytes = record.outbound.sent};
    for (const Address& address : addresses_of(record.id)) peer.addresses.push_back(address.to_text());
    inspection.peers.push_back(std::move(peer));
  }
  return inspection;
}

}  // namespace bb
