// Named permits: so many holders at once, and a line for those who wait.
#pragma once

#include "bb/component.h"

namespace bb::ops {

/// A trigger once a permit is held. Without one: nothing, or with `on_full` "wait" a place in line. A permit held for longer than
/// `lease_ns` is free for whoever asks next.
Outcome limit_acquire(OpContext& ctx);
Result<std::unique_ptr<OpState>> prepare_limit_acquire(const onnx::NodeProto& node, PrepareContext& context);

/// Gives a permit back, to the first in line if somebody waits.
Outcome limit_release(OpContext& ctx);
Result<std::unique_ptr<OpState>> prepare_limit_release(const onnx::NodeProto& node, PrepareContext& context);

}  // namespace bb::ops
