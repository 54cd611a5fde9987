// Saving and restoring queued messages: peers in turn, each with its control messages and then its bulk messages.
#include "bb/value_state.h"
#include "framework/outbound.h"

namespace bb::framework {
namespace {

// A part is 0 and its bytes, or the number of an equal part that was met before, counted from 1.
bool save_part(StateWriter& writer, const Value& part, FlatMap<std::uint32_t>& parts) {
  if (part.carrier() != Carrier::bytes) return false;
  const auto key = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(part.as_bytes().data()));
  if (const std::uint32_t* known = parts.find(key)) {
    writer.number(*known);
    return true;
  }
  writer.number(0);
  writer.bytes(part.as_bytes());
  return parts.try_insert(key, parts.size() + 1) || writer.out_of_memory();
}

Status load_part(StateReader& reader, Memory& memory, Value& part, Array<Value>& parts) {
  const std::uint64_t known = reader.number_to(parts.size());
  if (known > 0) {
    part = parts[static_cast<std::size_t>(known - 1)];
    return {};
  }
  const Bytes content = reader.bytes();
  BB_CHECK(reader.status());
  BB_TRY(made, Value::bytes(memory, content));
  part = made;
  return parts.try_push(std::move(made)) ? Status{} : fail(Code::no_memory, reader.position());
}

}  // namespace

void PeerOutbound::save(StateWriter& writer) const {
  writer.flag(dial_asked);
  writer.number(deficit);
  writer.fixed_u64(granted);
  writer.number(sent);
  writer.number(dropped);
  writer.number(next_sequence);
}

Status PeerOutbound::load(StateReader& reader) {
  dial_asked = reader.flag();
  deficit = reader.number();
  granted = reader.fixed_u64();
  sent = reader.number();
  dropped = reader.number();
  next_sequence = reader.number();
  return reader.status();
}

void Outbound::save_head(StateWriter& writer) const {
  writer.number(dropped_);
  writer.flag(resuming_);
  writer.number(turn_.size());
}

bool Outbound::save_queue(StateWriter& writer, std::uint32_t peer, const PeerOutbound& queue, Parts& parts) const {
  writer.number(peer);
  writer.number(queue.messages);
  for (const PeerOutbound::Queue& lane : queue.lanes) {
    for (std::uint32_t at = lane.first; at != UINT32_MAX; at = nodes_[at].next) {
      const OutboundMessage& message = nodes_[at].message;
      writer.byte(static_cast<std::uint8_t>(message.lane));
      writer.bytes({message.tail, message.tail_size});
      writer.number(message.sequence);
      writer.fixed_u64(message.request_id);
      writer.number(message.remaining_ns);
      writer.number(message.bytes);
      if (!save_part(writer, message.head, parts) || !save_part(writer, message.body, parts)) return false;
    }
  }
  return true;
}

std::uint32_t Outbound::load_head(StateReader& reader) {
  dropped_ = reader.number();
  resuming_ = reader.flag();
  const std::uint32_t peers = reader.count(options_.messages_max, 2);
  if (resuming_ && peers == 0) reader.fail(Code::invalid_value);
  return peers;
}

Status Outbound::load_message(StateReader& reader, Memory& memory, OutboundMessage& message, Loaded& parts) {
  const std::uint8_t lane = reader.byte();
  const Bytes tail = reader.bytes(sizeof message.tail);
  message.sequence = reader.number();
  message.request_id = reader.fixed_u64();
  message.remaining_ns = reader.number();
  message.bytes = reader.number();
  if (lane > static_cast<std::uint8_t>(Lane::bulk)) reader.fail(Code::invalid_value);
  BB_CHECK(reader.status());
  message.lane = static_cast<Lane>(lane);
  message.tail_size = static_cast<std::uint8_t>(tail.size());
  if (!tail.empty()) std::memcpy(message.tail, tail.data(), tail.size());
  BB_CHECK(load_part(reader, memory, message.head, parts));
  BB_CHECK(load_part(reader, memory, message.body, parts));
  if (reader.ok() && message.bytes != message.head.as_bytes().size() + message.body.as_bytes().size() + tail.size())
    reader.fail(Code::invalid_value);
  if (reader.ok() && !fits(message.bytes)) reader.fail(Code::over_cap);
  return reader.status();
}

Status Outbound::load_queue(StateReader& reader, Memory& memory, std::uint32_t peer, PeerOutbound& queue, Loaded& parts) {
  const std::uint32_t count = reader.count(options_.messages_max - messages_, 16);
  if (count == 0 || queue.messages > 0) reader.fail(Code::invalid_value);
  BB_CHECK(reader.status());
  if (!turn_.try_reserve(turn_.size() + std::uint64_t{1}) || !nodes_.try_reserve(nodes_.size() + std::uint64_t{count}))
    return fail(Code::no_memory, reader.position());
  for (std::uint32_t i = 0; i < count; ++i) {
    OutboundMessage message{.peer = peer};
    BB_CHECK(load_message(reader, memory, message, parts));
    if (message.lane == Lane::control && !queue.lanes[static_cast<std::size_t>(Lane::bulk)].empty())
      return fail(Code::invalid_value, reader.position());
    enqueue(queue, peer, message.lane, message.bytes) = std::move(message);
  }
  return {};
}

}  // namespace bb::framework
