// Requests in flight, grouped by id.
#include "framework/requests.h"

namespace bb::framework {

std::uint64_t Requests::mint() {
  for (;;) {
    const std::uint64_t id = ids_.next_u64();
    if (id != 0 && !groups_.find(id)) return id;
  }
}

Status Requests::add(std::uint64_t request_id, std::uint32_t peer, std::uint64_t ttl_ns) {
  if (entries_in_flight_ >= requests_max_) return fail(Code::over_cap, requests_max_);
  const std::uint64_t now = scheduler_.now_ns();
  const std::uint64_t expires = ttl_ns > UINT64_MAX - now ? UINT64_MAX : now + ttl_ns;
  std::uint32_t at = free_;
  if (at == UINT32_MAX) {
    at = static_cast<std::uint32_t>(entries_.size());
    entries_.emplace_back();
  }
  BB_TRY(timer, scheduler_.schedule(expires, {Timer::Kind::request_expiry, at}));
  if (at == free_) free_ = entries_[at].next;
  Group* group = groups_.find(request_id);
  if (!group) {
    Group fresh;
    fresh.id = request_id;
    group = &groups_.insert(request_id, std::move(fresh));
  }
  entries_[at] = {.id = request_id, .peer = peer, .started_ns = now, .timer = timer, .next = std::exchange(group->first, at)};
  ++entries_in_flight_;
  return {};
}

void Requests::release_entry(std::uint32_t at) {
  entries_[at] = {};
  entries_[at].next = std::exchange(free_, at);
  --entries_in_flight_;
}

// Nobody needs the remaining answers.
void Requests::close(Group& group) {
  while (group.first != UINT32_MAX) {
    const std::uint32_t at = std::exchange(group.first, entries_[group.first].next);
    scheduler_.cancel(entries_[at].timer);
    release_entry(at);
  }
  groups_.erase(group.id);
}

RequestOutcome Requests::answer(std::uint64_t request_id, std::uint32_t peer, Value& value) {
  Group* group = groups_.find(request_id);
  if (!group) return {};
  for (std::uint32_t at = group->first; at != UINT32_MAX; at = entries_[at].next) {
    Entry& entry = entries_[at];
    if (entry.peer != peer || entry.answered) continue;
    RequestOutcome outcome{RequestOutcome::Kind::answered, request_id, peer, entry.started_ns, group->waiter};
    if (group->waiter.valid()) {
      close(*group);
    } else {
      outcome.kind = RequestOutcome::Kind::stored;
      entry.answered = true;
      if (!group->stored.present()) group->stored = std::move(value);
    }
    return outcome;
  }
  return {};
}

RequestOutcome Requests::expire(std::uint64_t timer_key) {
  const auto at = static_cast<std::uint32_t>(timer_key);
  const Entry entry = entries_[at];
  Group* group = groups_.find(entry.id);
  BB_ASSERT(group != nullptr);
  std::uint32_t* link = &group->first;
  while (*link != at) link = &entries_[*link].next;
  *link = entry.next;
  release_entry(at);
  RequestOutcome outcome{RequestOutcome::Kind::expired, entry.id, entry.peer, entry.started_ns, group->waiter};
  if (group->first == UINT32_MAX) {
    outcome.kind = RequestOutcome::Kind::last_expired;
    groups_.erase(entry.id);
  }
  if (entry.answered) outcome.kind = RequestOutcome::Kind::forgotten;
  return outcome;
}

Requests::Waiting Requests::wait(std::uint64_t request_id, CommandId waiter, Value& value) {
  Group* group = groups_.find(request_id);
  if (!group) return Waiting::not_in_flight;
  if (group->stored.present()) {
    value = std::move(group->stored);
    close(*group);
    return Waiting::already_answered;
  }
  group->waiter = waiter;
  return Waiting::registered;
}

void Requests::abandon(std::uint64_t request_id) {
  if (Group* group = groups_.find(request_id)) close(*group);
}

}  // namespace bb::framework
