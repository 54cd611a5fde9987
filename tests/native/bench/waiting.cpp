// Polls beside parked ops and live executions: rows vi and ix of the reference's table, and the same with 100,000 of each.
#include "bench/workbench.h"

namespace bb::bench {
namespace {

constexpr std::size_t kBatch = 5'000;  // events per poll while a node is filled

void park(Workbench& bench, Node& node, std::string_view target, std::size_t count) {
  for (std::size_t i = 0; i < count; i += kBatch) {
    for (std::size_t k = 0; k < std::min(kBatch, count - i); ++k) bench.deliver(node, target, "x", 8);
    bench.poll(node);
  }
  require(node.stats().parked == count && node.stats().executions == count, "not every event parked");
}

void idle(Workbench& bench, std::string_view key, const char* model, std::size_t count, int polls) {
  if (!bench.measure.wants(key)) return;
  const auto node = bench.install(model);
  park(bench, *node, model, count);
  bench.measure.row(key, polls, [&] {
    for (int i = 0; i < polls; ++i) require(bench.poll(*node) == 0, "an idle poll did something");
  });
}

// What one repetition parks stays, so a node that has become too full is replaced.
void one_more(Workbench& bench) {
  if (!bench.measure.wants("vi_b")) return;
  std::unique_ptr<Node> node;
  bench.measure.row(
      "vi_b", 100,
      [&] {
        if (node && node->stats().parked < 20'000) return;
        node = bench.install("sleep1");
        park(bench, *node, "sleep1", 10'000);
      },
      [&] {
        for (int i = 0; i < 100; ++i) {
          bench.deliver(*node, "sleep1", "x", 8);
          bench.poll(*node);
        }
      });
}

void collect(Workbench& bench) {
  if (!bench.measure.wants("ix_b")) return;
  const auto node = bench.install("ev1");
  bench.measure.row(
      "ix_b", 1000,
      [&] {
        for (int i = 0; i < 1000; ++i) bench.deliver(*node, "ev1", "x", 1);
        bench.poll(*node);
      },
      [&] { bench.poll(*node); });
}

void event_beside_live(Workbench& bench) {
  if (!bench.measure.wants("ix_c")) return;
  const auto node = bench.install("mix");
  park(bench, *node, "mix", 10'000);
  bench.measure.row("ix_c", 50, [&] {
    for (int i = 0; i < 50; ++i) {
      bench.deliver(*node, "mix", "q", 8);
      require(bench.poll(*node) == 2, "steps of the event");
    }
  });
}

}  // namespace

void measure_waiting(Workbench& bench) {
  idle(bench, "vi_a", "sleep1", 10'000, 10'000);
  idle(bench, "vi_a_100k", "sleep1", 100'000, 10'000);
  one_more(bench);
  idle(bench, "ix_a_1000", "pt_sleep", 1'000, 10'000);
  idle(bench, "ix_a_10000", "pt_sleep", 10'000, 10'000);
  idle(bench, "ix_a_100k", "pt_sleep", 100'000, 10'000);
  collect(bench);
  event_beside_live(bench);
}

}  // namespace bb::bench
