// A registry like the shipped one in miniature, so that these tests fail for the compiler's reasons only.
#include "fixture.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

namespace bb::test {
namespace {

Port port(std::string name, std::string type, bool optional = false, bool variadic = false) {
  Port result;
  result.name = std::move(name);
  result.type = std::move(type);
  result.optional = optional;
  result.variadic = variadic;
  return result;
}

OpDeclaration op(std::string_view domain, std::string_view type, std::vector<Port> inputs, std::vector<Port> outputs) {
  OpDeclaration result;
  result.domain = domain;
  result.op_type = type;
  result.inputs = std::move(inputs);
  result.outputs = std::move(outputs);
  return result;
}

OpDeclaration role_op(Role role, std::string_view type, std::vector<Port> inputs, std::vector<Port> outputs) {
  OpDeclaration result = op(role_domain(role), type, std::move(inputs), std::move(outputs));
  result.role = role;
  return result;
}

void add(Registry& registry, OpDeclaration declaration) { REQUIRE(registry.add(std::move(declaration))); }

ComponentClass component(std::string name, Role role, std::map<std::string, std::string> storage) {
  ComponentClass result;
  result.type_name = std::move(name);
  result.role = role;
  result.storage = std::move(storage);
  return result;
}

Parameter parameter(std::string name, bool required = false) {
  Parameter result;
  result.name = std::move(name);
  result.required = required;
  return result;
}

std::string shortened(std::string text) {
  const std::string_view prefix = "ai.bytesandbrains.";
  for (std::size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at + 1))
    text.replace(at, prefix.size(), "~");
  return text;
}

std::string joined(const auto& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + (name.empty() ? std::string("-") : std::string(name));
  return text;
}

std::string attribute_text(const onnx::AttributeProto& attribute) {
  switch (attribute.type()) {
    case onnx::AttributeProto::INT: return std::to_string(attribute.i());
    case onnx::AttributeProto::STRING: {
      const bool printable = std::all_of(attribute.s().begin(), attribute.s().end(), [](char c) { return c >= 0x20 && c < 0x7f; });
      return printable ? attribute.s() : to_hex(as_bytes(attribute.s()));
    }
    case onnx::AttributeProto::TENSOR: return "tensor[" + std::to_string(attribute.t().float_data_size()) + "]";
    case onnx::AttributeProto::INTS: return "ints[" + std::to_string(attribute.ints_size()) + "]";
    default: return "type" + std::to_string(attribute.type());
  }
}

}  // namespace

