// Requests in flight: one entry per destination of a Send whose answer is awaited, matched by (peer, id). An id is random, so a
// peer that was not asked cannot guess one, and a peer that was asked can only answer for itself (spec decisions G1, G18).
#pragma once

#include <vector>

#include "base/flat_map.h"
#include "bb/random.h"
#include "bb/value.h"
#include "framework/scheduler.h"

namespace bb::framework {

/// What the arrival or the expiry of an answer means for whoever waits.
struct RequestOutcome {
  enum class Kind : std::uint8_t { none, answered, stored, expired, last_expired, forgotten };
  Kind kind = Kind::none;
  std::uint64_t request_id = 0;
  std::uint32_t peer = UINT32_MAX;
  std::uint64_t started_ns = 0;
  CommandId waiter;  // the op that awaits, if one does
};

class Requests {
 public:
  Requests(std::uint32_t requests_max, RandomStream ids, Scheduler& scheduler)
      : requests_max_(requests_max), ids_(ids), scheduler_(scheduler) {}

  /// A fresh id that is not 0 and not in flight.
  std::uint64_t mint();
  /// Registers a destination; it expires after `ttl_ns`. Errors: over_cap.
  Status add(std::uint64_t request_id, std::uint32_t peer, std::uint64_t ttl_ns);
  /// An answer came. `stored`: nobody waits yet, and the value was kept for who will. `none`: not asked, or already answered.
  RequestOutcome answer(std::uint64_t request_id, std::uint32_t peer, Value& value);
  /// A `request_expiry` timer matured.
  RequestOutcome expire(std::uint64_t timer_key);
  /// Lets a parked op wait. True with the value when it came already; false with none when nothing is in flight any more.
  enum class Waiting : std::uint8_t { registered, already_answered, not_in_flight };
  Waiting wait(std::uint64_t request_id, CommandId waiter, Value& value);
  /// The op that waited is gone.
  void abandon(std::uint64_t request_id);

  std::uint32_t in_flight() const { return entries_in_flight_; }

 private:
  struct Group {
    std::uint64_t id = 0;
    std::uint32_t first = UINT32_MAX;  // its destinations
    CommandId waiter;
    Value stored;
  };
  struct Entry {
    std::uint64_t id = 0;
    std::uint32_t peer = UINT32_MAX;
    std::uint64_t started_ns = 0;
    TimerId timer;
    bool answered = false;  // kept, with its timer, so that an answer nobody takes goes when the request would have expired
    std::uint32_t next = UINT32_MAX;
  };
  void release_entry(std::uint32_t at);
  void close(Group& group);

  std::uint32_t requests_max_;
  RandomStream ids_;
  Scheduler& scheduler_;
  std::uint32_t entries_in_flight_ = 0;
  std::uint32_t free_ = UINT32_MAX;
  std::vector<Entry> entries_;
  FlatMap<Group> groups_;
};

}  // namespace bb::framework
