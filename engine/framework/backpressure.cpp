// Notices, silence and recovery, and the notice's bytes.
#include "framework/backpressure.h"

#include <algorithm>

#include "framework/saturating.h"

namespace bb::framework {
namespace {

constexpr std::uint64_t kQuietFactor = 4;
constexpr std::uint32_t kCauses = 3;

}  // namespace

void PressureState::save(StateWriter& writer) const {
  writer.number(notices_sent);
  writer.flag(silent_drop);
  writer.number(last_notice_ns);
  writer.number(last_min_backoff_ns);
  writer.number(last_heard_ns);
}

Status PressureState::load(StateReader& reader) {
  notices_sent = reader.number_u32();
  silent_drop = reader.flag();
  last_notice_ns = reader.number();
  last_min_backoff_ns = reader.number();
  last_heard_ns = reader.number();
  return reader.status();
}

Backpressure::Backpressure(Options options) : options_(options) {
  options_.high_water_percent = std::clamp<std::uint32_t>(options_.high_water_percent, 1, 100);
  options_.notices_before_silent = std::max<std::uint32_t>(1, options_.notices_before_silent);
  options_.min_notice_interval_ns = std::max<std::uint64_t>(1, options_.min_notice_interval_ns);
}

bool Backpressure::is_over_high_water(std::uint64_t length, std::uint64_t capacity) const {
  using Wide = unsigned __int128;
  return capacity > 0 && Wide{length} * 100 >= Wide{capacity} * options_.high_water_percent;
}

bool Backpressure::in_suppression_window(const PressureState& state, std::uint64_t now_ns) const {
  return state.active() && now_ns < saturating_add(state.last_notice_ns, state.last_min_backoff_ns);
}

Backpressure::Decision Backpressure::observe_overload(PressureState& state, BackoffCause cause, std::uint64_t min_backoff_ns,
                                                      std::uint64_t now_ns) const {
  note_heard(state, now_ns);
  if (state.silent_drop) return {.kind = Decision::Kind::silent_drop, .cause = cause};
  if (in_suppression_window(state, now_ns)) return {.kind = Decision::Kind::suppress, .cause = cause};
  const std::uint64_t effective_ns = std::max(min_backoff_ns, options_.min_notice_interval_ns);
  if (state.notices_sent < UINT32_MAX) ++state.notices_sent;
  state.last_notice_ns = now_ns;
  state.last_min_backoff_ns = effective_ns;
  state.last_heard_ns = now_ns;
  state.silent_drop = state.notices_sent >= options_.notices_before_silent;
  return {.kind = Decision::Kind::emit, .effective_ns = effective_ns, .cause = cause};
}

void Backpressure::note_depth(std::uint64_t length, std::uint64_t capacity, std::uint64_t now_ns) {
  using Wide = unsigned __int128;
  if (capacity > 0 && Wide{length} * 200 >= Wide{capacity} * options_.high_water_percent) {
    shallow_since_ns_.reset();
  } else if (!shallow_since_ns_) {
    shallow_since_ns_ = now_ns;
  }
}

bool Backpressure::recovered(const PressureState& state, std::uint64_t now_ns) const {
  if (!state.active()) return false;
  const std::uint64_t quiet_ns = saturating_multiply(kQuietFactor, state.last_min_backoff_ns);
  if (now_ns >= saturating_add(state.last_heard_ns, quiet_ns)) return true;
  return shallow_since_ns_ && now_ns >= saturating_add(*shallow_since_ns_, options_.min_notice_interval_ns);
}

void Backpressure::save(StateWriter& writer) const {
  writer.flag(shallow_since_ns_.has_value());
  if (shallow_since_ns_) writer.number(*shallow_since_ns_);
}

Status Backpressure::load(StateReader& reader) {
  shallow_since_ns_.reset();
  if (reader.flag()) shallow_since_ns_ = reader.number();
  return reader.status();
}

void BackoffNotice::encode(std::uint8_t (&out)[kBytes]) const {
  store_le<std::uint64_t>(out, min_backoff_ns);
  store_le<std::uint32_t>(out + 8, static_cast<std::uint32_t>(cause));
  store_le<std::uint64_t>(out + 12, suggested_next_send_ns);
}

Result<BackoffNotice> BackoffNotice::decode(Bytes bytes) {
  if (bytes.size() < kBytes) return fail(Code::truncated, bytes.size());
  const auto cause = load_le<std::uint32_t>(bytes.data() + 8);
  if (cause >= kCauses) return fail(Code::invalid_value, 8);
  return BackoffNotice{.min_backoff_ns = load_le<std::uint64_t>(bytes.data()),
                       .cause = static_cast<BackoffCause>(cause),
                       .suggested_next_send_ns = load_le<std::uint64_t>(bytes.data() + 12)};
}

}  // namespace bb::framework
