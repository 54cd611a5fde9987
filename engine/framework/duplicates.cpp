// Duplicate windows: bit rings and a bounded set.
#include "framework/duplicates.h"

#include <utility>

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

void SequenceWindow::save(StateWriter& writer) const {
  writer.fixed_u64(incarnation);
  writer.number(highest_);
  for (const std::uint64_t word : bits_) writer.fixed_u64(word);
}

Status SequenceWindow::load(StateReader& reader) {
  incarnation = reader.fixed_u64();
  highest_ = reader.number();
  for (std::uint64_t& word : bits_) word = reader.fixed_u64();
  // The highest number was seen, and none above it.
  bool good = (bits_[(highest_ % kSize) / 64] >> (highest_ % 64)) & 1;
  for (std::uint64_t n = highest_ + 1; n < kSize; ++n) good = good && !((bits_[n / 64] >> (n % 64)) & 1);
  if (reader.ok() && !good) reader.fail(Code::invalid_value);
  return reader.status();
}

bool PeerWindows::seen(std::uint64_t incarnation, std::uint64_t sequence) const {
  for (const SequenceWindow& window : windows_)
    if (window.incarnation == incarnation) return window.seen(sequence);
  return false;
}

bool PeerWindows::try_reserve(std::uint64_t incarnation, AllocationSite site) {
  for (const SequenceWindow& window : windows_)
    if (window.incarnation == incarnation) return true;
  return windows_.size() == kIncarnationsMax || windows_.try_reserve(windows_.size() + std::uint64_t{1}, site);
}

void PeerWindows::record_reserved(std::uint64_t incarnation, std::uint64_t sequence) {
  for (SequenceWindow& window : windows_) {
    if (window.incarnation != incarnation) continue;
    window.accept(sequence);
    return;
  }
  if (windows_.size() == kIncarnationsMax) windows_.erase_at(0);
  windows_.push_reserved();
  windows_.back().incarnation = incarnation;
  windows_.back().accept(sequence);
}

void PeerWindows::save(StateWriter& writer) const {
  writer.number(windows_.size());
  for (const SequenceWindow& window : windows_) window.save(writer);
}

Status PeerWindows::load(StateReader& reader) {
  const std::uint32_t count = reader.count(kIncarnationsMax, 130);
  if (!windows_.try_reserve(count)) return fail(Code::no_memory, reader.position());
  for (std::uint32_t i = 0; i < count; ++i) {
    SequenceWindow window;
    BB_CHECK(window.load(reader));
    for (const SequenceWindow& other : windows_)
      if (other.incarnation == window.incarnation) return fail(Code::invalid_value, reader.position());
    windows_.push_reserved(window);
  }
  return reader.status();
}

Result<bool> PayloadWindow::accept(std::uint64_t key) {
  if (hashes_max_ == 0) return true;
  if (keys_.find(key)) return false;
  if (!try_reserve(1)) return fail(Code::no_memory);
  accept_reserved(key);
  return true;
}

void PayloadWindow::accept_reserved(std::uint64_t key) {
  if (hashes_max_ == 0 || keys_.find(key)) return;
  if (order_.size() == hashes_max_) {
    keys_.erase(std::exchange(order_[next_], key));
    next_ = (next_ + 1) % hashes_max_;
  } else {
    order_.push_reserved(key);
  }
  keys_.insert_reserved(key, true);
}

bool PayloadWindow::try_reserve(std::uint32_t more, AllocationSite site) {
  return hashes_max_ == 0 || (keys_.try_reserve(more, site) &&
                              order_.try_reserve(std::min<std::uint64_t>(order_.size() + std::uint64_t{more}, hashes_max_), site));
}

void PayloadWindow::clear() {
  keys_.clear();
  order_.clear();
  next_ = 0;
}

void PayloadWindow::save(StateWriter& writer) const {
  writer.number(order_.size());
  for (std::uint32_t i = 0; i < order_.size(); ++i) writer.fixed_u64(order_[(next_ + i) % order_.size()]);
}

Status PayloadWindow::load(StateReader& reader) {
  const std::uint32_t count = reader.count(hashes_max_, 8);
  for (std::uint32_t i = 0; i < count; ++i) {
    BB_TRY(fresh, accept(reader.fixed_u64()));
    if (!fresh) return fail(Code::invalid_value, reader.position());
  }
  return reader.status();
}

}  // namespace bb::framework
