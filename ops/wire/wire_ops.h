// Ops of the domain wire: Send, Recv, AwaitResponse, GatherResponses, Reply (spec C §3.7, decisions G1, G3, G18).
#pragma once

#include "bb/registry.h"

namespace bb::ops {

/// Errors: duplicate.
Status add_wire_ops(Registry& registry);

}  // namespace bb::ops
