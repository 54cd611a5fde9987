// Makes allocations fail: the k-th one inside a window, or all from the k-th on, and remembers which places in the source were asked
// and which were failed. Only in builds with BB_FAULT_INJECTION.
#pragma once

#include <compare>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "bb/memory.h"

#ifdef BB_FAULT_INJECTION

namespace bb::test {

struct Site {
  std::string file;  // as the compiler was given it
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  auto operator<=>(const Site&) const = default;
};

class Faults {
 public:
  enum class Mode : std::uint8_t { once, persistent };

  /// Counts from 1 again and fails the allocation of that number; 0: none.
  static void arm(std::uint64_t number, Mode mode);
  /// There is memory again.
  static void disarm();
  /// Fails every allocation that a function of this name asks for, instead; nullptr: none.
  static void fail_in(const char* function);
  /// Asked for inside windows since `arm`.
  static std::uint64_t asked();
  /// Of them failed.
  static std::uint64_t failed();
  /// The place that was failed last.
  static std::string last();
  /// For every place that was asked since `arm`, the number of its first allocation.
  static const std::vector<std::uint64_t>& first_of_each_site();
  static const std::set<Site>& sites_failed();

  /// While one is alive, allocations of this thread are asked for, and may fail.
  class Window {
   public:
    Window();
    ~Window();
    Window(const Window&) = delete;
    Window& operator=(const Window&) = delete;
  };
};

}  // namespace bb::test

#endif
