// A node's state as it begins.
#include "runtime/state.h"

namespace bb::runtime {
namespace {

// 63 bits and never 0, which means "not numbered" on the wire.
std::uint64_t draw_incarnation(RandomStream stream) { return (stream.next_u64() >> 1) | 1; }

}  // namespace

State::State(const EngineConfig& config, Memory& memory)
    : op_random_(RandomStream(config.seed).fork("op")),
      timers_({.timers_max = config.limits.timers_max}),
      deadlines_({.timers_max = config.limits.timers_max}),
      peers_(&memory, config.self, RandomStream(config.seed).fork("peers"),
             {.peers_max = config.limits.peers_max,
              .addresses = {.addresses_max = config.limits.addresses_per_peer_max,
                            .hints_max = config.limits.addresses_per_peer_max / 4}}),
      outbound_({.messages_max = config.limits.outbound_max,
                 .bytes_max = config.limits.outbound_bytes_max,
                 .share_percent = config.limits.peer_share_percent}),
      requests_({.requests_max = config.limits.requests_max}, RandomStream(config.seed).fork("wire"), &deadlines_),
      rtt_({.sites_max = config.limits.round_trips_max, .edges_max = config.limits.round_trips_max}),
      governor_({.failure_threshold = config.limits.failures_before_down, .strikes_max = config.limits.malformed_frames_max}),
      backoff_({.base_ns = config.limits.backoff_base_ns,
                .max_delay_ns = config.limits.backoff_max_ns,
                .jitter = config.limits.backoff_jitter_percent / 100.0}),
      backpressure_({.high_water_percent = config.limits.high_water_percent,
                     .notices_before_silent = config.limits.notices_before_silent,
                     .min_notice_interval_ns = config.limits.notice_interval_ns}),
      permits_({.names_max = config.limits.permits_max, .waiters_max = config.limits.parked_ops_max}),
      queues_({.values_max = config.limits.queue_values_max,
               .queues_max = config.limits.queues_max,
               .waiters_max = config.limits.parked_ops_max}),
      held_({.names_max = config.limits.held_max}),
      records_({.values_max = config.limits.record_values_max, .rings_max = config.limits.records_max}),
      metrics_({.names_max = config.limits.metrics_max}),
      bus_({.events_max = config.limits.bus_max, .subscriptions_max = config.limits.bus_max}),
      payloads_({.hashes_max = config.limits.payload_window}),
      bootstrap_(config.limits.executions_max),
      ingress_(config.limits.ingress_max + config.limits.parked_ops_max),
      gated_starts_(config.limits.executions_max),
      frontier_(UINT32_MAX),  // its limit ends starts, never an op that has to go on
      gated_ops_(UINT32_MAX),
      waiting_starts_(config.limits.executions_max),
      completions_(config.limits.parked_ops_max),
      phases_(config.limits.phases_max) {
  peers_.set_credit_required(config.credit_required);
  peers_.set_incarnation(config.incarnation != 0 ? config.incarnation
                                                 : draw_incarnation(RandomStream(config.seed).fork("incarnation")));
}

State& State::operator=(State&& other) noexcept = default;

}  // namespace bb::runtime
