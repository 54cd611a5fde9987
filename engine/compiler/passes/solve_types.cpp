// Runs the relations of all ops, carries types through calls, lets open inputs take what their readers ask for, checks every port,
// and writes the result back (spec D §4.5).
#include "compiler/program.h"
#include "ir/relations.h"
#include "ir/value_info.h"

namespace bb::compiler {
namespace {

class FunctionTypes {
 public:
  FunctionTypes(Program& program, std::set<std::string, std::less<>>& done, onnx::FunctionProto& function)
      : program_(program),
        done_(done),
        function_(function),
        types_(program.types[function.name()]),
        solver_(program.registry.types) {}

  // Depth of calls is bounded by check_model.
  PassResult run() {
    done_.insert(function_.name());
    for (const auto& [name, type] : types_) solver_.narrow(solver_.value(name), *type);
    for (const auto& node : function_.node()) BB_CHECK(relate(node));
    BB_CHECK(settle());
    for (const auto& node : function_.node())
      if (ir::is_call(node)) BB_CHECK(call(node));
    take_demands();
    BB_CHECK(settle());
    for (const auto& node : function_.node()) BB_CHECK(check(node));
    write_back();
    return {};
  }

 private:
  PassResult relate(const onnx::NodeProto& node) {
    if (ir::is_send(node)) {
      for (int i = 0; i < ir::peers_index(node) && i < node.output_size(); ++i)
        if (!node.output(i).empty()) solver_.relate(node.name(), {solver_.value(node.input(i)), solver_.value(node.output(i))});
      return {};
    }
    const OpDeclaration* op = program_.declaration(node);
    if (keeps_type(node) && node.input_size() > 0 && node.output_size() > 0 && !node.input(0).empty() && !node.output(0).empty())
      solver_.relate(node.name(), {solver_.value(node.input(0)), solver_.value(node.output(0))});
    if (!op) return {};
    const std::vector<std::string> inputs(node.input().begin(), node.input().end());
    const std::vector<std::string> outputs(node.output().begin(), node.output().end());
    const auto related = solver_.relate(*op, node.name(), inputs, outputs);
    if (!related) return wrong(related.error());
    return {};
  }

  bool keeps_type(const onnx::NodeProto& node) const {
    const OpDeclaration* op = program_.declaration(node);
    return op ? op->same_type_as_input0 : ir::is_op(node, domain::kSyscall, ir::kPassThrough);
  }

  std::unexpected<CompileError> wrong(const ir::SolverError& error) const {
    const onnx::NodeProto* node = nullptr;
    for (const auto& candidate : function_.node())
      if (candidate.name() == error.op) node = &candidate;
    if (error.kind == ir::SolverError::Kind::port_out_of_range)
      return program_.wrong("Internal", &function_, node, error.detail, {{"detail", error.detail}});
    const std::string op = node ? node->domain() + "::" + node->op_type() : error.op;
    return program_.wrong("TypeConstraintFailed", &function_, node, "constraint at " + op + " failed: " + error.detail,
                          {{"op", op}, {"detail", error.detail}});
  }

  PassResult settle() {
    if (const auto solved = solver_.solve(); !solved) return wrong(solved.error());
    return {};
  }

  PassResult call(const onnx::NodeProto& node) {
    onnx::FunctionProto* callee = nullptr;
    for (auto& function : *program_.model.mutable_functions())
      if (function.name() == node.op_type()) callee = &function;
    if (!callee)
      return program_.wrong("Internal", &function_, &node, "missing function " + node.op_type(), {{"detail", node.op_type()}});
    TypeMap& formals = program_.types[callee->name()];
    if (!done_.contains(callee->name())) {
      for (int i = 0; i < callee->input_size() && i < node.input_size(); ++i) {
        const TypeNode& actual = solver_.type(solver_.value(node.input(i)));
        const TypeNode*& formal = formals[callee->input(i)];
        if (!formal || TypeTree::is_subtype(actual, *formal)) formal = &actual;
      }
      BB_CHECK(FunctionTypes(program_, done_, *callee).run());
    }
    for (int i = 0; i < node.output_size() && i < callee->output_size(); ++i) {
      if (node.output(i).empty()) continue;
      const auto type = formals.find(callee->output(i));
      if (type != formals.end()) solver_.narrow(solver_.value(node.output(i)), *type->second);
    }
    return settle();
  }

