// Ops that move, join, split and hold still values.
#pragma once

#include "bb/component.h"

namespace bb::ops {

Outcome pass_through(OpContext& ctx);
/// Input 0, once both inputs are there.
Outcome gate(OpContext& ctx);
/// A trigger once all inputs are there.
Outcome gate_dispatch(OpContext& ctx);
/// Input 0 on each output, or on the first `fanout` where that is given.
Outcome tee(OpContext& ctx);
Result<std::unique_ptr<OpState>> prepare_tee(const onnx::NodeProto& node, PrepareContext& context);
Outcome bundle(OpContext& ctx);
/// A child per output; the composite must have as many as there are outputs, or as the attribute says.
Outcome unbundle(OpContext& ctx);
Result<std::unique_ptr<OpState>> prepare_unbundle(const onnx::NodeProto& node, PrepareContext& context);

/// A value made once, at link time: the attribute `value` (a tensor), or `literal` (wire bytes) with `literal_type` (type hash).
Outcome constant(OpContext& ctx);
Result<std::unique_ptr<OpState>> prepare_constant(const onnx::NodeProto& node, PrepareContext& context);

}  // namespace bb::ops
