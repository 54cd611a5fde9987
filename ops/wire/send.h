// Send: one envelope per destination with every payload in it, encoded once and shared.
#pragma once

#include "bb/component.h"

namespace bb::ops {

/// Inputs: payloads, then peers at the stamped position. Outputs: a placeholder per payload, then the request's handle.
Outcome send(OpContext& ctx);
Result<std::unique_ptr<OpState>> prepare_send(const onnx::NodeProto& node, PrepareContext& context);

}  // namespace bb::ops
