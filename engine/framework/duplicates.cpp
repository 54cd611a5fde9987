// Duplicate windows: bit rings and a bounded set.
#include "framework/duplicates.h"

#include <algorithm>

namespace bb::framework {

bool SequenceWindow::seen(std::uint64_t sequence) const {
  if (sequence > highest_) return false;
  if (highest_ - sequence >= kSize) return true;
  return (bits_[(sequence % kSize) / 64] >> (sequence % 64)) & 1;
}

bool SequenceWindow::accept(std::uint64_t sequence) {
  if (seen(sequence)) return false;
  if (sequence > highest_) {
    if (sequence - highest_ >= kSize) {
      bits_.fill(0);
    } else {
      for (std::uint64_t n = highest_ + 1; n < sequence; ++n) bits_[(n % kSize) / 64] &= ~(1ULL << (n % 64));
    }
    highest_ = sequence;
  }
  bits_[(sequence % kSize) / 64] |= 1ULL << (sequence % 64);
  return true;
}

bool PeerWindows::seen(std::uint64_t incarnation, std::uint64_t sequence) const {
  for (const SequenceWindow& window : windows_)
    if (window.incarnation == incarnation) return window.seen(sequence);
  return false;
}

void PeerWindows::record(std::uint64_t incarnation, std::uint64_t sequence) {
  for (SequenceWindow& window : windows_) {
    if (window.incarnation == incarnation) {
      window.accept(sequence);
      return;
    }
  }
  if (windows_.size() == kIncarnationsMax) windows_.erase(windows_.begin());
  windows_.emplace_back();
  windows_.back().incarnation = incarnation;
  windows_.back().accept(sequence);
}

bool PayloadWindow::accept(std::uint64_t key) {
  if (size_ == 0) return true;
  if (keys_.find(key)) return false;
  if (order_.size() < size_) {
    order_.push_back(key);
  } else {
    keys_.erase(std::exchange(order_[next_], key));
    next_ = (next_ + 1) % size_;
  }
  keys_.insert(key, true);
  return true;
}

}  // namespace bb::framework
