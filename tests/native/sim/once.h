// A set of what may happen only once, forgotten as a whole when nothing of it can happen any more.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/random.h"

namespace bb::sim {

class Once {
 public:
  /// False when the pair was there.
  bool add(std::uint64_t a, std::uint64_t b) {
    if (2 * (size_ + 1) > slots_.size()) grow();
    return put({a, b, generation_});
  }
  void clear() {
    ++generation_;
    size_ = 0;
  }

 private:
  struct Slot {
    std::uint64_t a = 0, b = 0, generation = 0;
  };
  bool put(const Slot& slot) {
    for (std::size_t at = mix(slot.a ^ mix(slot.b)) & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
      if (slots_[at].generation != generation_) {
        slots_[at] = slot;
        ++size_;
        return true;
      }
      if (slots_[at].a == slot.a && slots_[at].b == slot.b) return false;
    }
  }
  void grow() {
    std::vector<Slot> old(slots_.empty() ? 64 : slots_.size() * 2);
    old.swap(slots_);
    size_ = 0;
    for (const Slot& slot : old)
      if (slot.generation == generation_) put(slot);
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
  std::uint64_t generation_ = 1;
};

}  // namespace bb::sim
