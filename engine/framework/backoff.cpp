// Exponential back-off (spec B §6.4).
#include "framework/backoff.h"

#include <algorithm>

#include "framework/saturating.h"

namespace bb::framework {
namespace {

std::uint32_t one_more(std::uint32_t attempts) { return attempts < UINT32_MAX ? attempts + 1 : attempts; }

}  // namespace

void BackoffState::save(StateWriter& writer) const {
  writer.number(attempts);
  writer.number(last_attempt_ns);
  writer.number(next_retry_ns);
}

Status BackoffState::load(StateReader& reader) {
  attempts = reader.number_u32();
  last_attempt_ns = reader.number();
  next_retry_ns = reader.number();
  return reader.status();
}

Backoff::Backoff(Options options) : options_(options) {
  options_.base_ns = std::max<std::uint64_t>(1, options_.base_ns);
  options_.max_delay_ns = std::max<std::uint64_t>(1, options_.max_delay_ns);
  if (!(options_.jitter > 0)) options_.jitter = 0;  // also when it is not a number
  options_.jitter = std::min(options_.jitter, 1.0);
}

void Backoff::record_failure(BackoffState& state, std::uint64_t now_ns, RandomStream* random) const {
  state.attempts = one_more(state.attempts);
  const std::uint64_t doubled = saturating_multiply(options_.base_ns, 1ULL << std::min<std::uint32_t>(state.attempts - 1, 63));
  std::uint64_t delay_ns = std::min(doubled, options_.max_delay_ns);
  if (options_.jitter > 0 && random) {
    const double factor = 1 - options_.jitter + static_cast<double>(random->next_f32()) * options_.jitter;
    delay_ns = std::min(delay_ns, static_cast<std::uint64_t>(std::min(static_cast<double>(delay_ns) * factor, 0x1p63)));
  }
  state.last_attempt_ns = now_ns;
  state.next_retry_ns = saturating_add(now_ns, delay_ns);
}

void Backoff::record_remote_advisory(BackoffState& state, std::uint64_t now_ns, std::uint64_t min_backoff_ns) const {
  state.attempts = one_more(state.attempts);
  state.last_attempt_ns = now_ns;
  const std::uint64_t asked_ns = saturating_add(now_ns, std::min(min_backoff_ns, options_.max_delay_ns));
  state.next_retry_ns = std::max(state.next_retry_ns, asked_ns);
}

}  // namespace bb::framework
