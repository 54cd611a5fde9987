// Recording of ops from their declarations, and of what goes over the network.
#include <algorithm>

#include "compiler/recorder.h"
#include "ir/metadata.h"

namespace bb::compiler {
namespace {

namespace key = ir::key;

// What recording needs to know of the one op that every module has, whether or not it is declared.
OpDeclaration pass_through_declaration() {
  OpDeclaration op;
  op.domain = domain::kSyscall;
  op.op_type = ir::kPassThrough;
  op.inputs = {{"value", "any"}};
  op.outputs = {{"value", "any"}};
  op.same_type_as_input0 = true;
  return op;
}

struct AttributeWriter {
  onnx::AttributeProto& to;

  void operator()(std::int64_t number) const {
    to.set_type(onnx::AttributeProto::INT);
    to.set_i(number);
  }
  void operator()(float number) const {
    to.set_type(onnx::AttributeProto::FLOAT);
    to.set_f(number);
  }
  void operator()(const std::string& bytes) const {
    to.set_type(onnx::AttributeProto::STRING);
    to.set_s(bytes);
  }
  void operator()(const std::vector<std::int64_t>& numbers) const {
    to.set_type(onnx::AttributeProto::INTS);
    to.mutable_ints()->Add(numbers.begin(), numbers.end());
  }
  void operator()(const std::vector<float>& numbers) const {
    to.set_type(onnx::AttributeProto::FLOATS);
    to.mutable_floats()->Add(numbers.begin(), numbers.end());
  }
  void operator()(const TensorLiteral& tensor) const {
    to.set_type(onnx::AttributeProto::TENSOR);
    auto& proto = *to.mutable_t();
    proto.set_data_type(1);
    proto.mutable_dims()->Add(tensor.dims.begin(), tensor.dims.end());
    proto.mutable_float_data()->Add(tensor.data.begin(), tensor.data.end());
  }
};

struct AttributeSize {
  std::uint64_t operator()(std::int64_t) const { return 8; }
  std::uint64_t operator()(float) const { return 4; }
  std::uint64_t operator()(const std::string& bytes) const { return bytes.size(); }
  std::uint64_t operator()(const std::vector<std::int64_t>& numbers) const { return numbers.size() * 8; }
  std::uint64_t operator()(const std::vector<float>& numbers) const { return numbers.size() * 4; }
  std::uint64_t operator()(const TensorLiteral& tensor) const { return tensor.dims.size() * 8 + tensor.data.size() * 4; }
};

bool dims_match(const TensorLiteral& tensor) {
  std::uint64_t count = 1;
  for (const std::int64_t dim : tensor.dims)
    if (dim < 0 || __builtin_mul_overflow(count, static_cast<std::uint64_t>(dim), &count)) return false;
  return count == tensor.data.size();
}

std::string op_name(const OpCall& call) { return call.domain + "::" + call.op_type; }

}  // namespace

Recorded<void> Recorder::check_inputs(const OpDeclaration& op, const OpCall& call) const {
  const bool variadic = !op.inputs.empty() && op.inputs.back().variadic;
  if (call.inputs.size() > limits_.ports_max || (call.inputs.size() > op.inputs.size() && !variadic))
    return wrong("TooManyInputs", op_name(call) + " takes " + std::to_string(op.inputs.size()) + " inputs");
  for (std::size_t i = 0; i < op.inputs.size(); ++i) {
    const bool wired = i < call.inputs.size() && call.inputs[i] != kNoValue;
    if (wired || op.inputs[i].optional) continue;
    return wrong(op.inputs[i].variadic ? "EmptyList" : "MissingInput", op_name(call) + " needs input '" + op.inputs[i].name + "'");
  }
  for (std::size_t i = op.inputs.size(); i < call.inputs.size(); ++i)
    if (call.inputs[i] == kNoValue) return wrong("MissingInput", op_name(call) + " has an empty input " + std::to_string(i));
  return {};
}

const TypeNode* Recorder::output_type(const OpDeclaration& op, const OpCall& call, std::uint32_t position) const {
  const std::string* id = nullptr;
  if (position < call.output_types.size() && !call.output_types[position].empty()) {
    id = &call.output_types[position];
  } else if (position == 0 && op.same_type_as_input0 && !call.inputs.empty() && call.inputs[0] < values_.size()) {
    return values_[call.inputs[0]].type;
  } else if (!op.outputs.empty()) {
    id = &op.outputs[std::min<std::size_t>(position, op.outputs.size() - 1)].type;
  }
  // A storage port is as specific as the component that will be bound; until then it is only a tensor, or anything.
  if (id && id->starts_with('$'))
    return registry_.types.find(*id == "$metadata" || *id == "$in" || *id == "$out" ? "any" : "tensor");
  return registry_.types.find(id ? std::string_view(*id) : std::string_view("any"));
}

Recorded<void> Recorder::set_slot(onnx::NodeProto& node, const OpDeclaration& op, const std::string& slot) {
  if (op.role == Role::none) {
    if (slot.empty()) return {};
    return wrong("InvalidArgument",
                 op.domain + "::" + op.op_type + " is not an op of a component, but is given slot '" + slot + "'");
  }
  BB_CHECK(check_name("slot", slot));
  const auto [at, added] = slots_.try_emplace(slot, static_cast<std::uint32_t>(slots_.size()), op.role);
  if (at->second.second != op.role) {
    return wrong("SlotRoleConflict", "slot '" + slot + "' is a " + std::string(role_name(at->second.second)) + ", not a " +
                                         std::string(role_name(op.role)));
  }
  const std::string id = std::to_string(at->second.first);
  ir::stamp_metadata(node, key::kRequiredTrait, role_trait(op.role));
  ir::stamp_metadata(node, key::kSlotId, id);
  ir::stamp_metadata(node, key::kSlot, slot);
  const std::string attribute = "__slot_" + id;
  auto& attributes = *top().function->proto.mutable_attribute();
  if (std::find(attributes.begin(), attributes.end(), attribute) == attributes.end()) *attributes.Add() = attribute;
  return {};
}

Recorded<void> Recorder::set_attributes(onnx::NodeProto& node, const OpDeclaration& op, const OpCall& call) {
  const auto put = [&](const std::string& name, const Attribute& value) -> Recorded<void> {
    if (name.empty() || name.size() > limits_.name_bytes_max) return wrong("InvalidName", "attribute name of " + op_name(call));
    if (ir::find_attribute(node, name))
      return wrong("DuplicateAttribute", "attribute '" + name + "' of " + op_name(call) + " is given twice");
    attribute_bytes_ += std::visit(AttributeSize{}, value);
    if (attribute_bytes_ > limits_.attribute_bytes_max) return wrong("OverLimit", "attributes are too large together");
    const auto* tensor = std::get_if<TensorLiteral>(&value);
    if (tensor && !dims_match(*tensor))
      return wrong("InvalidArgument", "tensor '" + name + "' of " + op_name(call) + ": dimensions and data do not match");
    auto* attribute = node.add_attribute();
    attribute->set_name(name);
    std::visit(AttributeWriter{*attribute}, value);
    return {};
  };
  for (const auto& [name, number] : call.parameters) {
    bool known = false;
    for (const Parameter& parameter : op.parameters) known = known || parameter.name == name;
    if (!known) return wrong("UnknownParameter", op_name(call) + " has no parameter '" + name + "'");
    BB_CHECK(put(name, number));
  }
  for (const auto& [name, value] : call.attributes) BB_CHECK(put(name, value));
  for (const Parameter& parameter : op.parameters) {
    bool wired = ir::find_attribute(node, parameter.name) != nullptr;
    for (std::size_t i = 0; i < op.inputs.size() && i < call.inputs.size(); ++i)
      wired = wired || (op.inputs[i].name == parameter.name && call.inputs[i] != kNoValue);
    if (parameter.required && !wired) return wrong("MissingParameter", op_name(call) + " needs parameter '" + parameter.name + "'");
  }
  for (const std::string& name : op.required_attributes)
    if (!ir::find_attribute(node, name)) return wrong("MissingAttribute", op_name(call) + " needs attribute '" + name + "'");
  return {};
}

Recorded<std::vector<ValueId>> Recorder::record(const OpCall& call) {
  BB_CHECK(check_open());
  const OpDeclaration* op = registry_.find_op(call.domain, call.op_type);
  std::optional<OpDeclaration> built_in;
  if (!op && call.domain == domain::kSyscall && call.op_type == ir::kPassThrough)
    op = &built_in.emplace(pass_through_declaration());
  if (!op) return wrong("UnknownOp", "no op " + op_name(call));
  BB_CHECK(check_inputs(*op, call));
  std::uint32_t outputs = static_cast<std::uint32_t>(op->outputs.size());
  if (op->variadic_outputs)
    outputs = std::max<std::uint32_t>(call.output_count, static_cast<std::uint32_t>(call.output_types.size()));
  if (op->variadic_outputs && outputs == 0) return wrong("EmptyList", op_name(call) + " needs at least one output");
  if (outputs > limits_.ports_max || call.output_types.size() > outputs)
    return wrong("OverLimit", op_name(call) + " has too many outputs");
  for (const std::string& type : call.output_types)
    if (!type.empty()) BB_CHECK(find_type(type));
  std::vector<std::string> names;
  for (const ValueId value : call.inputs) {
    if (value == kNoValue) {
      names.emplace_back();
      continue;
    }
    BB_TRY(name, use(value));
    names.push_back(std::move(name));
  }
  while (!names.empty() && names.back().empty()) names.pop_back();

  onnx::NodeProto draft;
  BB_CHECK(set_slot(draft, *op, call.slot));
  BB_CHECK(set_attributes(draft, *op, call));
  BB_TRY(node, add_node(call.domain, call.op_type));
  draft.set_domain(node->domain());
  draft.set_op_type(node->op_type());
  draft.set_name(node->name());
  *node = std::move(draft);
  for (std::string& name : names) node->add_input(std::move(name));
  std::vector<ValueId> results;
  for (std::uint32_t i = 0; i < outputs; ++i) {
    const TypeNode* type = output_type(*op, call, i);
    if (!type) return wrong("UnknownType", op_name(call) + " declares an output of an unknown type");
    const std::string name = mint();
    node->add_output(name);
    declare(name, *type);
    results.push_back(add_value(name, type));
  }
  for (const auto& [name, value] : call.metadata) ir::stamp_metadata(*node, name, value);
  if (!top().classes.empty()) ir::stamp_metadata(*node, key::kHomeClass, top().classes.back());
  ir::stamp_metadata(*node, key::kModuleInstance, instance());
  return results;
}

Recorded<Recorder::Sent> Recorder::net_out(const std::vector<NamedValue>& fields, ValueId peers, const NetOptions& options) {
  BB_CHECK(check_open());
  if (fields.empty()) return wrong("EmptyList", "net_out needs at least one field");
  const std::size_t slash = options.to.find('/');
  if (!options.to.empty()) {
    if (slash != std::string::npos && fields.size() > 1)
      return wrong("InvalidName", "'to' of several fields is a target; '" + options.to + "' also names a port");
    BB_CHECK(check_name("target", std::string_view(options.to).substr(0, slash)));
    if (slash != std::string::npos) BB_CHECK(check_name("port", std::string_view(options.to).substr(slash + 1)));
  }
  if (options.deadline_ns > INT64_MAX) return wrong("InvalidArgument", "deadline_ns is too large");
  BB_TRY(peers_name, use(peers));
  const TypeNode* peers_type = values_[peers].type;
  if (peers_type->id != "any" && peers_type->id != "peer_id_vec" && peers_type->id != "peer_id")
    return wrong("TypeMismatch", "net_out sends to peers, not to a value of type " + peers_type->id);
  std::vector<std::string> payloads, values;
  std::string ports;
  for (const NamedValue& field : fields) {
    BB_TRY(name, use(field.value));
    payloads.push_back(std::move(name));
    BB_CHECK(check_port(field.name));
    bool taken = find_output(field.name) != nullptr;
    for (const NamedValue& other : fields) taken = taken || (&other != &field && other.name == field.name);
    if (taken) return wrong("DuplicatePort", "port '" + field.name + "' is declared twice in '" + top().function->module + "'");
    ports += (ports.empty() ? "" : ",") + field.name;
    // An input may have the name of a port that sends it on.
    values.push_back(top().names.emplace(field.name).second ? field.name : field.name + "__sent");
  }
  BB_TRY(node, add_node(domain::kWire, ir::kSend));
  const int position = top().function->proto.node_size() - 1;
  for (std::string& name : payloads) node->add_input(std::move(name));
  node->add_input(peers_name);
  Sent sent;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const TypeNode* type = values_[fields[i].value].type;
    node->add_output(values[i]);
    declare(values[i], *type);
    sent.values.push_back(add_value(values[i], type));
    top().function->proto.add_output(values[i]);
    top().outputs.push_back({fields[i].name, sent.values.back()});
  }
  const TypeNode* request = registry_.types.find("wire_req_id");
  const TypeNode* peer = registry_.types.find("peer_id");
  const std::string handle = mint();
  node->add_output(handle);
  declare(handle, *request);
  sent.handle = add_value(handle, request);
  sent.sender = add_value(values.front() + "__sender", peer);
  values_[sent.sender].send_node = position;
  if (options.deadline_ns != 0) ir::set_attribute(*node, ir::attribute::kDeadline, static_cast<std::int64_t>(options.deadline_ns));
  ir::stamp_metadata(*node, key::kPeersIndex, std::to_string(fields.size()));
  ir::stamp_metadata(*node, key::kWirePorts, ports);
  if (!options.to.empty()) ir::stamp_metadata(*node, key::kWireTo, options.to);
  if (!top().classes.empty()) ir::stamp_metadata(*node, key::kHomeClass, top().classes.back());
  ir::stamp_metadata(*node, key::kModuleInstance, instance());
  return sent;
}

Recorded<Recorder::Received> Recorder::net_in(std::string_view port, std::string_view type_id) {
  BB_CHECK(check_open());
  BB_TRY(type, find_type(type_id));
  BB_CHECK(claim_port(port));
  BB_TRY(node, add_node(domain::kWire, ir::kRecv));
  const std::string name(port);
  const TypeNode* peer = registry_.types.find("peer_id");
  node->add_output(name);
  node->add_output(name + "__sender");
  declare(name, *type);
  declare(name + "__sender", *peer);
  ir::stamp_metadata(*node, key::kWirePorts, name);
  if (!top().classes.empty()) ir::stamp_metadata(*node, key::kHomeClass, top().classes.back());
  ir::stamp_metadata(*node, key::kModuleInstance, instance());
  return Received{add_value(name, type), add_value(name + "__sender", peer)};
}

}  // namespace bb::compiler
