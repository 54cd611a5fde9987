// Which ops one execution runs, given the values it starts from, and how many arrivals each waits for (spec decisions G4).
#pragma once

#include <compare>

#include "bb/array.h"

namespace bb::runtime {

struct LinkedGraph;

/// What an execution starts from.
struct PlanStart {
  enum class Mode : std::uint8_t {
    seeds,  // what the values reach, and what that needs; everything alive when there are none
    whole,  // everything alive: bodies of calls, bootstraps
    one,    // op `op`, and what it reaches
  };
  Mode mode = Mode::seeds;
  std::uint32_t op = UINT32_MAX;
  std::span<const std::uint32_t> seeds;  // sorted values that are present
};

struct Plan {
  /// Arrivals an op still waits for; 0 for ops that are not in the plan or are ready at the start.
  Array<std::uint16_t> missing;
  Array<std::uint32_t> ready;        // in recorded order
  Array<std::uint32_t> effect_next;  // per op: the next op of the plan on its slot, or UINT32_MAX
  /// The same for calls, which may use several slots; sorted by `op`.
  struct CallEffect {
    std::uint32_t op = 0;
    std::uint32_t next = 0;
    auto operator<=>(const CallEffect&) const = default;
  };
  Array<CallEffect> call_effects;
  /// Slots on which this execution runs two ops or more, and so must have to itself (spec decisions G11).
  struct Exclusive {
    std::uint32_t component = 0;
    std::uint16_t ops = 0;
  };
  Array<Exclusive> exclusive;
  Array<std::uint8_t> member;  // per op
  std::uint32_t op_count = 0;

  // The cache's key, and its bookkeeping.
  PlanStart::Mode mode = PlanStart::Mode::seeds;
  std::uint32_t op = UINT32_MAX;
  Array<std::uint32_t> seeds;
  std::uint64_t last_use = 0;
  std::uint32_t users = 0;
  bool cached = false;
};

/// False when there is no memory for it.
[[nodiscard]] bool make_plan(const LinkedGraph& graph, const PlanStart& start, Plan& plan);

/// Plans of one graph by what they start from; the least recently used one without executions makes room.
class PlanCache {
 public:
  PlanCache() = default;
  PlanCache(PlanCache&&) = default;
  PlanCache& operator=(PlanCache&&) = default;
  ~PlanCache();

  /// nullptr when there is no memory.
  Plan* acquire(const LinkedGraph& graph, const PlanStart& start, std::uint32_t plans_max);
  void release(Plan* plan);
  std::uint32_t size() const { return plans_.size(); }

 private:
  Plan* add(const LinkedGraph& graph, const PlanStart& start, std::uint32_t plans_max);

  std::uint64_t clock_ = 0;
  Plan* latest_ = nullptr;
  Array<Plan*> plans_;
};

}  // namespace bb::runtime
