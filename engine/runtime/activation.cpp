// Making and freeing executions.
#include "runtime/activation.h"

#include <algorithm>
#include <memory>
#include <new>

namespace bb::runtime {

Activation* Activation::create(Memory& memory, LinkedGraph& graph, ExecId exec) {
  const std::size_t bytes =
      sizeof(Activation) + sizeof(Value) * graph.value_count + sizeof(std::uint16_t) * (graph.ops.size() + graph.exclusive_max);
  if (bytes > UINT32_MAX) return nullptr;
  void* block = memory.allocate(bytes);
  if (!block) return nullptr;
  auto* activation = new (block) Activation{};
  activation->graph = &graph;
  activation->root = activation;
  activation->exec = exec;
  activation->block_bytes = static_cast<std::uint32_t>(bytes);
  std::uninitialized_default_construct_n(activation->values(), graph.value_count);
  return activation;
}

void Activation::set_plan(Plan* taken) {
  plan = taken;
  std::copy(plan->missing.begin(), plan->missing.end(), missing());
  for (std::uint32_t i = 0; i < plan->exclusive.size(); ++i) slot_ops()[i] = plan->exclusive[i].ops;
}

void Activation::destroy(Memory& memory, Activation* activation) {
  std::destroy_n(activation->values(), activation->graph->value_count);
  if (activation->plan) activation->graph->plans.release(activation->plan);
  const std::uint32_t bytes = activation->block_bytes;
  activation->~Activation();
  memory.release(activation, bytes);
}

}  // namespace bb::runtime
