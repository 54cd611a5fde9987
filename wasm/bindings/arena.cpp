// Chunks of at least 64 KiB; only the first outlives its use.
#include "arena.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace bb::bindings {
namespace {

constexpr std::uint64_t kChunkBytes = 65'536;

}  // namespace

Arena::~Arena() {
  for (const Chunk& chunk : chunks_) std::free(chunk.at);
}

std::uint8_t* Arena::reserve(std::uint64_t bytes) {
  if (bytes > limit_) return nullptr;
  const std::uint64_t rounded = (std::max<std::uint64_t>(bytes, 1) + 15) & ~std::uint64_t{15};
  if (!chunks_.empty() && rounded <= chunks_[chunk_].size - chunks_[chunk_].used) {
    Chunk& chunk = chunks_[chunk_];
    std::uint8_t* const at = chunk.at + chunk.used;
    chunk.used += static_cast<std::uint32_t>(rounded);
    return at;
  }
  const std::uint64_t size = std::max(rounded, kChunkBytes);
  if (held_ + size > limit_ || size > UINT32_MAX) return nullptr;
  auto* const at = static_cast<std::uint8_t*>(std::aligned_alloc(16, static_cast<std::size_t>(size)));
  if (!at) return nullptr;
  held_ += size;
  chunks_.push_back({at, static_cast<std::uint32_t>(size), static_cast<std::uint32_t>(rounded)});
  chunk_ = static_cast<std::uint32_t>(chunks_.size() - 1);
  return at;
}

std::uint8_t* Arena::reserve_zeroed(std::uint64_t bytes) {
  std::uint8_t* const at = reserve(bytes);
  if (at) std::memset(at, 0, static_cast<std::size_t>(bytes));
  return at;
}

void Arena::release(Mark mark) {
  while (chunks_.size() > 1 && chunks_.size() - 1 > mark.chunk) {
    held_ -= chunks_.back().size;
    std::free(chunks_.back().at);
    chunks_.pop_back();
  }
  chunk_ = mark.chunk;
  if (chunks_.empty()) return;
  chunks_[chunk_].used = mark.used;
  // A first chunk that one large value asked for would otherwise be held for good.
  if (chunks_.size() == 1 && mark.used == 0 && chunks_[0].size > 16 * kChunkBytes) {
    held_ -= chunks_[0].size;
    std::free(chunks_[0].at);
    chunks_.clear();
  }
}

}  // namespace bb::bindings
