// Admission verdicts, peer health and quarantine (spec B §6.3).
#include "framework/governor.h"

#include "framework/saturating.h"

namespace bb::framework {

void PeerPolicy::save(StateWriter& writer) const {
  writer.flag(blocked);
  writer.flag(listed);
}

Status PeerPolicy::load(StateReader& reader) {
  blocked = reader.flag();
  listed = reader.flag();
  return reader.status();
}

void PeerHealth::save(StateWriter& writer) const {
  writer.number(consecutive_failures);
  writer.number(last_event_ns);
  writer.flag(down);
}

Status PeerHealth::load(StateReader& reader) {
  consecutive_failures = reader.number_u32();
  last_event_ns = reader.number();
  down = reader.flag();
  return reader.status();
}

void Conduct::save(StateWriter& writer) const {
  writer.number(strikes);
  writer.number(window_start_ns);
  writer.number(quarantined_until_ns);
}

Status Conduct::load(StateReader& reader) {
  strikes = reader.number_u32();
  window_start_ns = reader.number();
  quarantined_until_ns = reader.number();
  return reader.status();
}

Verdict Governor::check_inbound(const PeerPolicy& policy) const {
  if (policy.blocked) return {.allowed = false, .reason = BlockReason::blocklisted};
  if (options_.allowlist_active && !policy.listed) return {.allowed = false, .reason = BlockReason::not_allowlisted};
  return {};
}

Verdict Governor::check_inbound(const PeerPolicy& policy, const Conduct& conduct, std::uint64_t now_ns) const {
  const Verdict verdict = check_inbound(policy);
  if (verdict.allowed && quarantined(conduct, now_ns))
    return {.allowed = false, .reason = BlockReason::quarantined, .retry_ns = conduct.quarantined_until_ns};
  return verdict;
}

Verdict Governor::check_outbound(const PeerPolicy& policy, const BackoffState& state, const Backoff& backoff,
                                 std::uint64_t now_ns) const {
  const Verdict verdict = check_inbound(policy);
  if (verdict.allowed && !backoff.should_retry(state, now_ns))
    return {.allowed = false, .reason = BlockReason::cooldown, .retry_ns = state.next_retry_ns};
  return verdict;
}

HealthTransition Governor::record_success(PeerHealth& health, std::uint64_t now_ns) const {
  const bool was_down = health.down;
  health = {.last_event_ns = now_ns};
  return was_down ? HealthTransition::came_up : HealthTransition::none;
}

HealthTransition Governor::record_failure(PeerHealth& health, std::uint64_t now_ns) const {
  if (health.consecutive_failures < UINT32_MAX) ++health.consecutive_failures;
  health.last_event_ns = now_ns;
  if (health.down || health.consecutive_failures < options_.failure_threshold) return HealthTransition::none;
  health.down = true;
  return HealthTransition::went_down;
}

bool Governor::record_malformed(Conduct& conduct, std::uint64_t now_ns) const {
  if (quarantined(conduct, now_ns)) return false;
  if (conduct.strikes == 0 || now_ns >= saturating_add(conduct.window_start_ns, options_.strike_window_ns)) {
    conduct.strikes = 0;
    conduct.window_start_ns = now_ns;
  }
  if (++conduct.strikes < options_.strikes_max) return false;
  conduct = {.quarantined_until_ns = saturating_add(now_ns, options_.quarantine_ns)};
  return true;
}

void Governor::save(StateWriter& writer) const {
  writer.number(options_.failure_threshold);
  writer.flag(options_.allowlist_active);
}

Status Governor::load(StateReader& reader) {
  set_failure_threshold(reader.number_u32());
  options_.allowlist_active = reader.flag();
  return reader.status();
}

}  // namespace bb::framework
