// The addresses of one peer, each with who said so: the host, the peer itself, the transport that saw it, or a handshake that proved
// it. What is only claimed or observed is a hint, and never displaces an address that is more than that (spec A §3.10, B §6.2).
#pragma once

#include "bb/state_codec.h"
#include "bb/value.h"

namespace bb::framework {

enum class AddressSource : std::uint8_t { host, claimed, observed, verified };
constexpr bool is_hint(AddressSource source) { return source == AddressSource::claimed || source == AddressSource::observed; }

enum class AddressBookError : std::uint8_t { none, unknown_peer, empty_list, full, no_memory };

struct PeerAddress {
  Value bytes;  // of a multiaddr; nothing here looks into them
  AddressSource source = AddressSource::host;
};

class AddressList {
 public:
  struct Options {
    std::uint32_t addresses_max = 32;
    std::uint32_t hints_max = 8;
  };
  enum class Added : std::uint8_t { unchanged, added, refused };

  /// Makes certain that `more` addresses can be added.
  [[nodiscard]] bool try_reserve(std::uint64_t more, const Options& options, AllocationSite site = AllocationSite::current());
  /// Appends an address that is not there, for room that `try_reserve` made; one that is there takes the better source, which is
  /// `added` too. At a limit the oldest hint makes room; a host's address then displaces the oldest verified one, or else the oldest of
  /// the host. A hint that finds no room is refused.
  Added add(Value bytes, AddressSource source, const Options& options);
  bool remove(Bytes address);
  void remove_all(AddressSource source);
  void clear() { entries_.clear(); }

  bool empty() const { return entries_.empty(); }
  std::uint32_t size() const { return entries_.size(); }
  bool contains(Bytes address) const { return find(address) < entries_.size(); }
  Bytes bytes_at(std::uint32_t index) const { return entries_[index].bytes.as_bytes(); }
  /// In the order in which they were learnt.
  std::span<const PeerAddress> entries() const { return {entries_.data(), entries_.size()}; }

  void save(StateWriter& writer) const;
  /// Into an empty list. Errors: those of the reader, no_memory, invalid_value.
  Status load(StateReader& reader, Memory& memory, const Options& options);

 private:
  std::uint32_t find(Bytes address) const;
  std::uint32_t count_hints() const;
  std::uint32_t place_for(AddressSource source, const Options& options) const;

  Array<PeerAddress> entries_;
};

/// Whether the bytes are a list of the framework's own address segments, which is all that a peer may claim. Allocates nothing.
bool is_readable_address(Bytes address);

}  // namespace bb::framework
