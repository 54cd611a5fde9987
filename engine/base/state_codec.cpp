// Snapshot and journal primitives.
#include "bb/state_codec.h"

#include <algorithm>

namespace bb {

void StateWriter::append(Bytes value) {
  if (value.size() > out_.capacity() - out_.size()) reserve(value.size());
  if (complete_) out_.append_reserved(value);
}

std::uint8_t* StateWriter::space(std::uint64_t size) {
  const std::uint32_t at = out_.size();
  if (complete_ && !out_.try_resize(at + size)) complete_ = false;
  return complete_ ? out_.data() + at : nullptr;
}

void StateWriter::number(std::uint64_t value) {
  std::uint8_t text[10];
  std::size_t size = 0;
  for (; value >= 0x80; value >>= 7) text[size++] = static_cast<std::uint8_t>(value | 0x80);
  text[size++] = static_cast<std::uint8_t>(value);
  append({text, size});
}

void StateWriter::fixed_u64(std::uint64_t value) {
  std::uint8_t text[8];
  store_le(text, value);
  append(text);
}

void StateWriter::fixed_u32(std::uint32_t value) {
  std::uint8_t text[4];
  store_le(text, value);
  append(text);
}

void StateWriter::patch_u32(std::uint32_t at, std::uint32_t value) {
  if (!complete_) return;
  BB_ASSERT(at + sizeof value <= out_.size());
  store_le(out_.data() + at, value);
}

void StateReader::fail(Code code) {
  if (ok()) error_ = {code, position()};
}

Bytes StateReader::raw(std::uint64_t size) {
  if (size > left()) {
    fail(Code::truncated);
    return {};
  }
  const Bytes taken = bytes_.subspan(static_cast<std::size_t>(at_), static_cast<std::size_t>(size));
  at_ += size;
  return taken;
}

std::uint8_t StateReader::byte() {
  const Bytes one = raw(1);
  return one.empty() ? 0 : one[0];
}

bool StateReader::flag() {
  const std::uint8_t value = byte();
  if (value > 1) fail(Code::invalid_value);
  return value == 1;
}

std::uint64_t StateReader::number() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    const Bytes one = raw(1);
    if (one.empty()) return 0;
    const std::uint8_t part = one[0];
    if (shift == 63 && part > 1) break;
    value |= std::uint64_t{part & 0x7fu} << shift;
    if (part < 0x80) {
      if (part == 0 && shift > 0) fail(Code::not_minimal);
      return ok() ? value : 0;
    }
  }
  fail(Code::overflow);
  return 0;
}

std::uint64_t StateReader::number_to(std::uint64_t max) {
  const std::uint64_t value = number();
  if (value <= max) return value;
  fail(Code::over_cap);
  return 0;
}

std::uint64_t StateReader::fixed_u64() {
  const Bytes eight = raw(8);
  return eight.empty() ? 0 : load_le<std::uint64_t>(eight.data());
}

std::uint32_t StateReader::fixed_u32() {
  const Bytes four = raw(4);
  return four.empty() ? 0 : load_le<std::uint32_t>(four.data());
}

Bytes StateReader::bytes(std::uint64_t max) { return raw(number_to(max)); }

std::uint32_t StateReader::count(std::uint64_t max, std::uint64_t bytes_each) {
  const std::uint64_t value = number_to(std::min<std::uint64_t>(max, UINT32_MAX));
  if (value * bytes_each <= left()) return static_cast<std::uint32_t>(value);
  fail(Code::truncated);
  return 0;
}

Status StateReader::finish() const {
  if (!ok()) return status();
  return at_ == bytes_.size() ? Status{} : bb::fail(Code::trailing_bytes, at_);
}

}  // namespace bb