Registry compiler_registry() {
  Registry registry;
  const auto same = [](OpDeclaration declaration) {
    declaration.same_type_as_input0 = true;
    return declaration;
  };
  const auto with = [](OpDeclaration declaration, std::vector<Parameter> parameters) {
    declaration.parameters = std::move(parameters);
    return declaration;
  };
  const Port any = port("value", "any");
  const Port ack = port("ack", "trigger");
  add(registry, same(op(domain::kSyscall, "PassThrough", {any}, {any})));
  add(registry, same(op(domain::kSyscall, "Gate", {any, port("trigger", "trigger")}, {any})));
  add(registry, op(domain::kSyscall, "GateDispatch", {port("inputs", "any", false, true)}, {port("out", "trigger")}));
  add(registry, same(op(domain::kSyscall, "Any", {port("inputs", "any", false, true)}, {any})));
  add(registry, op(domain::kSyscall, "Constant", {}, {any}));
  add(registry, op(domain::kSyscall, "Interval", {}, {port("tick", "timestamp")}));
  OpDeclaration tee = op(domain::kSyscall, "Tee", {any}, {any});
  tee.variadic_outputs = true;
  add(registry, tee);
  add(registry, op(domain::kComposite, "Bundle", {port("parts", "any", false, true)}, {port("bundle", "composite")}));
  OpDeclaration unbundle = op(domain::kComposite, "Unbundle", {port("bundle", "composite")}, {port("child", "any")});
  unbundle.variadic_outputs = true;
  unbundle.required_attributes = {"ai.bytesandbrains.composite.child_count"};
  add(registry, unbundle);
  add(registry, op(domain::kAddressBook, "InsertMany", {port("peer", "peer_id"), port("addresses", "address_vec")}, {ack}));
  add(registry, op(domain::kAddressBook, "Lookup", {port("peer", "peer_id")}, {port("addresses", "address_vec")}));
  add(registry, op(domain::kWire, "AwaitResponse", {port("handle", "wire_req_id")}, {any}));
  add(registry, op(domain::kWire, "Reply", {any, port("sender", "peer_id")}, {ack}));

  OpDeclaration forward = role_op(Role::model, "Forward", {port("input", "$tensor")}, {port("output", "$tensor")});
  forward.relations = {{TypeRelation::Kind::same_type, {0, kOutputPort}}};
  add(registry, forward);
  add(registry, role_op(Role::model, "Backward", {port("grad", "any")}, {ack}));
  add(registry,
      role_op(Role::model, "ComputeLoss", {port("input", "$tensor"), port("target", "$tensor")}, {port("loss", "scalar.f32")}));
  add(registry, role_op(Role::model, "ApplyDelta", {port("delta", "$tensor")}, {ack}));
  add(registry, role_op(Role::model, "LoadParameters", {port("params", "$tensor")}, {ack}));
  add(registry, role_op(Role::model, "Params", {}, {port("params", "$tensor")}));
  add(registry,
      with(role_op(Role::model, "Train", {port("trigger", "trigger", true)}, {port("loss", "scalar.f32")}), {parameter("steps")}));
  add(registry, role_op(Role::data_source, "NextBatch", {}, {port("batch", "$sample"), port("labels", "$sample")}));
  add(registry, role_op(Role::data_source, "Reset", {port("trigger", "trigger")}, {ack}));
  add(registry, role_op(Role::data_source, "OnDataLoaded", {}, {ack}));
  add(registry,
      role_op(Role::aggregator, "Contribute",
              {port("contribution", "$element"), port("metadata", "$metadata", true), port("source", "peer_id", true)}, {ack}));
  add(registry, role_op(Role::aggregator, "Aggregate", {port("trigger", "trigger")},
                        {port("params", "$element"), port("metadata", "$metadata")}));
  add(registry, with(role_op(Role::peer_selector, "Sample", {}, {port("peers", "peer_id_vec")}), {parameter("n", true)}));
  add(registry, role_op(Role::peer_selector, "CurrentView", {}, {port("peers", "peer_id_vec")}));
  add(registry, with(role_op(Role::peer_selector, "Select", {port("key", "bytes", true)}, {port("peers", "peer_id_vec")}),
                     {parameter("mode"), parameter("n")}));
  add(registry, role_op(Role::index, "Add", {port("vec", "$vector")}, {port("id", "u64")}));
  add(registry,
      with(role_op(Role::index, "Search", {port("query", "$vector")}, {port("results", "search_results")}), {parameter("k")}));
  add(registry, role_op(Role::index, "Remove", {port("id", "u64")}, {ack}));
  add(registry, role_op(Role::index, "Train", {port("samples", "any")}, {ack}));
  add(registry, role_op(Role::codec, "Train", {port("samples", "any")}, {ack}));
  add(registry, role_op(Role::codec, "Encode", {port("input", "$in")}, {port("output", "$out")}));
  add(registry, role_op(Role::codec, "Decode", {port("encoded", "$out")}, {port("output", "$in")}));
  for (const std::string_view name : {"Add", "Sub", "Mul", "MatMul"}) {
    OpDeclaration binary = role_op(Role::backend, name, {port("A", "$tensor"), port("B", "$tensor")}, {port("C", "$tensor")});
    binary.relations = {{TypeRelation::Kind::same_type, {0, 1, kOutputPort}}};
    add(registry, binary);
  }
  for (const std::string_view name : {"Relu", "Identity"}) {
    OpDeclaration unary = role_op(Role::backend, name, {port("X", "$tensor")}, {port("Y", "$tensor")});
    unary.relations = {{TypeRelation::Kind::elementwise, {0, kOutputPort}}};
    add(registry, unary);
  }
  OpDeclaration constant = role_op(Role::backend, "Constant", {}, {port("value", "$tensor")});
  constant.required_attributes = {"value"};
  add(registry, constant);

  const auto register_class = [&](ComponentClass c) { REQUIRE(registry.add(std::move(c))); };
  register_class(component("StubLoader", Role::data_source, {{"sample", "tensor.f32"}}));
  register_class(component("StubModel", Role::model, {{"tensor", "tensor.f32"}}));
  register_class(component("DoubleModel", Role::model, {{"tensor", "tensor.f64"}}));
  register_class(component("OpenModel", Role::model, {}));
  ComponentClass stub = component("StubAggregator", Role::aggregator, {{"element", "tensor.f32"}});
  stub.ignores_metadata = true;
  register_class(stub);
  ComponentClass fedavg = component("FedAvg", Role::aggregator, {{"element", "tensor.f32"}, {"metadata", "fedavg_meta"}});
  fedavg.depends = {{Role::backend, "backend"}};
  register_class(fedavg);
  ComponentClass cpu = component("bytesandbrains::backends::cpu::CpuBackend", Role::backend, {{"tensor", "tensor.f32"}});
  cpu.supports = {"Add", "Sub", "Mul", "MatMul", "Relu", "Constant", "Identity"};
  register_class(cpu);
  ComponentClass small = component("SmallBackend", Role::backend, {{"tensor", "tensor.f32"}});
  small.supports = {"Add"};
  register_class(small);
  ComponentClass counting = component("CountingIndex", Role::index, {{"vector", "tensor.f32"}});
  counting.depends = {{Role::backend, "compute"}};
  register_class(counting);
  ComponentClass mlp = component("Mlp", Role::model, {{"tensor", "tensor.f32"}});
  Dependency data{Role::data_source, "data"};
  data.optional = true;
  mlp.depends = {data};
  register_class(mlp);
  register_class(component("ConstantView", Role::peer_selector, {}));
  register_class(component("ByteCodec", Role::codec, {{"in", "tensor.f32"}, {"out", "bytes"}}));
  return registry;
}

