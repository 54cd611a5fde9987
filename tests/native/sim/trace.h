// The trace hash: SHA-256 over everything that went into nodes and came out of them, chained over chunks so that a trace of any
// length takes little memory.
#pragma once

#include "bb/bytes.h"
#include "bb/hash.h"

namespace bb::sim {

class Trace {
 public:
  Trace() { chunk_.reserve(kChunkBytes + 4096); }
  void number(std::uint64_t value) {
    std::uint8_t bytes[8];
    store_le(bytes, value);
    chunk_.insert(chunk_.end(), bytes, bytes + 8);
  }
  void bytes(Bytes value) {
    number(value.size());
    chunk_.insert(chunk_.end(), value.begin(), value.end());
    if (chunk_.size() >= kChunkBytes) fold();
  }
  /// Appends what `write` appends to the buffer it is given.
  ByteBuffer& buffer() { return chunk_; }
  std::array<std::uint8_t, 32> finish() {
    fold();
    return hash_;
  }

 private:
  static constexpr std::size_t kChunkBytes = 1 << 16;

  void fold() {
    chunk_.insert(chunk_.end(), hash_.begin(), hash_.end());
    hash_ = sha256(chunk_);
    chunk_.clear();
  }

  ByteBuffer chunk_;
  std::array<std::uint8_t, 32> hash_{};
};

}  // namespace bb::sim
