// The simulator as a program: `bb_sim [--seed S] [--seeds N] [--stride K] [--nodes K] [--steps N] [--checks N] [--json] [--hashes]`
// runs N seeds from S, a stride apart, and tells what it did; with `--hashes` the hash of each seed's trace instead, which is the
// same on every target. It exits with 1 when an oracle was not satisfied.
#include <unistd.h>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "sim/world.h"

namespace {

volatile std::uint64_t current_seed = 0;

// An assertion of the engine's ends the program; the seed has to be known then, too.
void aborted(int) {
  char text[64];
  const int size =
      std::snprintf(text, sizeof text, "bb_sim: aborted in seed %llu\n", static_cast<unsigned long long>(current_seed));
  if (write(2, text, static_cast<std::size_t>(size)) < 0) _Exit(3);
  _Exit(2);
}

}  // namespace

int main(int count, char** arguments) {
  std::uint64_t first = 1, seeds = 1, stride = 1;
  bool json = false, hashes = false;
  bb::sim::Options options;
  for (int i = 1; i < count; ++i) {
    const std::string_view name = arguments[i];
    if (name == "--json") {
      json = true;
      continue;
    }
    if (name == "--hashes") {
      hashes = true;
      continue;
    }
    if (i + 1 == count) {
      std::fprintf(stderr, "bb_sim: %s needs a number\n", arguments[i]);
      return 2;
    }
    const std::uint64_t number = std::strtoull(arguments[++i], nullptr, 10);
    if (name == "--seed")
      first = number;
    else if (name == "--seeds")
      seeds = number;
    else if (name == "--stride")
      stride = number;
    else if (name == "--nodes")
      options.nodes = static_cast<std::uint32_t>(number);
    else if (name == "--steps")
      options.steps = number;
    else if (name == "--checks")
      options.checks = static_cast<std::uint32_t>(number);
    else
      return std::fprintf(stderr, "bb_sim: unknown option %s\n", arguments[i - 1]), 2;
  }
  if (options.nodes == 1 || options.nodes > 32) return std::fprintf(stderr, "bb_sim: 2 to 32 nodes\n"), 2;

  const bb::sim::Programs programs;
  if (!programs.error.empty()) return std::fprintf(stderr, "bb_sim: %s\n", programs.error.c_str()), 2;
  std::signal(SIGABRT, aborted);
  bb::sim::Report total;
  std::uint64_t failures = 0;
  const auto started = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < seeds; ++i) {
    const std::uint64_t seed = first + i * stride;
    current_seed = seed;
    const bb::sim::Report report = bb::sim::run(programs, seed, options);
    if (hashes) std::printf("%llu %s\n", static_cast<unsigned long long>(seed), bb::to_hex(report.hash).c_str());
    if (!report.failure.empty()) {
      ++failures;
      std::fprintf(stderr, "seed %llu: %s\n", static_cast<unsigned long long>(seed), report.failure.c_str());
    }
    total.steps += report.steps;
    total.rebuilds += report.rebuilds;
    total.restarts += report.restarts;
    total.answers += report.answers;
    total.merges += report.merges;
    total.envelopes += report.envelopes;
    total.failed_ops += report.failed_ops;
    total.contributions += report.contributions;
    total.losses_told += report.losses_told;
    total.twins += report.twins;
    total.words += report.words;
    for (std::uint32_t fault = 0; fault < bb::sim::kFaults; ++fault) total.faults[fault] += report.faults[fault];
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  auto row = [&, separator = json ? "{" : ""](std::string_view name, std::uint64_t number) mutable {
    if (json)
      std::printf("%s\"%.*s\":%llu", separator, static_cast<int>(name.size()), name.data(),
                  static_cast<unsigned long long>(number));
    else
      std::printf("%-22.*s %12llu\n", static_cast<int>(name.size()), name.data(), static_cast<unsigned long long>(number));
    separator = ",";
  };
  if (hashes) return failures > 0 ? 1 : 0;
  row("seeds", seeds);
  row("steps", total.steps);
  row("envelopes", total.envelopes);
  row("answers", total.answers);
  row("aggregates", total.merges);
  row("contributions counted", total.contributions);
  row("failed ops", total.failed_ops);
  row("restarts", total.restarts);
  row("losses told", total.losses_told);
  row("rebuilds compared", total.rebuilds);
  row("twin runs compared", total.twins);
  row("words compared", total.words);
  for (std::uint32_t fault = 0; fault < bb::sim::kFaults; ++fault)
    row(bb::sim::fault_name(static_cast<bb::sim::Fault>(fault)), total.faults[fault]);
  row("milliseconds", static_cast<std::uint64_t>(seconds * 1'000));
  row("failures", failures);
  if (json) std::printf("}\n");
  return failures > 0 ? 1 : 0;
}
