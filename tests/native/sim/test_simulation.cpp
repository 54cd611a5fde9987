// Ten seconds of simulation, and what every run of a seed must have in common with every other.
#include <catch2/catch_test_macros.hpp>
#include <chrono>

#include "sim/world.h"

using namespace bb;

namespace {

const sim::Programs& programs() {
  static const sim::Programs compiled;
  REQUIRE(compiled.error.empty());
  return compiled;
}

}  // namespace

TEST_CASE("simulation: a seed is the same run every time", "[sim]") {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const sim::Report first = sim::run(programs(), seed, {.steps = 2'000});
    const sim::Report second = sim::run(programs(), seed, {.steps = 2'000});
    INFO("seed " << seed << ": " << first.failure);
    CHECK(first.failure.empty());
    CHECK(first.hash == second.hash);
    CHECK(first.steps == second.steps);
  }
}

TEST_CASE("simulation: hostile peers change nothing of what the others say", "[sim]") {
  std::uint64_t twins = 0, words = 0;
  for (std::uint64_t seed = 1; twins < 3; ++seed) {
    if (!sim::draw_swarm(seed, 0).twin) continue;
    const sim::Report report = sim::run(programs(), seed, {.steps = 2'000});
    INFO("seed " << seed << ": " << report.failure << " (bb_sim --seed " << seed << " --steps 2000)");
    CHECK(report.failure.empty());
    twins += report.twins;
    words += report.words;
    if (report.twins == 0) break;
  }
  CHECK(twins == 3);
  CHECK(words > 0);
}

TEST_CASE("simulation: as many seeds as ten seconds hold satisfy all oracles", "[sim]") {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  std::uint64_t seed = 1;
  for (; std::chrono::steady_clock::now() < end; ++seed) {
    const sim::Report report = sim::run(programs(), seed, {.steps = 2'000});
    INFO("seed " << seed << ": " << report.failure << " (bb_sim --seed " << seed << " --steps 2000)");
    REQUIRE(report.failure.empty());
  }
  CHECK(seed > 3);
}
