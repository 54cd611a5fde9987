// One heap for everything that waits for a moment: deadlines of parked ops, request expiry, sleeping ops, intervals, silent peers.
// Ordered by (time, order of scheduling), so equal times mature in the order they were set. Cancelling removes; nothing is scanned.
#pragma once

#include "bb/ids.h"
#include "bb/state_codec.h"

namespace bb::framework {

using TimerId = Id<struct TimerTag, std::uint32_t>;

struct Timer {
  /// What the key is: a command id for the deadline and the wake of a parked op, an entry of `Requests` for a request's expiry, an
  /// op for an interval, a site of `RttTracker` for silence.
  enum class Kind : std::uint8_t { command_deadline, request_expiry, wake, interval, silence };
  static constexpr std::uint8_t kKinds = 5;
  Kind kind = Kind::command_deadline;
  std::uint64_t key = 0;
};

class Scheduler {
 public:
  static constexpr std::uint64_t kNever = UINT64_MAX;
  struct Options {
    std::uint32_t timers_max = 65'536;
  };

  explicit Scheduler(Options options) : timers_max_(options.timers_max) {}

  std::uint64_t now_ns() const { return now_ns_; }
  /// A clock that goes back stays where it is.
  void set_now(std::uint64_t now_ns) {
    if (now_ns > now_ns_) now_ns_ = now_ns;
  }

  /// Errors: over_cap, no_memory; either counts as dropped.
  Result<TimerId> schedule(std::uint64_t at_ns, Timer timer, AllocationSite site = AllocationSite::current());
  /// In the room that a timer left which was due or cancelled.
  TimerId schedule_reserved(std::uint64_t at_ns, Timer timer);
  void cancel(TimerId id);
  /// Sets a timer anew, as if it had been cancelled and scheduled; this cannot fail.
  void move(TimerId id, std::uint64_t at_ns, Timer timer);
  /// The earliest timer that is due at `now_ns()`, or nullptr; `pop_due` takes it.
  const Timer* due() const { return next_ns_ <= now_ns_ && !heap_.empty() ? &entries_[heap_[0]].timer : nullptr; }
  /// Takes the earliest timer that is due at `now_ns()`, if any.
  bool pop_due(Timer& out);
  std::uint64_t next_ns() const { return next_ns_; }
  std::uint32_t size() const { return heap_.size(); }
  /// Timers that were refused since the scheduler was made.
  std::uint64_t dropped() const { return dropped_; }

  // For restoring whoever set a timer: ids are not saved, so owners ask for theirs. All of these look at every timer.
  /// Invalid when there is none.
  TimerId id_of(Timer::Kind kind, std::uint64_t key) const;
  /// Calls `visit(key, id, at_ns)` for the timers of a kind, in no order that means anything.
  template <class Visit>
  void for_each(Timer::Kind kind, Visit visit) const {
    for (const std::uint32_t entry : heap_)
      if (entries_[entry].timer.kind == kind) visit(entries_[entry].timer.key, TimerId{entry}, entries_[entry].at_ns);
  }

  /// False when there is no memory for it.
  [[nodiscard]] bool save(StateWriter& writer) const;
  /// Into a new scheduler. Errors: those of the reader, no_memory, invalid_value (timers out of order, an unknown kind).
  Status load(StateReader& reader);

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
  void note_next() { next_ns_ = heap_.empty() ? kNever : entries_[heap_[0]].at_ns; }

  std::uint64_t now_ns_ = 0;
  std::uint64_t next_ns_ = kNever;  // of the earliest timer: every poll asks several times
  std::uint64_t next_sequence_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint32_t timers_max_ = 0;
  std::uint32_t free_ = UINT32_MAX;
  Array<Entry> entries_;
  Array<std::uint32_t> heap_;
};

}  // namespace bb::framework
