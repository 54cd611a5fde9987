// Why a node waits, told from its executions, parked ops and queues. Walks all of them: for people and tools, not for a loop.
#pragma once

#include "bb/wait.h"
#include "runtime/engine.h"

namespace bb::runtime {

class Explainer {
 public:
  Explainer(const Engine& engine, std::uint32_t waits_max) : engine_(engine), waits_max_(waits_max) {}
  std::vector<Wait> explain();

 private:
  Wait* add(Wait::Kind kind, const Activation* activation, std::uint32_t op, std::uint64_t since_ns);
  void parked();
  void execution(const Activation& activation);
  void unfed_ops(const Activation& activation);
  void held_envelopes();
  Wait::Peer peer(std::uint32_t index) const;
  std::string slot_of(std::uint32_t component) const;

  const Engine& engine_;
  std::uint32_t waits_max_;
  std::vector<Wait> waits_;
};

}  // namespace bb::runtime
