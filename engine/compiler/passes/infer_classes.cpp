// Which class of peers each node runs on, and which class each Send goes to (spec D §4.6, W-13, decisions G25). Classes come from
// the peers' inputs, from peer selectors, and from `on`.
#include <algorithm>
#include <optional>

#include "compiler/program.h"

namespace bb::compiler {
namespace {

namespace key = ir::key;

// ONNX ops that pick among peers without changing what they are.
bool keeps_class(const onnx::NodeProto& node) {
  if (!node.domain().empty() && node.domain() != domain::kOnnx) return false;
  for (const std::string_view op : {"Identity", "Slice", "Gather", "Concat", "Squeeze", "Unsqueeze"})
    if (node.op_type() == op) return true;
  return false;
}

class ClassInference {
 public:
  ClassInference(Program& program, onnx::FunctionProto& function) : program_(program), function_(function) {
    for (const auto& input : function.input()) inputs_.insert(input);
    for (int i = 0; i < function.node_size(); ++i) {
      for (const auto& output : function.node(i).output())
        if (!output.empty()) producers_.emplace(output, i);
      for (const auto& input : function.node(i).input())
        if (!input.empty()) readers_[input].push_back(i);
    }
    homes_.resize(static_cast<std::size_t>(function.node_size()));
  }

  PassResult run() {
    for (const auto& node : function_.node()) {
      if (!ir::is_send(node)) continue;
      const std::string root = trace(node.input(ir::peers_index(node)));
      if (inputs_.contains(root)) ambient_.insert(root);
    }
    for (int i = 0; i < function_.node_size(); ++i) BB_CHECK(place(i));
    for (int i = function_.node_size() - 1; i >= 0; --i) settle(i);
    for (int i = 0; i < function_.node_size(); ++i) BB_CHECK(check(i));
    for (int i = 0; i < function_.node_size(); ++i) ir::stamp_metadata(*function_.mutable_node(i), key::kHomeClass, *home(i));
    return {};
  }

 private:
  const onnx::NodeProto& node(int index) const { return function_.node(index); }
  std::optional<std::string>& home(int index) { return homes_[static_cast<std::size_t>(index)]; }

  /// The value at which the peers of a Send come into being: an input, or what a node with a class of its own makes.
  std::string trace(std::string value) const {
    for (;;) {
      const auto producer = producers_.find(value);
      if (producer == producers_.end()) return value;
      const onnx::NodeProto& made_by = node(producer->second);
      const OpDeclaration* op = program_.declaration(made_by);
      const bool same = op ? op->same_type_as_input0 : ir::is_op(made_by, domain::kSyscall, ir::kPassThrough);
      const bool tee = ir::is_op(made_by, domain::kSyscall, "Tee");
      if (!(same || tee || keeps_class(made_by)) || made_by.input_size() == 0 || made_by.input(0).empty()) return value;
      value = made_by.input(0);
    }
  }

  /// The class that a peers value names, if any.
  std::optional<std::string> class_of(const std::string& peers) {
    std::string root = trace(peers);
    if (inputs_.contains(root)) return root;
    const auto producer = producers_.find(root);
    if (producer == producers_.end()) return std::nullopt;
    const onnx::NodeProto& made_by = node(producer->second);
    if (const std::string* named = ir::find_metadata(made_by, key::kPeerClass)) return *named;
    // Who sent something is of the class that the Send runs on.
    if (ir::is_send(made_by)) return home(producer->second);
    return std::nullopt;
  }

  /// Where a value is, if that is known. Inputs are where they are wanted.
  std::optional<std::string> home_of(const std::string& value) {
    const auto producer = producers_.find(value);
    if (producer == producers_.end()) return std::nullopt;
    const onnx::NodeProto& made_by = node(producer->second);
    if (!ir::is_send(made_by)) return home(producer->second);
    if (made_by.output_size() > ir::peers_index(made_by) && made_by.output(ir::peers_index(made_by)) == value)
      return home(producer->second);  // the handle stays
    const auto to = program_.destinations.find(made_by.name());
    return to == program_.destinations.end() ? std::nullopt : std::optional(to->second);
  }

  std::unexpected<CompileError> crossing(const onnx::NodeProto& at, const std::string& a, const std::string& b) const {
    return program_.wrong("CrossClassDataflow", &function_, &at,
                          "'" + at.name() + "' reads values on " + a + " and on " + b + " without a Send",
                          {{"node_name", at.name()}, {"home_a", a}, {"home_b", b}});
  }

  PassResult place(int index) {
    const onnx::NodeProto& at = node(index);
    std::optional<std::string> found;
    bool reads_input = false;
    for (const auto& input : at.input()) {
      if (input.empty() || ambient_.contains(input)) continue;
      if (inputs_.contains(input)) reads_input = true;
      const auto known = inputs_.contains(input) ? std::optional(std::string(ir::kSelfClass)) : home_of(input);
      if (!known || ir::find_metadata(at, key::kHomeClass)) continue;
      if (found && *found != *known) return crossing(at, *found, *known);
      found = known;
    }
    if (const std::string* stamp = ir::find_metadata(at, key::kHomeClass)) {
      home(index) = *stamp;
    } else if (found) {
      home(index) = found;
    } else if (ir::is_send(at) || ir::is_recv(at) || reads_input) {
      home(index) = std::string(ir::kSelfClass);
    }
    return ir::is_send(at) ? destination(index) : PassResult();
  }

  PassResult destination(int index) {
    const onnx::NodeProto& send = node(index);
    const std::string& peers = send.input(ir::peers_index(send));
    if (const auto to = class_of(peers)) {
      program_.destinations.emplace(send.name(), *to);
      return {};
    }
    bool read = false;
    for (int i = 0; i < send.output_size(); ++i)
      if (i != ir::peers_index(send)) read = read || readers_.contains(send.output(i));
    if (ir::find_metadata(send, key::kWireTo) && !read) return {};
    return program_.wrong("UnresolvedPeerClass", &function_, &send,
                          "the peers '" + peers + "' of '" + send.name() + "' have no class; name the receiving site with 'to'",
                          {{"node_name", send.name()}, {"peer_input", peers}});
  }

  /// A node that nothing places goes where its readers are, if that is one place.
  void settle(int index) {
    if (home(index)) return;
    std::optional<std::string> found;
    for (const auto& output : node(index).output()) {
      const auto readers = readers_.find(output);
      if (readers == readers_.end()) continue;
      for (const int reader : readers->second) {
        if (found && *found != *home(reader)) {
          home(index) = std::string(ir::kSelfClass);
          return;
        }
        found = home(reader);
      }
    }
    home(index) = found.value_or(std::string(ir::kSelfClass));
  }

  PassResult check(int index) {
    const onnx::NodeProto& at = node(index);
    for (const auto& input : at.input()) {
      if (input.empty() || inputs_.contains(input)) continue;
      const auto known = home_of(input);
      if (known && *known != *home(index)) return crossing(at, *known, *home(index));
    }
    return {};
  }

  Program& program_;
  onnx::FunctionProto& function_;
  std::set<std::string, std::less<>> inputs_;
  std::set<std::string, std::less<>> ambient_;  // inputs that name peers: they are wherever a Send needs them
  std::map<std::string, int, std::less<>> producers_;
  std::map<std::string, std::vector<int>, std::less<>> readers_;
  std::vector<std::optional<std::string>> homes_;
};

}  // namespace

PassResult infer_classes(Program& program) {
  for (auto& function : *program.model.mutable_functions())
    if (program.is_entry(function)) BB_CHECK(ClassInference(program, function).run());
  return {};
}

}  // namespace bb::compiler
