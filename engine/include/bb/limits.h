// layer: wire
// Every limit of a node in one place. Reaching one is a typed refusal, a counted drop or a step; never growth, never an abort.
#pragma once

#include "bb/envelope.h"

namespace bb {

struct Limits {
  /// Caps of one inbound envelope.
  EnvelopeCaps envelope;
  /// Ops run by one poll before it returns with `more`; a poll may be given another number.
  std::uint32_t ops_per_poll = 1'000;
  /// Parked ops; one more fails with Cooldown/`pending_async_limit`.
  std::uint32_t parked_ops_max = 10'000;
  /// Executions alive at once; one more is refused with `queue_full`.
  std::uint32_t executions_max = 65'536;
  /// Inputs the host pushed and no poll has drained.
  std::uint32_t ingress_max = 4'096;
  /// Bytes of inputs in flight, from push until the last value made of them dies.
  std::uint64_t ingress_bytes_max = 268'435'456;
  /// Bytes of all values and executions of the node.
  std::uint64_t memory_bytes_max = 1'073'741'824;
  /// One `deliver_event` value; all inputs of one `invoke`; their number; one completion.
  std::uint64_t event_bytes_max = 1'048'576;
  std::uint64_t invoke_bytes_max = 10'485'760;
  std::uint32_t invoke_inputs_max = 100;
  std::uint64_t completion_bytes_max = 4'194'304;
  /// Queued envelopes of all peers, in messages and bytes; past either the destination's oldest are dropped and counted.
  std::uint32_t outbound_max = 10'000;
  std::uint64_t outbound_bytes_max = 268'435'456;
  /// Peers known by address or admitted, addresses per peer, timers, requests awaiting an answer.
  std::uint32_t peers_max = 16'384;
  std::uint32_t addresses_per_peer_max = 32;
  std::uint32_t timers_max = 65'536;
  std::uint32_t requests_max = 65'536;
  /// Payload hashes remembered for peers that send no sequence numbers.
  std::uint32_t payload_window = 8'192;
  /// Plans kept per graph; a plan is made per set of inputs that an execution starts from.
  std::uint32_t plans_per_graph_max = 64;
  /// A step forward of the clock above this counts as suspension; UINT64_MAX: never.
  std::uint64_t clock_gap_ns = UINT64_MAX;
  /// An artifact's size, functions and nodes.
  std::uint64_t artifact_bytes_max = 67'108'864;
  std::uint32_t functions_max = 4'096;
  std::uint32_t nodes_max = 1'048'576;

  static constexpr Limits edge() {
    Limits limits;
    limits.envelope = EnvelopeCaps::edge();
    limits.ingress_bytes_max = 8'388'608;
    limits.event_bytes_max = 65'536;
    limits.invoke_inputs_max = 16;
    limits.invoke_bytes_max = 262'144;
    limits.completion_bytes_max = 65'536;
    limits.memory_bytes_max = 67'108'864;
    limits.outbound_bytes_max = 8'388'608;
    return limits;
  }
};

}  // namespace bb
