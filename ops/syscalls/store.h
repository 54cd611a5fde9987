// Values kept under a name: queued, held, recorded. Whatever comes in comes out as it was.
#pragma once

#include "bb/component.h"

namespace bb::ops {

Outcome serialize_enqueue(OpContext& ctx);
/// The oldest value; without one nothing, or with `wait` 1 the next that comes.
Outcome serialize_dequeue(OpContext& ctx);
Outcome hold_stash(OpContext& ctx);
Outcome hold_flush(OpContext& ctx);
Outcome record(OpContext& ctx);

Result<std::unique_ptr<OpState>> prepare_queue(const onnx::NodeProto& node, PrepareContext& context);
Result<std::unique_ptr<OpState>> prepare_hold(const onnx::NodeProto& node, PrepareContext& context);
Result<std::unique_ptr<OpState>> prepare_record(const onnx::NodeProto& node, PrepareContext& context);

}  // namespace bb::ops
