// bb::Graph: typed handles over the recorder, and a first error that sticks.
#include <algorithm>

#include "bb/module.h"
#include "compiler/recorder.h"
#include "ir/metadata.h"

namespace bb {
namespace {

Op syscall(std::string_view op_type, std::vector<Output> inputs) {
  Op op;
  op.domain = domain::kSyscall;
  op.op_type = op_type;
  op.inputs = std::move(inputs);
  return op;
}

}  // namespace

void Graph::fail(RecordError error) {
  if (!error_) error_ = std::move(error);
}

Output Graph::wrap(std::uint32_t value) const {
  Output output;
  output.recorder_ = &recorder_;
  output.type_ = recorder_.type_of(value);
  output.id_ = value;
  return output;
}

std::uint32_t Graph::unwrap(Output output) {
  if (!output.valid()) return compiler::kNoValue;
  if (output.recorder_ != &recorder_) {
    fail({"ForeignHandle", "a value of another graph", ""});
    return compiler::kNoValue;
  }
  return output.id_;
}

Output Graph::input(std::string_view name, std::string_view type) {
  if (error_) return {};
  const auto value = recorder_.input(name, type);
  if (value) return wrap(*value);
  fail(value.error());
  return {};
}

void Graph::output(std::string_view name, Output value) {
  const std::uint32_t id = unwrap(value);
  if (error_) return;
  if (const auto status = recorder_.output(name, id); !status) fail(status.error());
}

Output Graph::lookup_output(std::string_view name) {
  if (error_) return {};
  const auto value = recorder_.lookup_output(name);
  if (value) return wrap(*value);
  fail(value.error());
  return {};
}

NetOut Graph::net_out(std::string_view port, Output peers, Output value, const NetOptions& options) {
  NetOutRecord sent = net_out({{std::string(port), value}}, peers, options);
  return {sent[port], sent.sender, sent.handle};
}

NetOutRecord Graph::net_out(const Inputs& fields, Output peers, const NetOptions& options) {
  std::vector<compiler::NamedValue> values;
  for (const auto& [name, value] : fields) values.push_back({name, unwrap(value)});
  const std::uint32_t to = unwrap(peers);
  if (error_) return {};
  const auto sent = recorder_.net_out(values, to, options);
  if (!sent) {
    fail(sent.error());
    return {};
  }
  NetOutRecord result{{}, wrap(sent->sender), wrap(sent->handle)};
  for (std::size_t i = 0; i < fields.size(); ++i) result.values.emplace(fields[i].first, wrap(sent->values[i]));
  return result;
}

NetIn Graph::net_in(std::string_view port, std::string_view type) {
  if (error_) return {};
  const auto received = recorder_.net_in(port, type);
  if (received) return {wrap(received->value), wrap(received->sender)};
  fail(received.error());
  return {};
}

Output Graph::await_response(Output handle, std::string_view type, std::uint64_t timeout_ns) {
  Op op;
  op.domain = domain::kWire;
  op.op_type = "AwaitResponse";
  op.inputs = {handle};
  op.output_types = {std::string(type)};
  if (timeout_ns > INT64_MAX) fail({"InvalidArgument", "the timeout is too large", ""});
  if (timeout_ns != 0) op.attributes.emplace_back(ir::attribute::kDeadline, static_cast<std::int64_t>(timeout_ns));
  return first(op);
}

void Graph::reply(Output value, Output sender) {
  Op op;
  op.domain = domain::kWire;
  op.op_type = "Reply";
  op.inputs = {value, sender};
  record(op);
}

void Graph::on(std::string_view peer_class, const std::function<void()>& body) {
  if (error_) return;
  if (const auto begun = recorder_.begin_on(peer_class); !begun) return fail(begun.error());
  body();
  if (error_) return;
  if (const auto ended = recorder_.end_on(); !ended) fail(ended.error());
}

Output Graph::constant(std::string_view type, Bytes encoded, std::uint64_t type_hash, std::string_view label) {
  Op op = syscall("Constant", {});
  op.attributes.emplace_back(ir::attribute::kLiteral, std::string(as_text(encoded)));
  op.attributes.emplace_back(ir::attribute::kLiteralType, static_cast<std::int64_t>(type_hash));
  op.output_types = {std::string(type)};
  if (!label.empty()) op.metadata.emplace_back(ir::key::kBootstrapSeed, label);
  return first(op);
}

Output Graph::constant(const TensorLiteral& tensor, std::string_view label) {
  Op op = syscall("Constant", {});
  op.attributes.emplace_back(ir::attribute::kValue, tensor);
  op.output_types = {"tensor.f32"};
  if (!label.empty()) op.metadata.emplace_back(ir::key::kBootstrapSeed, label);
  return first(op);
}

Output Graph::pass_through(Output value) { return first(syscall("PassThrough", {value})); }
Output Graph::gate(Output value, Output trigger) { return first(syscall("Gate", {value, trigger})); }
Output Graph::gate_dispatch(const std::vector<Output>& values) { return first(syscall("GateDispatch", values)); }
Output Graph::any(const std::vector<Output>& values) { return first(syscall("Any", values)); }

std::vector<Output> Graph::tee(Output value, std::uint32_t count) {
  Op op = syscall("Tee", {value});
  op.attributes.emplace_back("fanout", std::int64_t{count});
  op.output_types.assign(std::min<std::uint32_t>(count, 1u << 16), std::string(value.type()));
  op.output_count = count;
  return record(op);
}

Output Graph::bundle(const std::vector<Output>& values) {
  Op op;
  op.domain = domain::kComposite;
  op.op_type = "Bundle";
  op.inputs = values;
  std::string types;
  for (const Output& value : values)
    types += (&value == values.data() ? "" : ",") + (value.type_ ? value.type_->denotation : std::string());
  op.attributes.emplace_back(ir::attribute::kChildCount, static_cast<std::int64_t>(values.size()));
  op.attributes.emplace_back(ir::attribute::kChildTypes, types);
  return first(op);
}

std::vector<Output> Graph::unbundle(Output composite, const std::vector<std::string>& types) {
  Op op;
  op.domain = domain::kComposite;
  op.op_type = "Unbundle";
  op.inputs = {composite};
  std::string denotations;
  for (const std::string& type : types) {
    const TypeNode* node = recorder_.registry().types.find(type);
    denotations += (&type == types.data() ? "" : ",") + (node ? node->denotation : std::string());
  }
  op.attributes.emplace_back(ir::attribute::kChildCount, static_cast<std::int64_t>(types.size()));
  op.attributes.emplace_back(ir::attribute::kChildTypes, denotations);
  op.output_types = types;
  op.output_count = static_cast<std::uint32_t>(types.size());
  return record(op);
}

Output Graph::insert_many(Output peer, Output addresses) {
  Op op;
  op.domain = domain::kAddressBook;
  op.op_type = "InsertMany";
  op.inputs = {peer, addresses};
  return first(op);
}

Output Graph::lookup(Output peer) {
  Op op;
  op.domain = domain::kAddressBook;
  op.op_type = "Lookup";
  op.inputs = {peer};
  return first(op);
}

Output Graph::first(const Op& op) {
  const std::vector<Output> outputs = record(op);
  return outputs.empty() ? Output() : outputs.front();
}

std::vector<Output> Graph::record(const Op& op) {
  compiler::OpCall call;
  call.domain = op.domain;
  call.op_type = op.op_type;
  call.slot = op.slot;
  for (const Output& input : op.inputs) call.inputs.push_back(unwrap(input));
  call.parameters = op.parameters;
  call.attributes = op.attributes;
  call.metadata = op.metadata;
  call.output_types = op.output_types;
  call.output_count = op.output_count;
  std::vector<Output> none(std::clamp<std::uint32_t>(op.output_count, 1, 1u << 16));
  if (error_) return none;
  const auto values = recorder_.record(call);
  if (!values) {
    fail(values.error());
    return none;
  }
  std::vector<Output> outputs;
  for (const std::uint32_t value : *values) outputs.push_back(wrap(value));
  return outputs;
}

CallOutputs Graph::call(const Module& child, const Inputs& inputs) { return call(child, inputs, false); }
CallOutputs Graph::call_bootstrap(const Module& child, const Inputs& inputs) { return call(child, inputs, true); }

CallOutputs Graph::call(const Module& child, const Inputs& inputs, bool bootstrap) {
  CallOutputs result;
  result.graph_ = this;
  result.module_ = child.name();
  std::vector<compiler::NamedValue> actuals;
  for (const auto& [name, value] : inputs) actuals.push_back({name, unwrap(value)});
  if (error_) return result;
  if (const auto begun = recorder_.begin_module(child.name(), actuals, bootstrap); !begun) {
    fail(begun.error());
    return result;
  }
  bootstrap ? child.bootstrap(*this) : child.body(*this);
  if (error_) return result;
  const auto ports = recorder_.end_module();
  if (!ports) {
    fail(ports.error());
    return result;
  }
  for (const compiler::NamedValue& port : *ports) result.ports_.emplace(port.name, wrap(port.value));
  return result;
}

Output CallOutputs::operator[](std::string_view port) const {
  if (const auto at = ports_.find(port); at != ports_.end()) return at->second;
  std::string known;
  for (const auto& [name, value] : ports_) known += (known.empty() ? "" : ", ") + name;
  graph_->fail({"UnknownPort",
                "module '" + module_ + "' has no output '" + std::string(port) + "'; it has: " + (known.empty() ? "none" : known),
                ""});
  return {};
}

}  // namespace bb
