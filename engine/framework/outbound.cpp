// Per-peer queues as linked lists in one slab.
#include "framework/outbound.h"

namespace bb::framework {

void Outbound::pop(PeerOutbound& queue) {
  const std::uint32_t at = queue.first;
  Node& node = nodes_[at];
  node.message.head = {};
  node.message.body = {};
  queue.first = node.next;
  if (queue.first == UINT32_MAX) queue.last = UINT32_MAX;
  --queue.messages;
  node.next = free_;
  free_ = at;
  --messages_;
  bytes_ -= node.message.bytes;
}

bool Outbound::push(PeerOutbound& queue, OutboundMessage&& message) {
  const std::uint64_t size = message.bytes;
  while (!fits(size) && queue.messages > 0) {
    pop(queue);
    ++dropped_;
  }
  if (!fits(size)) {
    ++dropped_;
    return false;
  }
  std::uint32_t at = free_;
  if (at == UINT32_MAX) {
    at = static_cast<std::uint32_t>(nodes_.size());
    nodes_.emplace_back();
  } else {
    free_ = nodes_[at].next;
  }
  if (!queue.in_turn) {
    queue.in_turn = true;
    turn_.push_back(message.peer);
  }
  nodes_[at].message = std::move(message);
  nodes_[at].next = UINT32_MAX;
  if (queue.last == UINT32_MAX) {
    queue.first = at;
  } else {
    nodes_[queue.last].next = at;
  }
  queue.last = at;
  ++queue.messages;
  ++messages_;
  bytes_ += size;
  return true;
}

void Outbound::clear(std::uint32_t peer, PeerOutbound& queue) {
  while (queue.messages > 0) pop(queue);
  if (queue.in_turn) std::erase(turn_, peer);
  queue.in_turn = false;
}

}  // namespace bb::framework
