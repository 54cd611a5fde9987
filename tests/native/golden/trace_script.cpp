// The verbs of the traces, each by this engine's API.
#include "golden/trace_script.h"

#include <algorithm>

#include "support/attestation.h"
#include "wire/envelope_writer.h"

namespace bb::golden {
namespace {

constexpr std::uint64_t kSeed = 1000;

// `ok`, or an object whose `error` is the debug form.
std::string reference_result(Checker& check, const Json& result) {
  if (const auto* text = result.get_ptr<const std::string*>()) {
    if (*text == "ok" || *text == "Ok(())") return "ok";
    // `Err(UnknownModule("Chain"))`
    if (text->starts_with("Err(") && text->ends_with(")"))
      return show_reference_error(std::string_view(*text).substr(4, text->size() - 5));
  }
  Fields fields(check, result);
  if (fields.has("exec_id")) return "exec " + std::to_string(fields.number("exec_id"));
  fields.skip("display", "diagnostic text is nobody's contract");
  return show_reference_error(fields.text("error"));
}

std::string status_name(BootstrapStatus status) {
  switch (status) {
    case BootstrapStatus::idle: return "Idle";
    case BootstrapStatus::running: return "Running";
    case BootstrapStatus::waiting_for_input: return "WaitingForInput";
  }
  return {};
}

std::string stats_line(std::uint64_t frontier, std::uint64_t parked, std::uint64_t ingress, std::uint64_t outbound) {
  return "stats frontier " + std::to_string(frontier) + " parked " + std::to_string(parked) + " ingress " +
         std::to_string(ingress) + " outbound " + std::to_string(outbound);
}

// The text in the first parentheses.
std::string argument(std::string_view verb) {
  const std::size_t open = verb.find('('), close = verb.find(')');
  return open == std::string_view::npos || close < open ? std::string() : std::string(verb.substr(open + 1, close - open - 1));
}

// One fill with a bytes value of eight bytes for site 0.
ByteBuffer flood_frame(const PeerId& self) {
  const ByteBuffer destination = Address::p2p(self).to_bytes(), suffix = Address().with(SiteId{0}).to_bytes();
  const std::uint8_t payload[16] = {8, 0, 0, 0, 0, 0, 0, 0, 7, 7, 7, 7, 7, 7, 7, 7};
  const Bytes destinations[] = {destination};
  const wire::FillFields fills[] = {{.suffix = suffix, .payload = payload, .type_hash = carrier_hash(Carrier::bytes)}};
  ByteBuffer bytes;
  wire::write_envelope({.destinations = destinations, .fills = fills, .has_correlation = true}, bytes);
  return bytes;
}

}  // namespace

TracePlayer::TracePlayer(Checker& check, const Json& trace, TraceSetup setup)
    : check_(check), setup_(setup), names_(check, trace.is_object() && trace.contains("setup") ? trace["setup"] : Json()) {
  const Json none;
  const Json& given = trace.is_object() && trace.contains("setup") ? trace["setup"] : none;
  if (!given.is_object()) return;
  const auto text = [](const Json& json) { return json.is_string() ? json.get<std::string>() : std::string(); };
  if (given.contains("peer_id_u64"))
    self_ = PeerId::from(static_cast<std::uint64_t>(std::strtoull(text(given["peer_id_u64"]).c_str(), nullptr, 10)));
  if (given.contains("addresses"))
    for (const Json& json : given["addresses"]) {
      const auto bytes = from_hex(text(json));
      auto address = Address::from_bytes(bytes.value_or(ByteBuffer()));
      if (check_.expect(address.has_value(), "the setup's address can be read")) addresses_.push_back(std::move(*address));
    }
  if (given.contains("targets"))
    for (const Json& json : given["targets"]) targets_.push_back(text(json));
}

std::string TracePlayer::installed() {
  InstallOptions options;
  options.peer = self_;
  options.addresses = addresses_;
  options.artifacts = {setup_.model};
  options.targets = targets_;
  options.limits = setup_.limits;
  options.seed = kSeed;
  options.incarnation = 1;
  options.echo_app_events = true;
  options.mask = StepMask::all();
  auto node = Node::install(setup_.registry, std::move(options));
  if (!node) return "install " + show_error(node.error());
  node_ = std::move(*node);
  sent_ = {};
  names_.match(*node_);
  return "install ok";
}

bool TracePlayer::install(Lines& reference, Lines& ours) {
  reference.emplace_back("install ok");
  ours.push_back(installed());
  return node_ != nullptr;
}

void TracePlayer::play(const Json& element, Lines& reference, Lines& ours) {
  Fields fields(check_, element);
  const Both out{reference, ours};
  if (fields.has("do")) return play_verb(fields.text("do"), fields, out);
  if (fields.has("note")) return fields.skip("note", "prose");
  play_look(fields, out);
}

void TracePlayer::play_verb(const std::string& verb, Fields& fields, Both out) {
  if (verb == "poll") return play_poll(fields, out);
  if (verb == "run_bootstrap") return play_bootstrap(fields, out);
  if (verb == "flood") return play_flood(fields, out);
  if (verb == "deliver_event" || verb == "invoke" || verb == "deliver_inbound" || verb.starts_with("deliver_event with module"))
    return play_delivery(fields, out);
  auto& [reference, ours] = out;
  const auto result = [&](const Status& status) {
    reference.push_back("result " + (fields.has("result") ? reference_result(check_, fields.get("result")) : std::string("ok")));
    ours.push_back("result " + (status ? std::string("ok") : std::string(code_name(status.error().code))));
  };
  if (verb == "add_peer") {
    auto address = Address::from_text(fields.text("address"));
    if (check_.expect(address.has_value(), "the address can be read"))
      result(node_->add_peer(PeerId::from(fields.number("peer_u64")), {&*address, 1}));
  } else if (verb == "scheduler.set_now") {
    reach(fields.number("now_ns"));
  } else if (verb == "ingress TimerMatured") {
    reach(fields.number("at_ns"));
    check_.expect(fields.flag("pushed"), "the reference took the event");
  } else if (verb == "ingress Completion") {
    std::vector<Value> values;
    for (const Json& json : fields.list("results")) values.push_back(bytes_value(value_of(json)));
    result(node_->complete(CommandId{fields.number("cmd")}, values));
  } else if (verb == "ingress SendFailed") {
    const std::uint64_t request = fields.number("wire_req_id");
    result(node_->send_failed(request, sender(fields.number("peer_u64")), "nak"));
  } else if (verb.starts_with("engine.fire_lifecycle")) {
    result(node_->fire_lifecycle(argument(verb)));
  } else if (verb.starts_with("engine.register_event_subscription")) {
    // An install has done it already.
  } else if (verb.starts_with("restore(")) {
    const VectorFile* const file = find_file(setup_.files, argument(verb));
    if (check_.expect(file != nullptr, "the snapshot is there")) play_restore(file->content, fields, out);
  } else if (verb == "with_config(ingress_byte_budget = 10)") {
    setup_.limits.ingress_bytes_max = 10;
    check_.expect(installed() == "install ok", "installs with other limits");
  } else if (verb == "ingress EnvelopeFrom::from_in_process(src 20, empty envelope)") {
    check_.expect(receive(20, {}).kind == ReceiveStatus::Kind::accepted, "an empty envelope is taken");
  } else {
    check_.expect(false, "the verb `" + verb + "` is known");
  }
}

bool TracePlayer::poll(Lines& out, bool& waiting) {
  const std::size_t before = out.size();
  const Poll poll = node_->poll(now_ns_);
  for (const Step& step : poll.steps) {
    waiting |= std::holds_alternative<WaitingOnBootstrap>(step);
    show_step(check_, names_, *node_, sent_, step, out);
  }
  return out.size() > before;
}

void TracePlayer::play_poll(Fields& fields, Both out) {
  auto& [reference, ours] = out;
  const Json& steps = fields.list("steps");
  for (const Json& step : steps) show_reference_step(check_, names_, step, reference);
  check_.same_text("result", steps.empty() ? "Pending" : "Ready", fields.text("result"));
  fields.skip("unordered_wire_timeouts_sorted_by_id", "here timeouts are in the order of their times");
  Fields stats(check_, fields.get("stats_after"));
  reference.push_back(
      stats_line(stats.number("frontier"), stats.number("pending_async"), stats.number("ingress"), stats.number("outbound")));
  for (const char* other : {"bus", "slots", "ingress_bytes_in_flight"})
    stats.skip(other, "kept for another time here: `stats` in differences.json");
  bool waiting = false;
  poll(ours, waiting);
  const EngineStats now = node_->stats();
  ours.push_back(stats_line(now.frontier, now.parked, now.ingress, now.outbound));
}

void TracePlayer::play_bootstrap(Fields& fields, Both out) {
  auto& [reference, ours] = out;
  std::vector<std::string> targets;
  std::vector<std::vector<std::pair<std::string, Value>>> inputs;
  for (const Json& json : fields.list("targets")) {
    Fields target(check_, json);
    targets.push_back(target.text("target"));
    inputs.emplace_back();
    for (const Json& input : target.list("inputs"))
      if (check_.expect(input.size() == 2 && input[0].is_string(), "an input has a name and a value"))
        inputs.back().emplace_back(input[0].get<std::string>(), bytes_value(value_of(input[1])));
  }
  std::vector<std::vector<NamedValue>> named(targets.size());
  std::vector<BootstrapRequest> requests;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    for (auto& [name, value] : inputs[i]) named[i].push_back({name, std::move(value)});
    requests.push_back({.target = targets[i], .inputs = named[i]});
  }

