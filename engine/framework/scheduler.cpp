// An indexed binary heap: entries know their position, so cancelling is O(log n).
#include "framework/scheduler.h"

namespace bb::framework {

bool Scheduler::before(std::uint32_t a, std::uint32_t b) const {
  const Entry& x = entries_[a];
  const Entry& y = entries_[b];
  return x.at_ns != y.at_ns ? x.at_ns < y.at_ns : x.sequence < y.sequence;
}

void Scheduler::place(std::uint32_t position, std::uint32_t entry) {
  heap_[position] = entry;
  entries_[entry].position = position;
}

void Scheduler::sift_up(std::uint32_t position) {
  const std::uint32_t entry = heap_[position];
  while (position > 0) {
    const std::uint32_t parent = (position - 1) / 2;
    if (!before(entry, heap_[parent])) break;
    place(position, heap_[parent]);
    position = parent;
  }
  place(position, entry);
}

void Scheduler::sift_down(std::uint32_t position) {
  const std::uint32_t entry = heap_[position];
  const auto count = static_cast<std::uint32_t>(heap_.size());
  for (;;) {
    std::uint32_t child = position * 2 + 1;
    if (child >= count) break;
    if (child + 1 < count && before(heap_[child + 1], heap_[child])) ++child;
    if (!before(heap_[child], entry)) break;
    place(position, heap_[child]);
    position = child;
  }
  place(position, entry);
}

Result<TimerId> Scheduler::schedule(std::uint64_t at_ns, Timer timer) {
  if (heap_.size() >= timers_max_) return fail(Code::over_cap, timers_max_);
  std::uint32_t entry = free_;
  if (entry == UINT32_MAX) {
    entry = static_cast<std::uint32_t>(entries_.size());
    entries_.emplace_back();
  } else {
    free_ = entries_[entry].position;
  }
  entries_[entry] = {.at_ns = at_ns, .sequence = next_sequence_++, .timer = timer};
  heap_.push_back(entry);
  sift_up(static_cast<std::uint32_t>(heap_.size()) - 1);
  return TimerId{entry};
}

void Scheduler::remove_at(std::uint32_t position) {
  const std::uint32_t entry = heap_[position];
  const std::uint32_t last = heap_.back();
  heap_.pop_back();
  if (last != entry) {
    place(position, last);
    sift_up(position);
    sift_down(entries_[last].position);
  }
  entries_[entry].position = free_;
  free_ = entry;
}

void Scheduler::cancel(TimerId id) {
  BB_ASSERT(id.v < entries_.size());
  const std::uint32_t position = entries_[id.v].position;
  BB_ASSERT(position < heap_.size() && heap_[position] == id.v);
  remove_at(position);
}

bool Scheduler::pop_due(Timer& out) {
  if (heap_.empty() || entries_[heap_[0]].at_ns > now_ns_) return false;
  out = entries_[heap_[0]].timer;
  remove_at(0);
  return true;
}

}  // namespace bb::framework
