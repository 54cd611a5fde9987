// Requests in flight: one entry per destination of a Send whose answers are awaited, matched by (peer, id). An id is random, so a
// peer that was not asked cannot guess one, and a peer that was asked can only answer for itself (spec decisions G1, G18).
#pragma once

#include <optional>

#include "base/flat_map.h"
#include "bb/random.h"
#include "bb/value.h"
#include "framework/rtt_ema.h"
#include "framework/scheduler.h"

namespace bb::framework {

/// One destination of a request.
struct RequestTarget {
  std::uint64_t request_id = 0;
  std::uint32_t peer = UINT32_MAX;
  std::uint64_t site = 0;  // the peer's, for round-trip times
  std::optional<ChainContext> chain{};
  std::uint64_t ttl_ns = 0;
};

/// What happened to one destination, and what that means for whoever waits.
struct RequestOutcome {
  enum class Kind : std::uint8_t {
    none,       // not in flight
    answered,   // the waiter gets this answer, and the request is over
    stored,     // nobody waits yet; the answer was kept
    collected,  // the waiter wants more answers
    gathered,   // the waiter has as many answers as it wants, or as there can be: `take_answers`
    expired,
    last_expired,  // and no destination is left: the waiter, if there is one, has to be told; one that gathers gets `take_answers`
    failed,
    last_failed,
    evicted,
    last_evicted,
    forgotten,  // an answer that nobody took in time
  };
  Kind kind = Kind::none;
  std::uint64_t request_id = 0;
  std::uint32_t peer = UINT32_MAX;
  std::uint64_t site = 0;
  std::optional<ChainContext> chain{};
  std::uint64_t started_ns = 0;
  std::uint64_t elapsed_ns = 0;
  CommandId waiter;          // the op that awaits, if one does
  std::uint32_t quorum = 0;  // how many answers it gathers; 0: it awaits the first
};

class Requests {
 public:
  struct Options {
    std::uint32_t requests_max = 65'536;
  };
  struct Answer {
    std::uint32_t peer = UINT32_MAX;
    Value value;
  };
  enum class Waiting : std::uint8_t { registered, already_answered, not_in_flight, awaited };

  /// `scheduler` must be set again with `use_scheduler` when either object moves.
  Requests(Options options, RandomStream ids, Scheduler* scheduler)
      : requests_max_(options.requests_max), ids_(ids), scheduler_(scheduler) {}
  /// Ids from now on are not those that another life would have drawn from this state: answers to that one's may still come.
  void begin_life(std::uint64_t incarnation) { ids_ = RandomStream(ids_.next_u64() ^ incarnation * 0x9e3779b97f4a7c15ULL); }
  void use_scheduler(Scheduler* scheduler) { scheduler_ = scheduler; }

  /// A fresh id that is not 0 and not in flight.
  std::uint64_t mint();
  /// Registers a destination. At the limit the oldest entry makes room, and `evicted` says what that means. Errors: over_cap (a limit
  /// of 0, or no timer), no_memory; nothing is changed then.
  Status add(const RequestTarget& target, RequestOutcome& evicted);
  /// An answer came. `value` is taken when it is `stored`, `collected` or `gathered`.
  RequestOutcome answer(std::uint64_t request_id, std::uint32_t peer, Value& value);
  /// A `request_expiry` timer matured.
  RequestOutcome expire(std::uint64_t timer_key);
  /// The host could not send to a destination.
  RequestOutcome send_failed(std::uint64_t request_id, std::uint32_t peer);

  /// Lets a parked op wait for the first answer, unless another one waits (`awaited`); `value` is set, and the request over, when one came already.
  Waiting wait(std::uint64_t request_id, CommandId waiter, Value& value);
  /// Lets a parked op wait for `quorum` answers. `already_answered`: as many as there can be are here, to be taken.
  Waiting wait_many(std::uint64_t request_id, CommandId waiter, std::uint32_t quorum);
  /// Ends a gathered request; its answers in the order in which they came.
  Array<Answer> take_answers(std::uint64_t request_id);
  /// The op that waited is gone.
  void abandon(std::uint64_t request_id);

  std::uint32_t in_flight() const { return by_serial_.size(); }
  /// Calls `visit(request_id, waiter)` for requests that an op waits for, in no order that means anything.
  template <class Visit>
  void for_each_waiter(Visit visit) const {
    groups_.for_each([&](std::uint64_t request_id, const Group& group) {
      if (group.waiter.valid()) visit(request_id, group.waiter);
    });
  }
  /// Calls `visit(peer, started_ns)` for the destinations that have not answered, the latest registered first.
  template <class Visit>
  void unanswered(std::uint64_t request_id, Visit visit) const {
    const Group* group = groups_.find(request_id);
    for (std::uint32_t at = group ? group->first : kNone; at != kNone; at = entries_[at].next)
      if (!entries_[at].answered) visit(entries_[at].target.peer, entries_[at].started_ns);
  }

  /// False without memory, or for an answer that cannot be encoded.
  [[nodiscard]] bool save(StateWriter& writer) const;
  /// Into a new object, after the scheduler was loaded. Errors: those of the reader and of values, no_memory, invalid_value.
  Status load(StateReader& reader, Memory& memory);

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  struct Entry {
    RequestTarget target;
    std::uint64_t serial = 0;  // the key of its timer
    std::uint64_t started_ns = 0;
    TimerId timer;
    bool answered = false;       // kept, with its timer, so that an answer nobody takes goes when the request would have expired
    std::uint32_t next = kNone;  // of the same request; while free, the next free entry
    std::uint32_t older = kNone;
    std::uint32_t newer = kNone;
  };
  struct Group {
    std::uint32_t first = kNone;  // its entries, the latest first
    std::uint32_t unanswered = 0;
    CommandId waiter;
    std::uint32_t quorum = 0;
    Array<Answer> answers;  // always has room for one of every entry
  };
  bool reserve(const RequestTarget& target, Group& fresh);
  void link(std::uint32_t at, Group& group);
  void release(std::uint32_t at, Group& group);
  void close(std::uint64_t request_id, Group& group);
  void drop_answered(Group& group);
  RequestOutcome outcome_of(const Entry& entry, RequestOutcome::Kind kind, const Group& group) const;
  RequestOutcome give_up(std::uint32_t at, RequestOutcome::Kind kind);
  Status load_entries(StateReader& reader);
  Status load_groups(StateReader& reader, Memory& memory);

  std::uint32_t requests_max_;
  RandomStream ids_;
  Scheduler* scheduler_;
  std::uint64_t next_serial_ = 1;
  std::uint32_t free_ = kNone;
  std::uint32_t oldest_ = kNone;
  std::uint32_t newest_ = kNone;
  Array<Entry> entries_;
  FlatMap<std::uint32_t> by_serial_;
  FlatMap<Group> groups_;
};

}  // namespace bb::framework
