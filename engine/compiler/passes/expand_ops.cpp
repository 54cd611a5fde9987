// Writes defaults into ops, and checks that literals, parameters and attributes are there (spec D §4.4).
#include "compiler/program.h"

namespace bb::compiler {
namespace {

namespace key = ir::key;
namespace attribute = ir::attribute;

constexpr std::int64_t kDefaultPeriodNs = 1'000'000'000;

std::string constant_fault(const onnx::NodeProto& node) {
  if (const auto* value = ir::find_attribute(node, attribute::kValue)) {
    if (value->type() != onnx::AttributeProto::TENSOR || !value->has_t()) return "attribute 'value' is not a tensor";
    return {};
  }
  const auto* literal = ir::find_attribute(node, attribute::kLiteral);
  const auto* type = ir::find_attribute(node, attribute::kLiteralType);
  if (!literal) return "attribute 'value' or 'literal' is missing";
  if (literal->type() != onnx::AttributeProto::STRING) return "attribute 'literal' is not bytes";
  if (!type || type->type() != onnx::AttributeProto::INT) return "attribute 'literal_type' is not an integer";
  return {};
}

std::string declaration_fault(const OpDeclaration& op, const onnx::NodeProto& node) {
  for (const std::string& name : op.required_attributes)
    if (!ir::find_attribute(node, name)) return "attribute '" + name + "' is missing";
  for (const Parameter& parameter : op.parameters) {
    const auto* attribute = ir::find_attribute(node, parameter.name);
    if (attribute && attribute->type() != onnx::AttributeProto::INT) return "parameter '" + parameter.name + "' is not an integer";
    bool wired = attribute != nullptr;
    for (int i = 0; i < node.input_size() && static_cast<std::size_t>(i) < op.inputs.size(); ++i)
      wired = wired || (op.inputs[static_cast<std::size_t>(i)].name == parameter.name && !node.input(i).empty());
    if (parameter.required && !wired) return "parameter '" + parameter.name + "' is missing";
  }
  return {};
}

}  // namespace

PassResult expand_ops(Program& program) {
  for (auto& function : *program.model.mutable_functions()) {
    for (auto& node : *function.mutable_node()) {
      std::string fault;
      if (ir::is_op(node, domain::kSyscall, "Constant")) {
        fault = constant_fault(node);
        ir::stamp_metadata(node, key::kExpanded, "true");
      } else if (ir::is_op(node, domain::kSyscall, "Interval")) {
        const auto* period = ir::find_attribute(node, attribute::kPeriod);
        if (!period) {
          ir::set_attribute(node, attribute::kPeriod, kDefaultPeriodNs);
        } else if (period->type() != onnx::AttributeProto::INT || period->i() < 1) {
          fault = "attribute 'period_ns' must be at least 1";
        }
        ir::stamp_metadata(node, key::kExpanded, "true");
      }
      if (const OpDeclaration* op = program.declaration(node); op && fault.empty()) fault = declaration_fault(*op, node);
      if (fault.empty()) continue;
      return program.wrong("ExpansionFailed", &function, &node,
                           "expansion of " + node.domain() + "::" + node.op_type() + " failed: " + fault,
                           {{"op_type", node.op_type()}, {"domain", node.domain()}, {"reason", fault}});
    }
  }
  return {};
}

}  // namespace bb::compiler
