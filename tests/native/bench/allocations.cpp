// The counting malloc. It replaces the C library's by name, which glibc provides for: the library's own is `__libc_malloc`.
#include "bench/allocations.h"

#ifdef __EMSCRIPTEN__

#include <malloc.h>

namespace bb::bench {

Allocations allocations() { return {.bytes = static_cast<std::uint64_t>(mallinfo().uordblks)}; }
void reset_peak() {}
Allocations allocations_from(std::uint64_t) { return {}; }

}  // namespace bb::bench

#else

#include <malloc.h>

#include <bit>
#include <cerrno>
#include <cstddef>

namespace {

constexpr std::size_t kClasses = 64;
bb::bench::Allocations by_class[kClasses];  // by the number of bits of a block's size
std::uint64_t live = 0;
std::uint64_t peak = 0;
std::uint64_t made = 0;

// One thread.
void* count(void* block) {
  if (!block) return nullptr;
  const std::size_t size = malloc_usable_size(block) + sizeof(std::size_t);
  auto& entry = by_class[std::bit_width(size)];
  entry.bytes += size;
  ++entry.blocks;
  live += size;
  ++made;
  if (live > peak) peak = live;
  return block;
}
void uncount(void* block) {
  if (!block) return;
  const std::size_t size = malloc_usable_size(block) + sizeof(std::size_t);
  auto& entry = by_class[std::bit_width(size)];
  entry.bytes -= size;
  --entry.blocks;
  live -= size;
}

}  // namespace

extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* block, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* block);

void* malloc(std::size_t size) { return count(__libc_malloc(size)); }
void* calloc(std::size_t number, std::size_t size) { return count(__libc_calloc(number, size)); }
void* realloc(void* block, std::size_t size) {
  uncount(block);
  void* const moved = __libc_realloc(block, size);
  if (!moved && size > 0) count(block);  // it is where it was
  return count(moved);
}
void* memalign(std::size_t alignment, std::size_t size) { return count(__libc_memalign(alignment, size)); }
void* aligned_alloc(std::size_t alignment, std::size_t size) { return memalign(alignment, size); }
int posix_memalign(void** block, std::size_t alignment, std::size_t size) {
  *block = memalign(alignment, size);
  return *block ? 0 : ENOMEM;
}
void free(void* block) {
  uncount(block);
  __libc_free(block);
}
}

namespace bb::bench {

Allocations allocations() { return {.bytes = live, .blocks = allocations_from(0).blocks, .peak = peak, .made = made}; }
void reset_peak() { peak = live; }
Allocations allocations_from(std::uint64_t size) {
  Allocations sum;
  for (std::size_t i = static_cast<std::size_t>(std::bit_width(size)); i < kClasses; ++i) {
    sum.bytes += by_class[i].bytes;
    sum.blocks += by_class[i].blocks;
  }
  return sum;
}

}  // namespace bb::bench

#endif
