// One record per peer: its name, addresses, admission, duplicate windows and outbound queue. The address book is the part of the
// table that holds addresses (spec A §3.10, B §6.2): entries of the host are counted references, entries that a peer claims on
// the wire are hints without a reference, never over a host's.
#pragma once

#include <memory>
#include <vector>

#include "bb/random.h"
#include "framework/duplicates.h"
#include "framework/outbound.h"

namespace bb::framework {

inline constexpr std::uint32_t kNoPeer = UINT32_MAX;

struct PeerRecord {
  PeerId id;
  Value id_value;                     // what a Recv's sender port gets: shared, so a delivery allocates nothing
  std::vector<ByteBuffer> addresses;  // multiaddr bytes, in preference order
  Value head;                         // of every envelope to the peer: made from the addresses when it is first asked for
  std::uint64_t references = 0;
  std::uint16_t generation = 0;
  bool live = false;
  bool admitted = false;
  std::string_view admitted_by;  // which maker vouched for the peer: a literal
  PeerWindows windows;
  PeerOutbound outbound;
  std::uint32_t next = kNoPeer;  // in the hash chain, or among the free records
};

enum class AddressBookError : std::uint8_t { none, unknown_peer, empty_list, full, no_memory };

class PeerTable {
 public:
  /// `keys` seeds the hash of peer ids, which peers choose.
  PeerTable(Memory& memory, const PeerId& self, RandomStream keys, std::uint32_t peers_max, std::uint32_t addresses_per_peer_max);

  /// New peers start with no outbound credit instead of unlimited.
  void set_credit_required(bool required) { credit_required_ = required; }

  std::uint32_t find(const PeerId& id) const;
  /// What every envelope of this node says of its sender: schema version, own addresses, incarnation. Made when it is first asked for.
  Bytes source();
  void set_incarnation(std::uint64_t incarnation) { incarnation_ = incarnation; }
  std::uint64_t incarnation() const { return incarnation_; }
  PeerRecord& at(std::uint32_t index) { return *records_[index]; }
  const PeerRecord& at(std::uint32_t index) const { return *records_[index]; }
  /// How every envelope to the peer begins: its addresses. Errors: empty_list, no_memory.
  Result<Value> head_of(PeerRecord& record);
  std::uint32_t size() const { return size_; }
  std::uint32_t capacity() const { return static_cast<std::uint32_t>(records_.size()); }

  // The address book.
  AddressBookError add_peer(const PeerId& id, std::span<const Address> addresses);
  AddressBookError drop_peer(const PeerId& id, Outbound& outbound);
  AddressBookError register_address(const PeerId& id, const Address& address);
  AddressBookError forget_address(const PeerId& id, const Address& address);
  /// Addresses that an admitted peer claims for itself. A list with one unreadable entry is ignored whole.
  void merge_hints(PeerRecord& record, std::span<const Bytes> claimed);

  // Admission. A handle names the record and its generation.
  Result<std::uint32_t> admit(const PeerId& id, std::string_view maker);
  void retire(std::uint32_t index, Outbound& outbound);
  PeerHandle handle_of(std::uint32_t index) const;
  /// kNoPeer for a handle that was never given or whose peer is gone; whether the peer is admitted is another question.
  std::uint32_t resolve(PeerHandle handle) const;

 private:
  static constexpr std::uint32_t kIndexBits = 20;

  std::uint32_t bucket_of(const PeerId& id) const;
  Result<std::uint32_t> insert(const PeerId& id);
  void remove_if_unused(std::uint32_t index, Outbound& outbound);
  void append(PeerRecord& record, ByteBuffer address, bool hint);
  void addresses_changed(PeerRecord& record);
  void rehash(std::uint32_t buckets);

  Memory& memory_;
  PeerId self_id_;
  std::uint32_t self_ = kNoPeer;
  std::uint64_t incarnation_ = 0;
  ByteBuffer source_;  // empty: to be made
  std::uint64_t key0_;
  std::uint64_t key1_;
  std::uint32_t peers_max_;
  std::uint32_t addresses_max_;
  bool credit_required_ = false;
  std::uint32_t size_ = 0;
  std::uint32_t free_ = kNoPeer;
  std::vector<std::unique_ptr<PeerRecord>> records_;
  std::vector<std::uint32_t> buckets_;
};

}  // namespace bb::framework
