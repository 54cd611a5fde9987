// The last word before an artifact leaves: everything that install and the runtime rely on, checked on the model itself.
#include "compiler/program.h"
#include "ir/model.h"

namespace bb::compiler {
namespace {

namespace key = ir::key;

class CompletenessCheck {
 public:
  CompletenessCheck(const Program& program, const onnx::ModelProto& model, const onnx::FunctionProto& function)
      : program_(program), model_(model), function_(function) {}

  PassResult run(std::set<std::string>& sites) {
    std::set<std::string_view> made(function_.input().begin(), function_.input().end());
    if (made.size() != static_cast<std::size_t>(function_.input_size())) return missing(nullptr, "unique inputs");
    std::set<std::string_view> names;
    for (const auto& node : function_.node()) {
      if (node.name().empty() || !names.insert(node.name()).second) return missing(&node, "a unique node name");
      for (const auto& input : node.input())
        if (!input.empty() && !made.contains(input)) return missing(&node, "a producer before the node for '" + input + "'");
      for (const auto& output : node.output())
        if (!output.empty() && !made.insert(output).second) return missing(&node, "one producer of '" + output + "'");
      if (ir::is_send(node)) BB_CHECK(send(node));
      if (ir::is_recv(node)) BB_CHECK(recv(node, sites));
      if (ir::is_call(node) && function_index(model_, node.op_type()) < 0)
        return program_.wrong("Internal", &function_, &node,
                              "'" + function_.name() + "' calls '" + node.op_type() + "', which is not there",
                              {{"detail", node.op_type()}});
    }
    for (const auto& output : function_.output())
      if (!made.contains(output)) return missing(nullptr, "a producer of output '" + output + "'");
    return {};
  }

 private:
  std::unexpected<CompileError> missing(const onnx::NodeProto* node, const std::string& what) const {
    return program_.wrong("RuntimeIncomplete", &function_, node, "'" + function_.name() + "' lacks " + what, {{"missing", what}});
  }

  PassResult send(const onnx::NodeProto& node) const {
    const auto* deadline = ir::find_attribute(node, ir::attribute::kDeadline);
    if (!deadline || deadline->type() != onnx::AttributeProto::INT || deadline->i() < 0) return missing(&node, "deadline_ns");
    const auto peers = ir::metadata_number(node, key::kPeersIndex);
    if (!peers || *peers < 1 || *peers + 1 != static_cast<std::uint64_t>(node.input_size()))
      return missing(&node, "wire.peers_index");
    for (std::uint64_t p = 0; p < *peers; ++p) {
      const auto* suffix = ir::find_attribute(node, ir::concat(ir::attribute::kDestSuffixPrefix, node.input(static_cast<int>(p))));
      if (!suffix || suffix->s().empty()) return missing(&node, "dest_suffix of '" + node.input(static_cast<int>(p)) + "'");
    }
    return {};
  }

  PassResult recv(const onnx::NodeProto& node, std::set<std::string>& sites) const {
    const std::string* site = ir::find_metadata(node, key::kSiteId);
    if (!site || !ir::parse_number(*site) || !sites.insert(*site).second) return missing(&node, "a site id of its own");
    if (node.output_size() != 2) return missing(&node, "value and sender outputs");
    return {};
  }

  const Program& program_;
  const onnx::ModelProto& model_;
  const onnx::FunctionProto& function_;
};

}  // namespace

PassResult check_complete(const Program& program, const onnx::ModelProto& compiled) {
  if (const auto verified = ir::verify_model(compiled); !verified) {
    return program.wrong("RuntimeIncomplete", nullptr, nullptr, "the function table lacks " + verified.error().where,
                         {{"missing", verified.error().where}});
  }
  if (ir::metadata_or(compiled, key::kCompiled) != key::kCompiledVersion)
    return program.wrong("RuntimeIncomplete", nullptr, nullptr, "the model lacks its passport",
                         {{"missing", std::string(key::kCompiled)}});
  for (const Partition& part : program.partitions) {
    if (function_index(compiled, part.function.name()) < 0) {
      return program.wrong("RuntimeIncomplete", nullptr, nullptr, "the model lacks target '" + part.function.name() + "'",
                           {{"missing", part.function.name()}});
    }
  }
  std::set<std::string> sites;
  for (const auto& function : compiled.functions()) BB_CHECK(CompletenessCheck(program, compiled, function).run(sites));
  return {};
}

}  // namespace bb::compiler
