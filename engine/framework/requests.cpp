// Requests in flight, grouped by id, ordered by age.
#include "framework/requests.h"

#include "bb/value_state.h"

namespace bb::framework {

using Kind = RequestOutcome::Kind;

std::uint64_t Requests::mint() {
  for (;;) {
    const std::uint64_t id = ids_.next_u64();
    if (id != 0 && !groups_.find(id)) return id;
  }
}

// Everything that `add` may need, also when the eviction it begins with ends the very request that is added to.
bool Requests::reserve(const RequestTarget& target, Group& fresh) {
  if (free_ == kNone && entries_.size() < requests_max_ && !entries_.try_reserve(entries_.size() + std::uint64_t{1})) return false;
  if (!by_serial_.try_reserve(1) || !groups_.try_reserve(1) || !fresh.answers.try_reserve(1)) return false;
  Group* group = groups_.find(target.request_id);
  return !group || group->answers.try_reserve(group->answers.size() + group->unanswered + std::uint64_t{1});
}

Status Requests::add(const RequestTarget& target, RequestOutcome& evicted) {
  evicted = {};
  if (requests_max_ == 0) return fail(Code::over_cap);
  Group fresh;
  if (!reserve(target, fresh)) return fail(Code::no_memory);
  const std::uint64_t now_ns = scheduler_->now_ns();
  const std::uint64_t expires_ns = saturating_add(now_ns, target.ttl_ns);
  const Timer expiry{Timer::Kind::request_expiry, next_serial_};
  TimerId timer;
  if (in_flight() >= requests_max_) {
    timer = entries_[oldest_].timer;
    evicted = give_up(oldest_, Kind::evicted);
    scheduler_->move(timer, expires_ns, expiry);
  } else {
    BB_TRY(made, scheduler_->schedule(expires_ns, expiry));
    timer = made;
  }

  std::uint32_t at = free_;
  if (at == kNone) {
    at = entries_.size();
    entries_.push_reserved();
  } else {
    free_ = entries_[at].next;
  }
  Entry& entry = entries_[at];
  entry = {.target = target, .serial = next_serial_++, .started_ns = now_ns, .timer = timer};
  Group* group = groups_.find(target.request_id);
  link(at, group ? *group : groups_.insert_reserved(target.request_id, std::move(fresh)));
  return {};
}

void Requests::link(std::uint32_t at, Group& group) {
  Entry& entry = entries_[at];
  entry.next = std::exchange(group.first, at);
  if (!entry.answered) ++group.unanswered;
  entry.older = newest_;
  (newest_ == kNone ? oldest_ : entries_[newest_].newer) = at;
  newest_ = at;
  by_serial_.insert_reserved(entry.serial, at);
}

// Forgets an entry, but not its timer.
void Requests::release(std::uint32_t at, Group& group) {
  Entry& entry = entries_[at];
  std::uint32_t* link = &group.first;
  while (*link != at) link = &entries_[*link].next;
  *link = entry.next;
  if (!entry.answered) --group.unanswered;
  (entry.older == kNone ? oldest_ : entries_[entry.older].newer) = entry.newer;
  (entry.newer == kNone ? newest_ : entries_[entry.newer].older) = entry.older;
  by_serial_.erase(entry.serial);
  entry = {};
  entry.next = std::exchange(free_, at);
}

// Nobody needs the remaining answers.
void Requests::close(std::uint64_t request_id, Group& group) {
  while (group.first != kNone) {
    scheduler_->cancel(entries_[group.first].timer);
    release(group.first, group);
  }
  groups_.erase(request_id);
}

// Whoever gathers has the answers now; their entries have nothing more to say.
void Requests::drop_answered(Group& group) {
  for (std::uint32_t at = group.first; at != kNone;) {
    const std::uint32_t next = entries_[at].next;
    if (entries_[at].answered) {
      scheduler_->cancel(entries_[at].timer);
      release(at, group);
    }
    at = next;
  }
}

RequestOutcome Requests::outcome_of(const Entry& entry, Kind kind, const Group& group) const {
  return {.kind = kind,
          .request_id = entry.target.request_id,
          .peer = entry.target.peer,
          .site = entry.target.site,
          .chain = entry.target.chain,
          .started_ns = entry.started_ns,
          .elapsed_ns = saturating_subtract(scheduler_->now_ns(), entry.started_ns),
          .waiter = group.waiter,
          .quorum = group.quorum};
}

RequestOutcome Requests::answer(std::uint64_t request_id, std::uint32_t peer, Value& value) {
  Group* group = groups_.find(request_id);
  if (!group) return {};
  for (std::uint32_t at = group->first; at != kNone; at = entries_[at].next) {
    Entry& entry = entries_[at];
    if (entry.target.peer != peer || entry.answered) continue;
    RequestOutcome outcome = outcome_of(entry, Kind::stored, *group);
    if (group->waiter.valid() && group->quorum == 0) {
      outcome.kind = Kind::answered;
      close(request_id, *group);
      return outcome;
    }
    group->answers.push_reserved(Answer{peer, std::move(value)});
    if (!group->waiter.valid()) {
      entry.answered = true;
      --group->unanswered;
      return outcome;
    }
    scheduler_->cancel(entry.timer);
    release(at, *group);
    const bool enough = group->answers.size() >= group->quorum || group->unanswered == 0;
    outcome.kind = enough ? Kind::gathered : Kind::collected;
    return outcome;
  }
  return {};
}

// An entry ends without an answer; its timer is no longer its own. `kind` is the one for a destination that is not the last.
RequestOutcome Requests::give_up(std::uint32_t at, Kind kind) {
  const Entry entry = entries_[at];
  Group* group = groups_.find(entry.target.request_id);
  BB_ASSERT(group != nullptr);
  RequestOutcome outcome = outcome_of(entry, entry.answered ? Kind::forgotten : kind, *group);
  release(at, *group);
  if (group->first != kNone) return outcome;
  if (!entry.answered) outcome.kind = static_cast<Kind>(static_cast<std::uint8_t>(kind) + 1);
  if (!group->waiter.valid() || group->quorum == 0) groups_.erase(entry.target.request_id);
  return outcome;
}

RequestOutcome Requests::expire(std::uint64_t timer_key) {
  const std::uint32_t* at = by_serial_.find(timer_key);
  return at ? give_up(*at, Kind::expired) : RequestOutcome{};
}

RequestOutcome Requests::send_failed(std::uint64_t request_id, std::uint32_t peer) {
  const Group* group = groups_.find(request_id);
  for (std::uint32_t at = group ? group->first : kNone; at != kNone; at = entries_[at].next)
    if (entries_[at].target.peer == peer && !entries_[at].answered) {
      scheduler_->cancel(entries_[at].timer);
      return give_up(at, Kind::failed);
    }
  return {};
}

Requests::Waiting Requests::wait(std::uint64_t request_id, CommandId waiter, Value& value) {
  Group* group = groups_.find(request_id);
  if (!group) return Waiting::not_in_flight;
  if (group->waiter.valid()) return Waiting::awaited;
  if (!group->answers.empty()) {
    value = std::move(group->answers.front().value);
    close(request_id, *group);
    return Waiting::already_answered;
  }
  group->waiter = waiter;
  group->quorum = 0;
  return Waiting::registered;
}

Requests::Waiting Requests::wait_many(std::uint64_t request_id, CommandId waiter, std::uint32_t quorum) {
  Group* group = groups_.find(request_id);
  if (!group) return Waiting::not_in_flight;
  if (group->waiter.valid()) return Waiting::awaited;
  group->waiter = waiter;
  group->quorum = std::max<std::uint32_t>(1, quorum);
  drop_answered(*group);
  const bool enough = group->answers.size() >= group->quorum || group->unanswered == 0;
  return enough ? Waiting::already_answered : Waiting::registered;
}

Array<Requests::Answer> Requests::take_answers(std::uint64_t request_id) {
  Array<Answer> answers;
  if (Group* group = groups_.find(request_id)) {
    answers = std::move(group->answers);
    close(request_id, *group);
  }
  return answers;
}

void Requests::abandon(std::uint64_t request_id) {
  if (Group* group = groups_.find(request_id)) close(request_id, *group);
}

}  // namespace bb::framework
