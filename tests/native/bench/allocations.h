// What the program has from the C library's allocator: counted natively by the program's own malloc, asked of the allocator in
// WebAssembly. A block counts with what it really takes.
#pragma once

#include <cstdint>

namespace bb::bench {

struct Allocations {
  std::uint64_t bytes = 0;
  std::uint64_t blocks = 0;  // natively
  std::uint64_t peak = 0;    // natively: the most bytes since `reset_peak`
  std::uint64_t made = 0;    // natively: blocks since the program began
};

Allocations allocations();
void reset_peak();
/// Bytes and blocks that lie in blocks of at least so many bytes; natively.
Allocations allocations_from(std::uint64_t size);

}  // namespace bb::bench
