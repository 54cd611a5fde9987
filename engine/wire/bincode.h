// Bincode 1.3 as values use it: little-endian fixed-width integers, u64 lengths (spec A §7). A reader with a sticky position
// whose every length is checked against what remains, and a writer into memory that was measured before.
#pragma once

#include "bb/bytes.h"
#include "bb/error.h"

namespace bb::wire {

class BincodeReader {
 public:
  explicit BincodeReader(Bytes bytes, std::size_t at = 0) : bytes_(bytes), at_(at) {}

  template <class T>
  Result<T> number() {
    if (remaining() < sizeof(T)) return fail(Code::truncated, bytes_.size());
    const T value = load_le<T>(bytes_.data() + at_);
    at_ += sizeof(T);
    return value;
  }
  /// `count` bytes as a view.
  Result<Bytes> take(std::uint64_t count) {
    if (count > remaining()) return fail(Code::truncated, bytes_.size());
    const Bytes taken = bytes_.subspan(at_, static_cast<std::size_t>(count));
    at_ += taken.size();
    return taken;
  }
  /// A u64 length, then so many bytes.
  Result<Bytes> lengthy() {
    BB_TRY(length, number<std::uint64_t>());
    return take(length);
  }
  /// A u64 count of elements that take at least `element_bytes_min` each.
  Result<std::uint64_t> count(std::uint64_t element_bytes_min) {
    const std::size_t start = at_;
    BB_TRY(count, number<std::uint64_t>());
    if (count > remaining() / element_bytes_min) return fail(Code::truncated, start);
    return count;
  }
  std::size_t at() const { return at_; }
  std::uint64_t remaining() const { return bytes_.size() - at_; }

 private:
  Bytes bytes_;
  std::size_t at_;
};

class BincodeWriter {
 public:
  explicit BincodeWriter(std::uint8_t* out) : at_(out) {}
  template <class T>
  void number(T value) {
    store_le(at_, value);
    at_ += sizeof(T);
  }
  void raw(Bytes bytes) { at_ = copy_bytes(bytes, at_); }
  void lengthy(Bytes bytes) {
    number<std::uint64_t>(bytes.size());
    raw(bytes);
  }
  std::uint8_t* at() const { return at_; }
  void skip(std::uint64_t bytes) { at_ += bytes; }

 private:
  std::uint8_t* at_;
};

}  // namespace bb::wire
