// Free lists by size class, refilled from small chunks of the system's memory.
#include "bb/memory.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <utility>

namespace bb {

// Chunks are kept in a list only so that the destructor can give them back.
struct Memory::Chunk {
  Chunk* next;
  std::uint64_t padding;  // keeps the blocks behind it 16-byte aligned
};

// No machine has such a block; sanitizers end the program over the question instead of answering it. WebAssembly's malloc aligns to
// 8 only; rounding up is safe below half of what a size_t holds.
void* allocate_block(std::size_t bytes) {
  if (bytes > kBlockBytesMax) return nullptr;
  return std::aligned_alloc(16, (bytes + 15) & ~std::size_t{15});
}
void release_block(void* block) { std::free(block); }

Memory::~Memory() {
  BB_ASSERT(live_ == 0);  // a value outlived its node
  while (chunks_) release_block(std::exchange(chunks_, chunks_->next));
}

std::uint32_t Memory::class_of(std::size_t bytes) {
  constexpr std::size_t kSmallest = std::size_t{1} << kSmallestShift;
  return static_cast<std::uint32_t>(std::bit_width((bytes - (bytes > 0)) | (kSmallest - 1))) - kSmallestShift;
}

void* Memory::allocate(std::size_t bytes, AllocationSite site) {
  if (allocation_fails(site)) [[unlikely]]
    return nullptr;
  const std::uint32_t size_class = class_of(bytes);
  const std::uint64_t taken = size_class < kClasses ? std::uint64_t{1} << (size_class + kSmallestShift) : std::uint64_t{bytes};
  if (taken > limit_ - live_) return nullptr;
  void* block = size_class < kClasses ? free_[size_class] : nullptr;
  if (block) [[likely]] {
    free_[size_class] = static_cast<Free*>(block)->next;
  } else {
    block = size_class < kClasses ? refill(size_class) : allocate_large(bytes);
    if (!block) return nullptr;
  }
  live_ += taken;
  return block;
}

void* Memory::allocate_large(std::size_t bytes) {
  ++system_allocations_;
  return allocate_block(bytes);
}

void* Memory::refill(std::uint32_t size_class) {
  const std::size_t size = std::size_t{1} << (size_class + kSmallestShift);
  const std::size_t count = std::clamp<std::size_t>(4096 / size, 1, 16);
  auto* chunk = static_cast<Chunk*>(allocate_block(sizeof(Chunk) + size * count));
  if (!chunk) return nullptr;
  ++system_allocations_;
  chunk->next = chunks_;
  chunks_ = chunk;
  auto* block = reinterpret_cast<std::uint8_t*>(chunk + 1);
  for (std::size_t i = 1; i < count; ++i) {
    auto* free = reinterpret_cast<Free*>(block + i * size);
    free->next = free_[size_class];
    free_[size_class] = free;
  }
  return block;
}

void Memory::release(void* block, std::size_t bytes) {
  const std::uint32_t size_class = class_of(bytes);
  if (size_class < kClasses) {
    live_ -= std::uint64_t{1} << (size_class + kSmallestShift);
    auto* free = static_cast<Free*>(block);
    free->next = free_[size_class];
    free_[size_class] = free;
  } else {
    live_ -= bytes;
    release_block(block);
  }
}

}  // namespace bb
