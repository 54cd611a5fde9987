// An inbound frame: judged, scanned, checked against what was seen, its fills decoded into the slots of one execution per graph.
// Bytes are charged here, once; nothing is recorded before it is certain that the frame can be taken whole.
#include <algorithm>

#include "runtime/engine.h"
#include "wire/carriers.h"

namespace bb::runtime {
namespace {

constexpr std::uint32_t kToldMax = 7;        // besides one of each fill: of the peer's health, its pressure, lost advice
constexpr std::size_t kSiteSuffixSize = 10;  // e2 01, then eight big-endian bytes

bool is_site_suffix(Bytes suffix) { return suffix.size() == kSiteSuffixSize && suffix[0] == 0xe2 && suffix[1] == 0x01; }

std::uint64_t site_of(Bytes suffix) {
  std::uint64_t site = 0;
  for (std::size_t i = 2; i < kSiteSuffixSize; ++i) site = (site << 8) | suffix[i];
  return site;
}

Received refused(const Error& error) { return {.kind = Received::Kind::refused, .error = error, .envelope = {}}; }

}  // namespace

Received Engine::receive(std::uint32_t peer, Bytes frame) {
  Received received = deliver(peer, frame);
  if (changes_node(received)) count(received.kind);
  return received;
}

// A node that is busy or lacks memory has not looked at the frame.
bool Engine::changes_node(const Received& received) {
  return received.kind != Received::Kind::refused || (received.error.code != Code::busy && received.error.code != Code::no_memory);
}

void Engine::count(Received::Kind kind) {
  switch (kind) {
    case Received::Kind::accepted: ++counters_.envelopes_in; break;
    case Received::Kind::duplicate: ++counters_.duplicates; break;
    case Received::Kind::refused: ++counters_.refused; break;
    case Received::Kind::malformed: ++counters_.malformed; break;
  }
}

void Engine::repeat_refusal(std::uint32_t peer, Received::Kind kind) {
  // The judgement may have told the host, noted that the peer was heard, or ended its silence.
  if (judge_frame(peer) == Judged::ends_silence) end_silence(peer);
  if (kind == Received::Kind::malformed) note_malformed(peer);
  count(kind);
}

// Cheapest first; a frame that is refused changes nothing but a counter.
Received Engine::deliver(std::uint32_t peer, Bytes frame) {
  if (busy()) return refused({Code::busy});
  const Judged judged = judge_frame(peer);
  if (judged == Judged::blocked) return refused({Code::blocked});
  if (judged == Judged::silenced) return refused({Code::silenced});
  const auto parsed = view_.parse(frame, config_.limits.envelope);
  if (!parsed && parsed.error().kind == EnvelopeError::Kind::no_memory) [[unlikely]]
    return refused({Code::no_memory});
  const auto end_any_silence = [&] {
    if (judged == Judged::ends_silence) end_silence(peer);
  };
  if (!parsed) [[unlikely]] {
    end_any_silence();
    note_malformed(peer);
    return {.kind = Received::Kind::malformed, .error = {}, .envelope = parsed.error()};
  }
  framework::PeerRecord& record = peers_.at(peer);
  const bool numbered = view_.incarnation != 0 && view_.sequence != 0;
  if (numbered && record.windows.seen(view_.incarnation, view_.sequence)) {
    end_any_silence();
    return {.kind = Received::Kind::duplicate, .error = {}, .envelope = {}};
  }
  const std::uint32_t fills = view_.fills.size();
  const bool notice = fills > 0 && view_.fills[0].type_hash == wire::kBackoffNoticeHash;
  const bool response = view_.correlation_kind == static_cast<std::int32_t>(wire::CorrelationKind::response);
  if (const Status room = notice || response ? Status{} : room_for_starts(record, fills); !room) {
    end_any_silence();
    return refused(room.error());
  }
  // What is told of the frame, and that it was seen, must not fail once it has changed anything.
  if ((numbered && !record.windows.try_reserve(view_.incarnation)) || !reserve_told(fills + std::uint64_t{kToldMax}) ||
      !bus_.try_reserve(fills + kToldMax))
    return refused({Code::no_memory});
  if (!ingress_bytes_.try_charge(frame.size())) {
    end_any_silence();
    return refused({Code::budget_exceeded, static_cast<std::uint32_t>(frame.size())});
  }

  opened_.clear();
  payload_keys_.clear();
  charged_ = 0;
  receive_errors_ = decode_failures_ = 0;
  out_of_memory_ = false;
  const std::uint32_t told = later_.size();
  if (notice) {
    read_notice(peer);
  } else if (response) {
    out_of_memory_ = !deliver_response(peer);
  } else {
    for (std::uint32_t i = 0; i < fills && !out_of_memory_; ++i) deliver_fill(peer, i);
  }
  const auto starts = opened_.size();
  if (starts > 0 && !ingress_.try_reserve(starts + parked_.size())) out_of_memory_ = true;
  for (std::uint32_t i = 0; i < starts && !out_of_memory_; ++i)
    out_of_memory_ =
        !plan(opened_[i], opened_[i]->graph->kind == LinkedGraph::Kind::service ? PlanStart::Mode::one : PlanStart::Mode::seeds,
              opened_[i]->call_op);
  ingress_bytes_.release(frame.size() - charged_);  // the rest is tied to the values
  out_of_memory_ |= !payload_keys_.empty() && !payloads_.try_reserve(payload_keys_.size());
  if (out_of_memory_) [[unlikely]] {
    while (!opened_.empty()) {
      discard(opened_.back());
      opened_.pop_back();
    }
    later_.truncate(std::min(told, later_.size()));
    return refused({Code::no_memory});
  }
  end_any_silence();
  if (numbered) record.windows.record_reserved(view_.incarnation, view_.sequence);
  for (; receive_errors_ > 0; --receive_errors_) publish_infra(InfraEvent::wire_receive_error);
  for (; decode_failures_ > 0; --decode_failures_) publish_infra(InfraEvent::wire_decode_failure);
  for (Activation* activation : opened_) {
    activation->inbound.remaining_ns = view_.remaining_deadline_ns;
    activation->inbound.request_id = view_.request_id;
    activation->inbound.source = record.id_value;
    activation->from_envelope = true;
    activation->live = 1;
    activation->stage = Activation::Stage::submitted;
    activation->peer = peer;
    activation->peer_generation = record.generation;
    ++ingress_starts_;
    if (record.ingress_starts++ == 0) ++loaded_peers_;
    ingress_.push_reserved({Ingress::Kind::start, activation, {}});
  }
  for (const std::uint64_t key : payload_keys_) payloads_.accept_reserved(key);
  if (!view_.source_addresses.empty() &&
      !peers_.merge_hints(record, {view_.source_addresses.data(), view_.source_addresses.size()}))
    tell_lost_advice(peer);
  if (starts > 0) check_pressure(peer);
  return {};
}

// The executions of a frame, in the ingress as a whole and as this peer's share of it.
Status Engine::room_for_starts(const framework::PeerRecord& record, std::uint32_t fills) const {
  const std::uint32_t most = config_.limits.ingress_max;
  if (ingress_starts_ + fills > most) return fail(Code::queue_full, ingress_starts_);
  if (executions_ + fills > config_.limits.executions_max) return fail(Code::queue_full, executions_);
  const std::uint64_t share = std::max<std::uint64_t>(1, std::uint64_t{most} * config_.limits.peer_share_percent / 100);
  if (record.ingress_starts > 0 && record.ingress_starts + fills > share) return fail(Code::queue_full, record.ingress_starts);
  return {};
}

// An answer goes to the op that awaits it and to no site. False when there is no memory for it.
bool Engine::deliver_response(std::uint32_t peer) {
  if (view_.request_id == 0 || view_.fills.empty()) {
    ++counters_.unmatched_responses;
    return true;
  }
  const wire::FillView& fill = view_.fills[0];
  auto value = fill.trigger_only ? Result<Value>(Value::trigger()) : decode_value(memory_, fill.type_hash, fill.payload);
  if (!value) {
    if (value.error().code == Code::no_memory) return false;
    receive_failed({.source = peers_.at(peer).id,
                    .actual_hash = fill.type_hash,
                    .payload_size = fill.payload.size(),
                    .kind = value.error().code == Code::unknown_type_hash ? WireReceiveFailed::Kind::unknown_type_hash
                                                                          : WireReceiveFailed::Kind::decode_failed,
                    .error = value.error()});
    return true;
  }
  const framework::RequestOutcome outcome = requests_.answer(view_.request_id, peer, *value);
  if (outcome.kind == framework::RequestOutcome::Kind::none) {
    ++counters_.unmatched_responses;
    return true;
  }
  note_success(peer);
  // Round-trip times are advice: without memory for them the answer counts all the same.
  const auto transition = rtt_.observe_round_trip(outcome.site, outcome.chain, outcome.elapsed_ns, timers_.now_ns(), deadlines_);
  if (transition && *transition) note_silence(**transition);
  bool kept = transition || transition.error().code != Code::no_memory;
  for (const wire::RttReport& report : view_.reports)
    kept &= rtt_.ingest_reported_outgoing(
                    outcome.site, report.next_hop_site_id, report.chain_id,
                    {.srtt_ns = report.srtt_ns, .rttvar_ns = report.rttvar_ns, .sample_count = report.sample_count})
                .has_value();
  if (!kept) tell_lost_advice(peer);
  publish_infra(InfraEvent::wire_response_landed);
  if (outcome.kind == framework::RequestOutcome::Kind::gathered) {
    if (const Status gathered = gather(outcome); !gathered)
      fail_later(outcome.waiter, gathered.error().code == Code::no_memory
                                     ? OpError{OpErrorKind::execution_failed, "no_memory", "no memory for the answers"}
                                     : OpError{OpErrorKind::timeout, "chain_timeout", "too few destinations have answered"});
  } else if (outcome.kind == framework::RequestOutcome::Kind::answered) {
    if (const auto completed = complete(outcome.waiter, {&*value, 1}); !completed)
      fail_later(outcome.waiter, {OpErrorKind::remote_failed, code_name(completed.error().code), "the answer does not fit"});
  }
  return true;
}

// What a frame says of addresses and times, and there was no memory for.
void Engine::tell_lost_advice(std::uint32_t peer) {
  emit_later(mask_.failures,
             WireReceiveFailed{.source = peers_.at(peer).id, .kind = WireReceiveFailed::Kind::allocation_failed, .error = {}});
}

void Engine::receive_failed(WireReceiveFailed failure) {
  ++receive_errors_;
  emit_later(mask_.failures, std::move(failure));
}

// The receive that a fill is for; nullptr when it is for none, which has been told.
const Engine::ReceiveAt* Engine::receive_of(std::uint32_t peer, std::uint32_t index) {
  const wire::FillView& fill = view_.fills[index];
  const PeerId& source = peers_.at(peer).id;
  std::uint64_t site = 0;
  if (is_site_suffix(fill.suffix)) {
    site = site_of(fill.suffix);
  } else {
    const auto address = Address::from_bytes(fill.suffix);
    if (address && address->site_id()) {
      site = address->site_id()->v;
    } else if (address && address->component_ref() && address->op_name()) {
      deliver_call(peer, index, *address);
      return nullptr;
    } else {
      ++decode_failures_;
      emit_later(mask_.failures,
                 WireDecodeFailed{.source = source,
                                  .fill = index,
                                  .hash = 0,
                                  .payload_size = fill.payload.size(),
                                  .detail = address ? std::string("address shape neither data-plane nor control-plane")
                                                    : "suffix: " + std::string(code_name(address.error().code))});
      return nullptr;
    }
  }
  if (const ReceiveAt* at = receives_.find(site)) return at;
  receive_failed({.source = source,
                  .fill = index,
                  .actual_hash = fill.type_hash,
                  .payload_size = fill.payload.size(),
                  .kind = WireReceiveFailed::Kind::unknown_site,
                  .error = {}});
  return nullptr;
}

void Engine::deliver_fill(std::uint32_t peer, std::uint32_t index) {
  const ReceiveAt* const at = receive_of(peer, index);
  if (!at) return;
  const wire::FillView& fill = view_.fills[index];
  const PeerId& source = peers_.at(peer).id;
  if (is_repeated(source, index)) {
    ++counters_.duplicates;
    return;
  }
  WireReceiveFailed failure{
      .source = source, .fill = index, .actual_hash = fill.type_hash, .payload_size = fill.payload.size(), .error = {}};
  const LinkedGraph::Receive& receive = at->graph->receives[at->receive];
  Value value;
  if (fill.trigger_only) {
    value = Value::trigger();
  } else {
    const auto& accepted = receive.type->accepted_hashes;
    if (!accepted.empty() && std::find(accepted.begin(), accepted.end(), fill.type_hash) == accepted.end()) {
      failure.kind = WireReceiveFailed::Kind::type_mismatch;
      failure.expected_hash = accepted.front();
      return receive_failed(std::move(failure));
    }
    auto decoded = decode_value(memory_, fill.type_hash, fill.payload);
    if (!decoded) {
      if (decoded.error().code == Code::no_memory) {
        out_of_memory_ = true;
        return;
      }
      failure.error = decoded.error();
      failure.kind = decoded.error().code == Code::unknown_type_hash ? WireReceiveFailed::Kind::unknown_type_hash
                                                                     : WireReceiveFailed::Kind::decode_failed;
      return receive_failed(std::move(failure));
    }
    value = std::move(*decoded);
  }
  Activation* activation = activation_for(*at->graph, receive.payload);
  if (!activation) {
    out_of_memory_ = true;
    return;
  }
  charge(value, fill.payload.size());
  activation->values()[receive.payload] = std::move(value);
  if (receive.sender != kNone) activation->values()[receive.sender] = peers_.at(peer).id_value;
}

// Of peers that number nothing: the same payload under the same request is the same message.
bool Engine::is_repeated(const PeerId& source, std::uint32_t index) {
  if (view_.request_id == 0 || (view_.incarnation != 0 && view_.sequence != 0)) return false;
  std::uint64_t key = fnv1a64(view_.fills[index].payload, source.site_hash() ^ view_.request_id);
  key = (key ^ index) * 0x00000100000001b3ULL;
  if (payloads_.contains(key)) return true;
  if (!payload_keys_.try_push(key) || !payloads_.try_reserve(payload_keys_.size())) out_of_memory_ = true;
  return out_of_memory_;
}

// Bytes of the frame that a value keeps alive.
void Engine::charge(Value& value, std::uint64_t bytes) {
  if (value.attach_charge(ingress_bytes_, bytes)) charged_ += bytes;
}

// A component's method, named by a peer.
void Engine::deliver_call(std::uint32_t peer, std::uint32_t index, const Address& address) {
  const wire::FillView& fill = view_.fills[index];
  const std::uint32_t component = address.component_ref()->v;
  LinkedGraph* const service = component < instances_.size() ? instances_[component].service : nullptr;
  std::uint32_t op = kNone;
  if (service) {
    const auto& methods = instances_[component].type->remote_methods;
    const auto found = std::find(methods.begin(), methods.end(), *address.op_name());
    if (found != methods.end()) op = static_cast<std::uint32_t>(found - methods.begin());
  }
  if (op == kNone)
    return receive_failed({.source = peers_.at(peer).id,
                           .fill = index,
                           .actual_hash = fill.type_hash,
                           .payload_size = fill.payload.size(),
                           .kind = WireReceiveFailed::Kind::unknown_component,
                           .error = {}});
  auto payload = Value::bytes(memory_, fill.payload);
  Activation* const made = payload ? prepare(*service) : nullptr;
  if (!made || !opened_.try_push(made)) {
    if (made) discard(made);
    out_of_memory_ = true;
    return;
  }
  charge(*payload, fill.payload.size());
  made->values()[0] = std::move(*payload);
  made->values()[1] = Value::number(Carrier::request_id, view_.request_id);
  made->call_op = op;
}

// One execution per graph and envelope; a second fill for a site that has its value opens another.
Activation* Engine::activation_for(LinkedGraph& graph, std::uint32_t payload) {
  for (Activation* open : opened_)
    if (open->graph == &graph && !open->values()[payload].present()) return open;
  Activation* const made = prepare(graph);
  if (!made || opened_.try_push(made)) return made;
  discard(made);
  return nullptr;
}

}  // namespace bb::runtime
