// Policy in front of what a graph receives and sends. The engine judges every frame and every Send itself; these are for graphs
// that carry gates of their own.
#pragma once

#include "bb/component.h"

namespace bb::ops {

/// Refuses the second of two equal values of one request.
Outcome dedup_gate_rx(OpContext& ctx);
Outcome peer_health_gate_rx(OpContext& ctx);
Outcome backoff_gate_rx(OpContext& ctx);

Outcome peer_health_gate_tx(OpContext& ctx);
Outcome backoff_gate_tx(OpContext& ctx);
Result<std::unique_ptr<OpState>> prepare_gate_tx(const onnx::NodeProto& node, PrepareContext& context);

}  // namespace bb::ops