  if (fields.has("error")) {
    reference.push_back("error " + show_reference_error(fields.text("error")));
    fields.skip("display", "diagnostic text is nobody's contract");
  } else {
    for (const Json& step : fields.list("steps")) show_reference_step(check_, names_, step, reference);
  }
  reference.push_back("status " + fields.text("status_after"));

  const auto queued = requests.empty() ? node_->bootstrap() : node_->bootstrap(std::span<const BootstrapRequest>(requests));
  bool waiting = false;
  if (!queued) {
    ours.push_back("error " + show_error(queued.error()));
  } else {
    while (node_->bootstrap_status() == BootstrapStatus::running && !waiting && poll(ours, waiting)) {}
  }
  ours.push_back("status " + status_name(node_->bootstrap_status()));
}

void TracePlayer::play_flood(Fields& fields, Both out) {
  auto& [reference, ours] = out;
  const std::uint64_t count = fields.number("count");
  reach(fields.number("now_ns"));
  reference.push_back("accepted " + std::to_string(fields.number("accepted_by_ingress")));
  reference.push_back("OpCompleted " + std::to_string(fields.number("op_completed")) + " times");
  for (const Json& step : fields.list("send_envelopes")) show_reference_step(check_, names_, step, reference);
  fields.skip("entry", "what the node thinks of the peer is seen by its notices");

  Lines steps;
  bool waiting = false;
  poll(steps, waiting);  // sets the clock
  const ByteBuffer frame = flood_frame(self_);
  std::uint64_t accepted = 0;
  for (std::uint64_t i = 0; i < count; ++i) accepted += receive(2, frame).kind == ReceiveStatus::Kind::accepted;
  ours.push_back("accepted " + std::to_string(accepted));
  for (bool more = true; more;) {
    poll(steps, waiting);
    more = node_->stats().frontier > 0 || node_->stats().ingress > 0;
  }
  std::uint64_t completed = 0;
  for (const std::string& line : steps) completed += line.starts_with("OpCompleted");
  ours.push_back("OpCompleted " + std::to_string(completed) + " times");
  for (std::string& line : steps)
    if (!line.starts_with("OpCompleted") && !line.starts_with("AppEvent") && !line.starts_with("CycleBudgetExceeded"))
      ours.push_back(std::move(line));
}

