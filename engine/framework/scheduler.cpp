// An indexed binary heap: entries know their position, so cancelling is O(log n).
#include "framework/scheduler.h"

#include "base/heap_sort.h"

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
  const std::uint32_t count = heap_.size();
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

Result<TimerId> Scheduler::schedule(std::uint64_t at_ns, Timer timer, AllocationSite site) {
  if (heap_.size() >= timers_max_) {
    ++dropped_;
    return fail(Code::over_cap, timers_max_);
  }
  if (!heap_.try_reserve(heap_.size() + std::uint64_t{1}, site) ||
      (free_ == UINT32_MAX && !entries_.try_reserve(entries_.size() + std::uint64_t{1}, site))) {
    ++dropped_;
    return fail(Code::no_memory);
  }
  if (free_ == UINT32_MAX) {
    free_ = entries_.size();
    entries_.push_reserved();
  }
  return schedule_reserved(at_ns, timer);
}

TimerId Scheduler::schedule_reserved(std::uint64_t at_ns, Timer timer) {
  BB_ASSERT(free_ != UINT32_MAX);
  const std::uint32_t entry = std::exchange(free_, entries_[free_].position);
  entries_[entry] = {.at_ns = at_ns, .sequence = next_sequence_++, .timer = timer};
  heap_.push_reserved(entry);
  sift_up(heap_.size() - 1);
  note_next();
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
  note_next();
}

void Scheduler::cancel(TimerId id) {
  BB_ASSERT(id.v < entries_.size());
  const std::uint32_t position = entries_[id.v].position;
  BB_ASSERT(position < heap_.size() && heap_[position] == id.v);
  remove_at(position);
}

void Scheduler::move(TimerId id, std::uint64_t at_ns, Timer timer) {
  BB_ASSERT(id.v < entries_.size());
  Entry& entry = entries_[id.v];
  BB_ASSERT(entry.position < heap_.size() && heap_[entry.position] == id.v);
  entry.at_ns = at_ns;
  entry.sequence = next_sequence_++;
  entry.timer = timer;
  sift_up(entry.position);
  sift_down(entry.position);
  note_next();
}

bool Scheduler::pop_due(Timer& out) {
  const Timer* const earliest = due();
  if (!earliest) return false;
  out = *earliest;
  remove_at(0);
  return true;
}

TimerId Scheduler::id_of(Timer::Kind kind, std::uint64_t key) const {
  TimerId found;
  for_each(kind, [&](std::uint64_t timer_key, TimerId id, std::uint64_t) {
    if (timer_key == key) found = id;
  });
  return found;
}

bool Scheduler::save(StateWriter& writer) const {
  Array<std::uint32_t> order;
  if (!order.try_append({heap_.data(), heap_.size()})) return writer.out_of_memory();
  heap_sort(order.begin(), order.end(), [this](std::uint32_t a, std::uint32_t b) { return before(a, b); });
  writer.number(now_ns_);
  writer.number(next_sequence_);
  writer.number(dropped_);
  writer.number(order.size());
  for (const std::uint32_t at : order) {
    const Entry& entry = entries_[at];
    writer.number(entry.at_ns);
    writer.number(entry.sequence);
    writer.byte(static_cast<std::uint8_t>(entry.timer.kind));
    writer.number(entry.timer.key);
  }
  return true;
}

Status Scheduler::load(StateReader& reader) {
  now_ns_ = reader.number();
  next_sequence_ = reader.number();
  dropped_ = reader.number();
  const std::uint32_t count = reader.count(timers_max_, 4);
  if (!entries_.try_reserve(count) || !heap_.try_reserve(count)) return fail(Code::no_memory, reader.position());
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
    const std::uint64_t at_ns = reader.number();
    const std::uint64_t sequence = reader.number();
    const std::uint8_t kind = reader.byte();
    const std::uint64_t key = reader.number();
    if (kind >= Timer::kKinds || sequence >= next_sequence_) reader.fail(Code::invalid_value);
    entries_.push_reserved(Entry{at_ns, sequence, {static_cast<Timer::Kind>(kind), key}, i});
    heap_.push_reserved(i);  // ascending order is a heap
    if (i > 0 && !before(i - 1, i)) reader.fail(Code::invalid_value);
  }
  note_next();
  return reader.status();
}

}  // namespace bb::framework
