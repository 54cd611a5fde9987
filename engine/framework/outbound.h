// Envelopes on their way out: per peer a control and a bulk queue, drained in turn by bytes against the credit that the host granted
// that peer; bounded in messages and bytes. At a limit a peer loses its own oldest bulk message first, so that one slow peer cannot
// push out others'.
#pragma once

#include "base/flat_map.h"
#include "bb/state_codec.h"
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
  struct Queue {
    std::uint32_t first = UINT32_MAX;
    std::uint32_t last = UINT32_MAX;
    bool empty() const { return first == UINT32_MAX; }
  };
  Queue lanes[2];
  std::uint32_t messages = 0;
  bool in_turn = false;  // listed among the peers with messages
  bool dial_asked = false;
  std::uint64_t bytes = 0;    // queued
  std::uint64_t deficit = 0;  // bytes that it may still send in this turn
  std::uint64_t granted = kUnlimited;
  std::uint64_t sent = 0;
  std::uint64_t dropped = 0;  // messages, since the record was made
  std::uint64_t next_sequence = 1;

  /// What outlives the queued messages, which `Outbound` saves.
  void save(StateWriter& writer) const;
  Status load(StateReader& reader);
};

class Outbound {
 public:
  struct Options {
    std::uint32_t messages_max = 10'000;
    std::uint64_t bytes_max = 268'435'456;
    std::uint32_t share_percent = 25;  // of both, per peer, while more than one peer has messages; one message is always allowed
    std::uint64_t quantum_bytes = 65'536;
  };
  struct Pushed {
    enum class Kind : std::uint8_t { queued, full, no_memory };
    Kind kind = Kind::queued;
    std::uint32_t dropped = 0;  // messages that were queued before; a message that is not queued itself does not count here
    std::uint64_t dropped_bytes = 0;
  };
  explicit Outbound(Options options) : options_(options) {}

  /// Queues for the peer whose queues `queue` is. Drops the peer's own oldest bulk messages as needed, for a control message then its
  /// oldest control messages; where others left no room, those of peers over their share. `queue_of(peer)` gives a peer's queues.
  /// `write` fills the message in where it is queued, but for the three numbers given here; it is not called for one that is not queued.
  template <class QueueOf, class Write>
  Pushed push(PeerOutbound& queue, std::uint32_t peer, Lane lane, std::uint64_t bytes, QueueOf queue_of, Write write) {
    Pushed pushed;
    if (!make_room(queue, lane, bytes, pushed)) return pushed;
    while (!fits(bytes)) [[unlikely]] {
      PeerOutbound* hog = nullptr;
      std::uint32_t hog_at = 0;
      for (std::uint32_t i = 0; i < turn_.size(); ++i) {
        PeerOutbound& other = queue_of(turn_[i]);
        if (&other != &queue && over_share(other.messages, other.bytes) && (!hog || other.bytes > hog->bytes)) {
          hog = &other;
          hog_at = i;
        }
      }
      if (!hog ? !drop_own(queue, lane, pushed) : !drop_of(*hog, hog_at, pushed)) return refuse(queue, pushed);
    }
    write(enqueue(queue, peer, lane, bytes));
    return pushed;
  }
  template <class QueueOf>
  Pushed push(PeerOutbound& queue, OutboundMessage&& message, QueueOf queue_of) {
    return push(queue, message.peer, message.lane, message.bytes, queue_of, [&](OutboundMessage& at) { at = std::move(message); });
  }
  /// Drops all of a peer's messages, uncounted: the peer is gone.
  void clear(std::uint32_t peer, PeerOutbound& queue);

