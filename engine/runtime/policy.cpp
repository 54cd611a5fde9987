// What the node thinks of its peers: who may send, who is asked to send less, who counts as down (spec B §6.3 to §6.5, §7.6 to §7.8).
#include <algorithm>

#include "runtime/engine.h"
#include "wire/carriers.h"

namespace bb::runtime {
namespace {

PeerChange::Reason reason_of(framework::BlockReason reason) {
  switch (reason) {
    case framework::BlockReason::blocklisted: return PeerChange::Reason::blocklisted;
    case framework::BlockReason::not_allowlisted: return PeerChange::Reason::not_allowlisted;
    case framework::BlockReason::cooldown: return PeerChange::Reason::cooldown;
    case framework::BlockReason::quarantined: return PeerChange::Reason::quarantined;
  }
  return PeerChange::Reason::none;
}

// A notice asks for nothing back, so it names no site: its suffix is the asking node's own address.
struct OwnSuffix {
  std::uint8_t bytes[2 + 1 + PeerId::kBytesMax];
  std::size_t size = 0;
  explicit OwnSuffix(const PeerId& peer) {
    bytes[0] = 0xa5;
    bytes[1] = 0x03;
    const std::size_t length = peer.write(bytes + 3);
    bytes[2] = static_cast<std::uint8_t>(length);
    size = 3 + length;
  }
  Bytes view() const { return {bytes, size}; }
};

}  // namespace

// Whether a frame is looked at at all, and whether it ends a silence if it is.
Engine::Judged Engine::judge_frame(std::uint32_t peer) {
  framework::PeerRecord& record = peers_.at(peer);
  const std::uint64_t now = timers_.now_ns();
  if (const framework::Verdict verdict = governor_.check_inbound(record.policy); !verdict.allowed) [[unlikely]] {
    tell_blocked(peer, verdict);
    return Judged::blocked;
  }
  if (governor_.quarantined(record.conduct, now)) [[unlikely]]
    return Judged::blocked;
  if (!record.pressure.silent_drop) [[likely]]
    return Judged::heard;
  if (backpressure_.recovered(record.pressure, now)) return Judged::ends_silence;
  backpressure_.note_heard(record.pressure, now);
  return Judged::silenced;
}

void Engine::note_malformed(std::uint32_t peer) {
  framework::PeerRecord& record = peers_.at(peer);
  if (!governor_.record_malformed(record.conduct, timers_.now_ns())) return;
  tell_blocked(peer,
               {.allowed = false, .reason = framework::BlockReason::quarantined, .retry_ns = record.conduct.quarantined_until_ns});
}

void Engine::note_success(std::uint32_t peer) {
  framework::PeerRecord& record = peers_.at(peer);
  backoff_.record_success(record.backoff);
  note_transition(peer, governor_.record_success(record.health, timers_.now_ns()));
}

void Engine::note_failure(std::uint32_t peer) {
  framework::PeerRecord& record = peers_.at(peer);
  backoff_.record_failure(record.backoff, timers_.now_ns(), nullptr);
  note_transition(peer, governor_.record_failure(record.health, timers_.now_ns()));
}

void Engine::note_transition(std::uint32_t peer, framework::HealthTransition transition) {
  if (transition == framework::HealthTransition::none) return;
  const bool up = transition == framework::HealthTransition::came_up;
  publish_infra(up ? InfraEvent::peer_live : InfraEvent::peer_down);
  emit_later(mask_.failures, PeerChange{.kind = up ? PeerChange::Kind::up : PeerChange::Kind::down, .peer = peers_.at(peer).id});
}

void Engine::note_silence(const framework::PhiTransition& transition) {
  using State = framework::PhiState;
  publish_infra(transition.state == State::live      ? InfraEvent::peer_live
                : transition.state == State::suspect ? InfraEvent::peer_suspect
                                                     : InfraEvent::peer_down);
  std::uint32_t peer = 0;
  while (peer < peers_.capacity() && (!peers_.live(peer) || peers_.at(peer).id.site_hash() != transition.site)) ++peer;
  if (peer == peers_.capacity()) return;
  if (transition.state == State::live) backpressure_.record_recovery(peers_.at(peer).pressure);
  const PeerChange::Kind kind = transition.state == State::live      ? PeerChange::Kind::up
                                : transition.state == State::suspect ? PeerChange::Kind::suspect
                                                                     : PeerChange::Kind::down;
  emit_later(mask_.failures, PeerChange{.kind = kind, .peer = peers_.at(peer).id, .phi = transition.phi});
}

// Once per peer between two polls: a flood of refused frames is no flood of steps.
void Engine::tell_blocked(std::uint32_t peer, const framework::Verdict& verdict) {
  framework::PeerRecord& record = peers_.at(peer);
  const std::uint64_t poll = polling_ ? polls_ : polls_ + 1;  // that the step comes with
  if (record.told_blocked_poll == poll) return;
  const std::uint32_t told = later_.size();
  emit_later(
      mask_.failures,
      PeerChange{
          .kind = PeerChange::Kind::blocked, .reason = reason_of(verdict.reason), .peer = record.id, .retry_ns = verdict.retry_ns});
  if (polling_ || later_.size() > told) record.told_blocked_poll = poll;
}

// One is told of each; a request that is evicted ends another wait.
bool Engine::room_to_report(std::uint64_t destinations) {
  return unresolved_.try_reserve(unresolved_.size() + destinations) &&
         steps_.try_reserve(steps_.size() + destinations * 2 + events_.size() + 4) &&
         bus_.try_reserve(static_cast<std::uint32_t>(std::min<std::uint64_t>(destinations + 2, UINT32_MAX)));
}

void Engine::peer_denied(std::uint32_t peer, const framework::Verdict& verdict) { tell_blocked(peer, verdict); }

void Engine::peer_unresolved(const PeerId& peer, const OpContext& ctx) {
  publish_infra(InfraEvent::peer_resolve_failure);
  unresolved_.push_reserved(peer, ctx.op(), ctx.exec());
}

// A frame's executions have left the ingress.
void Engine::note_drained(Activation* activation) {
  framework::PeerRecord& record = peers_.at(activation->peer);
  if (record.generation == activation->peer_generation && record.ingress_starts > 0) {
    --record.ingress_starts;
    if (record.ingress_starts == 0) --loaded_peers_;
  }
  activation->peer = kNone;
}

// The queue is nearly full and this peer has more than its part of it: it is asked to send less.
void Engine::check_pressure(std::uint32_t peer) {
  framework::PeerRecord& record = peers_.at(peer);
  backpressure_.note_depth(ingress_starts_, config_.limits.ingress_max, timers_.now_ns());
  if (!backpressure_.is_over_high_water(ingress_starts_, config_.limits.ingress_max)) return;
  if (std::uint64_t{record.ingress_starts} * loaded_peers_ < ingress_starts_) return;
  (void)ask_to_back_off(peer, framework::BackoffCause::queue_full, 0);
}

bool Engine::ask_to_back_off(std::uint32_t peer, framework::BackoffCause cause, std::uint64_t min_backoff_ns) {
  framework::PeerRecord& record = peers_.at(peer);
  const framework::PressureState before = record.pressure;
  const auto decision = backpressure_.observe_overload(record.pressure, cause, min_backoff_ns, timers_.now_ns());
  if (decision.kind != framework::Backpressure::Decision::Kind::emit) return false;
  std::uint8_t notice[framework::BackoffNotice::kBytes];
  framework::BackoffNotice{.min_backoff_ns = decision.effective_ns, .cause = cause}.encode(notice);
  const OwnSuffix to(record.id), from(config_.self);
  const Bytes destination[] = {to.view()};
  const wire::FillFields fill[] = {{.suffix = from.view(), .payload = notice, .type_hash = wire::kBackoffNoticeHash}};
  const wire::EnvelopeFields fields{.fills = fill, .has_correlation = true, .source_peer = {}, .incarnation = peers_.incarnation()};
  std::uint8_t* head = nullptr;
  std::uint8_t* body = nullptr;
  const std::uint64_t head_bytes = wire::head_size(destination), body_bytes = wire::body_size(fields);
  auto head_value = Value::bytes_of_size(memory_, head_bytes, head);
  auto body_value = Value::bytes_of_size(memory_, body_bytes, body);
  bool queued = false;
  if (head_value && body_value) {
    wire::write_head(destination, head);
    wire::write_body(fields, body);
    framework::OutboundMessage message{.peer = peer,
                                       .lane = framework::Lane::control,
                                       .sequence = record.outbound.next_sequence,
                                       .head = std::move(*head_value),
                                       .body = std::move(*body_value)};
    message.tail_size = static_cast<std::uint8_t>(wire::write_tail(message.sequence, message.tail) - message.tail);
    message.bytes = head_bytes + body_bytes + message.tail_size;
    queued = outbound_
                 .push(record.outbound, std::move(message),
                       [this](std::uint32_t p) -> framework::PeerOutbound& { return peers_.at(p).outbound; })
                 .kind != framework::Outbound::Pushed::Kind::no_memory;
  }
  if (!queued) {  // it has not been asked, and will be with its next frame
    record.pressure = before;
    ++counters_.outbound_dropped;
    return false;
  }
  ++record.outbound.next_sequence;
  publish_infra(InfraEvent::backoff_notice_sent);
  emit_later(mask_.failures, PeerChange{.kind = PeerChange::Kind::notified, .peer = record.id, .retry_ns = decision.effective_ns});
  if (record.pressure.silent_drop) {
    publish_infra(InfraEvent::silent_drop_active);
    emit_later(mask_.failures, PeerChange{.kind = PeerChange::Kind::silenced, .peer = record.id});
  }
  return true;
}

// The peer asks this node to send it less.
void Engine::read_notice(std::uint32_t peer) {
  ++counters_.backoff_notices;
  const wire::FillView& fill = view_.fills[0];
  const auto notice = framework::BackoffNotice::decode(fill.payload);
  if (!notice) {
    ++decode_failures_;
    emit_later(mask_.failures, WireDecodeFailed{.source = peers_.at(peer).id,
                                                .fill = 0,
                                                .hash = fill.type_hash,
                                                .payload_size = fill.payload.size(),
                                                .detail = "back-off notice: " + std::string(code_name(notice.error().code))});
    return;
  }
  framework::PeerRecord& record = peers_.at(peer);
  backoff_.record_remote_advisory(record.backoff, timers_.now_ns(), notice->min_backoff_ns);
  note_transition(peer, governor_.record_failure(record.health, timers_.now_ns()));
}

}  // namespace bb::runtime
