// The façade: peers to records, what a node tells of itself. What the host pushes is in ingress.cpp.
#include "bb/node.h"

#include <algorithm>

#include "runtime/engine.h"

namespace bb {
namespace {

Status status_of(framework::AddressBookError error) {
  switch (error) {
    case framework::AddressBookError::none: return {};
    case framework::AddressBookError::unknown_peer: return fail(Code::unknown_peer);
    case framework::AddressBookError::empty_list: return fail(Code::empty_list);
    case framework::AddressBookError::full: return fail(Code::over_cap);
    case framework::AddressBookError::no_memory: return fail(Code::no_memory);
  }
  return {};
}

}  // namespace

Node::Node() = default;
Node::~Node() = default;

Result<PeerHandle> Node::admit(const AuthenticatedPeer& peer) {
  if (engine_->busy()) return fail(Code::busy);
  BB_TRY(index, engine_->peers().admit(peer.id(), peer.maker()));
  return engine_->peers().handle_of(index);
}

Result<PeerHandle> Node::handle_of(const PeerId& peer) const {
  const std::uint32_t index = engine_->peers().find(peer);
  if (index == framework::kNoPeer) return fail(Code::unknown_peer);
  return engine_->peers().handle_of(index);
}

Result<PeerId> Node::peer_of(PeerHandle handle) const {
  const std::uint32_t index = engine_->peers().resolve(handle);
  if (index == framework::kNoPeer) return fail(Code::unknown_peer);
  return engine_->peers().at(index).id;
}

void Node::retire(PeerHandle handle) {
  const std::uint32_t index = engine_->peers().resolve(handle);
  if (index != framework::kNoPeer && !engine_->busy()) engine_->peers().retire(index, engine_->outbound());
}

Status Node::grant(PeerHandle peer, std::uint64_t total_bytes) {
  const std::uint32_t index = engine_->peers().resolve(peer);
  if (index == framework::kNoPeer) return fail(Code::unknown_peer);
  framework::PeerOutbound& queue = engine_->peers().at(index).outbound;
  queue.granted = std::max(total_bytes, queue.granted);  // absolute, so a repeated or late grant takes nothing back
  queue.dial_asked = false;
  return {};
}

Status Node::add_peer(const PeerId& peer, std::span<const Address> addresses) {
  return status_of(engine_->peers().add_peer(peer, addresses));
}
Status Node::drop_peer(const PeerId& peer) { return status_of(engine_->peers().drop_peer(peer, engine_->outbound())); }
Status Node::register_address(const PeerId& peer, const Address& address) {
  return status_of(engine_->peers().register_address(peer, address));
}
Status Node::forget_address(const PeerId& peer, const Address& address) {
  return status_of(engine_->peers().forget_address(peer, address));
}

std::vector<Address> Node::addresses_of(const PeerId& peer) const {
  std::vector<Address> addresses;
  const std::uint32_t index = engine_->peers().find(peer);
  if (index == framework::kNoPeer) return addresses;
  for (const ByteBuffer& bytes : engine_->peers().at(index).addresses)
    if (auto address = Address::from_bytes(bytes)) addresses.push_back(std::move(*address));
  return addresses;
}

Poll Node::poll(std::uint64_t now_ns, std::uint32_t ops) {
  if (engine_->busy()) return {.steps = {}, .more = true};
  const runtime::PollResult result = engine_->poll(now_ns, ops == 0 ? engine_->limits().ops_per_poll : ops);
  return {.steps = result.steps, .next_wakeup_ns = result.next_wakeup_ns, .more = result.more};
}

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

void Node::set_mask(StepMask mask) { engine_->set_mask(mask); }
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
  stats.timers = engine_->scheduler().size();
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
    if (!record.live) continue;
    Inspection::Peer peer{.id = record.id,
                          .handle = peers.handle_of(i),
                          .admitted = record.admitted,
                          .admitted_by = std::string(record.admitted_by),
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
