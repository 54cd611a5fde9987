// A fuzzer's bytes as a stream of choices. It never ends: behind the last byte there are zeros, so every input is a whole program.
#pragma once

#include <algorithm>

#include "bb/bytes.h"

namespace bb::fuzz {

class Feed {
 public:
  explicit Feed(Bytes bytes) : bytes_(bytes) {}

  bool empty() const { return at_ >= bytes_.size(); }
  std::uint8_t byte() { return empty() ? 0 : bytes_[at_++]; }
  /// A number below `bound`, from one byte where that is enough; 0 for a bound of 0.
  std::uint32_t below(std::uint32_t bound) {
    if (bound <= 1) return 0;
    std::uint32_t value = byte();
    if (bound > 256) value |= static_cast<std::uint32_t>(byte()) << 8;
    return value % bound;
  }
  bool flag() { return (byte() & 1) != 0; }
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 8) value |= static_cast<std::uint64_t>(byte()) << shift;
    return value;
  }
  /// At most `size` bytes; fewer at the end.
  Bytes take(std::size_t size) {
    size = std::min(size, bytes_.size() - at_);
    const Bytes taken = bytes_.subspan(at_, size);
    at_ += size;
    return taken;
  }
  Bytes rest() { return take(bytes_.size()); }

 private:
  Bytes bytes_;
  std::size_t at_ = 0;
};

}  // namespace bb::fuzz
