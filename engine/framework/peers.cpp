// The peer table: chained hashing over records that never move. Saving is in peers_state.cpp.
#include "framework/peers.h"

#include <algorithm>
#include <bit>
#include <new>

#include "wire/envelope_writer.h"

namespace bb::framework {
namespace {

// What every receiver takes under the default caps (spec A §5.5).
constexpr std::uint32_t kDestinationAddressesMax = 16;
constexpr std::uint32_t kSourceAddressesMax = 8;

AddressBookError book_error(Error error) {
  return error.code == Code::no_memory ? AddressBookError::no_memory : AddressBookError::full;
}

// The first addresses of a list, at most `max`, as spans; their number is returned.
std::uint32_t first_addresses(const AddressList& list, Bytes* out, std::uint32_t max) {
  const std::uint32_t count = std::min(list.size(), max);
  for (std::uint32_t i = 0; i < count; ++i) out[i] = list.bytes_at(i);
  return count;
}

}  // namespace

PeerTable::PeerTable(Memory* memory, const PeerId& self, RandomStream keys, Options options)
    : memory_(memory), self_id_(self), options_(options), key0_(keys.next_u64()), key1_(keys.next_u64()) {
  options_.peers_max = std::min(options_.peers_max, 1u << kIndexBits);
}

PeerTable& PeerTable::operator=(PeerTable&& other) noexcept {
  if (this == &other) return *this;
  reset();
  memory_ = other.memory_;
  self_id_ = other.self_id_;
  options_ = other.options_;
  self_ = std::exchange(other.self_, kNoPeer);
  incarnation_ = other.incarnation_;
  uses_ = other.uses_;
  source_ = std::move(other.source_);
  key0_ = other.key0_;
  key1_ = other.key1_;
  credit_required_ = other.credit_required_;
  size_ = std::exchange(other.size_, 0);
  first_free_ = std::exchange(other.first_free_, 0);
  records_ = std::move(other.records_);
  buckets_ = std::move(other.buckets_);
  return *this;
}

void PeerTable::reset() {
  for (const Held& held : records_) {
    std::destroy_at(held.record);
    memory_->release(held.record, sizeof(PeerRecord));
  }
  records_.clear();
  buckets_.clear();
  source_.clear();
}

std::uint32_t PeerTable::bucket_of(const PeerId& id) const {
  const std::uint64_t hash = siphash13(id.digest_bytes(), key0_ ^ id.code, key1_);
  return static_cast<std::uint32_t>(hash) & (buckets_.size() - 1);
}

std::uint32_t PeerTable::find(const PeerId& id) const {
  if (buckets_.empty()) [[unlikely]]
    return kNoPeer;
  std::uint32_t& recent = recent_[id.digest[7] % kRecent];
  if (live(recent) && records_[recent]->id == id) return recent;
  for (std::uint32_t at = buckets_[bucket_of(id)]; at != kNoPeer; at = records_[at]->next)
    if (records_[at]->id == id) return recent = at;
  return kNoPeer;
}

bool PeerTable::rehash(std::uint64_t buckets) {
  Array<std::uint32_t> fresh;
  if (!fresh.try_resize(buckets)) return false;
  std::fill(fresh.begin(), fresh.end(), kNoPeer);
  buckets_ = std::move(fresh);
  for (std::uint32_t at = 0; at < records_.size(); ++at)
    if (records_[at]->live) link(at);
  return true;
}

void PeerTable::link(std::uint32_t index) {
  std::uint32_t& head = buckets_[bucket_of(records_[index]->id)];
  records_[index]->next = std::exchange(head, index);
}

Status PeerTable::push_record() {
  if (!records_.try_reserve(records_.size() + std::uint64_t{1})) return fail(Code::no_memory);
  void* block = memory_->allocate(sizeof(PeerRecord));
  if (!block) return fail(Code::no_memory, sizeof(PeerRecord));
  records_.push_reserved(new (block) PeerRecord());
  return {};
}

// The record used longest ago that nobody would miss.
std::uint32_t PeerTable::evictable() const {
  std::uint32_t found = kNoPeer;
  for (std::uint32_t at = 0; at < records_.size(); ++at) {
    const PeerRecord& record = *records_[at];
    if (record.live && record.evictable() && (found == kNoPeer || record.used < records_[found]->used)) found = at;
  }
  return found;
}

Result<std::uint32_t> PeerTable::insert(const PeerId& id) {
  if (size_ >= options_.peers_max && evictable() == kNoPeer) return fail(Code::over_cap, options_.peers_max);
  BB_TRY(id_value, Value::peer(*memory_, id));
  BB_CHECK(make_room(1));
  return insert_reserved(id, std::move(id_value));
}

// For so many more records, of which those past the limit take the place of others.
Status PeerTable::make_room(std::uint64_t more) {
  more = std::min<std::uint64_t>(more, options_.peers_max > size_ ? options_.peers_max - size_ : 0);
  if (buckets_.empty() && !rehash(16)) return fail(Code::no_memory);
  while (records_.size() - size_ < more) BB_CHECK(push_record());
  // Longer chains are slower, not wrong.
  if (size_ + more > buckets_.size()) (void)rehash(std::bit_ceil(size_ + more));
  return {};
}

std::uint32_t PeerTable::insert_reserved(const PeerId& id, Value id_value) {
  if (size_ >= options_.peers_max) remove(evictable());
  while (records_[first_free_]->live) ++first_free_;
  const std::uint32_t index = first_free_;
  PeerRecord& record = *records_[index];
  record.id = id;
  record.id_value = std::move(id_value);
  record.live = true;
  record.used = ++uses_;
  if (id == self_id_) self_ = index;
  if (credit_required_) record.outbound.granted = 0;
  ++size_;
  link(index);
  return index;
}

Result<std::uint32_t> PeerTable::find_or_insert(const PeerId& id) {
  const std::uint32_t known = find(id);
  if (known == kNoPeer) return insert(id);
  records_[known]->used = ++uses_;
  return known;
}

// The record's queue is empty.
void PeerTable::remove(std::uint32_t index) {
  PeerRecord& record = *records_[index];
  std::uint32_t* link = &buckets_[bucket_of(record.id)];
  while (*link != index) link = &records_[*link]->next;
  *link = record.next;
  if (index == self_) {
    self_ = kNoPeer;
    source_.clear();
  }
  const auto generation = static_cast<std::uint16_t>(record.generation + 1);
  record = PeerRecord{};
  record.generation = generation;
  first_free_ = std::min(first_free_, index);
  --size_;
}

void PeerTable::remove_if_unused(std::uint32_t index, Outbound& outbound) {
  PeerRecord& record = *records_[index];
  if (record.references > 0 || record.admitted) return;
  outbound.clear(index, record.outbound);  // nobody will carry them any more
  if (record.evictable() && !record.worth_keeping()) return remove(index);
  // The next link begins with credit of its own, but goes on counting: the peer still knows what it has seen.
  record.outbound.granted = credit_required_ ? 0 : PeerOutbound::kUnlimited;
  record.outbound.sent = 0;
  record.outbound.dial_asked = false;
}

void PeerTable::addresses_changed(PeerRecord& record) {
  record.head = {};
  if (record.id == self_id_) source_.clear();
}

Result<Bytes> PeerTable::source() {
  if (source_.empty()) {
    Bytes addresses[kSourceAddressesMax];
    const std::uint32_t count = self_ == kNoPeer ? 0 : first_addresses(records_[self_]->addresses, addresses, kSourceAddressesMax);
    const wire::EnvelopeFields fields{.source_addresses = {addresses, count}, .incarnation = incarnation_};
    if (!source_.try_resize(wire::source_size(fields))) return fail(Code::no_memory);
    wire::write_source(fields, source_.data());
  }
  return Bytes{source_.data(), source_.size()};
}

Result<Value> PeerTable::head_of(PeerRecord& record) {
  if (!record.head.present()) {
    if (record.addresses.empty()) return fail(Code::empty_list);
    Bytes addresses[kDestinationAddressesMax];
    const std::span<const Bytes> list(addresses, first_addresses(record.addresses, addresses, kDestinationAddressesMax));
    std::uint8_t* data = nullptr;
    BB_TRY(head, Value::bytes_of_size(*memory_, wire::head_size(list), data));
    wire::write_head(list, data);
    record.head = std::move(head);
  }
  return record.head;
}

// All or nothing, unless there is no room for a hint.
AddressBookError PeerTable::extend(AddressList& list, std::span<const Bytes> addresses, AddressSource source) const {
  Array<Value> made;
  if (!made.try_reserve(addresses.size()) || !list.try_reserve(addresses.size(), options_.addresses))
    return AddressBookError::no_memory;
  for (const Bytes address : addresses) {
    auto value = Value::bytes(*memory_, address);
    if (!value) return AddressBookError::no_memory;
    made.push_reserved(std::move(*value));
  }
  AddressBookError error = AddressBookError::none;
  for (Value& value : made)
    if (list.add(std::move(value), source, options_.addresses) == AddressList::Added::refused) error = AddressBookError::full;
  return error;
}

AddressBookError PeerTable::extend_record(PeerRecord& record, std::span<const Bytes> addresses, AddressSource source) {
  const auto known = [&](Bytes address) { return record.addresses.contains(address); };
  const bool changes = !std::all_of(addresses.begin(), addresses.end(), known);
  const AddressBookError error = extend(record.addresses, addresses, source);
  if (changes && error != AddressBookError::no_memory) addresses_changed(record);
  return error;
}

// Everything that can fail comes before the record, whose insertion may evict another.
AddressBookError PeerTable::learn(const PeerId& id, std::span<const Bytes> addresses, AddressSource source, std::uint32_t& index) {
  index = find(id);
  if (index != kNoPeer) {
    const AddressBookError error = extend_record(*records_[index], addresses, source);
    if (error != AddressBookError::no_memory) records_[index]->used = ++uses_;
    return error;
  }
  AddressList list;
  const AddressBookError error = extend(list, addresses, source);
  if (error != AddressBookError::none) return error;
  const auto inserted = insert(id);
  if (!inserted) return book_error(inserted.error());
  index = *inserted;
  records_[index]->addresses = std::move(list);
  addresses_changed(*records_[index]);
  return AddressBookError::none;
}

AddressBookError PeerTable::add_peer(const PeerId& id, std::span<const Bytes> addresses) {
  if (addresses.empty()) return AddressBookError::empty_list;
  std::uint32_t index = kNoPeer;
  const AddressBookError error = learn(id, addresses, AddressSource::host, index);
  if (error != AddressBookError::none) return error;
  if (records_[index]->references < UINT64_MAX) ++records_[index]->references;
  return AddressBookError::none;
}

AddressBookError PeerTable::drop_peer(const PeerId& id, Outbound& outbound) {
  const std::uint32_t at = find(id);
  if (at == kNoPeer || records_[at]->references == 0) return AddressBookError::unknown_peer;
  if (--records_[at]->references == 0) {
    records_[at]->addresses.remove_all(AddressSource::host);
    addresses_changed(*records_[at]);
    remove_if_unused(at, outbound);
  }
  return AddressBookError::none;
}

AddressBookError PeerTable::register_address(const PeerId& id, Bytes address, AddressSource source) {
  if (find(id) == kNoPeer) return AddressBookError::unknown_peer;
  std::uint32_t index = kNoPeer;
  return learn(id, {&address, 1}, source, index);
}

AddressBookError PeerTable::forget_address(const PeerId& id, Bytes address) {
  const std::uint32_t at = find(id);
  if (at == kNoPeer) return AddressBookError::unknown_peer;
  if (records_[at]->addresses.remove(address)) addresses_changed(*records_[at]);
  return AddressBookError::none;
}

AddressBookError PeerTable::restore_entry(const PeerId& id, std::span<const Bytes> addresses, std::uint64_t references) {
  AddressList list;
  const AddressBookError error = extend(list, addresses, AddressSource::host);
  if (error != AddressBookError::none) return error;
  const auto index = find_or_insert(id);
  if (!index) return book_error(index.error());
  PeerRecord& record = *records_[*index];
  record.addresses = std::move(list);
  record.references = references;
  addresses_changed(record);
  return AddressBookError::none;
}

bool PeerTable::merge_hints(PeerRecord& record, std::span<const Bytes> claimed) {
  if (std::all_of(claimed.begin(), claimed.end(), [&](Bytes bytes) { return record.addresses.contains(bytes); })) return true;
  if (!std::all_of(claimed.begin(), claimed.end(), is_readable_address)) return true;
  bool whole = true;
  for (const Bytes bytes : claimed)
    whole &= extend_record(record, {&bytes, 1}, AddressSource::claimed) != AddressBookError::no_memory;
  return whole;
}

AddressBookError PeerTable::add_hint(const PeerId& id, Bytes address, AddressSource source) {
  std::uint32_t index = kNoPeer;
  return learn(id, {&address, 1}, source, index);
}

Result<std::uint32_t> PeerTable::admit(const PeerId& id, ChannelKind channel, std::uint64_t incarnation) {
  BB_TRY(index, find_or_insert(id));
  PeerRecord& record = *records_[index];
  if (incarnation < record.incarnation) return fail(Code::stale_incarnation);
  record.admitted = true;
  record.channel = channel;
  record.incarnation = incarnation;
  return index;
}

Status PeerTable::set_allowlist(std::span<const PeerId> peers) {
  Array<Value> ids;  // of those who get a record
  for (std::size_t i = 0; i < peers.size(); ++i) {
    if (find(peers[i]) != kNoPeer || std::find(peers.begin(), peers.begin() + i, peers[i]) != peers.begin() + i) continue;
    if (ids.size() >= options_.peers_max) return fail(Code::over_cap, options_.peers_max);
    BB_TRY(id_value, Value::peer(*memory_, peers[i]));
    if (!ids.try_push(std::move(id_value))) return fail(Code::no_memory);
  }
  // Whom the new list leaves out may make room, if nothing else speaks for them.
  const auto keeps = [&](PeerRecord& record) {
    const bool listed = std::exchange(record.policy.listed, false);
    const bool kept = !record.evictable() || std::find(peers.begin(), peers.end(), record.id) != peers.end();
    record.policy.listed = listed;
    return kept;
  };
  std::uint64_t kept = 0;
  for (std::uint32_t at = 0; at < records_.size(); ++at) kept += records_[at]->live && keeps(*records_[at]);
  if (kept + ids.size() > options_.peers_max) return fail(Code::over_cap, options_.peers_max);
  BB_CHECK(make_room(ids.size()));
  clear_allowlist();
  for (const PeerId& peer : peers)
    if (const std::uint32_t known = find(peer); known != kNoPeer) {
      records_[known]->policy.listed = true;
      records_[known]->used = ++uses_;
    }
  for (Value& id : ids) {
    const PeerId peer = id.as_peer();
    records_[insert_reserved(peer, std::move(id))]->policy.listed = true;
  }
  return {};
}

void PeerTable::clear_allowlist() {
  for (std::uint32_t at = 0; at < records_.size(); ++at)
    if (records_[at]->live) records_[at]->policy.listed = false;
}

void PeerTable::retire(std::uint32_t index, Outbound& outbound) {
  PeerRecord& record = *records_[index];
  record.admitted = false;
  record.channel = ChannelKind::none;
  ++record.generation;
  remove_if_unused(index, outbound);
}

PeerHandle PeerTable::handle_of(std::uint32_t index) const {
  const std::uint32_t generation = records_[index]->generation & ((1u << (32 - kIndexBits)) - 1);
  return {index | (generation << kIndexBits)};
}

std::uint32_t PeerTable::resolve(PeerHandle handle) const {
  const std::uint32_t index = handle.v & ((1u << kIndexBits) - 1);
  return live(index) && handle_of(index) == handle ? index : kNoPeer;
}

}  // namespace bb::framework
