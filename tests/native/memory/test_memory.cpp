// Memory that runs out, at every allocation of six lives: nothing aborts, nothing leaks, a refused call leaves the node as it was, and
// once there is memory again the life goes on to the result of an undisturbed one, or an op's failure says what did not.
#include <catch2/catch_test_macros.hpp>

#ifdef BB_FAULT_INJECTION

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "memory/scenarios.h"
#include "memory/sites.h"

using namespace bb;
using namespace bb::test;

namespace {

const char* current_name = "";
unsigned long long current_number = 0;

// An assertion of the engine ends the program; this says which allocation it was.
void on_abort(int) {
  char text[256];
  const int size = std::snprintf(text, sizeof text, "memory: aborted in `%s` at allocation %llu\n", current_name, current_number);
  (void)!::fwrite(text, 1, static_cast<std::size_t>(size), stderr);
  std::signal(SIGABRT, SIG_DFL);
}

// A poll that stops for want of memory ends like any other: with its events, and with what it has to ship. So each kind keeps its order,
// but one kind may come before another.
std::string_view stream_of(const Seen& step) {
  if (step.kind == "AppEvent" || step.kind == "SendEnvelope") return step.kind;
  const bool at_the_end = step.kind.starts_with("Other") || step.kind == "PeerResolveFailed" || step.kind == "BootstrapComplete";
  return at_the_end ? "end" : "ops";
}
std::vector<const Seen*> stream(const std::vector<Seen>& steps, std::string_view name) {
  std::vector<const Seen*> found;
  for (const Seen& step : steps)
    if (stream_of(step) == name) found.push_back(&step);
  return found;
}
std::string show(const std::vector<const Seen*>& steps, std::size_t at) {
  if (at >= steps.size()) return "nothing";
  const Seen& step = *steps[at];
  return std::to_string(step.node) + " " + step.kind + " " + step.name + " exec " + std::to_string(step.exec);
}

// Where the steps of two runs part; empty where they do not.
std::string difference(const Stage& stage, const Stage& base) {
  for (const char* name : {"ops", "AppEvent", "SendEnvelope", "end"}) {
    const auto a = stream(stage.seen, name), b = stream(base.seen, name);
    std::size_t at = 0;
    while (at < a.size() && at < b.size() && *a[at] == *b[at]) ++at;
    if (at == a.size() && at == b.size()) continue;
    return "step " + std::to_string(at) + " of " + std::to_string(a.size()) + "/" + std::to_string(b.size()) + ": " + show(a, at) +
           " instead of " + show(b, at);
  }
  for (std::size_t i = 0; i < base.sent.size(); ++i)
    if (stage.sent[i].bytes != base.sent[i].bytes) return "envelope " + std::to_string(i) + " has other bytes";
  return {};
}

// An op failed for want of memory, or a frame's advice was lost, and a step says so.
bool says_no_memory(const Stage& stage) {
  const std::string lost = std::to_string(static_cast<int>(WireReceiveFailed::Kind::allocation_failed));
  for (const Seen& step : stage.seen)
    if ((step.kind == "OpFailed" && (step.name == "no_memory" || step.name == "permits_limit")) ||
        (step.kind == "WireReceiveFailed" && step.name == lost))
      return true;
  return false;
}

struct Tally {
  std::uint64_t runs = 0, refused = 0, stalled = 0, absorbed = 0, same = 0, failed_ops = 0, counted_drops = 0;
  std::uint64_t allocations = 0;
};

struct Sweep {
  const Scenario& scenario;
  std::map<std::string, std::pair<std::uint64_t, std::string>> findings{};  // rule → how often, where first
  Tally tally{};
  std::map<std::string, std::uint64_t> dropped_at{};  // what went missing, counted

  Stage undisturbed() {
    Stage stage(scenario_registry(), nullptr, 0);
    Faults::arm(0, Faults::Mode::once);
    scenario.play(stage);
    tally.allocations = Faults::asked();
    return stage;
  }

