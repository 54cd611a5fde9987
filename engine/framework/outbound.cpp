// Per-peer queues as linked lists in one slab: pushing, dropping, taking turns. Saving is in outbound_state.cpp.
#include "framework/outbound.h"

#include <algorithm>

namespace bb::framework {

void Outbound::pop(PeerOutbound& queue, PeerOutbound::Queue& lane) {
  const std::uint32_t at = lane.first;
  Node& node = nodes_[at];
  OutboundMessage& message = node.message;
  if (message.head.present()) message.head = {};
  if (message.body.present()) message.body = {};
  lane.first = node.next;
  if (lane.empty()) lane.last = UINT32_MAX;
  --queue.messages;
  queue.bytes -= message.bytes;
  node.next = free_;
  free_ = at;
  --messages_;
  bytes_ -= message.bytes;
}

bool Outbound::over_share(std::uint64_t messages, std::uint64_t bytes) const {
  if (messages <= 1) return false;
  using Wide = unsigned __int128;
  return messages * 100 > std::uint64_t{options_.messages_max} * options_.share_percent ||
         Wide{bytes} * 100 > Wide{options_.bytes_max} * options_.share_percent;
}

void Outbound::drop(PeerOutbound& queue, Lane lane, Pushed& pushed) {
  PeerOutbound::Queue& from = queue.lanes[static_cast<std::size_t>(lane)];
  ++pushed.dropped;
  pushed.dropped_bytes += nodes_[from.first].message.bytes;
  pop(queue, from);
  ++queue.dropped;
  ++dropped_;
}

// The oldest that a message of this lane may displace.
bool Outbound::drop_own(PeerOutbound& queue, Lane lane, Pushed& pushed) {
  const bool has_bulk = !queue.lanes[static_cast<std::size_t>(Lane::bulk)].empty();
  if (queue.messages == 0 || (!has_bulk && lane == Lane::bulk)) return false;
  drop(queue, has_bulk ? Lane::bulk : Lane::control, pushed);
  return true;
}

bool Outbound::drop_of(PeerOutbound& queue, std::uint32_t turn_at, Pushed& pushed) {
  if (!drop_own(queue, Lane::control, pushed)) return false;
  if (queue.messages == 0) {
    queue.in_turn = false;
    queue.deficit = 0;
    if (turn_at == 0) resuming_ = false;
    turn_.erase_at(turn_at);
  }
  return true;
}

Outbound::Pushed Outbound::refuse(PeerOutbound& queue, Pushed pushed) {
  ++queue.dropped;
  ++dropped_;
  pushed.kind = Pushed::Kind::full;
  return pushed;
}

// Memory first, then the peer's share. False when the message is not to be kept.
bool Outbound::make_room(PeerOutbound& queue, Lane lane, std::uint64_t bytes, Pushed& pushed) {
  if (bytes > options_.bytes_max || options_.messages_max == 0) {
    pushed = refuse(queue, pushed);
    return false;
  }
  const bool needs_node = free_ == UINT32_MAX && messages_ < options_.messages_max;
  if ((needs_node && !nodes_.try_reserve(nodes_.size() + std::uint64_t{1})) ||
      (!queue.in_turn && !turn_.try_reserve(turn_.size() + std::uint64_t{1}))) {
    pushed = refuse(queue, pushed);
    pushed.kind = Pushed::Kind::no_memory;
    return false;
  }
  const bool others_wait = turn_.size() > (queue.in_turn ? 1u : 0u);
  while (others_wait && over_share(queue.messages + std::uint64_t{1}, queue.bytes + bytes)) {
    if (drop_own(queue, lane, pushed)) continue;
    pushed = refuse(queue, pushed);
    return false;
  }
  return true;
}

// The message's place at the end of its queue; the caller fills in what is not given here.
OutboundMessage& Outbound::enqueue(PeerOutbound& queue, std::uint32_t peer, Lane lane, std::uint64_t bytes) {
  std::uint32_t at = free_;
  if (at == UINT32_MAX) {
    at = nodes_.size();
    nodes_.push_reserved();
  } else {
    free_ = nodes_[at].next;
  }
  if (!queue.in_turn) {
    queue.in_turn = true;
    turn_.push_reserved(peer);
  }
  PeerOutbound::Queue& list = queue.lanes[static_cast<std::size_t>(lane)];
  ++queue.messages;
  queue.bytes += bytes;
  ++messages_;
  bytes_ += bytes;
  Node& node = nodes_[at];
  node.message.peer = peer;
  node.message.lane = lane;
  node.message.bytes = bytes;
  node.next = UINT32_MAX;
  (list.empty() ? list.first : nodes_[list.last].next) = at;
  list.last = at;
  return node.message;
}

// The host has no room. The peers that have had their turn go behind those that have not.
void Outbound::stop_at(std::uint32_t kept, std::uint32_t stopped) {
  std::move(turn_.begin() + stopped, turn_.end(), turn_.begin() + kept);
  turn_.truncate(turn_.size() - (stopped - kept));
  std::rotate(turn_.begin(), turn_.begin() + kept, turn_.end());
  resuming_ = true;
}

void Outbound::clear(std::uint32_t peer, PeerOutbound& queue) {
  for (PeerOutbound::Queue& lane : queue.lanes)
    while (!lane.empty()) pop(queue, lane);
  if (queue.in_turn) {
    const std::uint32_t at = static_cast<std::uint32_t>(std::find(turn_.begin(), turn_.end(), peer) - turn_.begin());
    if (at == 0) resuming_ = false;
    turn_.erase_at(at);
  }
  queue.in_turn = false;
  queue.deficit = 0;
}

}  // namespace bb::framework
