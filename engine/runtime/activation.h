// One execution of a graph: one contiguous block of header, value slots, arrivals still missing per op, and the op counts of the
// slots it holds. Its end is one release: `live` counts what can still make it move, and zero frees it.
#pragma once

#include "runtime/linked_graph.h"

namespace bb::runtime {

struct Activation {
  LinkedGraph* graph = nullptr;
  Plan* plan = nullptr;
  Activation* parent = nullptr;  // whose call op this is the body of
  Activation* root = nullptr;    // the outermost parent, which holds the slots of all; itself where there is none
  Activation* previous = nullptr;
  Activation* next = nullptr;  // all executions of a node, in the order they were made
  Inbound inbound;
  ExecId exec;
  std::uint64_t start_ns = 0;
  std::uint32_t live = 0;  // ops queued, waiting for a slot, or parked; bodies of calls; the start itself
  std::uint32_t block_bytes = 0;
  std::uint32_t call_op = 0;        // of the parent
  std::uint32_t owed = 0;           // outputs of the call that have no value yet
  std::uint32_t peer = UINT32_MAX;  // whose envelope started it, until it starts
  std::uint32_t frame_bytes = 0;    // of that envelope
  std::uint16_t peer_generation = 0;
  enum class Stage : std::uint8_t { prepared, submitted, gated, waiting, running } stage = Stage::prepared;
  bool from_envelope = false;
  bool bootstrap = false;  // roots only: part of a bootstrap job
  bool holds_slots = false;
  bool failed = false;

  Value* values() { return reinterpret_cast<Value*>(this + 1); }
  const Value* values() const { return reinterpret_cast<const Value*>(this + 1); }
  std::uint16_t* missing() { return reinterpret_cast<std::uint16_t*>(values() + graph->value_count); }
  const std::uint16_t* missing() const { return const_cast<Activation*>(this)->missing(); }
  /// Ops left per exclusive slot, parallel to `plan->exclusive`.
  std::uint16_t* slot_ops() { return missing() + graph->ops.size(); }
  const std::uint16_t* slot_ops() const { return missing() + graph->ops.size(); }

  /// Slots absent, no plan yet. nullptr when memory is at its limit.
  static Activation* create(Memory& memory, LinkedGraph& graph, ExecId exec);
  /// Takes the plan; executions start from the values that are present now.
  void set_plan(Plan* plan);
  static void destroy(Memory& memory, Activation* activation);
};

}  // namespace bb::runtime
