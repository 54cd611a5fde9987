// A bounded FIFO of trivially relocatable entries: grows by doubling up to its limit, then refuses.
#pragma once

#include <bit>
#include <memory>
#include <new>

#include "bb/error.h"

namespace bb {

template <class T>
class Ring {
 public:
  explicit Ring(std::uint32_t limit, std::uint32_t initial = 16) : limit_(limit), initial_(std::bit_ceil(initial)) {}

  bool empty() const { return head_ == tail_; }
  std::uint32_t size() const { return tail_ - head_; }
  std::uint32_t limit() const { return limit_; }

  /// False when the ring holds its limit, or the system has no memory for its growth.
  bool try_push(T entry) {
    if (size() >= limit_) [[unlikely]]
      return false;
    if (size() == capacity_ && !grow()) [[unlikely]]
      return false;
    slots_[tail_++ & (capacity_ - 1)] = std::move(entry);
    return true;
  }
  T pop() { return std::move(slots_[head_++ & (capacity_ - 1)]); }
  T& front() { return slots_[head_ & (capacity_ - 1)]; }
  T& at(std::uint32_t index) { return slots_[(head_ + index) & (capacity_ - 1)]; }
  void clear() {
    while (!empty()) pop();
  }

 private:
  bool grow() {
    if (capacity_ > UINT32_MAX / 4) return false;
    const std::uint32_t capacity = capacity_ == 0 ? initial_ : capacity_ * 2;
    std::unique_ptr<T[]> slots(new (std::nothrow) T[capacity]());
    if (!slots) return false;
    const std::uint32_t count = size();
    for (std::uint32_t i = 0; i < count; ++i) slots[i] = std::move(at(i));
    slots_ = std::move(slots);
    capacity_ = capacity;
    head_ = 0;
    tail_ = count;
    return true;
  }

  std::unique_ptr<T[]> slots_;
  std::uint32_t capacity_ = 0;
  std::uint32_t head_ = 0;
  std::uint32_t tail_ = 0;
  std::uint32_t limit_;
  std::uint32_t initial_;
};

}  // namespace bb