  /// Calls `emit(message)` for what credit allows, peers in turn, a quantum of bytes each, control before bulk; what it leaves of the
  /// message is dropped, and it must not push. When it returns false the message stays, and the next drain begins with it.
  template <class QueueOf, class Emit>
  void drain(QueueOf queue_of, Emit emit) {
    for (bool moved = !turn_.empty(); moved;) {
      moved = false;
      std::uint32_t kept = 0;
      for (std::uint32_t i = 0; i < turn_.size(); ++i) {
        const std::uint32_t peer = turn_[i];
        PeerOutbound& queue = queue_of(peer);
        if (!std::exchange(resuming_, false) && queue.sent < queue.granted) queue.deficit += options_.quantum_bytes;
        while (queue.messages > 0 && queue.sent < queue.granted) {
          moved = true;
          OutboundMessage& message = nodes_[front(queue).first].message;
          const std::uint64_t size = message.bytes;
          if (size > queue.deficit) break;
          if (!emit(message)) return stop_at(kept, i);
          queue.sent += size;
          queue.deficit -= size;
          pop(queue, front(queue));
        }
        if (queue.messages == 0 || queue.sent >= queue.granted) queue.deficit = 0;
        if (queue.messages > 0) {
          turn_[kept++] = peer;
        } else {
          queue.in_turn = false;
        }
      }
      turn_.truncate(kept);
    }
  }
  /// Peers that have messages.
  std::span<const std::uint32_t> waiting() const { return {turn_.data(), turn_.size()}; }

  std::uint32_t messages() const { return messages_; }
  std::uint64_t bytes() const { return bytes_; }
  bool has_dropped() const { return dropped_ > 0; }
  std::uint64_t take_dropped() { return std::exchange(dropped_, 0); }

  /// `queue_of` as for `drain`. False without memory, or for a message whose parts are not bytes.
  template <class QueueOf>
  [[nodiscard]] bool save(StateWriter& writer, QueueOf queue_of) const {
    Parts parts;
    save_head(writer);
    for (const std::uint32_t peer : turn_)
      if (!save_queue(writer, peer, queue_of(peer), parts)) return false;
    return true;
  }
  /// Into a new object, after the peers were loaded. `queue_of(peer)` gives nullptr for a peer that does not exist. Errors: those of the
  /// reader and of values, no_memory, over_cap, unknown_peer, invalid_value.
  template <class QueueOf>
  Status load(StateReader& reader, Memory& memory, QueueOf queue_of) {
    Loaded parts;
    const std::uint32_t peers = load_head(reader);
    for (std::uint32_t i = 0; i < peers; ++i) {
      const std::uint32_t peer = reader.number_u32();
      BB_CHECK(reader.status());
      PeerOutbound* queue = queue_of(peer);
      if (!queue) return fail(Code::unknown_peer, reader.position());
      BB_CHECK(load_queue(reader, memory, peer, *queue, parts));
    }
    return reader.status();
  }

 private:
  struct Node {
    OutboundMessage message;
    std::uint32_t next = UINT32_MAX;
  };
  // Heads and bodies in the order in which they were met, so that what a fan-out shares is saved once and shared again.
  using Parts = FlatMap<std::uint32_t>;
  using Loaded = Array<Value>;

  static PeerOutbound::Queue& front(PeerOutbound& queue) { return queue.lanes[queue.lanes[0].empty() ? 1 : 0]; }
  void pop(PeerOutbound& queue, PeerOutbound::Queue& lane);
  bool fits(std::uint64_t size) const { return messages_ < options_.messages_max && size <= options_.bytes_max - bytes_; }
  bool over_share(std::uint64_t messages, std::uint64_t bytes) const;
  bool make_room(PeerOutbound& queue, Lane lane, std::uint64_t bytes, Pushed& pushed);
  bool drop_own(PeerOutbound& queue, Lane lane, Pushed& pushed);
  bool drop_of(PeerOutbound& queue, std::uint32_t turn_at, Pushed& pushed);
  void drop(PeerOutbound& queue, Lane lane, Pushed& pushed);
  Pushed refuse(PeerOutbound& queue, Pushed pushed);
  OutboundMessage& enqueue(PeerOutbound& queue, std::uint32_t peer, Lane lane, std::uint64_t bytes);
  void stop_at(std::uint32_t kept, std::uint32_t stopped);
  void save_head(StateWriter& writer) const;
  bool save_queue(StateWriter& writer, std::uint32_t peer, const PeerOutbound& queue, Parts& parts) const;
  std::uint32_t load_head(StateReader& reader);
  Status load_queue(StateReader& reader, Memory& memory, std::uint32_t peer, PeerOutbound& queue, Loaded& parts);
  Status load_message(StateReader& reader, Memory& memory, OutboundMessage& message, Loaded& parts);

  Options options_;
  std::uint32_t messages_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint32_t free_ = UINT32_MAX;
  bool resuming_ = false;  // the peer at the front has its quantum already
  Array<Node> nodes_;
  Array<std::uint32_t> turn_;
};

}  // namespace bb::framework
