// Puts the artifact together: targets with what they call, setup functions, and the metadata that install reads (spec D §5).
#include "compiler/program.h"
#include "compiler/recorder.h"
#include "ir/value_info.h"

namespace bb::compiler {
namespace {

namespace key = ir::key;

/// The functions that a function calls, directly or not, in the order of their first call.
std::vector<const onnx::FunctionProto*> callees(const Program& program, const onnx::FunctionProto& from) {
  std::vector<const onnx::FunctionProto*> found;
  std::set<std::string_view> seen;
  const auto collect = [&](const onnx::FunctionProto& function) {
    for (const auto& node : function.node()) {
      if (!ir::is_call(node) || !seen.insert(node.op_type()).second) continue;
      if (const auto* callee = program.find_function(node.op_type())) found.push_back(callee);
    }
  };
  collect(from);
  for (std::size_t i = 0; i < found.size(); ++i) collect(*found[i]);
  return found;
}

void collect_slots(const onnx::FunctionProto& function, std::map<std::string, std::string, std::less<>>& ids) {
  for (const auto& node : function.node()) {
    const std::string* slot = ir::find_metadata(node, key::kSlot);
    const std::string* id = ir::find_metadata(node, key::kSlotId);
    if (slot && id) ids.emplace(*slot, *id);
  }
}

/// Rows for the slots that a target uses, and for what their components depend on (slot id -1).
void stamp_bindings(const Program& program, onnx::ModelProto& to, std::string_view target,
                    std::map<std::string, std::string, std::less<>> ids) {
  std::vector<const Binding*> open;
  for (const Binding& binding : program.bindings)
    if (ids.contains(binding.slot)) open.push_back(&binding);
  std::map<std::string, std::string> aliases;
  for (std::size_t i = 0; i < open.size(); ++i) {
    for (const Dependency& dependency : open[i]->component->depends) {
      const auto alias = program.aliases.find(dependency.slot);
      if (alias != program.aliases.end()) aliases.emplace(dependency.slot, alias->second);
      const Binding* provider = program.find_binding(alias == program.aliases.end() ? dependency.slot : alias->second);
      if (provider && ids.emplace(provider->slot, "-1").second) open.push_back(provider);
    }
  }
  for (const Binding& binding : program.bindings) {
    const auto id = ids.find(binding.slot);
    if (id == ids.end()) continue;
    std::string value(role_name(binding.component->role));
    value += "|" + binding.component->type_name + "|" + id->second;
    ir::stamp_metadata(to, ir::concat(key::kBindingPrefix, target) + "." + binding.slot, value);
  }
  for (const auto& [slot, other] : aliases) ir::stamp_metadata(to, ir::concat(key::kAliasPrefix, target) + "." + slot, other);
}

std::string port_list(const onnx::FunctionProto& function, const google::protobuf::RepeatedPtrField<std::string>& ports) {
  std::string text;
  for (const auto& port : ports) {
    const auto* info = ir::find_value_info(function, port);
    text += (text.empty() ? "" : ",") + port + ":" + (info ? info->type().denotation() : std::string());
  }
  return text;
}

void stamp_target(const Program& program, onnx::ModelProto& to, const Partition& part) {
  const onnx::FunctionProto& function = part.function;
  std::map<std::string, std::string, std::less<>> ids;
  const auto collect = [&](const onnx::FunctionProto& entry) {
    collect_slots(entry, ids);
    for (const auto* callee : callees(program, entry)) collect_slots(*callee, ids);
  };
  collect(function);
  bool has_target = !part.bootstrap;
  for (const Partition& other : program.partitions) {
    if (other.base != part.base || other.bootstrap == part.bootstrap) continue;
    if (!part.bootstrap) collect(other.function);
    has_target = true;
  }
  // Setup of a class that has no body of its own is a target by itself.
  if (!part.bootstrap || !has_target) stamp_bindings(program, to, function.name(), ids);
  if (part.bootstrap) ir::stamp_metadata(to, ir::concat(key::kBootstrapForPrefix, function.name()), part.base);
  ir::stamp_metadata(to, ir::concat(key::kIoPrefix, function.name()),
                     "in:" + port_list(function, function.input()) + ";out:" + port_list(function, function.output()));
  for (const auto& node : function.node()) {
    if (!ir::is_recv(node)) continue;
    ir::stamp_metadata(
        to, ir::concat(key::kWireSitePrefix, function.name()) + "." + std::string(ir::metadata_or(node, key::kWirePorts)),
        ir::metadata_or(node, key::kSiteId));
  }
}

}  // namespace

onnx::ModelProto merge(Program& program) {
  onnx::ModelProto compiled;
  compiled.set_ir_version(10);
  compiled.set_producer_name("bytesandbrains");
  compiled.set_producer_version("1");
  ir::stamp_metadata(compiled, key::kCompiled, key::kCompiledVersion);
  ir::stamp_metadata(compiled, key::kIrVersion, "1");
  std::set<std::string_view> shared;
  for (const Partition& part : program.partitions) {
    stamp_target(program, compiled, part);
    onnx::FunctionProto& function = *compiled.add_functions();
    function = part.function;
    for (auto& node : *function.mutable_node()) ir::erase_metadata(node, key::kWirePorts);
    for (const auto* callee : callees(program, part.function))
      if (shared.insert(callee->name()).second) *compiled.add_functions() = *callee;
  }
  write_opset_imports(compiled);
  return compiled;
}

}  // namespace bb::compiler
