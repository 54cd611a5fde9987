// Ops that move, join, split and hold still values.
#pragma once

#include "bb/component.h"

namespace bb::ops {

/// Forwards input 0; a Gate is the same once both its inputs are there.
Outcome pass_through(OpContext& ctx);
/// A trigger once all inputs are there.
Outcome gate_dispatch(OpContext& ctx);
/// The first input to arrive; the others are absorbed.
Outcome any(OpContext& ctx);
Outcome tee(OpContext& ctx);
Outcome bundle(OpContext& ctx);
Outcome unbundle(OpContext& ctx);

/// A value made once, at link time: the attribute `value` (a tensor), or `literal` (wire bytes) with `literal_type` (type hash).
Outcome constant(OpContext& ctx);
Result<std::unique_ptr<OpState>> prepare_constant(const onnx::NodeProto& node, PrepareContext& context);

}  // namespace bb::ops
