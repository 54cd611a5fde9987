// A bounded FIFO: grows by doubling up to its limit, then refuses.
#pragma once

#include <algorithm>
#include <bit>
#include <memory>
#include <utility>

#include "bb/memory.h"

namespace bb {

template <class T>
class Ring {
 public:
  explicit Ring(std::uint32_t limit, std::uint32_t initial = 16) : limit_(limit), initial_(std::bit_ceil(initial)) {}
  Ring(Ring&& other) noexcept { *this = std::move(other); }
  Ring& operator=(Ring&& other) noexcept {
    if (this == &other) return *this;
    reset();
    slots_ = std::exchange(other.slots_, nullptr);
    capacity_ = std::exchange(other.capacity_, 0);
    head_ = std::exchange(other.head_, 0);
    tail_ = std::exchange(other.tail_, 0);
    limit_ = other.limit_;
    initial_ = other.initial_;
    return *this;
  }
  ~Ring() { reset(); }

  bool empty() const { return head_ == tail_; }
  std::uint32_t size() const { return tail_ - head_; }
  std::uint32_t limit() const { return limit_; }
  /// Whether `more` can be pushed without memory.
  bool has_room(std::uint64_t more) const { return more <= capacity_ - size() && more <= limit_ - size(); }

  /// Makes certain that `more` entries can be pushed. False, and nothing changed, past the limit or without memory.
  [[nodiscard]] bool try_reserve(std::uint32_t more, AllocationSite site = AllocationSite::current()) {
    if (allocation_fails(site)) [[unlikely]]
      return false;
    return more <= capacity_ - size() ? more <= limit_ - size() : grow(more);
  }
  /// False when the ring holds its limit, or the system has no memory for its growth.
  [[nodiscard]] bool try_push(T entry, AllocationSite site = AllocationSite::current()) {
    if (!try_reserve(1, site)) [[unlikely]]
      return false;
    push_reserved(std::move(entry));
    return true;
  }
  /// For room that `try_reserve` made.
  void push_reserved(T entry) { std::construct_at(slots_ + (tail_++ & (capacity_ - 1)), std::move(entry)); }
  T pop() {
    T& slot = slots_[head_ & (capacity_ - 1)];
    T entry = std::move(slot);
    std::destroy_at(&slot);
    ++head_;
    return entry;
  }
  void drop_front() { std::destroy_at(slots_ + (head_++ & (capacity_ - 1))); }
  T& front() { return slots_[head_ & (capacity_ - 1)]; }
  T& at(std::uint32_t index) { return slots_[(head_ + index) & (capacity_ - 1)]; }
  const T& at(std::uint32_t index) const { return slots_[(head_ + index) & (capacity_ - 1)]; }
  void clear() {
    while (!empty()) pop();
  }

 private:
  bool grow(std::uint32_t more) {
    if (more > limit_ - size()) return false;
    const std::uint64_t wanted = std::uint64_t{size()} + more;
    if (wanted > UINT32_MAX / 4) return false;
    const std::uint32_t capacity = std::bit_ceil(std::max(static_cast<std::uint32_t>(wanted), initial_));
    // NOLINTNEXTLINE(bugprone-sizeof-expression): a ring of pointers holds the pointers.
    auto* slots = static_cast<T*>(allocate_block(std::size_t{capacity} * sizeof(T)));
    if (!slots) return false;
    const std::uint32_t count = size();
    for (std::uint32_t i = 0; i < count; ++i) std::construct_at(slots + i, pop());
    release_block(slots_);
    slots_ = slots;
    capacity_ = capacity;
    head_ = 0;
    tail_ = count;
    return true;
  }
  void reset() {
    clear();
    release_block(slots_);
    slots_ = nullptr;
    capacity_ = head_ = tail_ = 0;
  }

  T* slots_ = nullptr;
  std::uint32_t capacity_ = 0;
  std::uint32_t head_ = 0;
  std::uint32_t tail_ = 0;
  std::uint32_t limit_ = 0;
  std::uint32_t initial_ = 16;
};

}  // namespace bb