// Inputs of the host, and frames of a peer.
void TracePlayer::play_delivery(Fields& fields, Both out) {
  auto& [reference, ours] = out;
  reference.push_back("result " + reference_result(check_, fields.get("result")));
  const std::string verb = fields.text("do");
  if (verb == "deliver_inbound") {
    const ReceiveStatus status = receive(fields.number("src_peer_u64"), fields.bytes("bytes"));
    switch (status.kind) {
      case ReceiveStatus::Kind::accepted: ours.emplace_back("result ok"); break;
      case ReceiveStatus::Kind::duplicate: ours.emplace_back("result Duplicate"); break;
      case ReceiveStatus::Kind::refused: ours.push_back("result Refused " + std::string(code_name(status.error.code))); break;
      case ReceiveStatus::Kind::malformed: ours.emplace_back("result InvalidEnvelope"); break;
    }
    return;
  }
  if (verb == "invoke") {
    std::vector<std::string> names;
    std::vector<NamedValue> inputs;
    const Json& list = fields.list("inputs");
    names.reserve(list.size());
    for (const Json& input : list)
      if (check_.expect(input.size() == 2 && input[0].is_string(), "an input has a name and a value")) {
        names.push_back(input[0].get<std::string>());
        inputs.push_back({names.back(), bytes_value(value_of(input[1]))});
      }
    const auto exec = node_->invoke(fields.text("module"), inputs);
    ours.push_back("result " + (exec ? "exec " + std::to_string(exec->v) : show_error(exec.error())));
    return;
  }
  const bool short_name = verb != "deliver_event";
  const std::string module = short_name ? "Chain" : fields.text("module"), input = short_name ? "x" : fields.text("input");
  const auto exec = node_->deliver_event(module, input, bytes_value(short_name ? ByteBuffer() : value_of(fields.get("value"))));
  ours.push_back("result " + (exec ? "ok" : show_error(exec.error())));
}

