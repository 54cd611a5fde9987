// Ops on the node's address book (spec C §2.2).
#include "ops/syscalls/peers.h"

#include "op/services.h"
#include "wire/value_block.h"

namespace bb::ops {
namespace {

Result<std::vector<Address>> addresses_of(const Value& value) {
  std::vector<Address> addresses;
  wire::BincodeReader reader(value.as_bytes());
  std::uint64_t count = 1;
  if (value.carrier() == Carrier::addresses) {
    BB_TRY(given, reader.count(8));
    count = given;
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    BB_TRY(address, wire::read_address(reader));
    addresses.push_back(std::move(address));
  }
  return addresses;
}

std::string text_of(framework::AddressBookError error, const PeerId& peer, std::uint32_t peers, std::size_t addresses) {
  switch (error) {
    case framework::AddressBookError::unknown_peer: return "peer " + peer.to_text() + " not registered";
    case framework::AddressBookError::empty_list: return "requires a non-empty address list";
    case framework::AddressBookError::full: return "at cap " + std::to_string(peers) + ", new peer rejected";
    case framework::AddressBookError::no_memory: return "dedup reservation for " + std::to_string(addresses) + " addresses failed";
    case framework::AddressBookError::none: break;
  }
  return {};
}

// A known peer gets what it lacks, its reference count stays; an unknown one is added.
framework::AddressBookError insert(framework::PeerTable& peers, const PeerId& peer, std::span<const Bytes> addresses) {
  const std::uint32_t known = peers.find(peer);
  if (known == framework::kNoPeer || peers.at(known).addresses.empty()) return peers.add_peer(peer, addresses);
  for (const Bytes address : addresses)
    if (const auto error = peers.register_address(peer, address); error != framework::AddressBookError::none) return error;
  return framework::AddressBookError::none;
}

Outcome insert_from(OpContext& ctx, Carrier carrier, std::string_view op) {
  const std::string prefix = "AddressBook::" + std::string(op) + ": ";
  if (!ctx.input(0).present()) return ctx.fail(OpErrorKind::missing_slot, "missing_peer", prefix + "input `peer` is missing");
  if (ctx.input(0).carrier() != Carrier::peer)
    return ctx.fail(OpErrorKind::type_mismatch, "expected_peer_id", prefix + "input `peer` is not a peer id");
  if (!ctx.input(1).present())
    return carrier == Carrier::address
               ? ctx.fail(OpErrorKind::missing_slot, "missing_addr", prefix + "input `addr` is missing")
               : ctx.fail(OpErrorKind::missing_slot, "missing_addresses", prefix + "input `addresses` is missing");
  if (ctx.input(1).carrier() != carrier)
    return carrier == Carrier::address
               ? ctx.fail(OpErrorKind::type_mismatch, "expected_multiaddress", prefix + "input `addr` is not an address")
               : ctx.fail(OpErrorKind::type_mismatch, "expected_address_vec",
                          prefix + "input `addresses` is not a list of addresses");
  const auto addresses = addresses_of(ctx.input(1));
  if (!addresses) return ctx.fail(addresses.error(), prefix);
  if (addresses->empty())
    return ctx.fail(OpErrorKind::execution_failed, "address_book_insert_many_empty", prefix + "requires a non-empty address list");
  const PeerId peer = ctx.input(0).as_peer();
  std::vector<ByteBuffer> encoded;
  for (const Address& address : *addresses) encoded.push_back(address.to_bytes());
  const std::vector<Bytes> views(encoded.begin(), encoded.end());
  if (const auto error = insert(ctx.services().peers, peer, views); error == framework::AddressBookError::no_memory)
    return ctx.fail({Code::no_memory}, prefix + text_of(error, peer, ctx.services().peers.size(), addresses->size()));
  else if (error != framework::AddressBookError::none)
    return ctx.fail(OpErrorKind::execution_failed,
                    carrier == Carrier::address ? "address_book_insert_failed" : "address_book_insert_many_failed",
                    prefix + text_of(error, peer, ctx.services().peers.size(), addresses->size()));
  ctx.output(0, Value::trigger());
  return Outcome::done;
}

}  // namespace

Outcome address_book_insert(OpContext& ctx) { return insert_from(ctx, Carrier::address, "Insert"); }
Outcome address_book_insert_many(OpContext& ctx) { return insert_from(ctx, Carrier::addresses, "InsertMany"); }

Outcome address_book_lookup(OpContext& ctx) {
  if (!ctx.input(0).present())
    return ctx.fail(OpErrorKind::missing_slot, "missing_peer", "AddressBook::Lookup: input `peer` is missing");
  if (ctx.input(0).carrier() != Carrier::peer)
    return ctx.fail(OpErrorKind::type_mismatch, "expected_peer_id", "AddressBook::Lookup: input `peer` is not a peer id");
  const framework::PeerTable& peers = ctx.services().peers;
  const std::uint32_t known = peers.find(ctx.input(0).as_peer());
  std::vector<Address> addresses;
  if (known != framework::kNoPeer)
    for (const framework::PeerAddress& entry : peers.at(known).addresses.entries())
      if (auto address = Address::from_bytes(entry.bytes.as_bytes())) addresses.push_back(std::move(*address));
  if (addresses.empty())
    return ctx.fail(OpErrorKind::execution_failed, "address_book_lookup_miss",
                    "AddressBook::Lookup: " + ctx.input(0).as_peer().to_text() + " has no addresses");
  auto value = Value::addresses(ctx.memory(), addresses);
  if (!value) return ctx.fail(value.error(), "AddressBook::Lookup");
  ctx.output(0, std::move(*value));
  return Outcome::done;
}

}  // namespace bb::ops
