// Which ops one execution runs, given the values it starts from, and how many arrivals each waits for (spec decisions G4).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace bb::runtime {

struct LinkedGraph;

struct Plan {
  /// Arrivals an op still waits for; 0 for ops that are not in the plan or are ready at the start.
  std::vector<std::uint16_t> missing;
  std::vector<std::uint32_t> ready;        // in recorded order
  std::vector<std::uint32_t> effect_next;  // per op: the next op of the plan on its slot, or UINT32_MAX
  /// Slots on which this execution runs two ops or more, and so must have to itself (spec decisions G11).
  struct Exclusive {
    std::uint32_t component = 0;
    std::uint16_t ops = 0;
  };
  std::vector<Exclusive> exclusive;
  std::uint32_t op_count = 0;

  std::vector<std::uint32_t> seeds;  // sorted values: the cache's key
  std::uint64_t last_use = 0;
  std::uint32_t users = 0;
  bool cached = false;
};

/// `seeds`: sorted values present at the start; empty for an invocation without inputs.
Plan make_plan(const LinkedGraph& graph, std::span<const std::uint32_t> seeds);

/// Plans of one graph by seed set; the least recently used one without executions makes room.
class PlanCache {
 public:
  Plan* acquire(const LinkedGraph& graph, std::span<const std::uint32_t> seeds, std::uint32_t plans_max);
  void release(Plan* plan);
  std::size_t size() const { return plans_.size(); }

 private:
  std::uint64_t clock_ = 0;
  Plan* latest_ = nullptr;
  std::vector<std::unique_ptr<Plan>> plans_;
};

}  // namespace bb::runtime
