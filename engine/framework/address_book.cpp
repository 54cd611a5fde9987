// Address lists by source.
#include "framework/address_book.h"

#include "base/utf8.h"
#include "bb/peer_id.h"

namespace bb::framework {
namespace {

constexpr std::uint32_t kNowhere = UINT32_MAX;

// How much a source is worth when an address is learnt twice.
constexpr int strength(AddressSource source) {
  switch (source) {
    case AddressSource::claimed: return 0;
    case AddressSource::observed: return 1;
    case AddressSource::verified: return 2;
    case AddressSource::host: return 3;
  }
  return 0;
}

bool take_number(Bytes& rest, std::uint64_t& number) {
  number = 0;
  for (unsigned shift = 0; shift < 63 && !rest.empty(); shift += 7) {
    const std::uint8_t part = rest.front();
    rest = rest.subspan(1);
    number |= std::uint64_t{part & 0x7fu} << shift;
    if (part < 0x80) return part != 0 || shift == 0;
  }
  return false;
}

bool take_segment(Bytes& rest) {
  constexpr std::uint64_t kP2p = 421, kSite = 0xe2, kComponent = 0xe3, kOp = 0xe4;
  std::uint64_t code = 0, size = 0;
  if (!take_number(rest, code)) return false;
  if (code == kSite) size = 8;
  if (code == kComponent) size = 4;
  if ((code == kP2p || code == kOp) && !take_number(rest, size)) return false;
  if (size > rest.size()) return false;
  const Bytes payload = rest.first(static_cast<std::size_t>(size));
  rest = rest.subspan(payload.size());
  PeerId peer;
  if (code == kP2p) return PeerId::read(payload, peer).has_value();
  if (code == kOp) return is_utf8(payload);
  return code == kSite || code == kComponent;
}

}  // namespace

bool is_readable_address(Bytes address) {
  while (!address.empty())
    if (!take_segment(address)) return false;
  return true;
}

std::uint32_t AddressList::find(Bytes address) const {
  std::uint32_t at = 0;
  while (at < entries_.size() && !equal(entries_[at].bytes.as_bytes(), address)) ++at;
  return at;
}

std::uint32_t AddressList::count_hints() const {
  std::uint32_t hints = 0;
  for (const PeerAddress& entry : entries_) hints += is_hint(entry.source) ? 1 : 0;
  return hints;
}

// The index of the entry that gives way, the size of the list when there is room, or nowhere.
std::uint32_t AddressList::place_for(AddressSource source, const Options& options) const {
  const auto oldest = [&](auto matches) {
    for (std::uint32_t i = 0; i < entries_.size(); ++i)
      if (matches(entries_[i].source)) return i;
    return kNowhere;
  };
  if (options.addresses_max == 0 || (is_hint(source) && options.hints_max == 0)) return kNowhere;
  if (is_hint(source) && count_hints() >= options.hints_max) return oldest(is_hint);
  if (entries_.size() < options.addresses_max) return entries_.size();
  std::uint32_t at = oldest(is_hint);
  if (at == kNowhere && !is_hint(source)) at = oldest([](AddressSource other) { return other == AddressSource::verified; });
  if (at == kNowhere && source == AddressSource::host) at = 0;
  return at;
}

bool AddressList::try_reserve(std::uint64_t more, const Options& options, AllocationSite site) {
  return entries_.try_reserve(std::min<std::uint64_t>(entries_.size() + more, options.addresses_max), site);
}

AddressList::Added AddressList::add(Value bytes, AddressSource source, const Options& options) {
  if (const std::uint32_t known = find(bytes.as_bytes()); known < entries_.size()) {
    if (strength(source) <= strength(entries_[known].source)) return Added::unchanged;
    entries_[known].source = source;
    return Added::added;
  }
  const std::uint32_t place = place_for(source, options);
  if (place == kNowhere) return Added::refused;
  if (place < entries_.size()) entries_.erase_at(place);
  entries_.push_reserved(PeerAddress{std::move(bytes), source});
  return Added::added;
}

bool AddressList::remove(Bytes address) {
  const std::uint32_t at = find(address);
  if (at == entries_.size()) return false;
  entries_.erase_at(at);
  return true;
}

void AddressList::remove_all(AddressSource source) {
  for (std::uint32_t i = entries_.size(); i-- > 0;)
    if (entries_[i].source == source) entries_.erase_at(i);
}

void AddressList::save(StateWriter& writer) const {
  writer.number(entries_.size());
  for (const PeerAddress& entry : entries_) {
    writer.byte(static_cast<std::uint8_t>(entry.source));
    writer.bytes(entry.bytes.as_bytes());
  }
}

Status AddressList::load(StateReader& reader, Memory& memory, const Options& options) {
  const std::uint32_t count = reader.count(options.addresses_max, 2);
  if (!entries_.try_reserve(count)) return fail(Code::no_memory, reader.position());
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint8_t source = reader.byte();
    const Bytes address = reader.bytes();
    if (source > static_cast<std::uint8_t>(AddressSource::verified) || contains(address)) reader.fail(Code::invalid_value);
    BB_CHECK(reader.status());
    BB_TRY(bytes, Value::bytes(memory, address));
    entries_.push_reserved(PeerAddress{std::move(bytes), static_cast<AddressSource>(source)});
  }
  if (count_hints() > options.hints_max) reader.fail(Code::over_cap);
  return reader.status();
}

}  // namespace bb::framework
