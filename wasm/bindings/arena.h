// Space for what crosses the boundary: frames of component calls, values on their way in, records of a step block. Addresses stay
// valid until the space is given back, which happens in the order of a stack.
#pragma once

#include <cstdint>
#include <vector>

#include "bb/bytes.h"

namespace bb::bindings {

class Arena {
 public:
  struct Mark {
    std::uint32_t chunk = 0;
    std::uint32_t used = 0;
  };

  explicit Arena(std::uint64_t limit_bytes) : limit_(limit_bytes) {}
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// 16-byte aligned, or nullptr when the limit or the system refuses.
  std::uint8_t* reserve(std::uint64_t bytes);
  std::uint8_t* reserve_zeroed(std::uint64_t bytes);
  Mark mark() const { return {chunk_, chunks_.empty() ? 0 : chunks_[chunk_].used}; }
  /// Gives back all that was reserved since the mark. The first chunk is kept for next time.
  void release(Mark mark);

 private:
  struct Chunk {
    std::uint8_t* at = nullptr;
    std::uint32_t size = 0;
    std::uint32_t used = 0;
  };
  std::vector<Chunk> chunks_;
  std::uint32_t chunk_ = 0;  // the one that reservations come from
  std::uint64_t limit_;
  std::uint64_t held_ = 0;
};

}  // namespace bb::bindings
