// Look-ups that several passes share.
#include "compiler/program.h"

#include <algorithm>

namespace bb::compiler {

namespace key = ir::key;

bool Program::is_entry(const onnx::FunctionProto& function) const {
  return function.name() == module || function.name() == module + "__bootstrap";
}

const onnx::FunctionProto* Program::find_function(std::string_view name) const {
  for (const auto& function : model.functions())
    if (function.name() == name) return &function;
  return nullptr;
}

const Binding* Program::find_binding(std::string_view slot) const {
  for (const Binding& binding : bindings)
    if (binding.slot == slot) return &binding;
  return nullptr;
}

const OpDeclaration* Program::declaration(const onnx::NodeProto& node) const {
  if (ir::is_call(node)) return nullptr;
  return registry.find_op(node.domain().empty() ? domain::kOnnx : std::string_view(node.domain()), node.op_type());
}

const TypeNode& Program::type(std::string_view id) const {
  const TypeNode* node = registry.types.find(id);
  return node ? *node : *registry.types.find("any");
}

const TypeNode& Program::port_type(const onnx::NodeProto& node, std::string_view declared) const {
  if (!declared.starts_with('$')) return type(declared);
  declared.remove_prefix(1);
  const Binding* binding = find_binding(ir::metadata_or(node, key::kSlot));
  if (binding && !(declared == "metadata" && binding->component->ignores_metadata)) {
    const auto at = binding->component->storage.find(std::string(declared));
    if (at != binding->component->storage.end()) return type(at->second);
  }
  return type(declared == "metadata" || declared == "in" || declared == "out" ? "any" : "tensor");
}

bool Program::is_trigger_input(const onnx::NodeProto& node, int input) const {
  const OpDeclaration* op = declaration(node);
  if (!op || op->inputs.empty()) return false;
  const std::size_t port = std::min<std::size_t>(static_cast<std::size_t>(input), op->inputs.size() - 1);
  return op->inputs[port].type == "trigger";
}

const TypeNode& Program::demanded_type(const onnx::NodeProto& node, int input) const {
  if (ir::is_call(node)) {
    const onnx::FunctionProto* callee = find_function(node.op_type());
    const auto known = callee ? types.find(callee->name()) : types.end();
    if (known == types.end() || input >= callee->input_size()) return type("any");
    const auto at = known->second.find(callee->input(input));
    return at == known->second.end() ? type("any") : *at->second;
  }
  const OpDeclaration* op = declaration(node);
  if (!op || op->inputs.empty() || is_trigger_input(node, input)) return type("any");
  const std::size_t port = std::min<std::size_t>(static_cast<std::size_t>(input), op->inputs.size() - 1);
  return port_type(node, op->inputs[port].type);
}

std::unexpected<CompileError> Program::wrong(std::string code, const onnx::FunctionProto* function, const onnx::NodeProto* node,
                                             std::string message, std::vector<std::pair<std::string, std::string>> fields) const {
  CompileError error;
  error.code = std::move(code);
  error.pass = pass;
  if (function) error.function = function->name();
  if (node) {
    error.node = node->name();
    error.module_instance = ir::metadata_or(*node, key::kModuleInstance);
  }
  error.message = std::move(message);
  error.fields = std::move(fields);
  return std::unexpected(std::move(error));
}

std::string partition_base(std::string_view module, std::string_view peer_class) {
  if (peer_class == ir::kSelfClass) return std::string(module);
  if (peer_class == module || peer_class.starts_with(ir::concat(module, "_"))) return std::string(peer_class);
  return ir::concat(module, "_") + std::string(peer_class);
}

void fill_pass_through(onnx::ModelProto& model, onnx::NodeProto& node, std::string name, std::string from, std::string to) {
  node.set_domain(std::string(domain::kSyscall));
  node.set_op_type(std::string(ir::kPassThrough));
  node.set_name(std::move(name));
  node.add_input(std::move(from));
  node.add_output(std::move(to));
  if (model.opset_import_size() == 0) return;
  for (const auto& import : model.opset_import())
    if (import.domain() == domain::kSyscall) return;
  auto* import = model.add_opset_import();
  import->set_domain(std::string(domain::kSyscall));
  import->set_version(1);
}

int function_index(const onnx::ModelProto& model, std::string_view name) {
  for (int i = 0; i < model.functions_size(); ++i)
    if (model.functions(i).name() == name) return i;
  return -1;
}

std::vector<int> call_post_order(const onnx::ModelProto& model, const std::vector<int>& start) {
  std::map<std::string_view, int> index;
  for (int i = 0; i < model.functions_size(); ++i) index.emplace(model.functions(i).name(), i);
  std::vector<std::uint8_t> seen(static_cast<std::size_t>(model.functions_size()));
  std::vector<int> order;
  std::vector<std::pair<int, int>> open;  // function, next node
  for (const int first : start) {
    if (seen[static_cast<std::size_t>(first)]) continue;
    seen[static_cast<std::size_t>(first)] = 1;
    open.emplace_back(first, 0);
    while (!open.empty()) {
      auto& [function, next] = open.back();
      const auto& nodes = model.functions(function).node();
      if (next == nodes.size()) {
        order.push_back(function);
        open.pop_back();
        continue;
      }
      const onnx::NodeProto& node = nodes[next++];
      const auto callee = ir::is_call(node) ? index.find(node.op_type()) : index.end();
      if (callee == index.end() || seen[static_cast<std::size_t>(callee->second)]) continue;
      seen[static_cast<std::size_t>(callee->second)] = 1;
      open.emplace_back(callee->second, 0);
    }
  }
  return order;
}

}  // namespace bb::compiler
