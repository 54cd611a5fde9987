// The peer table: chained hashing over records that never move.
#include "framework/peers.h"

#include <algorithm>

#include "wire/envelope_writer.h"

namespace bb::framework {
namespace {

// What every receiver takes under the default caps (spec A §5.5).
constexpr std::size_t kDestinationAddressesMax = 16;
constexpr std::size_t kSourceAddressesMax = 8;

}  // namespace

PeerTable::PeerTable(Memory& memory, const PeerId& self, RandomStream keys, std::uint32_t peers_max,
                     std::uint32_t addresses_per_peer_max)
    : memory_(memory),
      self_id_(self),
      key0_(keys.next_u64()),
      key1_(keys.next_u64()),
      peers_max_(std::min(peers_max, 1u << kIndexBits)),
      addresses_max_(addresses_per_peer_max),
      buckets_(16, kNoPeer) {}

std::uint32_t PeerTable::bucket_of(const PeerId& id) const {
  const std::uint64_t hash = siphash13(id.digest_bytes(), key0_ ^ id.code, key1_);
  return static_cast<std::uint32_t>(hash) & (static_cast<std::uint32_t>(buckets_.size()) - 1);
}

std::uint32_t PeerTable::find(const PeerId& id) const {
  for (std::uint32_t at = buckets_[bucket_of(id)]; at != kNoPeer; at = records_[at]->next)
    if (records_[at]->id == id) return at;
  return kNoPeer;
}

void PeerTable::rehash(std::uint32_t buckets) {
  buckets_.assign(buckets, kNoPeer);
  for (std::uint32_t at = 0; at < records_.size(); ++at) {
    if (!records_[at]->live) continue;
    std::uint32_t& head = buckets_[bucket_of(records_[at]->id)];
    records_[at]->next = std::exchange(head, at);
  }
}

Result<std::uint32_t> PeerTable::insert(const PeerId& id) {
  if (size_ >= peers_max_) return fail(Code::over_cap, peers_max_);
  BB_TRY(id_value, Value::peer(memory_, id));
  std::uint32_t at = free_;
  if (at == kNoPeer) {
    at = static_cast<std::uint32_t>(records_.size());
    records_.push_back(std::make_unique<PeerRecord>());
  } else {
    free_ = records_[at]->next;
  }
  PeerRecord& record = *records_[at];
  const std::uint16_t generation = record.generation;
  record = PeerRecord{};
  record.generation = generation;
  record.id = id;
  record.id_value = std::move(id_value);
  record.live = true;
  if (id == self_id_) self_ = at;
  if (credit_required_) record.outbound.granted = 0;
  if (++size_ > buckets_.size()) {
    rehash(static_cast<std::uint32_t>(buckets_.size()) * 2);
  } else {
    std::uint32_t& head = buckets_[bucket_of(id)];
    record.next = std::exchange(head, at);
  }
  return at;
}

void PeerTable::remove_if_unused(std::uint32_t index, Outbound& outbound) {
  PeerRecord& record = *records_[index];
  if (record.references > 0 || record.admitted) return;
  std::uint32_t* link = &buckets_[bucket_of(record.id)];
  while (*link != index) link = &records_[*link]->next;
  *link = record.next;
  outbound.clear(index, record.outbound);
  record.live = false;
  if (index == self_) self_ = kNoPeer;
  record.id_value = {};
  record.addresses.clear();
  addresses_changed(record);
  ++record.generation;
  record.next = std::exchange(free_, index);
  --size_;
}

void PeerTable::append(PeerRecord& record, ByteBuffer address, bool hint) {
  if (std::find(record.addresses.begin(), record.addresses.end(), address) != record.addresses.end()) return;
  if (record.addresses.size() >= addresses_max_) {
    if (hint && record.references > 0) return;  // a claim displaces no address that the host gave
    record.addresses.erase(record.addresses.begin());
  }
  record.addresses.push_back(std::move(address));
  addresses_changed(record);
}

void PeerTable::addresses_changed(PeerRecord& record) {
  record.head = {};
  if (record.id == self_id_) source_.clear();
}

Bytes PeerTable::source() {
  if (!source_.empty()) return source_;
  std::vector<Bytes> addresses;
  if (self_ != kNoPeer)
    for (const ByteBuffer& address : records_[self_]->addresses)
      if (addresses.size() < kSourceAddressesMax) addresses.push_back(address);
  const wire::EnvelopeFields fields{.source_addresses = addresses, .incarnation = incarnation_};
  source_.resize(static_cast<std::size_t>(wire::source_size(fields)));
  wire::write_source(fields, source_.data());
  return source_;
}

Result<Value> PeerTable::head_of(PeerRecord& record) {
  if (record.addresses.empty()) return fail(Code::empty_list);
  if (!record.head.present()) {
    const std::size_t count = std::min<std::size_t>(record.addresses.size(), kDestinationAddressesMax);
    const std::vector<Bytes> addresses(record.addresses.begin(), record.addresses.begin() + static_cast<std::ptrdiff_t>(count));
    std::uint8_t* data = nullptr;
    BB_TRY(head, Value::bytes_of_size(memory_, wire::head_size(addresses), data));
    wire::write_head(addresses, data);
    record.head = std::move(head);
  }
  return record.head;
}

AddressBookError PeerTable::add_peer(const PeerId& id, std::span<const Address> addresses) {
  if (addresses.empty()) return AddressBookError::empty_list;
  std::uint32_t at = find(id);
  if (at == kNoPeer) {
    const auto inserted = insert(id);
    if (!inserted) return inserted.error().code == Code::no_memory ? AddressBookError::no_memory : AddressBookError::full;
    at = *inserted;
  }
  PeerRecord& record = *records_[at];
  if (record.references < UINT64_MAX) ++record.references;
  for (const Address& address : addresses) append(record, address.to_bytes(), false);
  return AddressBookError::none;
}

AddressBookError PeerTable::drop_peer(const PeerId& id, Outbound& outbound) {
  const std::uint32_t at = find(id);
  if (at == kNoPeer || records_[at]->references == 0) return AddressBookError::unknown_peer;
  if (--records_[at]->references == 0) {
    records_[at]->addresses.clear();
    addresses_changed(*records_[at]);
    remove_if_unused(at, outbound);
  }
  return AddressBookError::none;
}

AddressBookError PeerTable::register_address(const PeerId& id, const Address& address) {
  const std::uint32_t at = find(id);
  if (at == kNoPeer) return AddressBookError::unknown_peer;
  append(*records_[at], address.to_bytes(), false);
  return AddressBookError::none;
}

AddressBookError PeerTable::forget_address(const PeerId& id, const Address& address) {
  const std::uint32_t at = find(id);
  if (at == kNoPeer) return AddressBookError::unknown_peer;
  std::erase(records_[at]->addresses, address.to_bytes());
  addresses_changed(*records_[at]);
  return AddressBookError::none;
}

void PeerTable::merge_hints(PeerRecord& record, std::span<const Bytes> claimed) {
  const auto known = [&](Bytes bytes) {
    return std::any_of(record.addresses.begin(), record.addresses.end(),
                       [&](const ByteBuffer& have) { return equal(have, bytes); });
  };
  if (std::all_of(claimed.begin(), claimed.end(), known)) return;
  for (const Bytes bytes : claimed)
    if (!Address::from_bytes(bytes)) return;
  for (const Bytes bytes : claimed) append(record, ByteBuffer(bytes.begin(), bytes.end()), true);
}

Result<std::uint32_t> PeerTable::admit(const PeerId& id, std::string_view maker) {
  std::uint32_t at = find(id);
  if (at == kNoPeer) {
    BB_TRY(inserted, insert(id));
    at = inserted;
  }
  records_[at]->admitted = true;
  records_[at]->admitted_by = maker;
  return at;
}

void PeerTable::retire(std::uint32_t index, Outbound& outbound) {
  PeerRecord& record = *records_[index];
  record.admitted = false;
  record.admitted_by = {};
  ++record.generation;
  remove_if_unused(index, outbound);
}

PeerHandle PeerTable::handle_of(std::uint32_t index) const {
  const std::uint32_t generation = records_[index]->generation & ((1u << (32 - kIndexBits)) - 1);
  return {index | (generation << kIndexBits)};
}

std::uint32_t PeerTable::resolve(PeerHandle handle) const {
  const std::uint32_t index = handle.v & ((1u << kIndexBits) - 1);
  if (index >= records_.size() || !records_[index]->live) return kNoPeer;
  return handle_of(index) == handle ? index : kNoPeer;
}

}  // namespace bb::framework
