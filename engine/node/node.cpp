// The façade: names to graphs, values to ports, peers to records.
#include "bb/node.h"

#include <algorithm>

#include "op/port_types.h"
#include "runtime/engine.h"

namespace bb {
namespace {

std::unexpected<DeliveryError> refuse(DeliveryError::Kind kind, std::string_view module, std::string_view input = {},
                                      std::uint64_t got = 0, std::uint64_t cap = 0) {
  return std::unexpected(
      DeliveryError{.kind = kind, .module = std::string(module), .input = std::string(input), .got = got, .cap = cap});
}

DeliveryError::Kind kind_of(Code code) {
  return code == Code::no_memory ? DeliveryError::Kind::no_memory : DeliveryError::Kind::ingress_full;
}

// What a port demands, from what the host has: its wire bytes, or one peer where a list is wanted.
bool fit(Memory& memory, const TypeNode& type, Value& value) {
  if (op::type_accepts(type, value)) return true;
  if (value.carrier() == Carrier::peer && type.id == "peer_id_vec") {
    const PeerId peer = value.as_peer();
    auto list = Value::peers(memory, {&peer, 1});
    if (list) value = std::move(*list);
    return list.has_value();
  }
  if (value.carrier() != Carrier::bytes) return false;
  const std::uint64_t hash = type.accepted_hashes.empty() ? carrier_hash(Carrier::tensor) : type.accepted_hashes.front();
  auto decoded = decode_value(memory, hash, value.as_bytes());
  if (!decoded) return false;
  value = std::move(*decoded);
  return op::type_accepts(type, value);
}

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

ReceiveStatus Node::receive(PeerHandle from, Bytes frame) {
  const std::uint32_t index = engine_->peers().resolve(from);
  if (index == framework::kNoPeer || !engine_->peers().at(index).admitted)
    return {.kind = ReceiveStatus::Kind::refused, .error = fail(Code::unauthenticated).error(), .envelope = {}};
  const runtime::Received received = engine_->receive(index, frame);
  return {.kind = static_cast<ReceiveStatus::Kind>(received.kind), .error = received.error, .envelope = received.envelope};
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

std::expected<ExecId, DeliveryError> Node::invoke(std::string_view target, std::span<NamedValue> inputs) {
  using Kind = DeliveryError::Kind;
  if (engine_->busy()) return refuse(Kind::busy, target);
  const auto found = by_name_.find(target);
  if (found == by_name_.end()) return refuse(Kind::unknown_module, target);
  const Limits& limits = engine_->limits();
  if (inputs.size() > limits.invoke_inputs_max)
    return refuse(Kind::too_many_inputs, target, {}, inputs.size(), limits.invoke_inputs_max);
  runtime::LinkedGraph& graph = *engine_->graphs()[found->second];
  std::uint64_t bytes = 0;
  for (NamedValue& input : inputs) {
    const auto* port = graph.find_input(input.name);
    if (!port) return refuse(Kind::unknown_input, target, input.name);
    if (!input.value.present() || !fit(engine_->memory(), *port->type, input.value))
      return refuse(Kind::type_mismatch, target, input.name);
    bytes += encoded_size(input.value);
  }
  if (bytes > limits.invoke_bytes_max) return refuse(Kind::oversize_payload, target, {}, bytes, limits.invoke_bytes_max);
  if (bytes > engine_->ingress_bytes().remaining())
    return refuse(Kind::budget_exceeded, target, {}, bytes, engine_->ingress_bytes().remaining());
  const auto activation = engine_->prepare(graph);
  if (!activation) return refuse(kind_of(activation.error().code), target);
  for (NamedValue& input : inputs) {
    Value& slot = (*activation)->values()[graph.find_input(input.name)->value];
    if (slot.present()) {
      engine_->discard(*activation);
      return refuse(Kind::duplicate_input, target, input.name);
    }
    const std::uint64_t size = inputs.size() == 1 ? bytes : encoded_size(input.value);
    if (engine_->ingress_bytes().try_charge(size) && !input.value.attach_charge(engine_->ingress_bytes(), size))
      engine_->ingress_bytes().release(size);
    slot = std::move(input.value);
  }
  const auto exec = engine_->submit(*activation);
  if (!exec) return refuse(kind_of(exec.error().code), target);
  return *exec;
}

std::expected<ExecId, DeliveryError> Node::deliver_event(std::string_view target, std::string_view input, Value value) {
  using Kind = DeliveryError::Kind;
  const std::uint64_t size = encoded_size(value);
  if (size > engine_->limits().event_bytes_max)
    return refuse(Kind::oversize_payload, target, input, size, engine_->limits().event_bytes_max);
  const Value shown = engine_->echo_app_events() ? value : Value();
  NamedValue only{input, std::move(value)};
  const auto exec = invoke(target, {&only, 1});
  if (exec && shown.present()) {
    const runtime::LinkedGraph& graph = *engine_->graphs()[by_name_.find(target)->second];
    engine_->echo(graph, *graph.find_input(input), *exec, shown);
  }
  return exec;
}

Status Node::complete(CommandId command, std::span<Value> outputs) { return engine_->complete(command, outputs); }
Status Node::complete_failed(CommandId command, OpError error) {
  return engine_->complete_failed(command, std::move(error));
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

std::string_view DeliveryError::kind_name(Kind kind) {
  switch (kind) {
    case Kind::ingress_full: return "IngressFull";
    case Kind::unknown_module: return "UnknownModule";
    case Kind::unknown_input: return "UnknownInput";
    case Kind::type_mismatch: return "TypeMismatch";
    case Kind::oversize_payload: return "OversizePayload";
    case Kind::too_many_inputs: return "TooManyInputs";
    case Kind::budget_exceeded: return "BudgetExceeded";
    case Kind::no_memory: return "NoMemory";
    case Kind::duplicate_input: return "DuplicateInput";
    case Kind::busy: return "Busy";
  }
  return "DeliveryError";
}

std::string DeliveryError::text() const {
  std::string text = std::string(kind_name(kind)) + " `" + module;
  if (!input.empty()) text += "." + input;
  text += "`";
  if (cap > 0 || got > 0) text += ": got " + std::to_string(got) + ", at most " + std::to_string(cap);
  return text;
}

}  // namespace bb
