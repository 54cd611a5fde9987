// What a seed draws: which parts of the engine a run uses, how bad its network, clocks and disks are, and how small its nodes.
#pragma once

#include "bb/limits.h"
#include "bb/node.h"
#include "sim/random.h"

namespace bb::sim {

/// Chances are in parts of a million.
struct Swarm {
  std::uint32_t nodes = 3;    // honest ones, numbered from 1
  std::uint32_t hostile = 0;  // numbered after them
  std::uint32_t parts = 0;
  Limits limits;

  // Links.
  std::uint64_t loss = 0, burst = 0, duplicate = 0, corrupt = 0, report_loss = 0;
  std::uint64_t delay_min_ns = 100'000, delay_max_ns = 1'000'000;
  std::uint64_t bytes_per_second = 1'000'000'000;
  bool in_order = false;
  std::uint64_t partition_every_ns = 0, partition_max_ns = 0;  // 0: never
  std::uint64_t swap_every_ns = 0;                             // a link takes another path; 0: never

  // Hosts.
  std::uint64_t poll_delay_max_ns = 0;
  std::uint32_t ops_per_call_max = 0;  // 0: the node's own limit
  std::uint64_t think_ns = 0;          // between two acts of an application
  std::uint64_t meddle = 0;            // chance that such an act is a call that nobody needs
  std::uint64_t drift_ppm_max = 0, clock_step_max_ns = 0, freeze_max_ns = 0;
  std::uint64_t crash_every_ns = 0, down_max_ns = 0;  // 0: never
  std::uint64_t hostile_every_ns = 0;

  // Disks.
  Durability durability[3] = {Durability::none, Durability::none, Durability::none};  // of nodes, in turn
  std::uint64_t sync_max_ns = 0, sync_failure = 0, forgotten_slot = 0;
  std::uint64_t snapshot_every_syncs = 0;
  std::uint64_t flipped_bit = 0, read_failure = 0, recovery_failure = 0;  // of a crash, of a restart, of a restart's first write

  // A twin world runs twice, with what its hostile peers say and without. Its nodes are polled by the clock alone, and share nothing
  // that a flood could use up.
  bool twin = false;
  std::uint64_t tick_ns = 0;
};

Swarm draw_swarm(std::uint64_t seed, std::uint32_t nodes_wanted);

}  // namespace bb::sim
