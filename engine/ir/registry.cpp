// Look-ups of op declarations and component classes, and the names that roles have in metadata and binding rows.
#include "bb/registry.h"

namespace bb {
namespace {

struct RoleNames {
  std::string_view name, trait, domain;
};
constexpr RoleNames kRoles[kRoleCount] = {
    {"", "", ""},
    {"Index", "IndexRuntime", "ai.bytesandbrains.role.index"},
    {"Aggregator", "AggregatorRuntime", "ai.bytesandbrains.role.aggregator"},
    {"Model", "ModelRuntime", "ai.bytesandbrains.role.model"},
    {"Codec", "CodecRuntime", "ai.bytesandbrains.role.codec"},
    {"DataSource", "DataSourceRuntime", "ai.bytesandbrains.role.data_source"},
    {"PeerSelector", "PeerSelectorRuntime", "ai.bytesandbrains.role.peer_selector"},
    {"Backend", "BackendRuntime", "ai.onnx"},
    {"Protocol", "ProtocolRuntime", ""},
};

}  // namespace

std::string_view role_name(Role role) { return kRoles[static_cast<std::size_t>(role)].name; }
std::string_view role_trait(Role role) { return kRoles[static_cast<std::size_t>(role)].trait; }
std::string_view role_domain(Role role) { return kRoles[static_cast<std::size_t>(role)].domain; }

Role role_from_name(std::string_view name) {
  for (std::uint32_t i = 1; i < kRoleCount; ++i)
    if (kRoles[i].name == name) return static_cast<Role>(i);
  return Role::none;
}

Role role_from_trait(std::string_view trait) {
  for (std::uint32_t i = 1; i < kRoleCount; ++i)
    if (kRoles[i].trait == trait) return static_cast<Role>(i);
  return Role::none;
}

Status Registry::add(OpDeclaration op) {
  const auto position = ops_.size();
  if (op.op_type.empty()) return fail(Code::bad_argument, position);
  std::uint32_t& methods = method_counts_[static_cast<std::size_t>(op.role)];
  if (methods > UINT16_MAX) return fail(Code::over_cap, position);
  const auto [at, added] = op_index_.try_emplace({op.domain, op.op_type}, static_cast<std::uint32_t>(position));
  if (!added) return fail(Code::duplicate, position);
  if (op.role != Role::none) op.method = static_cast<std::uint16_t>(methods++);
  ops_.push_back(std::move(op));
  return {};
}

Status Registry::add(ComponentClass component) {
  if (component.type_name.empty()) return fail(Code::bad_argument, components_.size());
  if (find_component(component.type_name)) return fail(Code::duplicate, components_.size());
  components_.push_back(std::move(component));
  return {};
}

const OpDeclaration* Registry::find_op(std::string_view domain, std::string_view op_type) const {
  const auto at = op_index_.find(std::pair<std::string, std::string>(domain, op_type));
  return at == op_index_.end() ? nullptr : &ops_[at->second];
}

const ComponentClass* Registry::find_component(std::string_view type_name) const {
  for (const ComponentClass& component : components_)
    if (component.type_name == type_name) return &component;
  return nullptr;
}

const OpDeclaration* Registry::method(Role role, std::uint16_t method) const {
  for (const OpDeclaration& op : ops_)
    if (op.role == role && op.method == method && role != Role::none) return &op;
  return nullptr;
}

}  // namespace bb
