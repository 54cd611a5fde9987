// One record per peer: its name, addresses, admission, policy, health, duplicate windows and outbound queue. A record lives while
// the host refers to it, while it is admitted, flagged or queued for, and beyond that as long as it knows something and there is room.
#pragma once

#include "bb/peer.h"
#include "framework/address_book.h"
#include "framework/backpressure.h"
#include "framework/duplicates.h"
#include "framework/governor.h"
#include "framework/outbound.h"

namespace bb::framework {

inline constexpr std::uint32_t kNoPeer = UINT32_MAX;

struct LinkState {
  enum class Kind : std::uint8_t { unknown, up, down };
  Kind kind = Kind::unknown;
  std::uint8_t path = 0;   // the transport's number for the way it goes
  std::uint16_t code = 0;  // the transport's reason
  std::uint64_t since_ns = 0;

  void save(StateWriter& writer) const;
  Status load(StateReader& reader);
};

struct PeerRecord {
  PeerId id;
  Value id_value;  // what a Recv's sender port gets: shared, so a delivery allocates nothing
  AddressList addresses;
  Value head;  // of every envelope to the peer: made from the addresses when it is first asked for
  std::uint64_t references = 0;
  std::uint64_t used = 0;  // when the host or the peer last spoke of it, in the table's count
  std::uint16_t generation = 0;
  bool live = false;
  bool admitted = false;
  ChannelKind channel = ChannelKind::none;  // that it was admitted on
  std::uint64_t incarnation = 0;            // the highest that it has proven
  std::uint32_t ingress_starts = 0;         // of it, not drained yet; the engine counts them
  std::uint64_t told_blocked_poll = 0;      // when the host last heard that it is blocked
  PeerPolicy policy;
  PeerHealth health;
  BackoffState backoff;
  PressureState pressure;
  Conduct conduct;
  LinkState link;
  PeerWindows windows;
  PeerOutbound outbound;
  std::uint32_t next = kNoPeer;  // in the hash chain

  /// Nobody would miss it but this node's own memory: it may go when another peer needs the room.
  bool evictable() const { return references == 0 && !admitted && !policy.set() && outbound.messages == 0; }
  /// It has something to remember.
  bool worth_keeping() const {
    return !addresses.empty() || !windows.empty() || backoff.active() || pressure.active() || health.consecutive_failures > 0 ||
           conduct.strikes > 0 || conduct.quarantined_until_ns > 0;
  }
};

class PeerTable {
 public:
  struct Options {
    std::uint32_t peers_max = 16'384;  // at most 2^20
    AddressList::Options addresses{};
  };
  /// `keys` seeds the hash of peer ids, which peers choose. `memory` must outlive the table.
  PeerTable(Memory* memory, const PeerId& self, RandomStream keys, Options options);
  PeerTable(PeerTable&& other) noexcept { *this = std::move(other); }
  PeerTable& operator=(PeerTable&& other) noexcept;
  ~PeerTable() { reset(); }

  /// New peers start with no outbound credit instead of unlimited.
  void set_credit_required(bool required) { credit_required_ = required; }

  std::uint32_t find(const PeerId& id) const;
  PeerRecord& at(std::uint32_t index) { return *records_[index]; }
  const PeerRecord& at(std::uint32_t index) const { return *records_[index]; }
  /// Whether there is a peer at this index; indices below `capacity` come and go.
  bool live(std::uint32_t index) const { return index < records_.size() && records_[index]->live; }
  std::uint32_t size() const { return size_; }
  std::uint32_t capacity() const { return records_.size(); }

  /// How every envelope to the peer begins: its addresses. Errors: empty_list, no_memory.
  Result<Value> head_of(PeerRecord& record);
  /// What every envelope of this node says of its sender: schema version, own addresses, incarnation. Errors: no_memory.
  Result<Bytes> source();
  void set_incarnation(std::uint64_t incarnation) {
    incarnation_ = incarnation;
    source_.clear();
  }
  std::uint64_t incarnation() const { return incarnation_; }

