// The unsigned LEB128 of multihashes and addresses (spec A §2). Protobuf's varints have other rules and other code.
#pragma once

#include "bb/bytes.h"
#include "bb/error.h"

namespace bb::wire {

constexpr std::size_t kVarintMax = 10;

inline std::size_t write_varint(std::uint64_t value, std::uint8_t* out) {
  std::size_t n = 0;
  while (value >= 0x80) {
    out[n++] = static_cast<std::uint8_t>(value | 0x80);
    value >>= 7;
  }
  out[n++] = static_cast<std::uint8_t>(value);
  return n;
}

/// Reads at `at` and advances it. Errors: truncated, overflow, not_minimal. Bits past the 63rd are lost, as in the reference.
inline Result<std::uint64_t> read_varint(Bytes bytes, std::size_t& at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < kVarintMax; ++i) {
    if (at + i >= bytes.size()) return fail(Code::truncated, at + i);
    const std::uint8_t byte = bytes[at + i];
    value |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
    if ((byte & 0x80) == 0) {
      if (byte == 0 && i > 0) return fail(Code::not_minimal, at + i);
      at += i + 1;
      return value;
    }
  }
  return fail(Code::overflow, at);
}

}  // namespace bb::wire
