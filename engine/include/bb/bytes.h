// layer: base
// Byte views and buffers, and the little-endian loads and stores that every format here is made of.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace bb {

using Bytes = std::span<const std::uint8_t>;
using ByteBuffer = std::vector<std::uint8_t>;

static_assert(std::endian::native == std::endian::little, "formats are little-endian and are read in place");

inline Bytes as_bytes(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }
inline std::string_view as_text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
inline bool equal(Bytes a, Bytes b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

template <class T>
  requires std::is_trivially_copyable_v<T>
T load_le(const std::uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
template <class T>
  requires std::is_trivially_copyable_v<T>
void store_le(std::uint8_t* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

/// Copies `from`, which may be empty, to `out`, and returns where it ends there.
inline std::uint8_t* copy_bytes(Bytes from, std::uint8_t* out) {
  if (!from.empty()) std::memcpy(out, from.data(), from.size());
  return out + from.size();
}

/// Lower-case hex without a prefix.
std::string to_hex(Bytes bytes);

}  // namespace bb
