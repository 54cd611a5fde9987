// One heap for everything that waits for a moment: timers, deadlines of parked ops, request expiry. Ordered by (time, order of
// scheduling), so equal times mature in the order they were set. Cancelling removes; nothing is scanned.
#pragma once

#include <vector>

#include "bb/error.h"
#include "bb/ids.h"

namespace bb::framework {

using TimerId = Id<struct TimerTag, std::uint32_t>;

struct Timer {
  enum class Kind : std::uint8_t { command_deadline, request_expiry };
  Kind kind = Kind::command_deadline;
  std::uint64_t key = 0;
};

class Scheduler {
 public:
  static constexpr std::uint64_t kNever = UINT64_MAX;

  explicit Scheduler(std::uint32_t timers_max) : timers_max_(timers_max) {}

  std::uint64_t now_ns() const { return now_ns_; }
  /// A clock that goes back stays where it is.
  void set_now(std::uint64_t now_ns) {
    if (now_ns > now_ns_) now_ns_ = now_ns;
  }

  /// Errors: over_cap.
  Result<TimerId> schedule(std::uint64_t at_ns, Timer timer);
  void cancel(TimerId id);
  /// Takes the earliest timer that is due at `now_ns()`, if any.
  bool pop_due(Timer& out);
  std::uint64_t next_ns() const { return heap_.empty() ? kNever : entries_[heap_[0]].at_ns; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(heap_.size()); }

 private:
  struct Entry {
    std::uint64_t at_ns = 0;
    std::uint64_t sequence = 0;
    Timer timer;
    std::uint32_t position = UINT32_MAX;  // in the heap; while free, the next free entry
  };
  bool before(std::uint32_t a, std::uint32_t b) const;
  void place(std::uint32_t position, std::uint32_t entry);
  void sift_up(std::uint32_t position);
  void sift_down(std::uint32_t position);
  void remove_at(std::uint32_t position);

  std::uint64_t now_ns_ = 0;
  std::uint64_t next_sequence_ = 0;
  std::uint32_t timers_max_;
  std::uint32_t free_ = UINT32_MAX;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> heap_;
};

}  // namespace bb::framework
