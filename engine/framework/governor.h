// Who may talk to this node and whom it talks to: block list, allow list, back-off, and quarantine for peers that send rubbish. It
// also turns successes and failures into "went down" and "came up". All facts about a peer are in the peer's record.
#pragma once

#include "framework/backoff.h"

namespace bb::framework {

enum class BlockReason : std::uint8_t { blocklisted, not_allowlisted, cooldown, quarantined };

struct Verdict {
  bool allowed = true;
  BlockReason reason = BlockReason::blocklisted;  // says something only when not allowed
  std::uint64_t retry_ns = 0;                     // of cooldown and quarantine: when to ask again
};

struct PeerPolicy {
  bool blocked = false;
  bool listed = false;  // on the allow list

  bool set() const { return blocked || listed; }
  void save(StateWriter& writer) const;
  Status load(StateReader& reader);
};

struct PeerHealth {
  std::uint32_t consecutive_failures = 0;
  std::uint64_t last_event_ns = 0;
  bool down = false;

  void save(StateWriter& writer) const;
  Status load(StateReader& reader);
};
enum class HealthTransition : std::uint8_t { none, came_up, went_down };

/// Malformed frames of a peer.
struct Conduct {
  std::uint32_t strikes = 0;
  std::uint64_t window_start_ns = 0;
  std::uint64_t quarantined_until_ns = 0;

  void save(StateWriter& writer) const;
  Status load(StateReader& reader);
};

class Governor {
 public:
  struct Options {
    std::uint32_t failure_threshold = 5;  // at least 1
    bool allowlist_active = false;
    std::uint32_t strikes_max = 16;  // malformed frames within a window that lead into quarantine
    std::uint64_t strike_window_ns = 10'000'000'000;
    std::uint64_t quarantine_ns = 60'000'000'000;
  };
  explicit Governor(Options options) : options_(options) { set_failure_threshold(options.failure_threshold); }

  std::uint32_t failure_threshold() const { return options_.failure_threshold; }
  void set_failure_threshold(std::uint32_t threshold) { options_.failure_threshold = threshold > 0 ? threshold : 1; }
  bool allowlist_active() const { return options_.allowlist_active; }
  /// While it is active, only listed peers are allowed.
  void set_allowlist_active(bool active) { options_.allowlist_active = active; }

  Verdict check_inbound(const PeerPolicy& policy) const;
  /// The same, and refuses peers in quarantine.
  Verdict check_inbound(const PeerPolicy& policy, const Conduct& conduct, std::uint64_t now_ns) const;
  Verdict check_outbound(const PeerPolicy& policy, const BackoffState& state, const Backoff& backoff, std::uint64_t now_ns) const;

  HealthTransition record_success(PeerHealth& health, std::uint64_t now_ns) const;
  HealthTransition record_failure(PeerHealth& health, std::uint64_t now_ns) const;

  /// True when this frame is the one that puts the peer into quarantine.
  bool record_malformed(Conduct& conduct, std::uint64_t now_ns) const;
  bool quarantined(const Conduct& conduct, std::uint64_t now_ns) const { return now_ns < conduct.quarantined_until_ns; }

  /// The threshold and whether the allow list is active, which a host can change while the node runs.
  void save(StateWriter& writer) const;
  Status load(StateReader& reader);

 private:
  Options options_;
};

}  // namespace bb::framework
