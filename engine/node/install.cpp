// Install, in the order that decides which error wins (spec B §9.3, decisions G13).
#include "node/install.h"

#include <algorithm>

#include "ir/metadata.h"
#include "node/journal.h"
#include "node/output_gate.h"

namespace bb {
namespace {

std::unexpected<InstallError> refuse(InstallError::Kind kind, std::string target, std::string detail = {},
                                     std::vector<std::string> items = {}) {
  return std::unexpected(
      InstallError{.kind = kind, .target = std::move(target), .detail = std::move(detail), .items = std::move(items)});
}

#define BB_INSTALL_STEP(step) \
  if (auto done = (step); !done) return std::unexpected(std::move(done.error()))

// `target.slot` split at the first dot, which no target may contain.
bool split_key(std::string_view rest, std::string_view& target, std::string_view& slot) {
  const std::size_t dot = rest.find('.');
  if (dot == std::string_view::npos) return false;
  target = rest.substr(0, dot);
  slot = rest.substr(dot + 1);
  return true;
}

std::string problem_text(const runtime::LinkProblem& problem) {
  return problem.function + "." + problem.node + " (" + problem.domain + "::" + problem.op_type + "): " + problem.detail;
}

// What is a queue's or a window's size; without it nothing would ever move.
std::string_view first_zero(const Limits& limits) {
  const std::pair<std::uint64_t, std::string_view> sizes[] = {
      {limits.ops_per_poll, "ops_per_poll"},
      {limits.executions_max, "executions_max"},
      {limits.ready_ops_max, "ready_ops_max"},
      {limits.ingress_max, "ingress_max"},
      {limits.outbound_max, "outbound_max"},
      {limits.peers_max, "peers_max"},
      {limits.plans_per_graph_max, "plans_per_graph_max"},
      {limits.bus_max, "bus_max"},
  };
  for (const auto& [size, name] : sizes)
    if (size == 0) return name;
  return {};
}

}  // namespace

Installer::Installer(const Registry& registry, InstallOptions options) : registry_(registry), options_(std::move(options)) {}

std::expected<std::unique_ptr<Node>, InstallError> Installer::install() {
  if (options_.targets.empty()) return refuse(Kind::empty_targets, {}, "name at least one target");
  if (const std::string_view zero = first_zero(options_.limits); !zero.empty())
    return refuse(Kind::bad_limits, std::string(zero), "a node cannot do without");
  BB_INSTALL_STEP(load_artifacts());
  for (const std::string& target : options_.targets) BB_INSTALL_STEP(find_target(target));
  for (Target& target : targets_) BB_INSTALL_STEP(read_bindings(target));
  BB_INSTALL_STEP(unify_bindings());

  node_.reset(new Node());
  node_->engine_ = std::make_unique<runtime::Engine>(runtime::EngineConfig{.self = options_.peer,
                                                                           .limits = options_.limits,
                                                                           .seed = options_.seed,
                                                                           .incarnation = options_.incarnation,
                                                                           .credit_required = options_.credit_required,
                                                                           .echo_app_events = options_.echo_app_events,
                                                                           .mask = options_.mask});
  std::erase_if(options_.addresses, [](const Address& address) { return address.segments().empty(); });
  if (!options_.addresses.empty() && !node_->add_peer(options_.peer, options_.addresses))
    return refuse(Kind::bad_address, options_.peer.to_text(), "the node's own addresses do not fit its address book");
  BB_INSTALL_STEP(build_components());
  BB_INSTALL_STEP(collect_functions());
  BB_INSTALL_STEP(link_functions());
  BB_INSTALL_STEP(add_services());
  node_->engine_->end_install();
  if (options_.durability != Durability::none) node_->journal_ = std::make_unique<Journal>(options_.limits.journal_bytes_max);
  if (options_.durability == Durability::gated) node_->gate_ = std::make_unique<OutputGate>(options_.limits.withheld_polls_max);
  return std::move(node_);
}

std::expected<void, InstallError> Installer::load_artifacts() {
  if (options_.artifacts.empty()) return refuse(Kind::not_compiled, {}, "no artifact was given");
  for (std::size_t i = 0; i < options_.artifacts.size(); ++i) {
    const std::string which = "artifact " + std::to_string(i);
    auto model = ir::load_model(options_.artifacts[i], {.bytes_max = options_.limits.artifact_bytes_max,
                                                        .functions_max = options_.limits.functions_max,
                                                        .nodes_max = options_.limits.nodes_max});
    if (!model)
      return refuse(Kind::malformed_artifact, which,
                    std::string(code_name(model.error().error.code)) + " at " + std::to_string(model.error().error.at) + " in " +
                        model.error().where);
    const std::string* passport = ir::find_metadata(*model, ir::key::kCompiled);
    if (!passport) return refuse(Kind::not_compiled, which, "the model carries no passport; compile it first");
    if (*passport != ir::key::kCompiledVersion)
      return refuse(Kind::incompatible_compiled_version, which, "got " + *passport + ", expected v1");
    if (const auto sound = ir::verify_model(*model); !sound)
      return refuse(sound.error().error.code == Code::duplicate ? Kind::function_definition_conflict : Kind::malformed_artifact,
                    sound.error().where, std::string(code_name(sound.error().error.code)) + " in " + which);
    models_.push_back(std::move(*model));
  }
  return {};
}

// The exact name first, else the first function of that base name.
std::expected<void, InstallError> Installer::find_target(const std::string& name) {
  const std::string prefix = name + "#";
  for (const bool exact : {true, false}) {
    for (std::size_t artifact = 0; artifact < models_.size(); ++artifact) {
      for (const onnx::FunctionProto& function : models_[artifact].functions()) {
        if (exact ? function.name() != name : !function.name().starts_with(prefix)) continue;
        if (std::any_of(targets_.begin(), targets_.end(), [&](const Target& t) { return t.function == &function; })) return {};
        targets_.push_back({.artifact = artifact,
                            .function = &function,
                            .base_name = function.name().substr(0, function.name().find('#')),
                            .bindings = {}});
        return {};
      }
    }
  }
  std::vector<std::string> available;
  for (const onnx::ModelProto& model : models_)
    for (const onnx::FunctionProto& function : model.functions()) available.push_back(function.name());
  return refuse(Kind::unknown_target, name, "no function has this name", std::move(available));
}

std::expected<void, InstallError> Installer::read_bindings(Target& target) {
  for (const auto& entry : models_[target.artifact].metadata_props()) {
    std::string_view key = entry.key();
    const bool alias = key.starts_with(ir::key::kAliasPrefix);
    if (!alias && !key.starts_with(ir::key::kBindingPrefix)) continue;
    key.remove_prefix(alias ? ir::key::kAliasPrefix.size() : ir::key::kBindingPrefix.size());
    std::string_view of, slot;
    if (!split_key(key, of, slot)) return refuse(Kind::invalid_binding_table, entry.key(), "no slot after the target");
    if (of != target.function->name()) continue;
    if (alias) {
      alias_of_.emplace(slot, entry.value());
      continue;
    }
    const std::vector<std::string> parts = ir::split(entry.value(), '|');
    Binding binding{.slot = std::string(slot), .role = {}, .type_name = {}};
    if (parts.size() == 3) {
      binding.role = parts[0];
      binding.type_name = parts[1];
      const auto [end, error] = std::from_chars(parts[2].data(), parts[2].data() + parts[2].size(), binding.slot_id);
      if (error == std::errc{} && end == parts[2].data() + parts[2].size()) {
        target.bindings.push_back(std::move(binding));
        continue;
      }
    }
    return refuse(Kind::invalid_binding_table, entry.key(), "`" + entry.value() + "` is not role|type|slot-id");
  }
  return {};
}

// One instance per slot name over all targets and artifacts; they must agree on what it is.
std::expected<void, InstallError> Installer::unify_bindings() {
  for (const Target& target : targets_) {
    for (const Binding& binding : target.bindings) {
      const auto found = std::find_if(slots_.begin(), slots_.end(), [&](const Binding& b) { return b.slot == binding.slot; });
      if (found == slots_.end()) {
        slots_.push_back(binding);
        continue;
      }
      if (found->type_name == binding.type_name && found->role == binding.role) continue;
      std::vector<std::string> conflicts;
      for (const Target& other : targets_)
        for (const Binding& candidate : other.bindings)
          if (candidate.slot == binding.slot)
            conflicts.push_back(other.function->name() + ": " + candidate.role + "|" + candidate.type_name);
      return refuse(Kind::slot_binding_conflict, binding.slot, "targets disagree on what is bound", std::move(conflicts));
    }
  }
  return {};
}

std::expected<void, InstallError> Installer::build_components() {
  for (const auto& [slot, config] : options_.config) {
    if (std::any_of(slots_.begin(), slots_.end(), [&](const Binding& b) { return b.slot == slot; })) continue;
    std::vector<std::string> known;
    known.reserve(slots_.size());
    for (const Binding& binding : slots_) known.push_back(binding.slot);
    return refuse(Kind::unknown_config_slot, slot, "no installed target has this slot", std::move(known));
  }
  static const Config empty;
  for (const Binding& binding : slots_) {
    const auto alias = alias_of_.find(binding.slot);
    if (alias != alias_of_.end()) continue;
    const ComponentClass* type = registry_.find_component(binding.type_name);
    if (!type || role_name(type->role) != binding.role)
      return refuse(Kind::unregistered_concrete, binding.type_name, "slot `" + binding.slot + "` needs a " + binding.role);
    const auto config = options_.config.find(binding.slot);
    auto component = type->construct(config == options_.config.end() ? empty : config->second);
    if (!component) {
      const bool mismatch = component.error().starts_with("config type mismatch:");
      return refuse(mismatch ? Kind::config_type_mismatch : Kind::construction_failed, binding.slot,
                    type->type_name + ": " + component.error());
    }
    instances_[binding.slot] =
        node_->engine_->add_instance({.slot = binding.slot, .type = type, .component = std::move(*component)});
  }
  for (const auto& [slot, shared] : alias_of_)
    if (const auto found = instances_.find(shared); found != instances_.end()) instances_[slot] = found->second;
  return {};
}

// By name where the compiler left one, else by the id that counts within the target's artifact.
std::uint32_t Installer::resolve_slot(const Target& target, std::string_view slot, std::int64_t slot_id, Role role) const {
  std::string name(slot);
  if (name.empty()) {
    for (const Binding& binding : target.bindings)
      if (binding.slot_id == slot_id && slot_id >= 0) name = binding.slot;
  }
  const auto found = instances_.find(name);
  if (found == instances_.end()) return runtime::kNone;
  return node_->engine_->instances()[found->second].type->role == role ? found->second : runtime::kNone;
}

// Targets in the order they were asked for, then their bootstraps, then every function that one of these calls.
std::expected<void, InstallError> Installer::collect_functions() {
  const auto resolver = [this](std::size_t target) {
    return [this, target](std::string_view slot, std::int64_t slot_id, Role role) {
      return resolve_slot(targets_[target], slot, slot_id, role);
    };
  };
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    functions_.push_back({.function = targets_[i].function,
                          .artifact = &models_[targets_[i].artifact],
                          .base_name = targets_[i].base_name,
                          .kind = runtime::LinkedGraph::Kind::target,
                          .slots = resolver(i)});
    target_of_.push_back(i);
  }
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    const onnx::ModelProto& model = models_[targets_[i].artifact];
    for (const onnx::FunctionProto& function : model.functions()) {
      if (ir::metadata_or(function, ir::key::kModulePhase) != ir::key::kPhaseBootstrap) continue;
      const std::string_view base = ir::metadata_or(model, ir::concat(ir::key::kBootstrapForPrefix, function.name()));
      if (base.empty() ? function.name() != targets_[i].base_name + "__bootstrap" : base != targets_[i].base_name) continue;
      functions_.push_back({.function = &function,
                            .artifact = &model,
                            .base_name = function.name(),
                            .kind = runtime::LinkedGraph::Kind::bootstrap,
                            .slots = resolver(i)});
      target_of_.push_back(i);
    }
  }
  for (std::size_t i = 0; i < functions_.size(); ++i) collect_callees(i);
  return {};
}

