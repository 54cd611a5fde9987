// Ops that run at the first of their inputs, and one that counts them.
#pragma once

#include "bb/component.h"

namespace bb::ops {

/// The first input to arrive; of several that are there when it runs, the first port. The others are absorbed. Members of a `group`
/// share one firing per execution of their module instance, or with `scope` "node" one for the life of the node.
Outcome any(OpContext& ctx);
Result<std::unique_ptr<OpState>> prepare_any(const onnx::NodeProto& node, PrepareContext& context);

/// The first of `then` and `timeout`, and as second output its port: 0 or 1.
Outcome deadline_match(OpContext& ctx);
Result<std::unique_ptr<OpState>> prepare_deadline_match(const onnx::NodeProto& node, PrepareContext& context);

/// A trigger with every `n`-th value, counted over all executions.
Outcome threshold(OpContext& ctx);
Result<std::unique_ptr<OpState>> prepare_threshold(const onnx::NodeProto& node, PrepareContext& context);

}  // namespace bb::ops
