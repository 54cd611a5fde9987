// layer: base
// The allocator of one node: pooled blocks by size class, a byte limit, and counters. Nothing on the hot path allocates
// anywhere else, so a warm node allocates nothing from the system.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#ifdef BB_FAULT_INJECTION
#include <source_location>
#endif

#include "bb/error.h"

namespace bb {

// Builds for tests can make any allocation fail. Each call names its place in the source, so that a sweep can tell which of them it
// has failed; in other builds the place is an empty type and the question a constant.
#ifdef BB_FAULT_INJECTION
using AllocationSite = std::source_location;
/// Asked at every allocation of this thread; true makes it fail.
using AllocationHook = bool (*)(const AllocationSite&);
inline constinit thread_local AllocationHook allocation_hook = nullptr;
inline bool allocation_fails(const AllocationSite& site) { return allocation_hook && allocation_hook(site); }
inline constexpr bool kFaultInjection = true;
#else
struct AllocationSite {
  static constexpr AllocationSite current() { return {}; }
};
constexpr bool allocation_fails(AllocationSite) { return false; }
inline constexpr bool kFaultInjection = false;
#endif

/// The one place where the engine takes memory from the system. 16-byte aligned; nullptr when there is none. Whoever calls has
/// asked `allocation_fails` for its own caller.
inline constexpr std::uint64_t kBlockBytesMax = std::min<std::uint64_t>(std::uint64_t{1} << 38, SIZE_MAX / 2);
void* allocate_block(std::size_t bytes);
void release_block(void* block);

/// Blocks up to 64 KiB come from free lists of power-of-two classes, larger ones from the system. Single-threaded.
/// Every block must be released before its Memory dies.
class Memory {
 public:
  explicit Memory(std::uint64_t limit_bytes = UINT64_MAX) : limit_(limit_bytes) {}
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  /// 16-byte aligned, or nullptr when the limit or the system refuses.
  void* allocate(std::size_t bytes, AllocationSite site = AllocationSite::current());
  void release(void* block, std::size_t bytes);

  std::uint64_t live_bytes() const { return live_; }
  std::uint64_t system_allocations() const { return system_allocations_; }
  std::uint64_t limit_bytes() const { return limit_; }

 private:
  struct Free {
    Free* next;
  };
  static constexpr std::uint32_t kSmallestShift = 5;
  static constexpr std::uint32_t kLargestShift = 16;
  static constexpr std::uint32_t kClasses = kLargestShift - kSmallestShift + 1;
  struct Chunk;

  static std::uint32_t class_of(std::size_t bytes);
  void* refill(std::uint32_t size_class);
  void* allocate_large(std::size_t bytes);

  std::array<Free*, kClasses> free_{};
  Chunk* chunks_ = nullptr;
  std::uint64_t limit_;
  std::uint64_t live_ = 0;
  std::uint64_t system_allocations_ = 0;
};

/// Bytes in flight that the host pushed and the engine has not let go of, against one limit (spec B §5.5).
class ByteBudget {
 public:
  explicit ByteBudget(std::uint64_t limit) : limit_(limit) {}
  bool try_charge(std::uint64_t bytes) {
    if (used_ > limit_ || bytes > limit_ - used_) return false;
    used_ += bytes;
    return true;
  }
  /// Past the limit, for what a restore is about to replace.
  void charge(std::uint64_t bytes) { used_ += bytes; }
  void release(std::uint64_t bytes) {
    BB_ASSERT(bytes <= used_);
    used_ -= bytes;
  }
  std::uint64_t used() const { return used_; }
  std::uint64_t limit() const { return limit_; }
  std::uint64_t remaining() const { return used_ < limit_ ? limit_ - used_ : 0; }

 private:
  std::uint64_t limit_;
  std::uint64_t used_ = 0;
};

}  // namespace bb