void Installer::collect_callees(std::size_t from) {
  for (const onnx::NodeProto& node : functions_[from].function->node()) {
    const onnx::FunctionProto* callee = runtime::callee_of(*functions_[from].artifact, node);
    if (!callee) continue;
    if (std::any_of(functions_.begin(), functions_.end(), [&](const auto& known) { return known.function == callee; })) continue;
    functions_.push_back({.function = callee,
                          .artifact = functions_[from].artifact,
                          .base_name = callee->name(),
                          .kind = runtime::LinkedGraph::Kind::function,
                          .slots = functions_[from].slots});
    target_of_.push_back(target_of_[from]);
  }
}

std::expected<void, InstallError> Installer::link_functions() {
  runtime::Engine& engine = *node_->engine_;
  auto graphs = runtime::link_functions(engine, registry_, functions_);
  if (!graphs) {
    const runtime::LinkProblem& first = graphs.error().front();
    if (first.kind == runtime::LinkProblem::Kind::recursive_call)
      return refuse(Kind::recursive_function_call, first.function, first.detail);
    std::vector<std::string> items;
    for (const runtime::LinkProblem& problem : graphs.error()) items.push_back(problem_text(problem));
    return refuse(Kind::unresolved_ops, first.function, "nodes that cannot be linked", std::move(items));
  }
  for (auto& graph : *graphs) engine.add_graph(std::move(graph));
  for (std::uint32_t i = 0; i < functions_.size(); ++i) {
    runtime::LinkedGraph& linked = *engine.graphs()[i];
    if (linked.kind == runtime::LinkedGraph::Kind::bootstrap)
      engine.register_bootstrap(linked, runtime::kNone, engine.graphs()[target_of_[i]].get());
    if (linked.kind != runtime::LinkedGraph::Kind::target) continue;
    if (const auto registered = engine.register_receives(linked); !registered)
      return refuse(Kind::site_key_conflict, linked.name,
                    "site " + std::to_string(linked.receives[registered.error().at].site) + " is received by another target");
    if (!engine.register_sources(linked)) return refuse(Kind::out_of_memory, linked.name, "too many event sources");
    node_->by_name_.emplace_back(linked.name, i);
    node_->by_name_.emplace_back(linked.base_name, i);
  }
  return {};
}

