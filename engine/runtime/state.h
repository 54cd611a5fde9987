// All that changes while a node runs, and so all that a snapshot holds. A restore builds a second one and puts it in the place of
// the first.
#pragma once

#include "base/ring.h"
#include "bb/limits.h"
#include "bb/step.h"
#include "framework/event_bus.h"
#include "op/services.h"
#include "runtime/bootstrap.h"

namespace bb::runtime {

struct Counters {
  std::uint64_t ops = 0;
  std::uint64_t envelopes_in = 0;
  std::uint64_t envelopes_out = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t malformed = 0;
  std::uint64_t refused = 0;
  std::uint64_t late_completions = 0;
  std::uint64_t unmatched_responses = 0;
  std::uint64_t backoff_notices = 0;
  std::uint64_t outbound_dropped = 0;
  std::uint64_t bus_dropped = 0;
  std::uint64_t steps_dropped = 0;
};

struct Queued {
  Activation* activation = nullptr;
  std::uint32_t op = 0;
};
struct Ingress {
  enum class Kind : std::uint8_t { start, completion } kind = Kind::start;
  Activation* activation = nullptr;
  CommandId command;
};
struct Parked {
  Activation* activation = nullptr;
  std::uint32_t op = 0;
  bool completed = false;  // the completion is in a queue
  framework::TimerId deadline;
  framework::TimerId wake;  // Sleep, After
  std::uint64_t since_ns = 0;
  std::uint64_t deadline_ns = 0;  // 0: none
};
struct Interval {
  framework::TimerId timer;
  std::uint64_t next_ns = 0;
  std::uint64_t period_ns = 0;
};
struct Phase {
  std::uint32_t name = kNone;
  std::uint32_t started = 0;  // ops of it
  bool announced = false;
};

struct EngineConfig {
  PeerId self;
  Limits limits;
  std::uint64_t seed = 0;
  std::uint64_t incarnation = 0;  // 0: drawn from the seed
  bool credit_required = false;   // peers start with no outbound credit
  bool echo_app_events = false;
  StepMask mask;
};

struct State {
  State(const EngineConfig& config, Memory& memory);
  State(State&&) = default;
  /// What refers to another part of the state refers to this one's.
  State& operator=(State&& other) noexcept;

  RandomStream op_random_;
  framework::Scheduler timers_;     // of ops: they mature before anything else of a poll
  framework::Scheduler deadlines_;  // of parked ops, requests and silent peers: after what arrived in time was applied
  framework::PeerTable peers_;
  framework::Outbound outbound_;
  framework::Requests requests_;
  framework::RttTracker rtt_;
  framework::Governor governor_;
  framework::Backoff backoff_;
  framework::Backpressure backpressure_;
  framework::PeerGate permits_;
  framework::SerializeQueue queues_;
  framework::HoldTable held_;
  framework::RecordBuffer records_;
  framework::Metrics metrics_;
  framework::EventBus bus_;
  std::optional<framework::EventBus::Event> routing_;  // taken from the bus, not yet at all of its subscribers
  std::uint32_t routed_ = 0;
  framework::PayloadWindow payloads_;
  Bootstrap bootstrap_;
  bool gate_closed_ = false;  // only bootstraps run
  Ring<Ingress> ingress_;
  Ring<Activation*> gated_starts_;  // held back by a bootstrap
  Ring<Queued> frontier_;
  Ring<Queued> gated_ops_;
  Ring<Activation*> waiting_starts_;
  Array<Queued> waiting_ops_;
  FlatMap<Parked> parked_;
  FlatMap<OpError> failures_;    // completions that failed, until a poll applies them
  Ring<CommandId> completions_;  // made by ops of this poll
  FlatMap<Interval> intervals_;
  Ring<Phase> phases_;
  Activation* first_ = nullptr;
  Activation* last_ = nullptr;
  std::uint32_t ingress_starts_ = 0;
  std::uint32_t loaded_peers_ = 0;  // peers with starts in the ingress
  std::uint32_t executions_ = 0;
  std::uint64_t next_exec_ = 0;
  std::uint64_t next_command_ = 0;
  std::uint64_t host_ns_ = 0;           // the host's clock at the last poll
  std::int64_t clock_offset_ns_ = 0;    // the host's clock less the engine's: what it slept through, or ran before a restore
  std::uint64_t journal_sequence_ = 0;  // inputs so far
  std::uint64_t gap_ns_ = 0;            // told by the host, to be taken off at the next poll
  Array<std::uint32_t> started_;        // per graph: how many of its sources are sent or armed
  bool modules_due_ = true;             // some graph may not have started
  Array<Step> later_;                   // made between polls, first in the next
  Counters counters_;
  Array<AppEvent> events_;  // empty after a poll, but for one that found no memory to write them
};

}  // namespace bb::runtime
