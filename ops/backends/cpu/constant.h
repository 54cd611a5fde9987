// A backend Constant's tensor, made once from its node's `value` attribute when the graph is linked.
#pragma once

#include "bb/value.h"
#include "op/prepare.h"

namespace bb::ops {

struct BackendConstant final : OpState {
  Value tensor;
};

/// The `prepare` of `ai.onnx` Constant; gives a `BackendConstant`. Errors: bad_argument (no tensor in `value`), type_mismatch (not f32),
/// and those of `tensor_from_proto`. `problem` gets a text.
Result<std::unique_ptr<OpState>> prepare_backend_constant(const onnx::NodeProto& node, PrepareContext& context);

}  // namespace bb::ops
