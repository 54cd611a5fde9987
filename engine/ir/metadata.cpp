// Attributes of nodes, and what tells a Send, a Recv and a call apart.
#include "ir/metadata.h"

#include "bb/registry.h"

namespace bb::ir {
namespace {

onnx::AttributeProto& attribute_named(onnx::NodeProto& node, std::string_view name) {
  for (auto& attribute : *node.mutable_attribute())
    if (attribute.name() == name) {
      attribute.Clear();
      attribute.set_name(std::string(name));
      return attribute;
    }
  auto* attribute = node.add_attribute();
  attribute->set_name(std::string(name));
  return *attribute;
}

}  // namespace

const onnx::AttributeProto* find_attribute(const onnx::NodeProto& node, std::string_view name) {
  for (const auto& attribute : node.attribute())
    if (attribute.name() == name) return &attribute;
  return nullptr;
}

void set_attribute(onnx::NodeProto& node, std::string_view name, std::int64_t number) {
  auto& attribute = attribute_named(node, name);
  attribute.set_type(onnx::AttributeProto::INT);
  attribute.set_i(number);
}

void set_attribute(onnx::NodeProto& node, std::string_view name, std::string_view bytes) {
  auto& attribute = attribute_named(node, name);
  attribute.set_type(onnx::AttributeProto::STRING);
  attribute.set_s(std::string(bytes));
}

bool is_send(const onnx::NodeProto& node) { return is_op(node, domain::kWire, kSend); }
bool is_recv(const onnx::NodeProto& node) { return is_op(node, domain::kWire, kRecv); }
bool is_call(const onnx::NodeProto& node) { return node.domain() == domain::kModule; }

int peers_index(const onnx::NodeProto& node) {
  const auto stamped = metadata_number(node, key::kPeersIndex);
  if (stamped && *stamped < static_cast<std::uint64_t>(node.input_size())) return static_cast<int>(*stamped);
  int last = node.input_size() - 1;
  while (last >= 0 && is_deadline_gate(node.input(last))) --last;
  return last;
}

bool is_deadline_gate(std::string_view input) { return input.ends_with(kDeadlineGateSuffix); }

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return parts;
}

}  // namespace bb::ir
