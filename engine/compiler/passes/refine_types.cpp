// The first knowledge of types: what declarations and the storage of bound components say, and what was recorded where they
// leave it open. Kept per function, so that equal names in two functions do not meet.
#include "compiler/program.h"
#include "ir/value_info.h"

namespace bb::compiler {
namespace {

class Refiner {
 public:
  Refiner(const Program& program, const onnx::FunctionProto& function) : program_(program), function_(function) {
    for (const auto& info : function.value_info())
      if (const TypeNode* type = ir::type_of(info, program.registry.types)) recorded_.emplace(info.name(), type);
  }

  TypeMap run() {
    for (const auto& input : function_.input()) types_[input] = &recorded_or_any(input);
    for (const auto& node : function_.node()) {
      for (int i = 0; i < node.output_size(); ++i)
        if (!node.output(i).empty()) types_[node.output(i)] = &output_type(node, i);
    }
    return std::move(types_);
  }

 private:
  const TypeNode& recorded_or_any(const std::string& name) const {
    const auto at = recorded_.find(name);
    return at == recorded_.end() ? program_.type("any") : *at->second;
  }

  const TypeNode& output_type(const onnx::NodeProto& node, int position) const {
    if (ir::is_send(node)) {
      const int payloads = ir::peers_index(node);
      if (position < payloads) return program_.type("any");  // a relation gives it the payload's type
      return program_.type(position == payloads ? "wire_req_id" : "peer_id");
    }
    if (ir::is_recv(node)) return position == 0 ? recorded_or_any(node.output(0)) : program_.type("peer_id");
    const OpDeclaration* op = program_.declaration(node);
    const TypeNode& recorded = recorded_or_any(node.output(position));
    if (!op || op->outputs.empty()) return ir::is_call(node) ? program_.type("any") : recorded;
    if (op->same_type_as_input0 && position == 0) return program_.type("any");
    const std::size_t port = std::min<std::size_t>(static_cast<std::size_t>(position), op->outputs.size() - 1);
    const TypeNode& declared = program_.port_type(node, op->outputs[port].type);
    return TypeTree::is_subtype(recorded, declared) ? recorded : declared;
  }

  const Program& program_;
  const onnx::FunctionProto& function_;
  TypeMap recorded_;
  TypeMap types_;
};

}  // namespace

PassResult refine_types(Program& program) {
  for (const auto& function : program.model.functions()) program.types[function.name()] = Refiner(program, function).run();
  return {};
}

}  // namespace bb::compiler
