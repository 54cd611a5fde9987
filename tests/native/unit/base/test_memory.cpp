// The node's allocator: size classes, the limit, reuse, counters; and the byte budget.
#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <vector>

#include "bb/memory.h"
#include "bb/random.h"

using bb::ByteBudget;
using bb::Memory;

namespace {

constexpr std::size_t kSizes[] = {0,    1,    31,    32,    33,    63,     64,     65,      100,     4095,     4096,
                                  4097, 8192, 65535, 65536, 65537, 100000, 262144, 1048577, 5000000, 65536 * 3};

// What a block of so many bytes takes from the limit.
std::uint64_t taken(std::size_t bytes) {
  if (bytes > 65536) return bytes;
  std::uint64_t size = 32;
  while (size < bytes) size *= 2;
  return size;
}

}  // namespace

TEST_CASE("blocks are aligned, writable over their whole size and charged by class", "[memory]") {
  Memory memory;
  for (const std::size_t size : kSizes) {
    void* block = memory.allocate(size);
    REQUIRE(block != nullptr);
    CHECK(reinterpret_cast<std::uintptr_t>(block) % 16 == 0);
    std::memset(block, 0xa5, size);
    CHECK(memory.live_bytes() == taken(size));
    memory.release(block, size);
    CHECK(memory.live_bytes() == 0);
  }
}

TEST_CASE("blocks of one class do not overlap", "[memory]") {
  Memory memory;
  for (const std::size_t size : {32u, 64u, 512u, 4096u, 65536u}) {
    std::vector<std::uint8_t*> blocks;
    for (std::uint8_t i = 0; i < 40; ++i) {
      auto* block = static_cast<std::uint8_t*>(memory.allocate(size));
      REQUIRE(block != nullptr);
      std::memset(block, i, size);
      blocks.push_back(block);
    }
    for (std::uint8_t i = 0; i < 40; ++i) {
      CHECK(blocks[i][0] == i);
      CHECK(blocks[i][size - 1] == i);
      memory.release(blocks[i], size);
    }
  }
  CHECK(memory.live_bytes() == 0);
}

TEST_CASE("a released block is used again without asking the system", "[memory]") {
  Memory memory;
  for (const std::size_t size : {1u, 32u, 100u, 4096u, 65536u}) {
    void* first = memory.allocate(size);
    memory.release(first, size);
    const std::uint64_t before = memory.system_allocations();
    for (int i = 0; i < 1000; ++i) {
      void* block = memory.allocate(size);
      CHECK(block == first);
      memory.release(block, size);
    }
    CHECK(memory.system_allocations() == before);
  }
  // Above the largest class every block is the system's.
  const std::uint64_t before = memory.system_allocations();
  memory.release(memory.allocate(65537), 65537);
  CHECK(memory.system_allocations() == before + 1);
}

TEST_CASE("the limit holds exactly, and is free again after a release", "[memory]") {
  Memory memory(1024);
  CHECK(memory.limit_bytes() == 1024);
  std::vector<void*> blocks;
  for (int i = 0; i < 32; ++i) {
    blocks.push_back(memory.allocate(20));
    REQUIRE(blocks.back() != nullptr);
  }
  CHECK(memory.live_bytes() == 1024);
  CHECK(memory.allocate(1) == nullptr);
  CHECK(memory.allocate(0) == nullptr);
  CHECK(memory.allocate(100000) == nullptr);
  CHECK(memory.live_bytes() == 1024);
  memory.release(blocks.back(), 20);
  blocks.back() = memory.allocate(32);
  CHECK(blocks.back() != nullptr);
  CHECK(memory.allocate(33) == nullptr);
  for (void* block : blocks) memory.release(block, 20);
  CHECK(memory.live_bytes() == 0);
}

TEST_CASE("sizes that no machine has are refused", "[memory]") {
  Memory memory;
  CHECK(memory.allocate(SIZE_MAX) == nullptr);
  CHECK(memory.allocate(SIZE_MAX - 64) == nullptr);
  CHECK(memory.live_bytes() == 0);
  Memory none(0);
  CHECK(none.allocate(0) == nullptr);
}

TEST_CASE("any order of allocations and releases keeps the books", "[memory]") {
  Memory memory(8'000'000);
  bb::RandomStream random(5);
  struct Held {
    std::uint8_t* block;
    std::size_t size;
    std::uint8_t mark;
  };
  std::vector<Held> held;
  std::uint64_t live = 0;
  for (int step = 0; step < 20000; ++step) {
    if (random.below(2) == 0 && held.size() < 500) {
      const std::size_t size = static_cast<std::size_t>(random.below(random.below(8) == 0 ? 200000 : 3000));
      auto* block = static_cast<std::uint8_t*>(memory.allocate(size));
      REQUIRE((block != nullptr) == (live + taken(size) <= 8'000'000));
      if (!block) continue;
      const auto mark = static_cast<std::uint8_t>(step);
      if (size > 0) block[0] = block[size - 1] = mark;
      live += taken(size);
      held.push_back({block, size, mark});
    } else if (!held.empty()) {
      std::swap(held[static_cast<std::size_t>(random.below(held.size()))], held.back());
      const Held last = held.back();
      held.pop_back();
      if (last.size > 0) REQUIRE((last.block[0] == last.mark && last.block[last.size - 1] == last.mark));
      memory.release(last.block, last.size);
      live -= taken(last.size);
    }
    REQUIRE(memory.live_bytes() == live);
  }
  for (const Held& one : held) memory.release(one.block, one.size);
  CHECK(memory.live_bytes() == 0);
}

TEST_CASE("a budget charges up to its limit and no further", "[memory]") {
  ByteBudget budget(100);
  CHECK(budget.try_charge(60));
  CHECK_FALSE(budget.try_charge(41));
  CHECK(budget.used() == 60);
  CHECK(budget.try_charge(40));
  CHECK(budget.remaining() == 0);
  CHECK(budget.try_charge(0));
  CHECK_FALSE(budget.try_charge(1));
  CHECK_FALSE(budget.try_charge(UINT64_MAX));
  budget.release(100);
  CHECK(budget.used() == 0);
  CHECK(budget.limit() == 100);
  ByteBudget wide(UINT64_MAX);
  CHECK(wide.try_charge(UINT64_MAX));
  CHECK_FALSE(wide.try_charge(1));
  wide.release(UINT64_MAX);
}
