// What a node does with peers that send faster than it works: a few notices asking for patience, then silence; and the way back,
// when the peer has been quiet or the queue has drained (spec B §6.5).
#pragma once

#include <optional>

#include "bb/state_codec.h"

namespace bb::framework {

/// Numbered as on the wire.
enum class BackoffCause : std::uint8_t { queue_full, phi_accrual, explicit_drop };

/// Kept in the peer's record; all zero for a peer that was never too fast.
struct PressureState {
  std::uint32_t notices_sent = 0;
  bool silent_drop = false;
  std::uint64_t last_notice_ns = 0;       // says something only when a notice was sent
  std::uint64_t last_min_backoff_ns = 0;  // what that notice asked for
  std::uint64_t last_heard_ns = 0;        // when the peer last sent anything while it was under pressure

  bool active() const { return notices_sent > 0; }
  void save(StateWriter& writer) const;
  Status load(StateReader& reader);
};

class Backpressure {
 public:
  struct Options {
    std::uint32_t high_water_percent = 75;  // 1 to 100
    std::uint32_t notices_before_silent = 3;
    std::uint64_t min_notice_interval_ns = 1'000'000'000;
  };
  struct Decision {
    enum class Kind : std::uint8_t { emit, suppress, silent_drop };
    Kind kind = Kind::suppress;
    std::uint64_t effective_ns = 0;  // what an emitted notice asks for
    BackoffCause cause = BackoffCause::queue_full;
  };
  explicit Backpressure(Options options);
  const Options& options() const { return options_; }

  bool is_over_high_water(std::uint64_t length, std::uint64_t capacity) const;
  /// The last notice before silence is still sent: its decision is `emit`, and `silent_drop` is set from then on.
  Decision observe_overload(PressureState& state, BackoffCause cause, std::uint64_t min_backoff_ns, std::uint64_t now_ns) const;
  bool in_suppression_window(const PressureState& state, std::uint64_t now_ns) const;

  /// Once a poll: how full the node's ingress is.
  void note_depth(std::uint64_t length, std::uint64_t capacity, std::uint64_t now_ns);
  /// The peer sent something: it is not quiet.
  void note_heard(PressureState& state, std::uint64_t now_ns) const {
    if (state.active()) state.last_heard_ns = now_ns;
  }
  /// Whether the peer was quiet for four times what it was asked, or the depth was below half the mark for one interval. To be asked
  /// before `note_heard` of a new frame.
  bool recovered(const PressureState& state, std::uint64_t now_ns) const;
  void record_recovery(PressureState& state) const { state = {}; }

  void save(StateWriter& writer) const;
  Status load(StateReader& reader);

 private:
  Options options_;
  std::optional<std::uint64_t> shallow_since_ns_;  // since when the depth has been below half the mark
};

/// What a notice says, and its 20 bytes on the wire.
struct BackoffNotice {
  static constexpr std::size_t kBytes = 20;
  std::uint64_t min_backoff_ns = 0;
  BackoffCause cause = BackoffCause::queue_full;
  std::uint64_t suggested_next_send_ns = 0;  // 0: none

  void encode(std::uint8_t (&out)[kBytes]) const;
  /// Bytes that trail are ignored. Errors: truncated, invalid_value (an unknown cause).
  static Result<BackoffNotice> decode(Bytes bytes);
};

}  // namespace bb::framework
