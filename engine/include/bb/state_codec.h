// layer: base
// The bytes that snapshots and journals are made of: LEB128 numbers, length-prefixed bytes, fixed little-endian where every bit
// counts. Writer and reader remember their first error, so that a caller asks once, at the end.
#pragma once

#include "bb/array.h"
#include "bb/bytes.h"

namespace bb {

class StateWriter {
 public:
  void byte(std::uint8_t value) { append({&value, 1}); }
  void flag(bool value) { byte(value ? 1 : 0); }
  /// LEB128: at most ten bytes.
  void number(std::uint64_t value);
  void fixed_u64(std::uint64_t value);
  void fixed_u32(std::uint32_t value);
  void real(double value) { fixed_u64(std::bit_cast<std::uint64_t>(value)); }
  void bytes(Bytes value) {
    number(value.size());
    append(value);
  }
  void text(std::string_view value) { bytes(as_bytes(value)); }
  /// Bytes without a length before them.
  void append(Bytes value);
  /// Room for `size` bytes that the caller fills; nullptr after an error.
  std::uint8_t* space(std::uint64_t size);

  /// Room for `size` bytes more, which cannot fail then.
  void reserve(std::uint64_t size) {
    if (complete_ && size > out_.capacity() - out_.size() && !out_.try_reserve(out_.size() + size)) complete_ = false;
  }
  /// False when memory ran out: what was written is then not whole.
  bool complete() const { return complete_; }
  /// For a caller that lacked memory for what it has to write: nothing of it is whole. False, to be returned.
  bool out_of_memory() { return complete_ = false; }
  Bytes view() const { return {out_.data(), out_.size()}; }
  std::uint32_t size() const { return out_.size(); }
  /// A length that was not known yet: overwrites four bytes written by `fixed_u32`.
  void patch_u32(std::uint32_t at, std::uint32_t value);
  /// Forgets what comes after; a writer that ran out of memory is whole again.
  void truncate(std::uint32_t size) {
    if (size < out_.size()) out_.truncate(size);
    complete_ = true;
  }
  Array<std::uint8_t> take() { return std::move(out_); }

 private:
  Array<std::uint8_t> out_;
  bool complete_ = true;
};

class StateReader {
 public:
  explicit StateReader(Bytes bytes) : bytes_(bytes) {}

  std::uint8_t byte();
  /// Errors: invalid_value for anything but 0 and 1.
  bool flag();
  /// Errors: truncated, overflow, not_minimal, so that equal states have equal bytes.
  std::uint64_t number();
  /// The same, at most `max`. Errors: also over_cap.
  std::uint64_t number_to(std::uint64_t max);
  std::uint32_t number_u32() { return static_cast<std::uint32_t>(number_to(UINT32_MAX)); }
  std::uint64_t fixed_u64();
  std::uint32_t fixed_u32();
  double real() { return std::bit_cast<double>(fixed_u64()); }
  Bytes bytes(std::uint64_t max = UINT64_MAX);
  std::string_view text(std::uint64_t max = UINT64_MAX) { return as_text(bytes(max)); }
  /// Bytes without a length before them.
  Bytes raw(std::uint64_t size);
  /// How many entries of at least `bytes_each` bytes follow; never more than the bytes that are left can hold.
  std::uint32_t count(std::uint64_t max, std::uint64_t bytes_each = 1);

  bool ok() const { return error_.code == Code::ok; }
  Status status() const { return ok() ? Status{} : Status(std::unexpected(error_)); }
  /// The same, and nothing may be left over. Errors: also trailing_bytes.
  Status finish() const;
  /// Records an error at the reader's position, unless there is one already; reads give zeros from then on.
  void fail(Code code);
  std::uint32_t position() const { return static_cast<std::uint32_t>(at_); }
  std::uint64_t left() const { return ok() ? bytes_.size() - at_ : 0; }

 private:
  Bytes bytes_;
  std::uint64_t at_ = 0;
  Error error_;
};

}  // namespace bb
