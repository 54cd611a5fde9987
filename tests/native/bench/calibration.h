// Calibration loops: what one machine's nanosecond is worth beside another's. Medians of 15 repetitions, to be run pinned to a core.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <unordered_map>
#include <vector>

namespace bb::bench {

struct Calibration {
  double map_ns = 0;       // one lookup in an unordered_map<string, uint64> of 1,000 keys, in a fixed random order
  double alloc_ns = 0;     // one malloc and free of 64 bytes, 32 blocks alive in a ring
  double dispatch_ns = 0;  // one indirect call through a table of 16 functions, chosen by a data-dependent index
  double copy_ns = 0;      // one byte of a 64 MiB memcpy
};

namespace detail {

inline volatile std::uint64_t sink;

template <class Work>
double median_of_15(double units, Work work) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> runs;
  for (int i = 0; i < 16; ++i) {
    const auto start = Clock::now();
    work();
    const double ns = std::chrono::duration<double, std::nano>(Clock::now() - start).count();
    if (i > 0) runs.push_back(ns / units);
  }
  std::nth_element(runs.begin(), runs.begin() + 7, runs.end());
  return runs[7];
}

inline std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

using StepFunction = std::uint64_t (*)(std::uint64_t);
template <int N>
std::uint64_t step(std::uint64_t x) {
  return x * (2 * N + 3) + N;
}

}  // namespace detail

inline Calibration calibrate() {
  using namespace detail;
  Calibration result;
  std::unordered_map<std::string, std::uint64_t> map;
  std::vector<std::string> keys;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    keys.push_back("ai.bytesandbrains.value." + std::to_string(mix(i)));
    map.emplace(keys.back(), i);
  }
  const std::size_t lookups = 1'000'000;
  result.map_ns = median_of_15(static_cast<double>(lookups), [&] {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < lookups; ++i) sum += map.find(keys[mix(i) % keys.size()])->second;
    sink = sum;
  });
  const std::size_t allocations = 1'000'000;
  result.alloc_ns = median_of_15(static_cast<double>(allocations), [&] {
    void* ring[32] = {};
    for (std::size_t i = 0; i < allocations; ++i) {
      void*& slot = ring[i % 32];
      std::free(slot);
      slot = std::malloc(64);
      static_cast<volatile char*>(slot)[0] = 1;
    }
    for (void* block : ring) std::free(block);
  });
  const StepFunction steps[16] = {step<0>, step<1>, step<2>,  step<3>,  step<4>,  step<5>,  step<6>,  step<7>,
                                  step<8>, step<9>, step<10>, step<11>, step<12>, step<13>, step<14>, step<15>};
  const std::size_t calls = 4'000'000;
  result.dispatch_ns = median_of_15(static_cast<double>(calls), [&] {
    std::uint64_t x = 1;
    for (std::size_t i = 0; i < calls; ++i) x = steps[(x >> 7) & 15](x);
    sink = x;
  });
  const std::size_t bytes = 64u << 20;
  std::vector<char> from(bytes, 1), to(bytes);
  result.copy_ns = median_of_15(static_cast<double>(bytes), [&] {
    std::memcpy(to.data(), from.data(), bytes);
    sink = static_cast<unsigned char>(to[bytes / 2]);
  });
  return result;
}

}  // namespace bb::bench
