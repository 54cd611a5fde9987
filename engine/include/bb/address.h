// layer: wire
// A multiaddr of the framework's four segment kinds: p2p, site, component, op (spec A §3).
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "bb/ids.h"
#include "bb/peer_id.h"

namespace bb {

/// Why an address was refused; `value` holds what A §3.5 asks for: the whole text, or the offending value.
struct AddressError {
  Code code = Code::ok;  // truncated, unknown_code, malformed_string, invalid_value
  std::uint32_t at = 0;  // byte offset of the segment
  std::uint8_t unknown_code = 0;
  std::string protocol;
  std::string value;
};

class Address {
 public:
  struct Op {
    std::string name;
    auto operator<=>(const Op&) const = default;
  };
  using Segment = std::variant<PeerId, SiteId, ComponentRef, Op>;

  Address() = default;
  static Address p2p(const PeerId& peer) { return Address{}.with(peer); }
  Address with(Segment segment) const&;
  Address with(Segment segment) &&;

  static std::expected<Address, AddressError> from_bytes(Bytes bytes);
  static std::expected<Address, AddressError> from_text(std::string_view text);
  ByteBuffer to_bytes() const;
  std::string to_text() const;

  const std::vector<Segment>& segments() const { return segments_; }
  /// The first segment of a kind, anywhere in the list, or nothing.
  const PeerId* peer_id() const { return first<PeerId>(); }
  const SiteId* site_id() const { return first<SiteId>(); }
  const ComponentRef* component_ref() const { return first<ComponentRef>(); }
  const std::string* op_name() const {
    const Op* op = first<Op>();
    return op ? &op->name : nullptr;
  }
  bool operator==(const Address&) const = default;

 private:
  template <class T>
  const T* first() const {
    for (const Segment& segment : segments_)
      if (const T* found = std::get_if<T>(&segment)) return found;
    return nullptr;
  }
  std::vector<Segment> segments_;
};

}  // namespace bb