  // The address book: entries of the host are counted references, hints are not. Nothing is changed when there is an error.
  AddressBookError add_peer(const PeerId& id, std::span<const Bytes> addresses);
  AddressBookError drop_peer(const PeerId& id, Outbound& outbound);
  AddressBookError register_address(const PeerId& id, Bytes address, AddressSource source = AddressSource::host);
  AddressBookError forget_address(const PeerId& id, Bytes address);
  /// Sets an entry as it was saved: addresses of the host and the number of references.
  AddressBookError restore_entry(const PeerId& id, std::span<const Bytes> addresses, std::uint64_t references);
  /// Addresses that a peer claims for itself. A list with one unreadable entry is ignored whole; what finds no room is left out.
  /// False when there is no memory for some of them.
  bool merge_hints(PeerRecord& record, std::span<const Bytes> claimed);
  /// An address somebody told of a peer, which need not be known. `full`: no record could be evicted for it.
  AddressBookError add_hint(const PeerId& id, Bytes address, AddressSource source);

  /// The record of a peer, made when there is none; at the limit the record used longest ago that nobody would miss goes.
  /// Errors: over_cap, no_memory.
  Result<std::uint32_t> find_or_insert(const PeerId& id);
  /// To be called when nobody refers to a peer any more: its queue goes, and its record when that has nothing to remember.
  void remove_if_unused(std::uint32_t index, Outbound& outbound);

  /// Lists exactly these: all of them, or an error and nothing. Errors: over_cap, no_memory.
  Status set_allowlist(std::span<const PeerId> peers);
  void clear_allowlist();

  // Admission. A handle names the record and its generation.
  Result<std::uint32_t> admit(const PeerId& id, ChannelKind channel, std::uint64_t incarnation);
  void retire(std::uint32_t index, Outbound& outbound);
  PeerHandle handle_of(std::uint32_t index) const;
  /// kNoPeer for a handle that was never given or whose peer is gone; whether the peer is admitted is another question.
  std::uint32_t resolve(PeerHandle handle) const;

  /// Everything but queued messages, which `Outbound` saves.
  void save(StateWriter& writer) const;
  /// Into a new table of the same node. Errors: those of the reader, over_cap, no_memory, invalid_value.
  Status load(StateReader& reader);

 private:
  static constexpr std::uint32_t kIndexBits = 20;

  /// A record's place in `Memory`.
  struct Held {
    PeerRecord* record = nullptr;
    PeerRecord* operator->() const { return record; }
    PeerRecord& operator*() const { return *record; }
  };

  std::uint32_t bucket_of(const PeerId& id) const;
  Result<std::uint32_t> insert(const PeerId& id);
  Status make_room(std::uint64_t more);
  std::uint32_t insert_reserved(const PeerId& id, Value id_value);
  Status push_record();
  std::uint32_t evictable() const;
  void remove(std::uint32_t index);
  void link(std::uint32_t index);
  bool rehash(std::uint64_t buckets);
  void addresses_changed(PeerRecord& record);
  AddressBookError extend(AddressList& list, std::span<const Bytes> addresses, AddressSource source) const;
  AddressBookError extend_record(PeerRecord& record, std::span<const Bytes> addresses, AddressSource source);
  AddressBookError learn(const PeerId& id, std::span<const Bytes> addresses, AddressSource source, std::uint32_t& index);
  void reset();
  Status load_record(StateReader& reader, PeerRecord& record);

  Memory* memory_ = nullptr;
  PeerId self_id_;
  Options options_;
  std::uint32_t self_ = kNoPeer;
  std::uint64_t incarnation_ = 0;
  std::uint64_t uses_ = 0;
  Array<std::uint8_t> source_;  // empty: to be made
  std::uint64_t key0_ = 0;
  std::uint64_t key1_ = 0;
  bool credit_required_ = false;
  std::uint32_t size_ = 0;
  std::uint32_t first_free_ = 0;  // no index below is free
  Array<Held> records_;           // they never move; the index of a peer that is gone is used again, the lowest first
  Array<std::uint32_t> buckets_;
  // Where recent searches ended, by a byte of the digest: only a place to look first, so whoever chooses ids gains nothing by it.
  static constexpr std::size_t kRecent = 16;
  mutable std::array<std::uint32_t, kRecent> recent_{};
};

}  // namespace bb::framework
