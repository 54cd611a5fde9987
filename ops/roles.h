// Declarations of what is dispatched to components: the ops of every role, and the `ai.onnx` ops of a backend (spec C §4.2, §5.4).
#pragma once

#include "bb/registry.h"

namespace bb::ops {

/// Methods of a backend: their order is that of the `ai.onnx` declarations.
enum class BackendMethod : std::uint16_t {
  add,
  sub,
  mul,
  div,
  neg,
  abs,
  sqrt,
  pow,
  exp,
  log,
  matmul,
  reduce_sum,
  reduce_mean,
  reduce_max,
  reduce_min,
  reshape,
  transpose,
  concat,
  slice,
  split,
  squeeze,
  unsqueeze,
  identity,
  cast,
  equal,
  greater,
  less,
  where,
  constant,
  gather,
  relu,
  sigmoid,
  tanh,
  softmax,
  leaky_relu,
  gelu,
  dot,
  gemm,
  zeros,
  ones,
  global_average_pool,
  batch_normalization,
  layer_normalization,
  conv,
  max_pool,
  average_pool,
  scatter,
};

/// Adds every role op in the order of bb/roles.h and every backend op in the order of `BackendMethod`.
/// Asserts that none was there before: a registry is filled once.
void add_role_ops(Registry& registry);

}  // namespace bb::ops
