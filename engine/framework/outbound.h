// Envelopes on their way out: a queue per peer, drained in turn against the credit that the host granted that peer; bounded in
// messages and bytes. At the limit the destination's own oldest message is dropped, so one slow peer cannot push out others'.
#pragma once

#include <vector>

#include "bb/value.h"

namespace bb::framework {

enum class Lane : std::uint8_t { control = 0, bulk = 1 };

struct OutboundMessage {
  std::uint32_t peer = 0;
  Lane lane = Lane::bulk;
  std::uint8_t tail_size = 0;
  std::uint8_t tail[11] = {};  // the sequence number's field, which differs per destination
  std::uint64_t sequence = 0;
  std::uint64_t request_id = 0;
  std::uint64_t remaining_ns = 0;
  Value head;               // bytes
  Value body;               // bytes, shared by a fan-out
  std::uint64_t bytes = 0;  // of all three parts
};

/// The queues' state within a peer's record.
struct PeerOutbound {
  static constexpr std::uint64_t kUnlimited = UINT64_MAX;
  std::uint32_t first = UINT32_MAX;
  std::uint32_t last = UINT32_MAX;
  std::uint32_t messages = 0;
  bool in_turn = false;  // listed among the peers with messages
  bool dial_asked = false;
  std::uint64_t granted = kUnlimited;
  std::uint64_t sent = 0;
  std::uint64_t next_sequence = 1;
};

class Outbound {
 public:
  Outbound(std::uint32_t messages_max, std::uint64_t bytes_max) : messages_max_(messages_max), bytes_max_(bytes_max) {}

  /// Queues for the peer; drops the peer's oldest messages as needed. False when the message itself could not be kept.
  bool push(PeerOutbound& queue, OutboundMessage&& message);
  /// Drops all of a peer's messages, uncounted: the peer is gone.
  void clear(std::uint32_t peer, PeerOutbound& queue);

  /// Calls `emit(message)` for what credit allows, one message per peer and turn; what it leaves of the message is dropped, and it must
  /// not push. `queue_of(peer)` gives the peer's queue.
  template <class QueueOf, class Emit>
  void drain(QueueOf queue_of, Emit emit) {
    std::size_t kept = 0;
    bool moved = !turn_.empty();
    while (moved) {
      moved = false;
      kept = 0;
      for (std::size_t i = 0; i < turn_.size(); ++i) {
        const std::uint32_t peer = turn_[i];
        PeerOutbound& queue = queue_of(peer);
        if (queue.messages > 0 && queue.sent < queue.granted) {
          OutboundMessage& message = nodes_[queue.first].message;
          queue.sent += message.bytes;
          emit(message);
          pop(queue);
          moved = true;
        }
        if (queue.messages > 0) {
          turn_[kept++] = peer;
        } else {
          queue.in_turn = false;
        }
      }
      turn_.resize(kept);
    }
  }
  /// Peers that have messages but no credit.
  std::span<const std::uint32_t> waiting() const { return turn_; }

  std::uint32_t messages() const { return messages_; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t take_dropped() { return std::exchange(dropped_, 0); }

 private:
  struct Node {
    OutboundMessage message;
    std::uint32_t next = UINT32_MAX;
  };
  void pop(PeerOutbound& queue);
  bool fits(std::uint64_t size) const { return messages_ < messages_max_ && size <= bytes_max_ - bytes_; }

  std::uint32_t messages_max_;
  std::uint64_t bytes_max_;
  std::uint32_t messages_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint32_t free_ = UINT32_MAX;
  std::vector<Node> nodes_;
  std::vector<std::uint32_t> turn_;
};

}  // namespace bb::framework
