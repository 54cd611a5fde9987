// Numbers that the node makes or keeps.
#pragma once

#include "bb/component.h"

namespace bb::ops {

Outcome rng_u64(OpContext& ctx);
/// A token that no request of this node has.
Outcome correlate_tag(OpContext& ctx);
Outcome incr_metric(OpContext& ctx);
Result<std::unique_ptr<OpState>> prepare_metric(const onnx::NodeProto& node, PrepareContext& context);

}  // namespace bb::ops
