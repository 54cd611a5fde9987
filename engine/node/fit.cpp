// Fitting values to ports.
#include "node/fit.h"

namespace bb::node {

Code convert(Memory& memory, const TypeNode& type, Value& value) {
  if (value.carrier() == Carrier::peer && type.id == "peer_id_vec") {
    const PeerId peer = value.as_peer();
    auto list = Value::peers(memory, {&peer, 1});
    if (!list) return list.error().code;
    value = std::move(*list);
    return Code::ok;
  }
  if (value.carrier() != Carrier::bytes) return Code::type_mismatch;
  const std::uint64_t hash = type.accepted_hashes.empty() ? carrier_hash(Carrier::tensor) : type.accepted_hashes.front();
  auto decoded = decode_value(memory, hash, value.as_bytes());
  if (!decoded) return decoded.error().code == Code::no_memory ? Code::no_memory : Code::type_mismatch;
  value = std::move(*decoded);
  return op::type_accepts(type, value) ? Code::ok : Code::type_mismatch;
}

}  // namespace bb::node