  void run(const Stage& base, std::uint64_t number, Faults::Mode mode) {
    current_name = scenario.name;
    current_number = number;
    ++tally.runs;
    Stage stage(scenario_registry(), &base.calls, number);
    Faults::arm(number, mode);
    try {
      scenario.play(stage);
      require_rule(stage.hit, "the allocation is reached");
      judge(base, stage);
    } catch (const Finding& finding) {
      auto& entry = findings[finding.what()];
      if (entry.first++ == 0)
        entry.second =
            "allocation " + std::to_string(number) + (mode == Faults::Mode::once ? " once: " : " persistent: ") + Faults::last();
    }
    Faults::disarm();
    tally.refused += stage.refused;
    tally.stalled += stage.stalled;
    tally.absorbed += stage.absorbed;
  }

  void judge(const Stage& base, const Stage& stage) {
    const std::string parts = difference(stage, base);
    if (parts.empty() || !stage.compares) {
      ++tally.same;
    } else if (says_no_memory(stage)) {
      ++tally.failed_ops;
    } else if (stage.dropped() > base.dropped()) {
      ++tally.counted_drops;
      dropped_at[Faults::last()]++;
    } else {
      throw Finding(parts);
    }
  }

  void all() {
    const Stage base = undisturbed();
    for (std::uint64_t number = 1; number <= tally.allocations; ++number) run(base, number, Faults::Mode::once);
    const std::uint64_t stride = std::max<std::uint64_t>(1, tally.allocations / kPersistentRuns);
    for (std::uint64_t number = 1; number <= tally.allocations; number += stride) run(base, number, Faults::Mode::persistent);
  }
#ifdef BB_SLOW
  static constexpr std::uint64_t kPersistentRuns = 200;
#else
  static constexpr std::uint64_t kPersistentRuns = 1'000;
#endif
};

void check(std::size_t index) {
  std::signal(SIGABRT, on_abort);
  Sweep sweep{.scenario = kScenarios[index]};
  sweep.all();
  const Tally& t = sweep.tally;
  std::printf(
      "%s: %llu allocations, %llu runs: %llu refused, %llu stalled polls, %llu did without; %llu the same, %llu failed ops, %llu "
      "counted drops\n",
      sweep.scenario.name, (unsigned long long)t.allocations, (unsigned long long)t.runs, (unsigned long long)t.refused,
      (unsigned long long)t.stalled, (unsigned long long)t.absorbed, (unsigned long long)t.same, (unsigned long long)t.failed_ops,
      (unsigned long long)t.counted_drops);
  for (const auto& [site, times] : sweep.dropped_at)
    std::printf("  counted drops: %s [%llu]\n", site.c_str(), (unsigned long long)times);
  for (const auto& [rule, found] : sweep.findings)
    UNSCOPED_INFO(rule << "  [" << found.first << " times, first at " << found.second << "]");
  CHECK(sweep.findings.empty());
  CHECK(t.allocations > 200);
}

}  // namespace

TEST_CASE("memory runs out 1: requests, answers and gathering, with timeouts", "[nodes]") { check(0); }
TEST_CASE("memory runs out 2: mesh averaging", "[nodes]") { check(1); }
TEST_CASE("memory runs out 3: timers, stores, permits, queues, events, phases, metrics", "[nodes]") { check(2); }
TEST_CASE("memory runs out 4: bootstrap, calls of functions and components, policy", "[nodes]") { check(3); }
TEST_CASE("memory runs out 5: recording, snapshot, restore, replay", "[states]") { check(4); }

TEST_CASE("memory runs out 6: what a state can hold, the inbox of other threads", "[states]") { check(5); }

TEST_CASE("memory runs out at every place that allocates after install", "[states]") {
  for (const Scenario& scenario : kScenarios) {
    Sweep sweep{.scenario = scenario};
    const Stage base = sweep.undisturbed();
    const std::vector<std::uint64_t> firsts = Faults::first_of_each_site();
    for (const std::uint64_t number : firsts) sweep.run(base, number, Faults::Mode::once);
  }
  const SiteCoverage coverage = site_coverage();
  std::printf("places of the allocator: %zu of %zu failed, %zu reviewed exceptions\n", coverage.failed, coverage.total,
              coverage.excepted);
  for (const std::string& place : coverage.missed) UNSCOPED_INFO("never failed: " << place);
  CHECK(coverage.missed.empty());
  CHECK(coverage.total > 150);
}

#endif
