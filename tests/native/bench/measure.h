// Timing of one workload: the median of repetitions over 150 ms after a warm-up; and the one function that a tool which counts
// instructions is told to watch.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace bb::bench {

inline void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "bench: %s\n", what);
  std::exit(1);
}

struct Row {
  std::string key;  // of scripts/lib/bench-workloads.mjs
  double ns = 0;
};

/// Runs the call between two of which `valgrind --toggle-collect=bench_counted` counts.
using Counted = void (*)(void*);
extern "C" void bench_counted(Counted call, void* context);

class Measure {
 public:
  /// `only`: keys; empty for all. `count`: instead of timing, runs each workload once within `bench_counted`.
  Measure(std::vector<std::string> only, bool count) : only_(std::move(only)), count_(count) {}

  bool wants(std::string_view key) const { return only_.empty() || std::find(only_.begin(), only_.end(), key) != only_.end(); }
  template <class... Keys>
  bool wants_any(Keys... keys) const {
    return (wants(keys) || ...);
  }
  /// `prepare` comes before each repetition and is not timed; `units` are the units of one repetition of `work`.
  template <class Prepare, class Work>
  void row(std::string_view key, double units, Prepare prepare, Work work) {
    if (!wants(key)) return;
    rows_.push_back({std::string(key), count_ ? counted(units, prepare, work) : median_ns(units, prepare, work)});
  }
  template <class Work>
  void row(std::string_view key, double units, Work work) {
    row(key, units, [] {}, work);
  }
  const std::vector<Row>& rows() const { return rows_; }

 private:
  using Clock = std::chrono::steady_clock;
#ifdef __EMSCRIPTEN__
  static constexpr double kWarmUpNs =
      800e6;  // V8's optimising compiler works beside the program, on the same core when that is pinned
#else
  static constexpr double kWarmUpNs = 100e6;
#endif
  static constexpr double kMeasureNs = 150e6;
  static constexpr std::size_t kRunsMin = 15;
  static constexpr int kRunsWarm = 3;

  static double since(Clock::time_point start) { return std::chrono::duration<double, std::nano>(Clock::now() - start).count(); }

  template <class Prepare, class Work>
  static double median_ns(double units, Prepare& prepare, Work& work) {
    std::vector<double> runs;
    const auto began = Clock::now();
    do {
      prepare();
      work();
    } while (since(began) < kWarmUpNs);
    const auto measured = Clock::now();
    while (runs.size() < kRunsMin || since(measured) < kMeasureNs) {
      prepare();
      const auto start = Clock::now();
      work();
      runs.push_back(since(start) / units);
    }
    const auto middle = runs.begin() + static_cast<std::ptrdiff_t>(runs.size() / 2);
    std::nth_element(runs.begin(), middle, runs.end());
    return *middle;
  }

  // The units, which the caller divides what was counted by.
  template <class Prepare, class Work>
  static double counted(double units, Prepare& prepare, Work& work) {
    for (int i = 0; i < kRunsWarm; ++i) {
      prepare();
      work();
    }
    prepare();
    bench_counted([](void* context) { (*static_cast<Work*>(context))(); }, &work);
    return units;
  }

  std::vector<std::string> only_;
  bool count_;
  std::vector<Row> rows_;
};

}  // namespace bb::bench
