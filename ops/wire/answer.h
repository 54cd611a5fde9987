// The two ends of an answer: waiting for one, and sending one.
#pragma once

#include "bb/component.h"

namespace bb::ops {

/// handle → the first answer's value. Parks; fails with Timeout/`chain_timeout` when the last destination's time is over.
Outcome await_response(OpContext& ctx);
/// handle → (peer, answer) pairs, once `quorum` destinations have answered.
Outcome gather_responses(OpContext& ctx);
Result<std::unique_ptr<OpState>> prepare_gather_responses(const onnx::NodeProto& node, PrepareContext& context);
/// value, sender → ack. Answers the request that started this execution.
Outcome reply(OpContext& ctx);

}  // namespace bb::ops
