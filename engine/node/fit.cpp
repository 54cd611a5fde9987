// Fitting values to ports.
#include "node/fit.h"

#include "op/port_types.h"

namespace bb::node {

Status fit(Memory& memory, const TypeNode& type, Value& value) {
  if (op::type_accepts(type, value)) return {};
  if (value.carrier() == Carrier::peer && type.id == "peer_id_vec") {
    const PeerId peer = value.as_peer();
    auto list = Value::peers(memory, {&peer, 1});
    if (!list) return std::unexpected(list.error());
    value = std::move(*list);
    return {};
  }
  if (value.carrier() != Carrier::bytes) return fail(Code::type_mismatch);
  const std::uint64_t hash = type.accepted_hashes.empty() ? carrier_hash(Carrier::tensor) : type.accepted_hashes.front();
  auto decoded = decode_value(memory, hash, value.as_bytes());
  if (!decoded) return fail(decoded.error().code == Code::no_memory ? Code::no_memory : Code::type_mismatch);
  value = std::move(*decoded);
  return op::type_accepts(type, value) ? Status{} : fail(Code::type_mismatch);
}

}  // namespace bb::node
