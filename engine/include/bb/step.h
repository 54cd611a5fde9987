// layer: op
// What a poll tells the host, in order (spec B §4.1). Spans and names in a step live until the next call into the node.
#pragma once

#include <string>
#include <variant>

#include "bb/component.h"

namespace bb {

/// An op ran, or a parked op was completed.
struct OpCompleted {
  OpRef op;
  ExecId exec;
  std::span<const SiteId> sites;  // of all its outputs
};
struct AsyncSuspended {
  OpRef op;
  ExecId exec;
  CommandId command;
};
/// An envelope to ship: head, body and tail are its bytes in three parts, the body shared by a fan-out.
struct SendEnvelope {
  PeerHandle peer;        // `Node::peer_of` says who that is
  std::uint8_t lane = 1;  // 0 control, 1 bulk
  std::uint64_t sequence = 0;
  std::uint64_t request_id = 0;
  std::uint64_t remaining_ns = 0;  // 0: no deadline
  Value head;
  Value body;
  std::uint8_t tail_size = 0;
  std::uint8_t tail[11] = {};

  ByteBuffer bytes() const;
};
/// A function output received its value, or the echo of a delivered event.
struct AppEvent {
  std::string_view target;  // base name
  std::string_view topic;   // output port, or input for an echo
  ExecId exec;
  Value value;
};
struct OpFailed {
  OpRef op;
  ExecId exec;
  OpError error;
};
/// Runnable ops remain; poll again with the same time.
struct CycleBudgetExceeded {
  std::uint32_t ops = 0;
};
struct OutboundDropped {
  std::uint64_t count = 0;
};
/// A fill's destination could not be read.
struct WireDecodeFailed {
  PeerId source;
  std::uint32_t fill = 0;
  std::uint64_t hash = 0;
  std::uint64_t payload_size = 0;
  std::string detail;
};
struct WireReceiveFailed {
  enum class Kind : std::uint8_t {
    unknown_type_hash,
    type_mismatch,
    decode_failed,
    unknown_site,
    unknown_component,
    allocation_failed,  // of the sender's claimed addresses; the fills were delivered
  };
  PeerId source;
  std::uint32_t fill = 0;
  std::uint64_t actual_hash = 0;
  std::uint64_t payload_size = 0;
  Kind kind = Kind::unknown_site;
  std::uint64_t expected_hash = 0;  // type_mismatch: the first that the port accepts
  Error error;                      // decode_failed: why, and where in the payload
};
/// A request to one peer expired unanswered; `waiter` fails with Timeout/`chain_timeout` when it was the last.
struct WireTimeout {
  PeerId peer;
  std::uint64_t request_id = 0;
  std::uint64_t target_site = 0;
  std::uint64_t started_ns = 0;
  CommandId waiter;
};
/// A Send's destination has no address in the book.
struct PeerResolveFailed {
  PeerId peer;
  OpRef op;
  ExecId exec;
};
/// Envelopes wait for a peer that was never granted credit: the host should connect to it.
struct Dial {
  PeerHandle peer;
};
/// The clock jumped; deadlines were shifted by the gap.
struct HostSuspended {
  std::uint64_t gap_ns = 0;
};
struct LifecycleFired {
  std::string_view phase;
};
/// One bootstrap job is done.
struct BootstrapComplete {
  std::string_view target;  // base name, or the component's slot
};
/// The current bootstrap job waits for a completion; said once per wait.
struct WaitingOnBootstrap {};
/// What the node thinks of a peer has changed. Labels: PeerBlocked, PeerDown, PeerUp, PeerSuspect, BackoffNoticeSent,
/// SilentDropActive.
struct PeerChange {
  enum class Kind : std::uint8_t {
    blocked,   // a frame of it was refused, or a Send to it was held back; said once per poll
    down,      // failures in a row, or silence, have reached their threshold
    up,        // it answered again
    suspect,   // it is silent for longer than usual
    notified,  // it was asked to send less
    silenced,  // its envelopes are dropped until it was quiet
  };
  enum class Reason : std::uint8_t { none, blocklisted, not_allowlisted, cooldown, quarantined };
  Kind kind = Kind::blocked;
  Reason reason = Reason::none;  // blocked
  PeerId peer;
  std::uint64_t retry_ns = 0;  // blocked by cooldown or quarantine: the engine's time of its end
  double phi = 0;              // down or suspect by silence

  /// `PeerBlocked`, `PeerDown`, ...
  static std::string_view kind_name(Kind kind);
  /// `blocklisted`, ...
  static std::string_view reason_name(Reason reason);
};

using Step = std::variant<OpCompleted, AsyncSuspended, SendEnvelope, AppEvent, OpFailed, CycleBudgetExceeded, OutboundDropped,
                          WireDecodeFailed, WireReceiveFailed, WireTimeout, PeerResolveFailed, Dial, HostSuspended, LifecycleFired,
                          BootstrapComplete, WaitingOnBootstrap, PeerChange>;

/// Which steps are written. Masking changes neither order nor ids, it only saves the writing.
struct StepMask {
  bool sends = true;
  bool events = true;
  bool failures = true;
  bool lifecycle = true;
  bool ops = false;  // OpCompleted, AsyncSuspended: one per dispatch

  static constexpr StepMask all() { return {.ops = true}; }
  constexpr std::uint8_t to_bits() const {
    return static_cast<std::uint8_t>(sends | events << 1 | failures << 2 | lifecycle << 3 | ops << 4);
  }
  static constexpr StepMask from_bits(std::uint64_t bits) {
    return {.sends = (bits & 1) != 0,
            .events = (bits & 2) != 0,
            .failures = (bits & 4) != 0,
            .lifecycle = (bits & 8) != 0,
            .ops = (bits & 16) != 0};
  }
};

}  // namespace bb