// Components that peers may call, or that have a bootstrap of their own.
std::expected<void, InstallError> Installer::add_services() {
  runtime::Engine& engine = *node_->engine_;
  for (std::uint32_t i = 0; i < engine.instances().size(); ++i) {
    auto graph =
        runtime::make_service_graph(engine.instances()[i], i, static_cast<std::uint32_t>(engine.graphs().size()), registry_);
    if (!graph) continue;
    runtime::LinkedGraph& service = engine.add_graph(std::move(graph));
    engine.set_service(i, service);
    if (engine.instances()[i].type->has_bootstrap)
      engine.register_bootstrap(service, static_cast<std::uint32_t>(service.ops.size()) - 1, nullptr);
  }
  return {};
}

std::expected<std::unique_ptr<Node>, InstallError> Node::install(const Registry& registry, InstallOptions options) {
  return Installer(registry, std::move(options)).install();
}

std::string_view InstallError::kind_name(Kind kind) {
  switch (kind) {
    case Kind::empty_targets: return "EmptyTargets";
    case Kind::malformed_artifact: return "MalformedArtifact";
    case Kind::not_compiled: return "NotCompiled";
    case Kind::incompatible_compiled_version: return "IncompatibleCompiledVersion";
    case Kind::unknown_target: return "UnknownTarget";
    case Kind::invalid_binding_table: return "InvalidBindingTable";
    case Kind::unregistered_concrete: return "UnregisteredConcrete";
    case Kind::config_type_mismatch: return "ConfigTypeMismatch";
    case Kind::construction_failed: return "ConstructionFailed";
    case Kind::slot_binding_conflict: return "SlotBindingConflict";
    case Kind::site_key_conflict: return "SiteKeyConflict";
    case Kind::unresolved_ops: return "UnresolvedOps";
    case Kind::unknown_config_slot: return "UnknownConfigSlot";
    case Kind::bad_address: return "BadAddress";
    case Kind::function_definition_conflict: return "FunctionDefinitionConflict";
    case Kind::recursive_function_call: return "RecursiveFunctionCall";
    case Kind::bad_limits: return "BadLimits";
    case Kind::out_of_memory: return "OutOfMemory";
  }
  return "InstallError";
}

std::string InstallError::text() const {
  std::string text = std::string(kind_name(kind)) + " `" + target + "`: " + detail;
  for (std::size_t i = 0; i < items.size(); ++i) text += (i == 0 ? " [" : "; ") + items[i];
  return items.empty() ? text : text + "]";
}

}  // namespace bb
