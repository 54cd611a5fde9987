// One execution of a graph: one contiguous block of header, value slots, arrivals still missing per op, and the op counts of the
// slots it holds. Its end is one release: `live` counts what can still make it move, and zero frees it.
#pragma once

#include "runtime/linked_graph.h"

namespace bb::runtime {

struct Activation {
  LinkedGraph* graph = nullptr;
  Plan* plan = nullptr;
  Inbound inbound;
  ExecId exec;
  std::uint64_t start_ns = 0;
  std::uint32_t live = 0;  // ops queued, waiting for a slot, or parked; the start itself
  std::uint32_t block_bytes = 0;
  bool from_envelope = false;
  bool holds_slots = false;
  bool failed = false;

  Value* values() { return reinterpret_cast<Value*>(this + 1); }
  std::uint16_t* missing() { return reinterpret_cast<std::uint16_t*>(values() + graph->value_count); }
  /// Ops left per exclusive slot, parallel to `plan->exclusive`.
  std::uint16_t* slot_ops() { return missing() + graph->ops.size(); }

  /// Slots absent, no plan yet. nullptr when memory is at its limit.
  static Activation* create(Memory& memory, LinkedGraph& graph, ExecId exec);
  /// Takes the plan; executions start from the values that are present now.
  void set_plan(Plan* plan);
  static void destroy(Memory& memory, Activation* activation);
};

}  // namespace bb::runtime
