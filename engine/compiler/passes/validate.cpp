// Structure of every function (spec D §4.3): known ops, closed and unique names, typed inputs, slot metadata, opsets, no cycle.
// Leaves each function's nodes in an order where producers come first.
#include <algorithm>
#include <queue>

#include "compiler/program.h"
#include "ir/value_info.h"

namespace bb::compiler {
namespace {

namespace key = ir::key;

bool under(std::string_view domain, std::string_view root) {
  return domain == root || (domain.starts_with(root) && domain.size() > root.size() && domain[root.size()] == '.');
}

class Validator {
 public:
  Validator(const Program& program, onnx::FunctionProto& function) : program_(program), function_(function) {}

  PassResult run() {
    for (const auto& node : function_.node()) BB_CHECK(op(node));
    BB_CHECK(names());
    for (const auto& input : function_.input()) {
      const auto* info = ir::find_value_info(std::as_const(function_), input);
      if (!info || !info->has_type())
        return wrong("MissingTypeInfo", nullptr, "input '" + input + "' has no type", {{"input_name", input}});
    }
    for (const auto& node : function_.node()) BB_CHECK(slot(node));
    BB_CHECK(order());
    return opsets();
  }

 private:
  std::unexpected<CompileError> wrong(std::string code, const onnx::NodeProto* node, std::string message,
                                      std::vector<std::pair<std::string, std::string>> fields) const {
    return program_.wrong(std::move(code), &function_, node, std::move(message), std::move(fields));
  }

  PassResult op(const onnx::NodeProto& node) const {
    if (ir::is_call(node) || ir::is_send(node) || ir::is_recv(node) || ir::is_op(node, domain::kSyscall, ir::kPassThrough))
      return {};
    const OpDeclaration* declared = program_.declaration(node);
    if (!declared) {
      const bool framework = under(node.domain(), "ai.bytesandbrains") || under(node.domain(), "ai.onnx") || node.domain().empty();
      return wrong("UnknownOp", &node,
                   (framework ? "no op " : "no op, and no registered domain, ") + node.domain() + "::" + node.op_type(),
                   {{"node_name", node.name()}, {"op_type", node.op_type()}, {"domain", node.domain()}});
    }
    const bool variadic = !declared->inputs.empty() && declared->inputs.back().variadic;
    if (static_cast<std::size_t>(node.input_size()) > declared->inputs.size() && !variadic) {
      return wrong("MalformedNode", &node, node.op_type() + " takes " + std::to_string(declared->inputs.size()) + " inputs",
                   {{"node_name", node.name()}, {"detail", "inputs"}});
    }
    for (std::size_t i = 0; i < declared->inputs.size(); ++i) {
      if (declared->inputs[i].optional || (static_cast<int>(i) < node.input_size() && !node.input(static_cast<int>(i)).empty()))
        continue;
      return wrong("MalformedNode", &node, node.op_type() + " needs input '" + declared->inputs[i].name + "'",
                   {{"node_name", node.name()}, {"detail", declared->inputs[i].name}});
    }
    if (static_cast<std::size_t>(node.output_size()) > declared->outputs.size() && !declared->variadic_outputs) {
      return wrong("MalformedNode", &node, node.op_type() + " has " + std::to_string(declared->outputs.size()) + " outputs",
                   {{"node_name", node.name()}, {"detail", "outputs"}});
    }
    return {};
  }

  PassResult names() {
    for (int i = 0; i < function_.input_size(); ++i) {
      if (!producers_.emplace(function_.input(i), -1).second)
        return wrong("DuplicateOutput", nullptr, "input '" + function_.input(i) + "' is declared twice",
                     {{"value_name", function_.input(i)}, {"node_a", ""}, {"node_b", ""}});
    }
    for (int i = 0; i < function_.node_size(); ++i) {
      for (const auto& output : function_.node(i).output()) {
        if (output.empty()) continue;
        const auto [at, added] = producers_.emplace(output, i);
        if (added) continue;
        return wrong("DuplicateOutput", &function_.node(i), "value '" + output + "' is made twice",
                     {{"value_name", output},
                      {"node_a", at->second < 0 ? "" : function_.node(at->second).name()},
                      {"node_b", function_.node(i).name()}});
      }
    }
    for (const auto& node : function_.node()) {
      for (const auto& input : node.input()) {
        if (!input.empty() && !producers_.contains(input))
          return wrong("DanglingInput", &node, "nothing makes '" + input + "'",
                       {{"node_name", node.name()}, {"input_name", input}});
      }
    }
    for (const auto& output : function_.output()) {
      if (!producers_.contains(output))
        return wrong("DanglingInput", nullptr, "nothing makes output '" + output + "'",
                     {{"node_name", ""}, {"input_name", output}});
    }
    return {};
  }

