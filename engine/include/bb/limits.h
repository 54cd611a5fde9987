// layer: wire
// Every limit of a node in one place. Reaching one is a typed refusal, a counted drop or a step; never growth, never an abort.
// docs/limits.md is generated from this file: each field has a sentence, its default, and what `edge` makes of it.
#pragma once

#include "bb/envelope.h"

namespace bb {

struct Limits {
  /// Caps of one inbound envelope.
  EnvelopeCaps envelope;

  // Running.
  /// Ops run by one poll before it returns with `more`; a poll may be given another number.
  std::uint32_t ops_per_poll = 1'000;
  /// Parked ops; one more fails with Cooldown/`pending_async_limit`.
  std::uint32_t parked_ops_max = 10'000;
  /// Executions alive at once, bodies of calls included; one more is refused with `queue_full`.
  std::uint32_t executions_max = 65'536;
  /// Ops that are ready at once. With more, executions and completions wait, and an op that would make more ready fails with
  /// ExecutionFailed/`frontier_full`.
  std::uint32_t ready_ops_max = 4'194'304;
  /// Plans kept per graph; a plan is made per set of inputs that an execution starts from.
  std::uint32_t plans_per_graph_max = 64;
  /// Timers of ops, and as many deadlines; one more fails with ExecutionFailed/`timer_cap`.
  std::uint32_t timers_max = 65'536;
  /// A step forward of the clock above this counts as suspension, in nanoseconds; UINT64_MAX: never.
  std::uint64_t clock_gap_ns = UINT64_MAX;

  // What the host and peers push.
  /// Inputs that were pushed and that no poll has drained.
  std::uint32_t ingress_max = 4'096;
  /// Bytes of inputs in flight, from push until the last value made of them dies.
  std::uint64_t ingress_bytes_max = 268'435'456;
  /// The part of either that one peer may take, in percent; a single message always fits.
  std::uint32_t peer_share_percent = 25;
  /// Bytes of all values and executions of the node.
  std::uint64_t memory_bytes_max = 1'073'741'824;
  /// Bytes of one `deliver_event` value.
  std::uint64_t event_bytes_max = 1'048'576;
  /// Bytes of all inputs of one `invoke`.
  std::uint64_t invoke_bytes_max = 10'485'760;
  /// Inputs of one `invoke`.
  std::uint32_t invoke_inputs_max = 100;
  /// Bytes of one completion.
  std::uint64_t completion_bytes_max = 4'194'304;
  /// Events on the node's bus, and subscriptions to them; an event too many drops the oldest.
  std::uint32_t bus_max = 1'024;
  /// Lifecycle phases fired and not yet run.
  std::uint32_t phases_max = 64;

  // Peers.
  /// Queued envelopes of all peers; past it the destination's oldest are dropped and counted.
  std::uint32_t outbound_max = 10'000;
  /// The same in bytes.
  std::uint64_t outbound_bytes_max = 268'435'456;
  /// Peers known by address or admitted.
  std::uint32_t peers_max = 16'384;
  /// Addresses of one peer, of which at most a quarter are hints from the wire.
  std::uint32_t addresses_per_peer_max = 32;
  /// Requests awaiting an answer; past it the oldest times out.
  std::uint32_t requests_max = 65'536;
  /// Payload hashes remembered for peers that send no sequence numbers.
  std::uint32_t payload_window = 8'192;
  /// Peers, and edges of call chains, whose round-trip times are kept; the least recently seen makes room.
  std::uint32_t round_trips_max = 4'096;
  /// Failures in a row after which a peer counts as down.
  std::uint32_t failures_before_down = 5;
  /// Back-off after the first failure, doubled with each further one, in nanoseconds.
  std::uint64_t backoff_base_ns = 10'000'000;
  /// The longest back-off, in nanoseconds.
  std::uint64_t backoff_max_ns = 60'000'000'000;
  /// How much of a back-off is drawn at random, in percent.
  std::uint32_t backoff_jitter_percent = 0;
  /// Fill level of the ingress queue above which heavy senders are asked to back off, in percent.
  std::uint32_t high_water_percent = 75;
  /// Notices after which an overloading peer's envelopes are dropped unseen until it was quiet.
  std::uint32_t notices_before_silent = 3;
  /// Shortest time between two notices to a peer, in nanoseconds.
  std::uint64_t notice_interval_ns = 1'000'000'000;
  /// Malformed frames within ten seconds after which a peer is not listened to for a minute.
  std::uint32_t malformed_frames_max = 16;

  // Named stores of ops.
  /// Named permits, and ops waiting for one.
  std::uint32_t permits_max = 1'024;
  /// Named queues.
  std::uint32_t queues_max = 1'024;
  /// Values in one named queue; one more drops the oldest.
  std::uint32_t queue_values_max = 4'096;
  /// Named held values; one more name is dropped.
  std::uint32_t held_max = 1'024;
  /// Named records; one more name is dropped.
  std::uint32_t records_max = 1'024;
  /// Values in one record; one more drops the oldest.
  std::uint32_t record_values_max = 1'024;
  /// Named metrics.
  std::uint32_t metrics_max = 4'096;

  // Durability.
  /// Bytes of journal that the host has not taken; past it inputs are refused with `busy`.
  std::uint64_t journal_bytes_max = 67'108'864;
  /// Polls whose steps wait for their journal to be durable; past it a poll does nothing.
  std::uint32_t withheld_polls_max = 1'024;

  // Artifacts.
  /// An artifact's size in bytes.
  std::uint64_t artifact_bytes_max = 67'108'864;
  /// Its functions.
  std::uint32_t functions_max = 4'096;
  /// Its nodes.
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
    limits.journal_bytes_max = 8'388'608;
    return limits;
  }
};

}  // namespace bb
