// What a seed draws.
#include "sim/swarm.h"

#include <algorithm>

#include "sim/programs.h"

namespace bb::sim {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000, kSecond = 1'000'000'000;

// Small limits are where refusals, drops and stalls are; what stays at its default could not be reached in a run.
void draw_limits(Chance& chance, Limits& limits) {
  limits.backoff_max_ns = 2 * kSecond;
  limits.memory_bytes_max = 1 << 28;
  const auto maybe = [&](auto& limit, std::uint64_t low, std::uint64_t high) {
    if (chance.below(4) == 0) limit = static_cast<std::remove_reference_t<decltype(limit)>>(chance.magnitude(low, high));
  };
  maybe(limits.ops_per_poll, 1, 64);
  maybe(limits.parked_ops_max, 1, 64);
  maybe(limits.executions_max, 2, 64);
  maybe(limits.ready_ops_max, 2, 64);
  maybe(limits.plans_per_graph_max, 1, 8);
  maybe(limits.timers_max, 4, 64);
  maybe(limits.ingress_max, 1, 64);
  maybe(limits.ingress_bytes_max, 512, 65'536);
  maybe(limits.outbound_max, 2, 64);                // a request to send less must not be what displaces every answer
  maybe(limits.outbound_bytes_max, 1'024, 65'536);  // no answer is larger than that
  maybe(limits.requests_max, 1, 64);
  maybe(limits.payload_window, 1, 64);
  maybe(limits.round_trips_max, 1, 16);
  maybe(limits.queue_values_max, 1, 16);
  maybe(limits.bus_max, 1, 16);
  maybe(limits.peer_share_percent, 5, 100);
  maybe(limits.high_water_percent, 5, 100);
  maybe(limits.withheld_polls_max, 1, 64);
  // Each peer whose round trips are known holds one of the deadlines for good; the others are for what is asked.
  limits.round_trips_max = std::min(limits.round_trips_max, limits.timers_max / 2);
  maybe(limits.journal_bytes_max, 4'096, 65'536);
}

void draw_links(Chance& chance, Swarm& swarm) {
  if (chance.below(3) != 0) swarm.loss = chance.below(300'000);
  if (chance.below(3) == 0) swarm.burst = chance.below(20'000);
  if (chance.flip()) swarm.duplicate = chance.below(100'000);
  if (chance.below(3) == 0) swarm.corrupt = chance.below(10'000);
  if (chance.flip()) swarm.report_loss = chance.below(500'000);
  swarm.delay_min_ns = chance.magnitude(100'000, 10 * kMillisecond);
  swarm.delay_max_ns = chance.below(8) == 0 ? chance.magnitude(kSecond, 60 * kSecond) : chance.magnitude(kMillisecond, kSecond);
  if (swarm.delay_max_ns < swarm.delay_min_ns) swarm.delay_max_ns = swarm.delay_min_ns;
  if (chance.below(3) == 0) swarm.bytes_per_second = chance.magnitude(1'000, 1'000'000'000);
  swarm.in_order = chance.flip();
  if (chance.flip()) {
    swarm.partition_every_ns = chance.magnitude(kSecond, 30 * kSecond);
    swarm.partition_max_ns = chance.magnitude(kSecond, 120 * kSecond);
  }
  if (chance.below(3) == 0) swarm.swap_every_ns = chance.magnitude(100 * kMillisecond, 30 * kSecond);
}

// What would make the two runs of a twin world differ by themselves is off: what a host does when it is called, and the disk.
void make_twin(Chance& chance, Swarm& swarm) {
  swarm.twin = true;
  swarm.hostile = static_cast<std::uint32_t>(chance.between(1, 2));
  swarm.hostile_every_ns = chance.magnitude(kMillisecond, 100 * kMillisecond);
  swarm.tick_ns = chance.magnitude(kMillisecond, 20 * kMillisecond);
  swarm.corrupt = swarm.meddle = swarm.crash_every_ns = swarm.freeze_max_ns = swarm.clock_step_max_ns = 0;
  swarm.ops_per_call_max = 0;
  swarm.limits = {};
  swarm.limits.backoff_max_ns = 2 * kSecond;
  for (Durability& durability : swarm.durability) durability = Durability::none;
}

void draw_hosts(Chance& chance, Swarm& swarm) {
  swarm.poll_delay_max_ns = chance.below(4) == 0 ? chance.magnitude(kMillisecond, kSecond) : chance.magnitude(1'000, kMillisecond);
  if (chance.below(4) == 0) swarm.ops_per_call_max = static_cast<std::uint32_t>(chance.between(1, 8));
  swarm.think_ns = chance.magnitude(kMillisecond, 500 * kMillisecond);
  swarm.meddle = chance.flip() ? chance.below(300'000) : 0;
  if (chance.flip()) swarm.drift_ppm_max = 500;
  if (chance.below(3) == 0) swarm.clock_step_max_ns = chance.magnitude(kSecond, 3600 * kSecond);
  if (chance.below(3) == 0) swarm.freeze_max_ns = chance.magnitude(kSecond, 28'800 * kSecond);
  if (chance.below(3) != 0) {
    swarm.crash_every_ns = chance.magnitude(kSecond, 60 * kSecond);
    swarm.down_max_ns = chance.magnitude(kMillisecond, 10 * kSecond);
  }
  for (Durability& durability : swarm.durability) {
    const std::uint64_t drawn = chance.below(4);
    durability = drawn == 0 ? Durability::recorded : drawn == 1 ? Durability::none : Durability::gated;
  }
  swarm.sync_max_ns = chance.magnitude(100'000, 20 * kMillisecond);
  if (chance.flip()) swarm.sync_failure = chance.below(3'000);
  if (chance.flip()) swarm.forgotten_slot = chance.below(200'000);
  swarm.snapshot_every_syncs = chance.magnitude(4, 200);
  if (chance.flip()) swarm.flipped_bit = chance.below(400'000);
  if (chance.flip()) swarm.read_failure = chance.below(400'000);
  if (chance.flip()) swarm.recovery_failure = chance.below(400'000);
}

}  // namespace

Swarm draw_swarm(std::uint64_t seed, std::uint32_t nodes_wanted) {
  Chance chance(mix(seed ^ 0x5eed));
  Swarm swarm;
  swarm.nodes = static_cast<std::uint32_t>(chance.magnitude(3, 32));
  if (nodes_wanted > 0) swarm.nodes = nodes_wanted;
  if (chance.below(3) == 0 && swarm.nodes < 30) {
    swarm.hostile = static_cast<std::uint32_t>(chance.between(1, 2));
    swarm.hostile_every_ns = chance.magnitude(kMillisecond, kSecond);
  }
  while (swarm.parts == 0) swarm.parts = static_cast<std::uint32_t>(chance.next() & chance.next()) & ((1u << kParts) - 1);
  draw_limits(chance, swarm.limits);
  draw_links(chance, swarm);
  draw_hosts(chance, swarm);
  if (chance.below(8) == 0 && swarm.nodes < 30) make_twin(chance, swarm);
  return swarm;
}

}  // namespace bb::sim