  PassResult slot(const onnx::NodeProto& node) const {
    const OpDeclaration* declared = program_.declaration(node);
    const std::string* trait = ir::find_metadata(node, key::kRequiredTrait);
    if (!declared) return {};
    if (declared->role == Role::none && !trait) return {};
    if (trait && role_from_trait(*trait) == declared->role && ir::find_metadata(node, key::kSlotId)) return {};
    const std::string detail = declared->role == Role::none ? "is not an op of a component, but has a role"
                               : trait                      ? "has role " + *trait
                                                            : "has no slot";
    return wrong("MalformedSlotMetadata", &node, node.op_type() + " " + detail, {{"node_name", node.name()}, {"detail", detail}});
  }

  // Kahn's algorithm, always taking the node that was recorded first, so that a sorted function stays as it is.
  PassResult order() {
    const int count = function_.node_size();
    std::vector<std::vector<int>> readers(static_cast<std::size_t>(count));
    std::vector<std::uint32_t> missing(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) {
      for (const auto& input : function_.node(i).input()) {
        const auto producer = producers_.find(input);
        if (producer == producers_.end() || producer->second < 0) continue;
        readers[static_cast<std::size_t>(producer->second)].push_back(i);
        ++missing[static_cast<std::size_t>(i)];
      }
    }
    std::priority_queue<int, std::vector<int>, std::greater<>> ready;
    for (int i = 0; i < count; ++i)
      if (missing[static_cast<std::size_t>(i)] == 0) ready.push(i);
    std::vector<int> sorted;
    while (!ready.empty()) {
      const int next = ready.top();
      ready.pop();
      sorted.push_back(next);
      for (const int reader : readers[static_cast<std::size_t>(next)])
        if (--missing[static_cast<std::size_t>(reader)] == 0) ready.push(reader);
    }
    if (sorted.size() < static_cast<std::size_t>(count)) {
      std::string involved;
      const onnx::NodeProto* first = nullptr;
      for (int i = 0; i < count && involved.size() < 1024; ++i) {
        if (missing[static_cast<std::size_t>(i)] == 0) continue;
        if (!first) first = &function_.node(i);
        involved += (involved.empty() ? "" : ",") + function_.node(i).name();
      }
      return wrong("CyclicGraph", first, "nodes wait for each other: " + involved, {{"involves", involved}});
    }
    if (std::is_sorted(sorted.begin(), sorted.end())) return {};
    onnx::FunctionProto ordered;
    for (const int index : sorted) *ordered.add_node() = std::move(*function_.mutable_node(index));
    function_.mutable_node()->Swap(ordered.mutable_node());
    return {};
  }

  // A model without any import makes no statement about versions.
  PassResult opsets() const {
    if (program_.model.opset_import_size() == 0 && function_.opset_import_size() == 0) return {};
    std::map<std::string_view, std::int64_t> versions;
    for (const auto* imports : {&function_.opset_import(), &program_.model.opset_import()})
      for (const auto& import : *imports)
        versions.emplace(import.domain().empty() ? domain::kOnnx : std::string_view(import.domain()), import.version());
    for (const auto& node : function_.node()) {
      const std::string_view domain = node.domain().empty() ? domain::kOnnx : std::string_view(node.domain());
      const auto import = versions.find(domain);
      const std::int64_t version = import == versions.end() ? 0 : import->second;
      if (version >= 1 && version <= (domain == domain::kOnnx ? 17 : 1)) continue;
      return wrong("OpsetNotImported", &node, "domain '" + std::string(domain) + "' is not imported in a version that is known",
                   {{"domain", std::string(domain)}, {"version_used", std::to_string(version)}});
    }
    return {};
  }

  const Program& program_;
  onnx::FunctionProto& function_;
  std::map<std::string, int, std::less<>> producers_;  // -1: an input of the function
};

}  // namespace

PassResult validate(Program& program) {
  for (auto& function : *program.model.mutable_functions()) BB_CHECK(Validator(program, function).run());
  return {};
}

}  // namespace bb::compiler
