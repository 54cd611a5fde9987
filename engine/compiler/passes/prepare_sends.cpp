// Deadlines of Sends and of parked requests as durations (decisions G19), and one name per payload, since suffixes go by name.
#include "compiler/program.h"

namespace bb::compiler {
namespace {

namespace key = ir::key;

std::int64_t saturating(std::uint64_t budget_ns, std::uint64_t hops) {
  std::uint64_t product;
  if (__builtin_mul_overflow(budget_ns, hops, &product) || product > INT64_MAX) return INT64_MAX;
  return static_cast<std::int64_t>(product);
}

PassResult check_send(const Program& program, const onnx::FunctionProto& function, const onnx::NodeProto& node) {
  const int payloads = ir::peers_index(node);
  if (payloads < 1 || payloads != node.input_size() - 1) {
    return program.wrong("MalformedNode", &function, &node, "a Send takes payloads, then peers",
                         {{"node_name", node.name()}, {"detail", "inputs"}});
  }
  if (node.output_size() < payloads) {
    return program.wrong("MalformedNode", &function, &node, "a Send has one output per payload",
                         {{"node_name", node.name()}, {"detail", "outputs"}});
  }
  return {};
}

}  // namespace

PassResult prepare_sends(Program& program) {
  const std::uint64_t budget = program.options.per_hop_budget_ns;
  for (auto& function : *program.model.mutable_functions()) {
    onnx::FunctionProto prepared;
    for (auto& node : *function.mutable_node()) {
      if (ir::is_op(node, domain::kWire, "AwaitResponse") && !ir::find_attribute(node, ir::attribute::kDeadline))
        ir::set_attribute(node, ir::attribute::kDeadline, saturating(budget, 2));  // there and back
      if (!ir::is_send(node)) {
        *prepared.add_node() = std::move(node);
        continue;
      }
      BB_CHECK(check_send(program, function, node));
      if (!ir::find_attribute(node, ir::attribute::kDeadline)) {
        const std::uint64_t depth = ir::metadata_number(node, key::kChainDepth).value_or(1);
        ir::set_attribute(node, ir::attribute::kDeadline, saturating(budget, depth));
      }
      std::set<std::string> used;
      for (int i = 0; i < ir::peers_index(node); ++i) {
        if (used.insert(node.input(i)).second) continue;
        const std::string copy = node.input(i) + "#copy" + std::to_string(i);
        onnx::NodeProto& pass = *prepared.add_node();
        fill_pass_through(program.model, pass, node.name() + "#copy" + std::to_string(i), node.input(i), copy);
        for (const auto key : {key::kHomeClass, key::kModuleInstance})
          if (const std::string* value = ir::find_metadata(node, key)) ir::stamp_metadata(pass, key, *value);
        node.set_input(i, copy);
      }
      *prepared.add_node() = std::move(node);
    }
    function.mutable_node()->Swap(prepared.mutable_node());
  }
  return {};
}

}  // namespace bb::compiler
