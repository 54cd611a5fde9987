// layer: base
// Hashes that are protocol constants: FNV-1a-64 (type hashes, site keys, chain ids), SipHash-1-3 (the reference's
// function suffix, kept as a tested utility) and SHA-256 (function suffix).
#pragma once

#include <array>

#include "bb/bytes.h"

namespace bb {

constexpr std::uint64_t fnv1a64(std::string_view text, std::uint64_t hash = 0xcbf29ce484222325ULL) {
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x00000100000001b3ULL;
  return hash;
}
inline std::uint64_t fnv1a64(Bytes bytes, std::uint64_t hash = 0xcbf29ce484222325ULL) {
  for (const std::uint8_t b : bytes) hash = (hash ^ b) * 0x00000100000001b3ULL;
  return hash;
}

/// SipHash with 1 compression and 3 finalisation rounds.
std::uint64_t siphash13(Bytes bytes, std::uint64_t key0, std::uint64_t key1);

std::array<std::uint8_t, 32> sha256(Bytes bytes);

}  // namespace bb
