// Steps and errors of both engines in one form.
#include "golden/trace_lines.h"

#include <algorithm>

#include "wire/envelope_view.h"

namespace bb::golden {
namespace {

constexpr std::size_t kBytesShown = 256;

std::string number(std::uint64_t value) { return std::to_string(value); }

// Texts of a list, joined by spaces.
std::string joined(const Json& list) {
  std::string text;
  for (const Json& item : list)
    if (const auto* one = item.get_ptr<const std::string*>()) text += " " + *one;
  return text;
}

// Bytes in hex, or `{"len", "fnv1a64"}` where the trace does not keep them.
std::string shown_value(Checker& check, Fields& fields, std::string_view name) {
  const Json& value = fields.get(name);
  if (value.is_object()) {
    Fields parts(check, value);
    return "len " + number(parts.number("len")) + " fnv1a64 " + number(parts.number("fnv1a64"));
  }
  return show_bytes(fields.bytes(name));
}

void show_envelope(Checker& check, Bytes bytes, Lines& out) {
  wire::EnvelopeView view;
  if (!check.expect(view.parse(bytes, EnvelopeCaps{}).has_value(), "the envelope decodes")) return;
  std::string line = "SendEnvelope to";
  for (const Bytes destination : view.destinations) line += " " + to_hex(destination);
  line += " kind " + number(static_cast<std::uint64_t>(view.correlation_kind)) + " request " + number(view.request_id) +
          " remaining " + number(view.remaining_deadline_ns) + " version " + number(view.schema_version) + " source";
  for (const Bytes address : view.source_addresses) line += " " + to_hex(address);
  if (!view.has_correlation) line += " uncorrelated";
  if (!view.source_peer.empty()) line += " peer " + to_hex(view.source_peer);
  if (!view.reports.empty()) line += " reports " + number(view.reports.size());
  out.push_back(std::move(line));
  for (const wire::FillView& fill : view.fills)
    out.push_back("  fill " + to_hex(fill.suffix) + " type " + number(fill.type_hash) +
                  (fill.trigger_only ? " trigger" : " payload ") + show_bytes(fill.payload));
}

std::string receive_kind_text(Checker& check, const Json& kind) {
  Fields fields(check, kind);
  std::string text = fields.text("kind");
  if (text == "TypeMismatch") text += " expected " + number(fields.number("expected_hash"));
  if (text == "DecodeFailed") fields.skip("error_summary", "diagnostic text is nobody's contract");
  if (text == "BackendMaterializeFailed") {
    fields.number("backend_ref");
    fields.skip("backend_error_summary", "diagnostic text is nobody's contract");
  }
  return text;
}

std::string_view receive_kind_name(WireReceiveFailed::Kind kind) {
  using Kind = WireReceiveFailed::Kind;
  switch (kind) {
    case Kind::unknown_type_hash: return "UnknownTypeHash";
    case Kind::type_mismatch: return "TypeMismatch";
    case Kind::decode_failed: return "DecodeFailed";
    case Kind::unknown_site: return "UnknownSite";
    case Kind::unknown_component: return "UnknownComponent";
    case Kind::allocation_failed: return "AllocationFailed";
  }
  return "";
}

std::string completed_text(std::string op, std::uint64_t exec) { return "OpCompleted " + op + " exec " + number(exec); }
std::string timeout_text(std::uint64_t request, std::uint64_t site, std::uint64_t started, std::string waiter) {
  return "WireTimeout request " + number(request) + " site " + number(site) + " started " + number(started) + waiter;
}

}  // namespace

std::string_view base_name(std::string_view name) { return name.substr(0, name.find('#')); }

std::string show_bytes(Bytes bytes) {
  if (bytes.size() <= kBytesShown) return to_hex(bytes);
  return "len " + number(bytes.size()) + " fnv1a64 " + number(fnv1a64(bytes));
}

TraceNames::TraceNames(Checker& check, const Json& setup) {
  Fields fields(check, setup);
  for (const Json& json : fields.list("graphs")) {
    Fields graph(check, json);
    const std::string name = graph.text("graph");
    // Library functions are `domain::name`.
    const std::size_t domain = name.rfind("::");
    Graph known{.base = std::string(
                    base_name(domain == std::string::npos ? std::string_view(name) : std::string_view(name).substr(domain + 2))),
                .target = graph.flag("is_entry_point"),
                .sites = {}};
    for (const Json& site : graph.list("sites"))
      if (check.expect(site.size() == 2 && site[0].is_number_unsigned() && site[1].is_string(), "a site has a number and a name"))
        known.sites.emplace_back(site[0].get<std::uint64_t>(), site[1].get<std::string>());
    graph.skip("ops", "a legend for readers; steps are compared by number");
    graphs_.push_back(std::move(known));
  }
  for (const char* read_elsewhere : {"peer_id_u64", "addresses", "targets"}) fields.get(read_elsewhere);
  fields.skip("loaded_modules_sorted", "the targets' full names, which stand in `graphs`");
  fields.skip("bootstrap_targets", "compared where a trace runs one");
  fields.skip("rng", "nothing random is in a trace but request ids, which differ by decision");
  fields.skip("node_config", "the defaults; what a trace changes stands in differences.json");
  check.expect(fields.number("clock_start_ns") == 0, "the clock starts at 0");
}

// Both number a graph's values in the same order, so what is left to find is which graph is which.
void TraceNames::match(const Node& node) {
  graph_of_.clear();
  site_of_.clear();
  std::uint64_t next = 0;
  for (const Inspection::Target& target : node.inspect().targets) {
    const auto found =
        std::find_if(graphs_.begin(), graphs_.end(), [&](const Graph& graph) { return graph.base == base_name(target.base_name); });
    graph_of_.push_back(static_cast<std::size_t>(found - graphs_.begin()));
    if (found == graphs_.end()) continue;
    for (const auto& [site, name] : found->sites) site_of_[next++] = site;
  }
}

std::string TraceNames::op(OpRef op) const {
  const std::size_t graph = op.graph() < graph_of_.size() ? graph_of_[op.graph()] : graphs_.size();
  return (graph < graphs_.size() ? number(graph) : "new" + number(op.graph())) + ":" + number(op.op());
}

std::string TraceNames::site(SiteId site) const {
  const auto found = site_of_.find(site.v);
  return found == site_of_.end() ? "new" + number(site.v) : number(found->second);
}

std::string TraceNames::target(std::string_view module, std::string_view topic) const {
  if (!module.empty()) return std::string(base_name(module));
  const Graph* only = nullptr;
  std::size_t targets = 0;
  for (const Graph& graph : graphs_) {
    if (!graph.target) continue;
    ++targets;
    const bool makes_it =
        std::any_of(graph.sites.begin(), graph.sites.end(), [&](const auto& site) { return site.second == topic; });
    if (!makes_it) continue;
    if (only) return "?";
    only = &graph;
  }
  if (only) return only->base;
  for (const Graph& graph : graphs_)
    if (targets == 1 && graph.target) return graph.base;
  return "?";
}

bool SentEnvelopes::continues(const Node& node, const SendEnvelope& send, Bytes envelope) {
  wire::EnvelopeView view;
  const auto peer = node.peer_of(send.peer);
  if (!peer || !view.parse(envelope, EnvelopeCaps{})) return false;
  if (unnumbered_ > 0) {
    --unnumbered_;
    return view.incarnation == 0 && view.sequence == 0;
  }
  return view.incarnation == node.incarnation() && view.sequence == ++last_[peer->to_text()];
}

void show_reference_step(Checker& check, const TraceNames& names, const Json& step, Lines& out) {
  Fields fields(check, step);
  const std::string kind = fields.text("step");
  if (kind == "OpCompleted") {
    std::string line = completed_text(fields.text("op"), fields.number("exec"));
    out.push_back(line + " sites" + joined(fields.list("sites")));
  } else if (kind == "AsyncSuspended") {
    out.push_back("AsyncSuspended " + fields.text("op") + " exec " + number(fields.number("exec")) + " command " +
                  number(fields.number("cmd")));
  } else if (kind == "OpFailed") {
    out.push_back("OpFailed " + fields.text("op") + " exec " + number(fields.number("exec")) + " " + fields.text("error_kind") +
                  "/" + fields.text("reason"));
    fields.skip("detail", "diagnostic text is nobody's contract");
  } else if (kind == "AppEvent") {
    const std::string topic = fields.text("topic");
    out.push_back("AppEvent " + names.target(fields.text("module"), topic) + " " + topic + " = " +
                  shown_value(check, fields, "value"));
  } else if (kind == "SendEnvelope") {
    show_envelope(check, fields.bytes("envelope_hex"), out);
    for (const char* part : {"fills", "correlation", "remaining_deadline_ns", "src_peer_bytes", "schema_version"})
      fields.skip(part, "decoded from the bytes");
  } else if (kind == "CycleBudgetExceeded") {
    out.push_back("CycleBudgetExceeded " + number(fields.number("ops_invoked")));
  } else if (kind == "LifecycleFired") {
    out.push_back("LifecycleFired " + fields.text("phase"));
  } else if (kind == "BootstrapComplete" || kind == "WaitingOnBootstrap") {
    out.push_back(kind);
  } else if (kind == "WireDecodeFailed") {
    out.push_back("WireDecodeFailed hash " + number(fields.number("hash")) + " bytes " + number(fields.number("payload_size")));
    fields.skip("detail", "diagnostic text is nobody's contract");
  } else if (kind == "WireReceiveFailed") {
    out.push_back("WireReceiveFailed from " + fields.text("src_peer") + " fill " + number(fields.number("fill_index")) + " hash " +
                  number(fields.number("actual_hash")) + " bytes " + number(fields.number("payload_size")) + " " +
                  receive_kind_text(check, fields.get("kind")));
  } else if (kind == "WireTimeout") {
    const bool waits = !fields.is_null("parked_op");
    out.push_back(timeout_text(fields.number("wire_req_id"), fields.number("target_site"), fields.number("started_at_ns"),
                               waits ? " command " + number(fields.number("parked_op")) : std::string()));
  } else {
    check.expect(false, "the step `" + kind + "` is known");
  }
}

void show_step(Checker& check, const TraceNames& names, const Node& node, SentEnvelopes& sent, const Step& step, Lines& out) {
  if (const auto* done = std::get_if<OpCompleted>(&step)) {
    std::string line = completed_text(names.op(done->op), done->exec.v) + " sites";
    for (const SiteId site : done->sites)
      if (site.valid()) line += " " + names.site(site);
    out.push_back(std::move(line));
  } else if (const auto* parked = std::get_if<AsyncSuspended>(&step)) {
    out.push_back("AsyncSuspended " + names.op(parked->op) + " exec " + number(parked->exec.v) + " command " +
                  number(parked->command.v));
  } else if (const auto* failed = std::get_if<OpFailed>(&step)) {
    out.push_back("OpFailed " + names.op(failed->op) + " exec " + number(failed->exec.v) + " " +
                  std::string(op_error_kind_name(failed->error.kind)) + "/" + std::string(failed->error.reason));
  } else if (const auto* event = std::get_if<AppEvent>(&step)) {
    ByteBuffer encoded;
    if (event->value.carrier() == Carrier::bytes) {
      const Bytes raw = event->value.as_bytes();
      encoded.assign(raw.begin(), raw.end());
    } else {
      check.expect(encode_value(event->value, encoded).has_value(), "the event's value can be encoded");
    }
    out.push_back("AppEvent " + std::string(base_name(event->target)) + " " + std::string(event->topic) + " = " +
                  show_bytes(encoded));
  } else if (const auto* send = std::get_if<SendEnvelope>(&step)) {
    const ByteBuffer bytes = send->bytes();
    check.expect(sent.continues(node, *send, bytes), "the envelope names its sender and counts on");
    show_envelope(check, bytes, out);
  } else if (const auto* budget = std::get_if<CycleBudgetExceeded>(&step)) {
    out.push_back("CycleBudgetExceeded " + number(budget->ops));
  } else if (const auto* fired = std::get_if<LifecycleFired>(&step)) {
    out.push_back("LifecycleFired " + std::string(fired->phase));
  } else if (std::holds_alternative<BootstrapComplete>(step)) {
    out.emplace_back("BootstrapComplete");
  } else if (std::holds_alternative<WaitingOnBootstrap>(step)) {
    out.emplace_back("WaitingOnBootstrap");
  } else if (const auto* decode = std::get_if<WireDecodeFailed>(&step)) {
    out.push_back("WireDecodeFailed hash " + number(decode->hash) + " bytes " + number(decode->payload_size));
  } else if (const auto* receive = std::get_if<WireReceiveFailed>(&step)) {
    std::string line = "WireReceiveFailed from " + to_hex(receive->source.to_bytes()) + " fill " + number(receive->fill) +
                       " hash " + number(receive->actual_hash) + " bytes " + number(receive->payload_size) + " " +
                       std::string(receive_kind_name(receive->kind));
    if (receive->kind == WireReceiveFailed::Kind::type_mismatch) line += " expected " + number(receive->expected_hash);
    out.push_back(std::move(line));
  } else if (const auto* timeout = std::get_if<WireTimeout>(&step)) {
    out.push_back(timeout_text(timeout->request_id, timeout->target_site, timeout->started_ns,
                               timeout->waiter.valid() ? " command " + number(timeout->waiter.v) : std::string()));
  } else if (const auto* unresolved = std::get_if<PeerResolveFailed>(&step)) {
    out.push_back("PeerResolveFailed " + to_hex(unresolved->peer.to_bytes()) + " op " + names.op(unresolved->op) + " exec " +
                  number(unresolved->exec.v));
  } else if (const auto* dropped = std::get_if<OutboundDropped>(&step)) {
    out.push_back("OutboundDropped " + number(dropped->count));
  } else if (const auto* change = std::get_if<PeerChange>(&step)) {
    out.push_back(
        std::string(PeerChange::kind_name(change->kind)) + " " + to_hex(change->peer.to_bytes()) +
        (change->reason == PeerChange::Reason::none ? std::string() : " " + std::string(PeerChange::reason_name(change->reason))));
  } else {
    out.emplace_back("Other");
  }
}

// `Name { field: "text", other: 3 }` or `Name("text")`: the name, quoted texts and numbers in their order.
std::string show_reference_error(std::string_view debug) {
  std::size_t at = debug.find_first_of(" ({");
  std::string text(debug.substr(0, at));
  if (text == "InvalidEnvelope") return text;  // why is what the envelope vectors compare
  while (at < debug.size()) {
    if (debug[at] == '"') {
      const std::size_t end = debug.find('"', at + 1);
      if (end == std::string_view::npos) break;
      text += " " + std::string(debug.substr(at + 1, end - at - 1));
      at = end + 1;
    } else if (debug[at] >= '0' && debug[at] <= '9') {
      const std::size_t end = std::min(debug.find_first_not_of("0123456789", at), debug.size());
      text += " " + std::string(debug.substr(at, end - at));
      at = end;
    } else {
      ++at;
    }
  }
  return text;
}

std::string show_error(const DeliveryError& error) {
  using Kind = DeliveryError::Kind;
  std::string text(DeliveryError::kind_name(error.kind));
  switch (error.kind) {
    case Kind::unknown_module: return text + " " + error.module;
    case Kind::unknown_input:
    case Kind::type_mismatch:
    case Kind::duplicate_input: return text + " " + std::string(base_name(error.module)) + " " + error.input;
    case Kind::oversize_payload:
    case Kind::too_many_inputs:
    case Kind::budget_exceeded: return text + " " + number(error.got) + " " + number(error.cap);
    case Kind::ingress_full:
    case Kind::no_memory:
    case Kind::journal_full:
    case Kind::busy: return text;
  }
  return text;
}

std::string show_error(const BootstrapError& error) {
  std::string text = std::string(BootstrapError::kind_name(error.kind)) + " " + error.target;
  if (!error.input.empty()) text += " " + error.input;
  if (error.kind != BootstrapError::Kind::missing_input)
    for (const std::string& name : error.available) text += " " + name;
  return text;
}

std::string show_error(const InstallError& error) {
  std::string text(InstallError::kind_name(error.kind));
  if (error.kind == InstallError::Kind::unknown_target) {
    text += " " + error.target;
    for (const std::string& item : error.items) text += " " + item;
  } else if (error.kind == InstallError::Kind::unresolved_ops) {
    // `function.node (domain::op): detail`; why is diagnostic text.
    for (const std::string& item : error.items) text += "; " + item.substr(0, item.find("): ")) + ")";
  } else if (error.kind == InstallError::Kind::unregistered_concrete || error.kind == InstallError::Kind::invalid_binding_table) {
    text += " " + error.target;
  }
  return text;
}

}  // namespace bb::golden
