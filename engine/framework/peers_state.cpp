// Saving and restoring the peer table. An index is part of a peer's handle, so every record keeps its own.
#include <bit>

#include "framework/peers.h"

namespace bb::framework {

void LinkState::save(StateWriter& writer) const {
  writer.byte(static_cast<std::uint8_t>(kind));
  writer.byte(path);
  writer.number(code);
  writer.number(since_ns);
}

Status LinkState::load(StateReader& reader) {
  const std::uint8_t given = reader.byte();
  if (given > static_cast<std::uint8_t>(Kind::down)) reader.fail(Code::invalid_value);
  path = reader.byte();
  code = static_cast<std::uint16_t>(reader.number_to(UINT16_MAX));
  since_ns = reader.number();
  if (reader.ok()) kind = static_cast<Kind>(given);
  return reader.status();
}

void PeerTable::save(StateWriter& writer) const {
  std::uint32_t count = records_.size();
  while (count > 0 && !records_[count - 1]->live && records_[count - 1]->generation == 0) --count;
  writer.fixed_u64(incarnation_);
  writer.number(uses_);
  writer.number(count);
  for (std::uint32_t at = 0; at < count; ++at) {
    const PeerRecord& record = *records_[at];
    writer.flag(record.live);
    writer.number(record.generation);
    if (!record.live) continue;
    std::uint8_t id[PeerId::kBytesMax];
    writer.bytes({id, record.id.write(id)});
    record.addresses.save(writer);
    writer.number(record.references);
    writer.number(record.used);
    writer.flag(record.admitted);
    writer.byte(static_cast<std::uint8_t>(record.channel));
    writer.number(record.incarnation);
    record.policy.save(writer);
    record.health.save(writer);
    record.backoff.save(writer);
    record.pressure.save(writer);
    record.conduct.save(writer);
    record.link.save(writer);
    record.windows.save(writer);
    record.outbound.save(writer);
  }
}

Status PeerTable::load_record(StateReader& reader, PeerRecord& record) {
  const Bytes id = reader.bytes(PeerId::kBytesMax);
  BB_CHECK(reader.status());
  if (!PeerId::read(id, record.id) || find(record.id) != kNoPeer) return fail(Code::invalid_value, reader.position());
  BB_TRY(id_value, Value::peer(*memory_, record.id));
  record.id_value = std::move(id_value);
  BB_CHECK(record.addresses.load(reader, *memory_, options_.addresses));
  record.references = reader.number();
  record.used = reader.number_to(uses_);
  record.admitted = reader.flag();
  const std::uint8_t channel = reader.byte();
  if (channel > static_cast<std::uint8_t>(ChannelKind::itself)) reader.fail(Code::invalid_value);
  record.channel = static_cast<ChannelKind>(channel);
  record.incarnation = reader.number();
  BB_CHECK(record.policy.load(reader));
  BB_CHECK(record.health.load(reader));
  BB_CHECK(record.backoff.load(reader));
  BB_CHECK(record.pressure.load(reader));
  BB_CHECK(record.conduct.load(reader));
  BB_CHECK(record.link.load(reader));
  BB_CHECK(record.windows.load(reader));
  return record.outbound.load(reader);
}

Status PeerTable::load(StateReader& reader) {
  incarnation_ = reader.fixed_u64();
  uses_ = reader.number();
  const std::uint32_t count = reader.count(options_.peers_max, 2);
  if (!rehash(std::bit_ceil(std::max<std::uint32_t>(16, count)))) return fail(Code::no_memory, reader.position());
  for (std::uint32_t at = 0; at < count; ++at) {
    const bool live = reader.flag();
    const auto generation = static_cast<std::uint16_t>(reader.number_to(UINT16_MAX));
    if (at + 1 == count && !live && generation == 0) reader.fail(Code::invalid_value);
    BB_CHECK(reader.status());
    BB_CHECK(push_record());
    PeerRecord* const record = records_[at].record;
    record->generation = generation;
    if (!live) continue;
    BB_CHECK(load_record(reader, *record));
    record->live = true;
    ++size_;
    if (record->id == self_id_) self_ = at;
    link(at);
  }
  return reader.status();
}

}  // namespace bb::framework
