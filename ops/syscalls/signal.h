// What starts work and what tells of it: triggers, sources, topics, and the host's hand in a bootstrap.
#pragma once

#include "bb/component.h"

namespace bb::ops {

/// A trigger whenever it runs: Pulse, EventSource, LifecyclePhase. Who starts them is in their declarations.
Outcome source_trigger(OpContext& ctx);
Result<std::unique_ptr<OpState>> prepare_event_source(const onnx::NodeProto& node, PrepareContext& context);
Result<std::unique_ptr<OpState>> prepare_lifecycle_phase(const onnx::NodeProto& node, PrepareContext& context);
/// A trigger in place of a value.
Outcome on_trigger(OpContext& ctx);

/// The value as an event for the host and for who listens to the topic; AppNotify sends a trigger.
Outcome app_emit(OpContext& ctx);
Outcome app_notify(OpContext& ctx);
Result<std::unique_ptr<OpState>> prepare_topic(const onnx::NodeProto& node, PrepareContext& context);

/// A number of its own for the BootstrapOutput behind it.
Outcome bootstrap_dispatch(OpContext& ctx);
/// Waits until the host completes it: with a value, or with none for a trigger.
Outcome bootstrap_output(OpContext& ctx);

}  // namespace bb::ops
