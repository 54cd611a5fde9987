// Installation, and what a node says of itself.
#include <cmath>

#include "heap.h"
#include "node_binding.h"

namespace bb::bindings {
namespace {

template <class T>
void assign(T& field, double value) {
  field = value >= static_cast<double>(std::numeric_limits<T>::max()) ? std::numeric_limits<T>::max() : static_cast<T>(value);
}

bool set_limit(Limits& limits, std::string_view name, double value) {
  const auto is = [&](std::string_view known, auto& field) {
    if (name != known) return false;
    assign(field, value);
    return true;
  };
  return is("ready_ops_max", limits.ready_ops_max) || is("peer_share_percent", limits.peer_share_percent) ||
         is("bus_max", limits.bus_max) || is("phases_max", limits.phases_max) || is("round_trips_max", limits.round_trips_max) ||
         is("failures_before_down", limits.failures_before_down) || is("backoff_base_ns", limits.backoff_base_ns) ||
         is("backoff_max_ns", limits.backoff_max_ns) || is("backoff_jitter_percent", limits.backoff_jitter_percent) ||
         is("high_water_percent", limits.high_water_percent) || is("notices_before_silent", limits.notices_before_silent) ||
         is("notice_interval_ns", limits.notice_interval_ns) || is("malformed_frames_max", limits.malformed_frames_max) ||
         is("permits_max", limits.permits_max) || is("queues_max", limits.queues_max) ||
         is("queue_values_max", limits.queue_values_max) || is("held_max", limits.held_max) ||
         is("records_max", limits.records_max) || is("record_values_max", limits.record_values_max) ||
         is("metrics_max", limits.metrics_max) || is("journal_bytes_max", limits.journal_bytes_max) ||
         is("withheld_polls_max", limits.withheld_polls_max) || is("suffix_bytes_max", limits.envelope.suffix_bytes_max) ||
         is("source_addresses_max", limits.envelope.source_addresses_max) ||
         is("source_address_bytes_max", limits.envelope.source_address_bytes_max) ||
         is("reports_max", limits.envelope.reports_max) || is("envelope_bytes_max", limits.envelope.total_bytes_max) ||
         is("fills_max", limits.envelope.fills_max) || is("fill_bytes_max", limits.envelope.fill_bytes_max) ||
         is("destinations_max", limits.envelope.destinations_max) || is("ops_per_poll", limits.ops_per_poll) ||
         is("parked_ops_max", limits.parked_ops_max) || is("executions_max", limits.executions_max) ||
         is("ingress_max", limits.ingress_max) || is("ingress_bytes_max", limits.ingress_bytes_max) ||
         is("memory_bytes_max", limits.memory_bytes_max) || is("event_bytes_max", limits.event_bytes_max) ||
         is("invoke_bytes_max", limits.invoke_bytes_max) || is("invoke_inputs_max", limits.invoke_inputs_max) ||
         is("completion_bytes_max", limits.completion_bytes_max) || is("outbound_max", limits.outbound_max) ||
         is("outbound_bytes_max", limits.outbound_bytes_max) || is("peers_max", limits.peers_max) ||
         is("addresses_per_peer_max", limits.addresses_per_peer_max) || is("timers_max", limits.timers_max) ||
         is("requests_max", limits.requests_max) || is("payload_window", limits.payload_window) ||
         is("plans_per_graph_max", limits.plans_per_graph_max) || is("clock_gap_ns", limits.clock_gap_ns) ||
         is("artifact_bytes_max", limits.artifact_bytes_max) || is("functions_max", limits.functions_max) ||
         is("nodes_max", limits.nodes_max);
}

ByteBuffer copy_of(Bytes bytes) { return ByteBuffer(bytes.begin(), bytes.end()); }

}  // namespace

void InstallBinding::refuse(std::string_view code, std::string detail) {
  if (!error_.empty()) return;
  JsonWriter json;
  json.object().field("code", code).field("detail", detail).end_object();
  error_ = json.take();
}

void InstallBinding::peer(std::uint32_t at, std::uint32_t size) {
  const auto id = PeerId::from_bytes(heap_bytes(at, size));
  if (!id) return refuse("bad_peer_id", "the node's own id is no peer id");
  options_.peer = *id;
}

void InstallBinding::address(std::uint32_t at, std::uint32_t size) {
  auto address = Address::from_bytes(heap_bytes(at, size));
  if (!address) return refuse("BadAddress", "own address: " + address.error().value);
  options_.addresses.push_back(std::move(*address));
}

void InstallBinding::artifact(std::uint32_t at, std::uint32_t size) { artifacts_.push_back(copy_of(heap_bytes(at, size))); }
void InstallBinding::target(std::string name) { options_.targets.push_back(std::move(name)); }

void InstallBinding::limit(std::string name, double value) {
  if (!(value >= 0)) return refuse("bad_argument", "limit " + name + " is not a number from 0 on");
  if (name == "edge") {
    options_.limits = Limits::edge();
  } else if (!set_limit(options_.limits, name, value)) {
    refuse("bad_argument", "no limit " + name);
  }
}

void InstallBinding::seed(std::uint32_t low, std::uint32_t high) { options_.seed = (std::uint64_t{high} << 32) | low; }
void InstallBinding::incarnation(std::uint32_t low, std::uint32_t high) {
  options_.incarnation = (std::uint64_t{high} << 32) | low;
}
void InstallBinding::flags(bool credit_required, bool echo_app_events) {
  options_.credit_required = credit_required;
  options_.echo_app_events = echo_app_events;
}

void InstallBinding::durability(std::uint32_t durability) {
  if (durability > static_cast<std::uint32_t>(Durability::gated)) return refuse("bad_argument", "no such durability");
  options_.durability = static_cast<Durability>(durability);
}

void InstallBinding::config_number(std::string slot, std::string name, double number) {
  // The reader tells whole numbers by their type.
  if (std::floor(number) == number && std::abs(number) < 0x1p53) {
    options_.config[slot].set(std::move(name), static_cast<std::int64_t>(number));
  } else {
    options_.config[slot].set(std::move(name), number);
  }
}
void InstallBinding::config_integer(std::string slot, std::string name, std::uint32_t low, std::uint32_t high) {
  options_.config[slot].set(std::move(name), static_cast<std::int64_t>((std::uint64_t{high} << 32) | low));
}
void InstallBinding::config_flag(std::string slot, std::string name, bool flag) {
  options_.config[slot].set(std::move(name), flag);
}
void InstallBinding::config_text(std::string slot, std::string name, std::string text) {
  options_.config[slot].set(std::move(name), std::move(text));
}
void InstallBinding::config_bytes(std::string slot, std::string name, std::uint32_t at, std::uint32_t size) {
  options_.config[slot].set(std::move(name), copy_of(heap_bytes(at, size)));
}
void InstallBinding::config_item(std::string slot, std::string name, std::uint32_t at, std::uint32_t size) {
  Config& config = options_.config[slot];
  std::vector<ByteBuffer> items;
  if (const Config::Entry* const entry = config.find(name))
    if (const auto* const list = std::get_if<std::vector<ByteBuffer>>(entry)) items = *list;
  items.push_back(copy_of(heap_bytes(at, size)));
  config.set(std::move(name), std::move(items));
}

NodeBinding* InstallBinding::install() {
  if (engine_.busy()) {
    engine_.fail_busy();
    return nullptr;
  }
  if (!error_.empty()) {
    engine_.fail(error_);
    return nullptr;
  }
  for (const ByteBuffer& artifact : artifacts_) options_.artifacts.push_back(artifact);
  // JavaScript's numbers carry no more than 53 bits, so the default mask is set afterwards, kind by kind.
  auto binding = std::make_unique<NodeBinding>(engine_, std::make_unique<OpenCommands>());
  binding->frame_bytes_max_ = options_.limits.envelope.total_bytes_max;
  binding->inputs_max_ = options_.limits.invoke_inputs_max;
  engine_.set_busy(true);
  engine_.calls().installing = binding->commands_.get();
  auto node = Node::install(engine_.registry(), std::move(options_));
  engine_.calls().installing = nullptr;
  engine_.set_busy(false);
  if (!node) {
    const InstallError& error = node.error();
    JsonWriter json;
    json.object().field("code", InstallError::kind_name(error.kind)).field("detail", error.text()).field("target", error.target);
    json.key("items").array();
    for (const std::string& item : error.items) json.value(std::string_view(item));
    json.end_array().end_object();
    engine_.fail(json.take());
    return nullptr;
  }
  binding->node_ = std::move(*node);
  binding->set_mask(kStepsByDefault);
  return binding.release();
}

std::string NodeBinding::inspect() const {
  const Inspection inspection = node_->inspect();
  JsonWriter json;
  json.object().field("self", inspection.self.to_text()).key("incarnation").id(inspection.incarnation).key("targets").array();
  for (const Inspection::Target& target : inspection.targets) {
    json.object().field("name", target.name).field("baseName", target.base_name).field("ops", std::uint64_t{target.ops});
    json.field("values", std::uint64_t{target.values}).key("sites").array();
    for (const std::uint64_t site : target.sites) json.id(site);
    json.end_array().end_object();
  }
  json.end_array().key("slots").array();
  for (const Inspection::Slot& slot : inspection.slots)
    json.object()
        .field("name", slot.name)
        .field("typeName", slot.type_name)
        .field("role", slot.role)
        .field("component", std::uint64_t{slot.component.v})
        .end_object();
  json.end_array().key("peers").array();
  for (const Inspection::Peer& peer : inspection.peers) {
    json.object().field("id", peer.id.to_text()).field("handle", std::uint64_t{peer.handle.v}).flag("admitted", peer.admitted);
    json.field("channel", channel_name(peer.channel))
        .field("incarnation", std::to_string(peer.incarnation))
        .key("addresses")
        .array();
    for (const std::string& address : peer.addresses) json.value(std::string_view(address));
    json.end_array().field("references", peer.references).field("queued", std::uint64_t{peer.queued});
    json.field("sentBytes", peer.sent_bytes).end_object();
  }
  json.end_array().end_object();
  return json.take();
}

std::string NodeBinding::stats() const {
  const EngineStats stats = node_->stats();
  JsonWriter json;
  json.object();
  json.field("frontier", std::uint64_t{stats.frontier}).field("parked", std::uint64_t{stats.parked});
  json.field("ingress", std::uint64_t{stats.ingress}).field("executions", std::uint64_t{stats.executions});
  json.field("outbound", std::uint64_t{stats.outbound}).field("peers", std::uint64_t{stats.peers});
  json.field("components", std::uint64_t{stats.components}).field("graphs", std::uint64_t{stats.graphs});
  json.field("requests", std::uint64_t{stats.requests}).field("timers", std::uint64_t{stats.timers});
  json.field("ingressBytes", stats.ingress_bytes).field("outboundBytes", stats.outbound_bytes);
  json.field("memoryBytes", stats.memory_bytes).field("systemAllocations", stats.system_allocations);
  json.field("ops", stats.ops).field("envelopesIn", stats.envelopes_in).field("envelopesOut", stats.envelopes_out);
  json.field("duplicates", stats.duplicates).field("malformed", stats.malformed).field("refused", stats.refused);
  json.field("lateCompletions", stats.late_completions).field("unmatchedResponses", stats.unmatched_responses);
  json.field("outboundDropped", stats.outbound_dropped).field("stepsDropped", stats.steps_dropped).end_object();
  return json.take();
}

}  // namespace bb::bindings
