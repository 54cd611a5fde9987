// Ops on the node's clock.
#pragma once

#include "bb/component.h"

namespace bb::ops {

/// After and Sleep: a trigger after the first parameter's nanoseconds.
Outcome after(OpContext& ctx);
/// The time of this tick; from the first run on, one every `period_ns`.
Outcome interval(OpContext& ctx);
Outcome clock(OpContext& ctx);
/// A trigger while less than `deadline_ns` of the execution has passed.
Outcome deadline_check(OpContext& ctx);

Result<std::unique_ptr<OpState>> prepare_after(const onnx::NodeProto& node, PrepareContext& context);
Result<std::unique_ptr<OpState>> prepare_interval(const onnx::NodeProto& node, PrepareContext& context);
Result<std::unique_ptr<OpState>> prepare_deadline_check(const onnx::NodeProto& node, PrepareContext& context);

}  // namespace bb::ops
