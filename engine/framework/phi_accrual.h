// How suspicious a peer's silence is: the time since it was last heard, measured in its own mean interval (φ accrual, spec B §6.6).
#pragma once

#include "base/ring.h"
#include "bb/state_codec.h"

namespace bb::framework {

class PhiAccrual {
 public:
  static constexpr std::uint32_t kHistoryMax = 1'000;
  static constexpr std::uint64_t kNever = UINT64_MAX;

  /// Makes certain that the next heartbeat can be recorded.
  [[nodiscard]] bool try_reserve(AllocationSite site = AllocationSite::current());
  /// The peer was heard; call `try_reserve` first. The first heartbeat, and one after a heartbeat at time 0, records no interval.
  void heartbeat(std::uint64_t now_ns);
  /// 0 before the second heartbeat, and when all intervals are 0.
  double phi(std::uint64_t now_ns) const;
  /// The first time at which φ is greater than `threshold`, exactly as `phi` computes it; `kNever` when there is none.
  std::uint64_t crossing_ns(double threshold) const;
  /// True when a heartbeat now would record an interval.
  bool heard() const { return last_seen_ns_ != 0; }
  std::uint64_t last_seen_ns() const { return last_seen_ns_; }
  const Ring<std::uint64_t>& intervals() const { return intervals_; }

  void save(StateWriter& writer) const;
  /// Into a new object. Errors: those of the reader, no_memory.
  Status load(StateReader& reader);

 private:
  Ring<std::uint64_t> intervals_{kHistoryMax, 4};
  unsigned __int128 sum_ns_ = 0;  // of the intervals
  std::uint64_t last_seen_ns_ = 0;
};

}  // namespace bb::framework
