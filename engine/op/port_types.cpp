// Port types against values.
#include "op/port_types.h"

#include <algorithm>

namespace bb::op {

bool type_accepts(const TypeNode& type, const Value& value) {
  if (type.accepted_hashes.empty())
    return std::string_view(type.id) != std::string_view("tensor") || value.carrier() == Carrier::tensor;
  const std::uint64_t hash = value.type_hash();
  for (const std::uint64_t accepted : type.accepted_hashes)  // one, or very few
    if (accepted == hash) return true;
  return false;
}

bool port_accepts(const OpDeclaration& declaration, std::uint32_t output, const Value& value) {
  if (declaration.outputs.empty()) return false;
  const Port& port = declaration.outputs[std::min<std::size_t>(output, declaration.outputs.size() - 1)];
  if (!value.present() || port.type == "any") return true;
  if (port.type == "$metadata") return true;
  if (port.type.starts_with('$') || port.type.starts_with("tensor")) return value.carrier() == Carrier::tensor;
  if (port.type == "trigger") return value.carrier() == Carrier::trigger;
  if (port.type == "peer_id") return value.carrier() == Carrier::peer;
  if (port.type == "peer_id_vec") return value.carrier() == Carrier::peers;
  if (port.type == "scalar.f32") return value.carrier() == Carrier::f32;
  return true;
}

}  // namespace bb::op