  // Values that come from outside have no producer that knows better than their readers.
  void take_demands() {
    std::set<std::string, std::less<>> open(function_.input().begin(), function_.input().end());
    for (const auto& node : function_.node())
      if ((ir::is_recv(node) || ir::is_op(node, domain::kWire, "AwaitResponse")) && node.output_size() > 0)
        open.insert(node.output(0));
    for (const auto& node : function_.node()) {
      const int same = ir::is_send(node) ? ir::peers_index(node) : keeps_type(node) ? 1 : 0;
      for (int i = 0; i < same && i < node.input_size() && i < node.output_size(); ++i)
        if (open.contains(node.input(i))) open.insert(node.output(i));
    }
    for (const auto& node : function_.node()) {
      for (int i = 0; i < node.input_size(); ++i) {
        if (!open.contains(node.input(i))) continue;
        const TypeNode& wanted =
            ir::is_send(node) && i == ir::peers_index(node) ? program_.type("peer_id_vec") : program_.demanded_type(node, i);
        const std::uint32_t value = solver_.value(node.input(i));
        if (!solver_.type(value).concrete) solver_.narrow(value, wanted);
      }
    }
    // An input that everything only waits for needs no content.
    for (const auto& input : function_.input()) {
      bool waits = false, read = false;
      for (const auto& node : function_.node()) {
        for (int i = 0; i < node.input_size(); ++i)
          if (node.input(i) == input) (program_.is_trigger_input(node, i) ? waits : read) = true;
      }
      if (waits && !read) solver_.narrow(solver_.value(input), program_.type("trigger"));
    }
  }

  PassResult check(const onnx::NodeProto& node) const {
    for (int i = 0; i < node.input_size(); ++i) {
      if (node.input(i).empty()) continue;
      const TypeNode& have = *solver_.type(node.input(i));
      if (ir::is_send(node) && i == ir::peers_index(node)) {
        if (!have.concrete || have.id == "peer_id" || have.id == "peer_id_vec") continue;
        return mismatch(node, i, have, program_.type("peer_id_vec"));
      }
      const TypeNode& wanted = program_.demanded_type(node, i);
      if (TypeTree::is_subtype(have, wanted)) continue;
      if (!TypeTree::is_subtype(wanted, have)) return mismatch(node, i, have, wanted);
      if (program_.options.permissive_types) continue;
      return program_.wrong(
          "UnresolvedType", &function_, &node,
          "value '" + node.input(i) + "' may be any " + have.id + ", but " + node.op_type() + " needs " + wanted.id,
          {{"value", node.input(i)}});
    }
    return {};
  }

  std::unexpected<CompileError> mismatch(const onnx::NodeProto& node, int input, const TypeNode& have,
                                         const TypeNode& wanted) const {
    const std::string op = node.domain() + "::" + node.op_type();
    const std::string detail =
        "input " + std::to_string(input) + " '" + node.input(input) + "' is " + have.id + ", not " + wanted.id;
    return program_.wrong("TypeConstraintFailed", &function_, &node, "constraint at " + op + " failed: " + detail,
                          {{"op", op}, {"detail", detail}});
  }

  void write_back() {
    for (auto& [name, type] : types_)
      if (const TypeNode* solved = solver_.type(name)) type = solved;
    function_.clear_value_info();
    const auto write = [&](const std::string& name) {
      const auto at = types_.find(name);
      if (name.empty() || at == types_.end()) return;
      auto* info = function_.add_value_info();
      info->set_name(name);
      ir::set_type(*info, *at->second);
    };
    for (const auto& input : function_.input()) write(input);
    for (const auto& node : function_.node())
      for (const auto& output : node.output()) write(output);
  }

  Program& program_;
  std::set<std::string, std::less<>>& done_;
  onnx::FunctionProto& function_;
  TypeMap& types_;
  ir::TypeSolver solver_;
};

}  // namespace

PassResult solve_types(Program& program) {
  std::set<std::string, std::less<>> done;
  for (auto& function : *program.model.mutable_functions()) {
    if (!program.is_entry(function)) continue;
    BB_CHECK(FunctionTypes(program, done, function).run());
  }
  return {};
}

}  // namespace bb::compiler