// Elements without a verb look at what the node holds.
void TracePlayer::play_look(Fields& fields, Both out) {
  auto& [reference, ours] = out;
  if (fields.has("resolve_peer_addresses")) {
    const PeerId peer = PeerId::from(fields.number("resolve_peer_addresses"));
    std::string line = "addresses";
    if (!fields.is_null("addresses"))
      for (const Json& json : fields.list("addresses"))
        if (json.is_string()) line += " " + json.get<std::string>();
    reference.push_back(std::move(line));
    std::string own = "addresses";
    for (const Address& address : node_->addresses_of(peer)) own += " " + address.to_text();
    ours.push_back(std::move(own));
    if (!fields.has("ref_count")) return;
    reference.push_back("references " + std::to_string(fields.number("ref_count")));
    std::uint64_t references = 0;
    for (const Inspection::Peer& known : node_->inspect().peers)
      if (known.id == peer) references = known.references;
    ours.push_back("references " + std::to_string(references));
  } else if (fields.has("rtt_entry_of_peer_2")) {
    check_.expect(fields.is_null("rtt_entry_of_peer_2"), "the reference has measured nothing");
    reference.push_back("in flight " + std::to_string(fields.number("in_flight")));
    ours.push_back("in flight " + std::to_string(node_->stats().requests));
  } else if (fields.has("graphs_after_restore")) {
    fields.skip("graphs_after_restore", "the reference numbers sites anew after a restore; here they stay as they are installed");
  } else if (fields.has("restore")) {
    // The reference's node had one op asleep when its snapshot was taken.
    check_.expect(node_->deliver_event(targets_.front(), "x", bytes_value(as_bytes(std::string_view("x")))).has_value(),
                  "the op that sleeps can be started");
    node_->poll(0);
    const auto snapshot = node_->snapshot();
    if (check_.expect(snapshot.has_value(), "the node can be saved"))
      play_restore({snapshot->data(), snapshot->size()}, fields, out);
  } else if (fields.has("snapshot") || fields.has("snapshot after another poll") || fields.has("restore with spec_version 2")) {
    play_snapshot_errors(fields, out);
  } else {
    check_.expect(false, "the element is known");
  }
}

void TracePlayer::play_restore(Bytes snapshot, Fields& fields, Both out) {
  auto& [reference, ours] = out;
  const std::string_view result = fields.has("result") ? "result" : "restore";
  reference.push_back("restore " + fields.text(result));
  reference.push_back("parked " + std::to_string(fields.number("pending_async")));
  check_.expect(installed() == "install ok", "a fresh node is installed");
  const auto restored = node_->restore(snapshot);
  sent_.expect_unnumbered(node_->stats().outbound);
  ours.push_back(restored ? "restore Ok(())" : "restore " + std::string(RestoreError::kind_name(restored.error().kind)));
  ours.push_back("parked " + std::to_string(node_->stats().parked));
  if (!fields.has("incarnation")) return;
  reference.push_back("incarnation " + std::to_string(fields.number("incarnation")));
  ours.push_back("incarnation " + std::to_string(node_->inspect().incarnation));
}

void TracePlayer::play_snapshot_errors(Fields& fields, Both out) {
  auto& [reference, ours] = out;
  auto snapshot = node_->snapshot();
  if (!check_.expect(snapshot.has_value(), "the node can be saved")) return;
  for (const std::string_view look : {"snapshot", "snapshot after another poll"})
    if (fields.has(look)) {
      reference.push_back("snapshot " + fields.text(look));
      ours.push_back("snapshot ok");
      return;
    }
  // One more than the version that is written, as the reference's test does with its own.
  const std::string expected = fields.text("restore with spec_version 2");
  reference.push_back("restore " + expected.substr(0, expected.find(" {")) + ")");
  ++(*snapshot)[8];
  const auto restored = node_->restore({snapshot->data(), snapshot->size()});
  ours.push_back(restored ? "restore Ok(())" : "restore Err(" + std::string(RestoreError::kind_name(restored.error().kind)) + ")");
}

PeerHandle TracePlayer::sender(std::uint64_t peer) {
  const auto handle = node_->admit(PeerAttestation::of(PeerId::from(peer)));
  check_.expect(handle.has_value(), "the sender is admitted");
  return handle.value_or(PeerHandle{});
}

ReceiveStatus TracePlayer::receive(std::uint64_t peer, Bytes frame) { return node_->receive(sender(peer), frame); }

Value TracePlayer::bytes_value(Bytes bytes) {
  auto value = Value::bytes(node_->memory(), bytes);
  check_.expect(value.has_value(), "the value can be made");
  return value ? std::move(*value) : Value();
}

ByteBuffer TracePlayer::value_of(const Json& value) {
  if (const auto* text = value.get_ptr<const std::string*>()) {
    auto bytes = from_hex(*text);
    check_.expect(bytes.has_value(), "the value is lower-case hex");
    return bytes ? std::move(*bytes) : ByteBuffer();
  }
  Fields fields(check_, value);
  ByteBuffer bytes(static_cast<std::size_t>(fields.number("len")), 1);
  check_.same("the value's hash", fields.number("fnv1a64"), fnv1a64(Bytes(bytes)));
  return bytes;
}

}  // namespace bb::golden
