// What framework ops reach through their context: the node's peers, queues and clock, and the things only the runtime can do.
#pragma once

#include "bb/component.h"
#include "framework/backoff.h"
#include "framework/governor.h"
#include "framework/hold_table.h"
#include "framework/metrics.h"
#include "framework/outbound.h"
#include "framework/peer_gate.h"
#include "framework/peers.h"
#include "framework/record_buffer.h"
#include "framework/requests.h"
#include "framework/rtt.h"
#include "framework/scheduler.h"
#include "framework/serialize_queue.h"
#include "wire/envelope_writer.h"

namespace bb::op {

/// The seam to the runtime, which is a layer below.
class Runtime {
 public:
  virtual Result<CommandId> open_command(OpContext& ctx, std::uint64_t deadline_ns) = 0;
  /// The instance bound at a slot that `from` depends on, or nullptr.
  virtual Component* sibling(ComponentRef from, std::string_view slot, ComponentRef& found) = 0;
  /// Makes certain that so many destinations of a Send can be reported.
  virtual bool room_to_report(std::uint64_t destinations) = 0;
  /// A Send's destination has no address.
  virtual void peer_unresolved(const PeerId& peer, const OpContext& ctx) = 0;
  /// A Send's destination may not be sent to now.
  virtual void peer_denied(std::uint32_t peer, const framework::Verdict& verdict) = 0;
  /// A request had to make room for another; whoever awaits it fails.
  virtual void request_evicted(const framework::RequestOutcome& outcome) = 0;
  /// Completes a parked op in this poll with `value` on its first output.
  virtual void complete_later(CommandId command, Value value) = 0;
  /// Completes a parked op with a trigger after `delay_ns`. Errors: over_cap, no_memory.
  virtual Status wake_after(CommandId command, std::uint64_t delay_ns) = 0;
  /// Starts the op anew every `period_ns`, first after one period. Does nothing when it already ticks. Errors: over_cap, no_memory.
  virtual Status tick(OpRef op, std::uint64_t period_ns) = 0;
  /// Tells the host and whoever listens on the node's bus. `topic` is a name index.
  virtual void publish(std::uint32_t topic, Value value) = 0;
  /// Asks a peer to send less. False when it was told lately.
  virtual bool ask_to_back_off(std::uint32_t peer, framework::BackoffCause cause, std::uint64_t min_backoff_ns) = 0;

 protected:
  ~Runtime() = default;
};

struct Services {
  Runtime& runtime;
  framework::Scheduler& scheduler;
  framework::PeerTable& peers;
  framework::Outbound& outbound;
  framework::Requests& requests;
  framework::RttTracker& rtt;
  framework::Governor& governor;
  framework::Backoff& backoff;
  framework::PeerGate& permits;
  framework::SerializeQueue& queues;
  framework::HoldTable& held;
  framework::RecordBuffer& records;
  framework::Metrics& metrics;
  framework::PayloadWindow& payloads;
  // Scratch of Send: kept between sends, so that a warm one allocates nothing.
  Array<wire::FillFields> fills;
};

}  // namespace bb::op
