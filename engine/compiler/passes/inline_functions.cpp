// Splices every function into its callers, so that no call hides a wire op or a placement (spec D §4.1), and an execution is one
// flat graph: a call costs nothing when it runs.
#include <algorithm>

#include "compiler/program.h"

namespace bb::compiler {
namespace {

namespace key = ir::key;

class Inliner {
 public:
  explicit Inliner(Program& program) : program_(program), model_(program.model) {}

  PassResult run() {
    for (bool again = true; again;) {
      again = false;
      const std::vector<int> order = call_post_order(model_, entries());
      const std::vector<std::uint32_t> calls = count_calls(order);
      for (const int callee : order) {
        const onnx::FunctionProto& function = model_.functions(callee);
        if (program_.is_entry(function) || calls[static_cast<std::size_t>(callee)] == 0) continue;
        for (const int caller : order)
          if (caller != callee) BB_CHECK(splice_into(*model_.mutable_functions(caller), function));
        again = true;
      }
    }
    drop_unreachable();
    return {};
  }

 private:
  std::vector<int> entries() const {
    std::vector<int> found{0};
    const int bootstrap = function_index(model_, program_.module + "__bootstrap");
    if (bootstrap > 0) found.push_back(bootstrap);
    return found;
  }

  std::vector<std::uint32_t> count_calls(const std::vector<int>& order) const {
    std::vector<std::uint32_t> calls(static_cast<std::size_t>(model_.functions_size()));
    for (const int index : order)
      for (const auto& node : model_.functions(index).node())
        if (ir::is_call(node)) ++calls[static_cast<std::size_t>(function_index(model_, node.op_type()))];
    return calls;
  }

  PassResult splice_into(onnx::FunctionProto& caller, const onnx::FunctionProto& callee) {
    bool found = false;
    for (const auto& node : caller.node()) found = found || (ir::is_call(node) && node.op_type() == callee.name());
    if (!found) return {};
    onnx::FunctionProto spliced;
    std::set<std::string, std::less<>> typed;
    for (const auto& info : caller.value_info()) typed.insert(info.name());
    for (auto& node : *caller.mutable_node()) {
      if (!ir::is_call(node) || node.op_type() != callee.name()) {
        *spliced.add_node() = std::move(node);
        continue;
      }
      if (static_cast<std::uint64_t>(spliced.node_size()) + static_cast<std::uint64_t>(callee.node_size()) >
          program_.options.nodes_max)
        return program_.wrong("LimitExceeded", &caller, &node, "too many nodes after inlining", {{"limit", "nodes"}});
      splice(spliced, caller, node, callee, typed);
    }
    caller.mutable_node()->Swap(spliced.mutable_node());
    if (static_cast<std::uint32_t>(caller.node_size()) > program_.options.nodes_max)
      return program_.wrong("LimitExceeded", &caller, nullptr, "too many nodes after inlining", {{"limit", "nodes"}});
    return {};
  }

  void splice(onnx::FunctionProto& to, onnx::FunctionProto& caller, const onnx::NodeProto& call, const onnx::FunctionProto& callee,
              std::set<std::string, std::less<>>& typed) {
    const std::string suffix = "#inl" + std::to_string(next_++);
    std::map<std::string, std::string, std::less<>> names;
    for (int i = 0; i < callee.input_size(); ++i) names.emplace(callee.input(i), call.input(i));
    std::vector<std::pair<std::string, std::string>> copies;  // outputs that are not made by a node of their own
    for (int i = 0; i < callee.output_size(); ++i) {
      const std::string result = i < call.output_size() && !call.output(i).empty() ? call.output(i) : callee.output(i) + suffix;
      if (const auto [at, added] = names.try_emplace(callee.output(i), result); !added) copies.emplace_back(at->second, result);
    }
    const auto renamed = [&](const std::string& name) -> std::string {
      if (name.empty()) return name;
      return names.try_emplace(name, name + suffix).first->second;
    };
    const std::string* home = ir::find_metadata(call, key::kHomeClass);
    // The first copy of a function keeps its node names.
    const bool again = !spliced_.insert(callee.name()).second;
    for (const auto& node : callee.node()) {
      onnx::NodeProto& copy = *to.add_node();
      copy = node;
      for (auto& name : *copy.mutable_input()) name = renamed(name);
      for (auto& name : *copy.mutable_output()) name = renamed(name);
      if (again) copy.set_name(node.name() + suffix);
      if (home && !ir::find_metadata(copy, key::kHomeClass)) ir::stamp_metadata(copy, key::kHomeClass, *home);
    }
    for (const auto& [source, result] : copies) {
      onnx::NodeProto& copy = *to.add_node();
      std::string name = call.name();
      name.append("/").append(result).append(suffix);
      fill_pass_through(model_, copy, std::move(name), source, result);
      if (home) ir::stamp_metadata(copy, key::kHomeClass, *home);
    }
    for (const auto& info : callee.value_info()) {
      const std::string name = renamed(info.name());
      if (!typed.insert(name).second) continue;
      onnx::ValueInfoProto& copy = *caller.add_value_info();
      copy = info;
      copy.set_name(name);
    }
  }

  void drop_unreachable() {
    const std::vector<int> order = call_post_order(model_, entries());
    onnx::ModelProto kept;
    for (int i = 0; i < model_.functions_size(); ++i)
      if (std::find(order.begin(), order.end(), i) != order.end()) *kept.add_functions() = std::move(*model_.mutable_functions(i));
    model_.mutable_functions()->Swap(kept.mutable_functions());
  }

  Program& program_;
  onnx::ModelProto& model_;
  std::set<std::string, std::less<>> spliced_;
  std::uint32_t next_ = 0;
};

}  // namespace

PassResult inline_functions(Program& program) {
  BB_CHECK(Inliner(program).run());
  // A copied function that was itself a copy can repeat a name.
  std::set<std::string> names;
  std::uint32_t next = 0;
  for (auto& function : *program.model.mutable_functions())
    for (auto& node : *function.mutable_node())
      while (!names.insert(node.name()).second) node.set_name(node.name() + "#" + std::to_string(next++));
  return {};
}

}  // namespace bb::compiler
