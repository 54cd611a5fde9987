// Every slot of a node to the binding that fills it, and every bound component's dependencies (spec D §4.20, §4.21, W-12, W-19).
#include <algorithm>

#include "compiler/program.h"

namespace bb::compiler {
namespace {

namespace key = ir::key;

bool is_slot_name(std::string_view name) { return !name.empty() && name.find_first_of(".#|") == std::string_view::npos; }

PassResult check_slot_name(const Program& program, const std::string& slot) {
  if (is_slot_name(slot)) return {};
  return program.wrong("InvalidName", nullptr, nullptr, "slot name '" + slot + "' has one of . # |", {{"name", slot}});
}

std::unexpected<CompileError> bound_twice(const Program& program, const std::string& slot) {
  return program.wrong("DuplicateBinding", nullptr, nullptr, "slot '" + slot + "' is bound twice", {{"slot", slot}});
}

PassResult read_binding(Program& program, const std::string& slot, const std::string& type_name) {
  BB_CHECK(check_slot_name(program, slot));
  if (program.find_binding(slot)) return bound_twice(program, slot);
  const ComponentClass* component = program.registry.find_component(type_name);
  if (!component) {
    return program.wrong("UnregisteredConcrete", nullptr, nullptr, "slot '" + slot + "': no component class '" + type_name + "'",
                         {{"slot", slot}, {"type_name", type_name}});
  }
  if (type_name.find('|') != std::string::npos)
    return program.wrong("InvalidName", nullptr, nullptr, "type name '" + type_name + "' has a |", {{"name", type_name}});
  program.bindings.push_back({slot, component});
  return {};
}

PassResult read_alias(Program& program, const std::string& slot, const std::string& other) {
  BB_CHECK(check_slot_name(program, slot));
  if (program.find_binding(slot) || program.aliases.contains(slot)) return bound_twice(program, slot);
  if (!program.find_binding(other)) {
    return program.wrong("UnboundSlot", nullptr, nullptr, "alias '" + slot + "' of slot '" + other + "', which is not bound",
                         {{"role", ""}, {"slot", other}, {"source", "Alias"}});
  }
  program.aliases.emplace(slot, other);
  return {};
}

PassResult check_dependencies(const Program& program) {
  for (const Binding& binding : program.bindings) {
    for (const Dependency& dependency : binding.component->depends) {
      const auto alias = program.aliases.find(dependency.slot);
      const Binding* provider = program.find_binding(alias == program.aliases.end() ? dependency.slot : alias->second);
      const std::string required(role_name(dependency.role));
      const std::vector<std::pair<std::string, std::string>> fields = {{"component", binding.component->type_name},
                                                                       {"bound_at_slot", binding.slot},
                                                                       {"required_role", required},
                                                                       {"required_slot", dependency.slot}};
      if (!provider) {
        if (dependency.optional) continue;
        return program.wrong("UnboundDependency", nullptr, nullptr,
                             binding.component->type_name + " at slot '" + binding.slot + "' needs a " + required + " at slot '" +
                                 dependency.slot + "', which is not bound",
                             fields);
      }
      if (provider->component->role != dependency.role) {
        auto all = fields;
        all.emplace_back("provided_role", role_trait(provider->component->role));
        return program.wrong("DependencyRoleMismatch", nullptr, nullptr,
                             binding.component->type_name + " needs a " + required + " at slot '" + dependency.slot + "', but " +
                                 provider->component->type_name + " is a " + std::string(role_name(provider->component->role)),
                             all);
      }
    }
  }
  return {};
}

std::string default_slot(Role role) {
  switch (role) {
    case Role::index: return "index";
    case Role::aggregator: return "aggregator";
    case Role::model: return "model";
    case Role::codec: return "codec";
    case Role::data_source: return "data_source";
    case Role::peer_selector: return "peer_selector";
    case Role::backend: return "backend";
    case Role::protocol: return "protocol";
    case Role::none: return "";
  }
  return "";
}

// By name; a node that leaves the name at its default takes the only binding of the role.
std::expected<const Binding*, CompileError> find_slot(const Program& program, const onnx::FunctionProto& function,
                                                      const onnx::NodeProto& node, Role role) {
  const std::string slot(ir::metadata_or(node, key::kSlot));
  const auto alias = program.aliases.find(slot);
  if (const Binding* exact = program.find_binding(alias == program.aliases.end() ? slot : alias->second)) return exact;
  const std::string role_text(role_name(role));
  const auto unbound = [&] {
    return program.wrong("UnboundSlot", &function, &node,
                         "no component is bound at slot '" + (slot.empty() ? default_slot(role) : slot) + "'; bind a " + role_text,
                         {{"role", role_text}, {"slot", slot}, {"source", "DirectPlaceholder"}});
  };
  if (!slot.empty() && slot != default_slot(role)) return unbound();
  const Binding* only = nullptr;
  std::string names;
  for (const Binding& binding : program.bindings) {
    if (binding.component->role != role) continue;
    names += (names.empty() ? "" : ",") + binding.slot;
    if (only) {
      only = nullptr;
      continue;
    }
    if (names == binding.slot) only = &binding;
  }
  if (only) return only;
  if (names.empty()) return unbound();
  return program.wrong("AmbiguousRoleBinding", &function, &node, "several slots are a " + role_text + ": " + names + "; name one",
                       {{"role", role_text}, {"slot_names", names}});
}

PassResult resolve_node(Program& program, const onnx::FunctionProto& function, onnx::NodeProto& node,
                        std::map<std::string, std::uint64_t>& ids) {
  const std::string* trait = ir::find_metadata(node, key::kRequiredTrait);
  const std::string* id = ir::find_metadata(node, key::kSlotId);
  if (!trait && !id) return {};
  if (!trait)
    return program.wrong("MissingRequiredTraitMetadata", &function, &node, "a slot id without a role", {{"node", node.name()}});
  const Role role = role_from_trait(*trait);
  if (role == Role::none)
    return program.wrong("UnknownRoleRuntime", &function, &node, "no role '" + *trait + "'",
                         {{"node", node.name()}, {"role", *trait}});
  const auto number = id ? ir::parse_number(*id) : std::nullopt;
  if (!number || *number > UINT32_MAX) {
    return program.wrong("InvalidSlotId", &function, &node, "the slot id is missing or not a number",
                         {{"node", node.name()}, {"value", id ? *id : ""}});
  }
  const auto found = find_slot(program, function, node, role);
  if (!found) return std::unexpected(found.error());
  const Binding& binding = **found;
  if (binding.component->role != role) {
    return program.wrong(
        "RoleMismatch", &function, &node,
        "slot '" + binding.slot + "' must be a " + std::string(role_name(role)) + ", but " + binding.component->type_name +
            " is a " + std::string(role_name(binding.component->role)),
        {{"slot", binding.slot}, {"required_role", std::string(role_name(role))}, {"component", binding.component->type_name}});
  }
  const auto& supports = binding.component->supports;
  if (!supports.empty() && std::find(supports.begin(), supports.end(), node.op_type()) == supports.end()) {
    return program.wrong(
        "RoleMethodFailed", &function, &node,
        binding.component->type_name + " at slot '" + binding.slot + "' does not support " + node.op_type(),
        {{"slot", binding.slot}, {"op_type", node.op_type()}, {"source", "unsupported by " + binding.component->type_name}});
  }
  // Two names of one component share the id of the first.
  const auto [at, added] = ids.try_emplace(binding.slot, *number);
  if (!added) {
    ir::stamp_metadata(node, key::kSlotId, std::to_string(at->second));
    ir::stamp_metadata(node, key::kSlot, binding.slot);
    return {};
  }
  for (const auto& [slot, other] : ids) {
    if (slot != binding.slot && other == *number) {
      return program.wrong("InvalidSlotId", &function, &node, "slots '" + slot + "' and '" + binding.slot + "' have one id",
                           {{"node", node.name()}, {"value", *id}});
    }
  }
  ir::stamp_metadata(node, key::kSlot, binding.slot);
  return {};
}

}  // namespace

PassResult resolve_slots(Program& program) {
  for (const auto& [slot, type_name] : program.options.bindings) BB_CHECK(read_binding(program, slot, type_name));
  for (const auto& [slot, other] : program.options.aliases) BB_CHECK(read_alias(program, slot, other));
  BB_CHECK(check_dependencies(program));
  std::map<std::string, std::uint64_t> ids;
  for (auto& function : *program.model.mutable_functions())
    for (auto& node : *function.mutable_node()) BB_CHECK(resolve_node(program, function, node, ids));
  return {};
}

}  // namespace bb::compiler
