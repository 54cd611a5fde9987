// Fitting values to ports.
#include "node/fit.h"

#include "op/port_types.h"

namespace bb::node {

bool fit(Memory& memory, const TypeNode& type, Value& value) {
  if (op::type_accepts(type, value)) return true;
  if (value.carrier() == Carrier::peer && type.id == "peer_id_vec") {
    const PeerId peer = value.as_peer();
    auto list = Value::peers(memory, {&peer, 1});
    if (list) value = std::move(*list);
    return list.has_value();
  }
  if (value.carrier() != Carrier::bytes) return false;
  const std::uint64_t hash = type.accepted_hashes.empty() ? carrier_hash(Carrier::tensor) : type.accepted_hashes.front();
  auto decoded = decode_value(memory, hash, value.as_bytes());
  if (!decoded) return false;
  value = std::move(*decoded);
  return op::type_accepts(type, value);
}

}  // namespace bb::node