std::string dump(const onnx::NodeProto& node) {
  std::string text = node.op_type() + "(" + joined(node.input()) + ")→(" + joined(node.output()) + ")";
  if (node.attribute_size() > 0) {
    text += " {";
    for (const auto& attribute : node.attribute())
      text += (&attribute == &node.attribute(0) ? "" : ", ") + attribute.name() + "=" + attribute_text(attribute);
    text += "}";
  }
  text += " [";
  for (const auto& entry : node.metadata_props())
    text += (&entry == &node.metadata_props(0) ? "" : ", ") + entry.key() + "=" + entry.value();
  return shortened(text + "]");
}

std::string dump(const onnx::FunctionProto& function) {
  std::string text = "(" + joined(function.input()) + ")→(" + joined(function.output()) + ")\n";
  for (const auto& node : function.node()) text += dump(node) + "\n";
  return text;
}

std::string dump_rows(const onnx::ModelProto& model) {
  std::string text;
  for (const auto& entry : model.metadata_props()) {
    std::string key = entry.key();
    if (const std::size_t hash = key.find('#'); hash != std::string::npos) key.replace(hash + 1, 16, "*");
    text += shortened(key) + " = " + shortened(entry.value()) + "\n";
  }
  return text;
}

onnx::ModelProto model_of(Bytes bytes) {
  auto model = ir::load_model(bytes);
  REQUIRE(model);
  return std::move(*model);
}

onnx::ModelProto compiled(const Compiler& compiler, const Module& module) {
  const auto artifact = compiler.compile(module);
  if (!artifact) FAIL(artifact.error().code << " in " << artifact.error().pass << ": " << artifact.error().message);
  return model_of(artifact->bytes());
}

const onnx::FunctionProto& function_of(const onnx::ModelProto& model, std::string_view base) {
  for (const auto& function : model.functions())
    if (function.name() == base || function.name().substr(0, function.name().find('#')) == base) return function;
  FAIL("no function " << base);
  return model.functions(0);
}

std::string error_code(const Compiler& compiler, const Module& module) {
  const auto artifact = compiler.compile(module);
  return artifact ? "" : artifact.error().code;
}

}  // namespace bb::test
