// A snapshot as the reference writes them (spec B §10): little-endian fields, lengths of eight bytes.
#pragma once

#include "bb/node.h"

namespace bb::test {

struct Version1 {
  ByteBuffer bytes;
  Version1& number(std::uint64_t value, int size = 8) {
    for (int i = 0; i < size; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    return *this;
  }
  Version1& text(Bytes value) {
    number(value.size());
    bytes.insert(bytes.end(), value.begin(), value.end());
    return *this;
  }
  Version1& text(std::string_view value) { return text(as_bytes(value)); }
  Version1& peer(std::uint64_t id) { return text(PeerId::from(id).to_bytes()); }
};

/// Of peer 1, with something of everything that a node without graphs' names in it can have: op 0 of graph 0 is parked, peer 2 is known,
/// listed and backed off from, peer 3 blocked, an envelope queued, a counter counted, a phase fired.
inline ByteBuffer snapshot_of_the_reference(std::string_view counter, const ByteBuffer& envelope) {
  Version1 out;
  out.number(4).peer(1).number(0, 3).number(1'024);  // incarnation, peer, three limits that are not set, the bus
  out.number(0).number(0).number(0).number(0);       // graphs, components, frontier, slots
  out.number(1).number(7).number(0).number(3).number(0).number(1, 1).number(9'000'000);  // a parked op and its deadline
  out.number(0);                                                                         // executions
  out.number(1).text(counter).number(5);
  out.number(1).text("Shutdown");
  out.number(1).peer(2).number(1).text(Address::p2p(PeerId::from(2)).to_bytes()).number(1);
  out.number(1).peer(3).number(1, 1).number(1).peer(2);                    // blocked, listed
  out.number(1).peer(2).number(2, 4).number(5).number(0, 1).number(5, 4);  // health, threshold
  out.number(1).peer(2).number(1, 4).number(5).number(8);                  // back-off
  out.number(1).text(envelope).number(0, 1);
  out.peer(1).number(8).number(4).number(1, 4);
  out.number(0);  // subscriptions
  return out.bytes;
}

}  // namespace bb::test
