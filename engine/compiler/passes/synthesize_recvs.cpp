// Gives each consumed port of a Send a Recv on the receivers' class, right after the Send in the node list, and marks both with one
// wire id (spec D §4.7, §4.10, decisions G1, G3).
#include <algorithm>

#include "compiler/program.h"
#include "ir/value_info.h"

namespace bb::compiler {
namespace {

namespace key = ir::key;

class RecvSynthesis {
 public:
  RecvSynthesis(Program& program, onnx::FunctionProto& function)
      : program_(program), function_(function), types_(program.types[function.name()]) {
    for (int i = 0; i < function.node_size(); ++i)
      for (int k = 0; k < function.node(i).input_size(); ++k)
        if (!function.node(i).input(k).empty()) readers_[function.node(i).input(k)].emplace_back(i, k);
  }

  void run() {
    std::vector<std::vector<onnx::NodeProto>> recvs(static_cast<std::size_t>(function_.node_size()));
    for (int i = 0; i < function_.node_size(); ++i)
      if (ir::is_send(function_.node(i))) send(i, recvs[static_cast<std::size_t>(i)]);
    onnx::FunctionProto ordered;
    for (int i = 0; i < function_.node_size(); ++i) {
      *ordered.add_node() = std::move(*function_.mutable_node(i));
      for (onnx::NodeProto& recv : recvs[static_cast<std::size_t>(i)]) *ordered.add_node() = std::move(recv);
    }
    function_.mutable_node()->Swap(ordered.mutable_node());
    // What a Send makes is what the receivers get; it is no output of this function.
    auto& outputs = *function_.mutable_output();
    for (int i = outputs.size() - 1; i >= 0; --i)
      if (sent_.contains(outputs[i])) outputs.DeleteSubrange(i, 1);
  }

 private:
  void send(int index, std::vector<onnx::NodeProto>& recvs) {
    onnx::NodeProto& node = *function_.mutable_node(index);
    const int payloads = ir::peers_index(node);
    const std::uint32_t wire_id = program_.next_wire_id++;
    const auto to = program_.destinations.find(node.name());
    const std::vector<std::string> ports = ir::split(ir::metadata_or(node, key::kWirePorts), ',');
    const std::string sender = node.output_size() > payloads + 1 ? node.output(payloads + 1) : std::string();
    const bool sender_read = !sender.empty() && readers_.contains(sender);
    std::string sender_source;
    bool data = false;
    for (int p = 0; p < payloads && p < node.output_size(); ++p) {
      const std::string value = node.output(p);
      if (value.empty()) continue;
      sent_.insert(value);
      const bool trigger_only = waits_only(value);
      data = data || !trigger_only;
      if (trigger_only) ir::set_attribute(node, ir::concat(ir::attribute::kTriggerOnlyPrefix, node.input(p)), std::int64_t{1});
      const bool read = readers_.contains(value) || (p == 0 && sender_read);
      if (!read || to == program_.destinations.end()) continue;
      onnx::NodeProto recv;
      const std::string port = static_cast<std::size_t>(p) < ports.size() ? ports[static_cast<std::size_t>(p)] : value;
      const std::string received = port + "__recv_" + std::to_string(program_.next_recv++);
      recv.set_domain(std::string(domain::kWire));
      recv.set_op_type(std::string(ir::kRecv));
      recv.set_name(node.name() + "/" + received);
      recv.add_output(received);
      recv.add_output(received + "__sender");
      ir::stamp_metadata(recv, key::kHomeClass, to->second);
      ir::stamp_metadata(recv, key::kSynthesizedFromSend, port);
      ir::stamp_metadata(recv, key::kWireId, std::to_string(wire_id));
      ir::stamp_metadata(recv, key::kWireTransport, trigger_only ? "trigger_only" : "data");
      ir::stamp_metadata(recv, key::kWirePorts, port);
      if (const std::string* instance = ir::find_metadata(node, key::kModuleInstance))
        ir::stamp_metadata(recv, key::kModuleInstance, *instance);
      const std::string sentinel = port + "__send_sentinel_" + std::to_string(index);
      types_[received] = trigger_only ? &program_.type("trigger") : types_[value];
      types_[received + "__sender"] = &program_.type("peer_id");
      types_[sentinel] = &program_.type("trigger");
      node.set_output(p, sentinel);
      rename(value, received);
      if (sender_source.empty()) sender_source = received + "__sender";
      recvs.push_back(std::move(recv));
    }
    if (sender_read && !sender_source.empty()) rename(sender, sender_source);
    while (node.output_size() > payloads + 1) node.mutable_output()->RemoveLast();
    if (node.output_size() > payloads && readers_.contains(node.output(payloads))) ir::stamp_metadata(node, key::kRequest, "1");
    ir::stamp_metadata(node, key::kWireId, std::to_string(wire_id));
    ir::stamp_metadata(node, key::kPeersIndex, std::to_string(payloads));
    ir::stamp_metadata(node, key::kWireTransport, data ? "data" : "trigger_only");
    if (to == program_.destinations.end()) return;
    const std::string group = std::string(ir::metadata_or(node, key::kHomeClass)) + "|" + to->second;
    const auto id =
        program_.batch_groups.try_emplace(group, static_cast<std::uint32_t>(program_.batch_groups.size())).first->second;
    ir::stamp_metadata(node, key::kBatchGroupId, std::to_string(id));
    for (onnx::NodeProto& recv : recvs) ir::stamp_metadata(recv, key::kBatchGroupId, std::to_string(id));
  }

  /// Nothing reads the value itself: it is a trigger, or every reader only waits for it.
  bool waits_only(const std::string& value) const {
    if (const auto type = types_.find(value); type != types_.end() && type->second && type->second->id == "trigger") return true;
    const auto readers = readers_.find(value);
    if (readers == readers_.end()) return false;
    for (const auto& [node, input] : readers->second)
      if (!program_.is_trigger_input(function_.node(node), input)) return false;
    return true;
  }

  void rename(const std::string& from, const std::string& to) {
    const auto readers = readers_.find(from);
    if (readers == readers_.end()) return;
    for (const auto& [node, input] : readers->second) function_.mutable_node(node)->set_input(input, to);
  }

  Program& program_;
  onnx::FunctionProto& function_;
  TypeMap& types_;
  std::map<std::string, std::vector<std::pair<int, int>>, std::less<>> readers_;
  std::set<std::string, std::less<>> sent_;
};

}  // namespace

PassResult synthesize_recvs(Program& program) {
  for (auto& function : *program.model.mutable_functions())
    if (program.is_entry(function)) RecvSynthesis(program, function).run();
  return {};
}

}  // namespace bb::compiler
