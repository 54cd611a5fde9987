// How long to leave a peer alone after a failure: exponential, capped, with optional jitter; a peer may ask for more, never for less.
#pragma once

#include "bb/random.h"
#include "bb/state_codec.h"

namespace bb::framework {

/// Kept in the peer's record; all zero for a peer that has not failed since its last success.
struct BackoffState {
  std::uint32_t attempts = 0;
  std::uint64_t last_attempt_ns = 0;
  std::uint64_t next_retry_ns = 0;

  bool active() const { return attempts > 0; }
  void save(StateWriter& writer) const;
  Status load(StateReader& reader);
};

class Backoff {
 public:
  struct Options {
    std::uint64_t base_ns = 10'000'000;
    std::uint64_t max_delay_ns = 60'000'000'000;
    double jitter = 0;  // from 0 to 1: the part of the delay that is drawn at random
  };
  explicit Backoff(Options options);

  /// `random` may be nullptr, and is not drawn from without jitter.
  void record_failure(BackoffState& state, std::uint64_t now_ns, RandomStream* random) const;
  /// The peer asked for patience. Never shortens a window that lasts longer.
  void record_remote_advisory(BackoffState& state, std::uint64_t now_ns, std::uint64_t min_backoff_ns) const;
  void record_success(BackoffState& state) const { state = {}; }
  bool should_retry(const BackoffState& state, std::uint64_t now_ns) const {
    return !state.active() || now_ns >= state.next_retry_ns;
  }
  const Options& options() const { return options_; }

 private:
  Options options_;
};

}  // namespace bb::framework
