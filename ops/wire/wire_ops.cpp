// Ports of the wire ops.
#include "ops/wire/wire_ops.h"

#include "ops/wire/answer.h"
#include "ops/wire/send.h"

namespace bb::ops {

Status add_wire_ops(Registry& registry) {
  const std::string wire(domain::kWire);
  BB_CHECK(registry.add({.domain = wire,
                         .op_type = "Send",
                         .inputs = {{.name = "payloads_and_peers", .variadic = true}},
                         .outputs = {{.name = "port"}},
                         .variadic_outputs = true,
                         .run = send,
                         .prepare = prepare_send}));
  BB_CHECK(
      registry.add({.domain = wire, .op_type = "Recv", .outputs = {{.name = "payload"}, {.name = "sender", .type = "peer_id"}}}));
  BB_CHECK(registry.add({.domain = wire,
                         .op_type = "AwaitResponse",
                         .inputs = {{.name = "handle", .type = "wire_req_id"}},
                         .outputs = {{.name = "value"}},
                         .parameters = {{.name = "timeout_ns"}},
                         .run = await_response}));
  BB_CHECK(registry.add({.domain = wire,
                         .op_type = "GatherResponses",
                         .inputs = {{.name = "handle", .type = "wire_req_id"}},
                         .outputs = {{.name = "responses", .type = "composite"}},
                         .parameters = {{.name = "quorum", .default_value = 1}, {.name = "timeout_ns"}},
                         .run = gather_responses,
                         .prepare = prepare_gather_responses}));
  return registry.add({.domain = wire,
                       .op_type = "Reply",
                       .inputs = {{.name = "value"}, {.name = "sender", .type = "peer_id"}},
                       .outputs = {{.name = "ack", .type = "trigger"}},
                       .run = reply});
}

}  // namespace bb::ops
