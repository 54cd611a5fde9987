// Addresses in linear memory as JavaScript sees them, and the check that a range it names exists.
#pragma once

#include <cstdint>

#include "bb/bytes.h"

namespace bb::bindings {

using Address32 = std::uint32_t;

inline Address32 address_of(const void* at) { return static_cast<Address32>(reinterpret_cast<std::uintptr_t>(at)); }
template <class T = std::uint8_t>
T* at_address(Address32 address) {
  return reinterpret_cast<T*>(static_cast<std::uintptr_t>(address));
}
/// Whether `size` bytes from `address` lie in memory; nothing does at address 0.
inline bool in_heap(Address32 address, std::uint64_t size) {
  return address != 0 && std::uint64_t{address} + size <= std::uint64_t{__builtin_wasm_memory_size(0)} * 65'536;
}
/// The bytes of a range, or an empty span for one that does not exist.
inline Bytes heap_bytes(Address32 address, std::uint32_t size) {
  return size != 0 && in_heap(address, size) ? Bytes(at_address(address), size) : Bytes();
}

}  // namespace bb::bindings
