// What every later pass takes for granted: a function table with unique names, sound calls without recursion, named nodes.
#include <algorithm>

#include "compiler/program.h"
#include "ir/model.h"

namespace bb::compiler {
namespace {

namespace key = ir::key;

PassResult check_version(const Program& program) {
  const auto version = ir::metadata_number(program.model, key::kIrVersion);
  if (!version || *version == 1) return {};
  return program.wrong("IrVersionMismatch", nullptr, nullptr, "the model has IR version " + std::to_string(*version) + ", not 1",
                       {{"expected", "1"}, {"got", std::to_string(*version)}});
}

PassResult check_call(const Program& program, const onnx::FunctionProto& caller, const onnx::NodeProto& node) {
  const onnx::FunctionProto* callee = program.find_function(node.op_type());
  if (!callee) {
    const bool bootstrap = ir::metadata_or(caller, key::kModulePhase) == key::kPhaseBootstrap;
    return program.wrong(bootstrap ? "BootstrapCompositionGap" : "Internal", &caller, &node,
                         "'" + caller.name() + "' calls '" + node.op_type() + "', which is not in the model",
                         {{"caller", caller.name()}, {"target", node.op_type()}});
  }
  for (int i = 0; i < std::max(node.input_size(), callee->input_size()); ++i) {
    if (i >= callee->input_size()) {
      return program.wrong("UnknownPort", &caller, &node, "'" + callee->name() + "' has no input " + std::to_string(i),
                           {{"module", callee->name()}, {"port", std::to_string(i)}});
    }
    if (i >= node.input_size() || node.input(i).empty()) {
      return program.wrong("PortUnwired", &caller, &node,
                           "input '" + callee->input(i) + "' of '" + callee->name() + "' is not wired",
                           {{"module", callee->name()}, {"port", callee->input(i)}, {"direction", "input"}});
    }
  }
  if (node.output_size() > callee->output_size()) {
    return program.wrong("UnknownPort", &caller, &node,
                         "'" + callee->name() + "' has no output " + std::to_string(callee->output_size()),
                         {{"module", callee->name()}, {"port", std::to_string(callee->output_size())}});
  }
  return {};
}

// Depth-first over calls with an explicit stack; meeting a function that is still open is recursion.
PassResult check_recursion(const Program& program) {
  const auto& model = program.model;
  enum class Mark : std::uint8_t { fresh, open, done };
  std::vector<Mark> marks(static_cast<std::size_t>(model.functions_size()), Mark::fresh);
  for (int first = 0; first < model.functions_size(); ++first) {
    if (marks[static_cast<std::size_t>(first)] != Mark::fresh) continue;
    std::vector<std::pair<int, int>> open{{first, 0}};
    marks[static_cast<std::size_t>(first)] = Mark::open;
    while (!open.empty()) {
      auto& [function, next] = open.back();
      const onnx::FunctionProto& caller = model.functions(function);
      if (next == caller.node_size()) {
        marks[static_cast<std::size_t>(function)] = Mark::done;
        open.pop_back();
        continue;
      }
      const onnx::NodeProto& node = caller.node(next++);
      if (!ir::is_call(node)) continue;
      const int callee = function_index(model, node.op_type());
      if (marks[static_cast<std::size_t>(callee)] == Mark::done) continue;
      if (marks[static_cast<std::size_t>(callee)] == Mark::open) {
        std::string path;
        bool inside = false;
        for (const auto& [at, position] : open) {
          inside = inside || at == callee;
          if (inside) path += model.functions(at).name() + ",";
        }
        const bool bootstrap = ir::metadata_or(model.functions(callee), key::kModulePhase) == key::kPhaseBootstrap;
        return program.wrong(bootstrap ? "BootstrapCompositionCycle" : "RecursiveModule", &caller, &node,
                             "'" + node.op_type() + "' calls itself", {{"involves", path + node.op_type()}});
      }
      if (open.size() >= program.options.call_depth_max)
        return program.wrong("LimitExceeded", &caller, &node, "calls are nested too deep", {{"limit", "call_depth"}});
      marks[static_cast<std::size_t>(callee)] = Mark::open;
      open.emplace_back(callee, 0);
    }
  }
  return {};
}

void name_nodes(onnx::ModelProto& model) {
  std::set<std::string> names;
  std::uint32_t next = 0;
  for (auto& function : *model.mutable_functions()) {
    for (auto& node : *function.mutable_node()) {
      while (node.name().empty() || !names.insert(node.name()).second)
        node.set_name(function.name() + "/" + node.op_type() + ".n" + std::to_string(next++));
    }
  }
}

}  // namespace

PassResult check_model(Program& program) {
  auto& model = program.model;
  if (model.functions_size() == 0) return program.wrong("EmptyFunctionTable", nullptr, nullptr, "the model has no function");
  BB_CHECK(check_version(program));
  if (const auto verified = ir::verify_model(model); !verified) {
    return program.wrong("Internal", nullptr, nullptr,
                         std::string(code_name(verified.error().error.code)) + " in the function table: " + verified.error().where,
                         {{"detail", verified.error().where}});
  }
  std::set<std::string_view> names;
  std::uint64_t nodes = 0;
  for (const auto& function : model.functions()) {
    nodes += static_cast<std::uint64_t>(function.node_size());
    if (!names.insert(function.name()).second)
      return program.wrong("Internal", &function, nullptr, "two functions are named '" + function.name() + "'",
                           {{"detail", function.name()}});
    if (function.name().find_first_of(".#|/:,;") != std::string::npos)
      return program.wrong("InvalidName", &function, nullptr, "function name '" + function.name() + "'",
                           {{"name", function.name()}});
  }
  if (nodes > program.options.nodes_max)
    return program.wrong("LimitExceeded", nullptr, nullptr, "too many nodes", {{"limit", "nodes"}});
  program.module = model.functions(0).name();
  for (const auto& function : model.functions())
    for (const auto& node : function.node())
      if (ir::is_call(node)) BB_CHECK(check_call(program, function, node));
  BB_CHECK(check_recursion(program));
  name_nodes(model);
  return {};
}

}  // namespace bb::compiler
