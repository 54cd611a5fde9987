// The tables of role ops. A port type "$name" is the storage port that the bound class declares (spec C §4.1).
#include "ops/roles.h"

#include "bb/error.h"
#include "ops/backends/cpu/constant.h"

namespace bb::ops {
namespace {

using Relation = TypeRelation::Kind;

Port required(std::string name, std::string type) { return {.name = std::move(name), .type = std::move(type)}; }
Port optional(std::string name, std::string type) { return {.name = std::move(name), .type = std::move(type), .optional = true}; }
std::vector<Port> acknowledged() { return {required("ack", "trigger")}; }

OpDeclaration op(Role role, std::string op_type, std::vector<Port> inputs, std::vector<Port> outputs) {
  return {.domain = std::string(role_domain(role)),
          .op_type = std::move(op_type),
          .role = role,
          .inputs = std::move(inputs),
          .outputs = std::move(outputs)};
}

std::vector<OpDeclaration> model_ops() {
  const auto model = [](auto... parts) { return op(Role::model, std::move(parts)...); };
  using Ports = std::vector<Port>;
  std::vector<OpDeclaration> ops;
  ops.push_back(model("Forward", Ports{required("input", "$tensor")}, Ports{required("output", "$tensor")}));
  ops.back().relations = {{Relation::same_type, {0, kOutputPort}}};
  // The loss that ComputeLoss returned, or a gradient: which of them a model takes is its own affair.
  ops.push_back(model("Backward", Ports{required("grad", "any")}, acknowledged()));
  ops.push_back(model("ComputeLoss", Ports{required("input", "$tensor"), required("target", "$tensor")},
                      Ports{required("loss", "scalar.f32")}));
  ops.push_back(model("ApplyDelta", Ports{required("delta", "$tensor")}, acknowledged()));
  ops.push_back(model("LoadParameters", Ports{required("params", "$tensor")}, acknowledged()));
  ops.push_back(model("Params", Ports{}, Ports{required("params", "$tensor")}));
  ops.push_back(model("Train", Ports{optional("trigger", "trigger")}, Ports{required("loss", "scalar.f32")}));
  ops.back().parameters = {{.name = "steps", .default_value = 1}};
  return ops;
}

std::vector<OpDeclaration> data_source_ops() {
  return {
      op(Role::data_source, "NextBatch", {}, {required("batch", "$sample"), required("labels", "$sample")}),
      op(Role::data_source, "Reset", {required("trigger", "trigger")}, acknowledged()),
      op(Role::data_source, "OnDataLoaded", {}, acknowledged()),
  };
}

std::vector<OpDeclaration> aggregator_ops() {
  return {
      op(Role::aggregator, "Contribute",
         {required("contribution", "$element"), optional("metadata", "$metadata"), optional("source", "peer_id")}, acknowledged()),
      op(Role::aggregator, "Aggregate", {required("trigger", "trigger")},
         {required("params", "$element"), required("metadata", "$metadata")}),
  };
}

std::vector<OpDeclaration> peer_selector_ops() {
  const Parameter count{.name = "n", .default_value = 1};
  std::vector<OpDeclaration> ops{
      op(Role::peer_selector, "Sample", {}, {required("peers", "peer_id_vec")}),
      op(Role::peer_selector, "CurrentView", {}, {required("peers", "peer_id_vec")}),
      op(Role::peer_selector, "Select", {optional("key", "bytes")}, {required("peers", "peer_id_vec")}),
  };
  ops[0].parameters = {count};
  ops[2].parameters = {{.name = "mode"}, count};
  return ops;
}

std::vector<OpDeclaration> index_ops() {
  std::vector<OpDeclaration> ops{
      op(Role::index, "Add", {required("vec", "$vector")}, {required("id", "u64")}),
      op(Role::index, "Search", {required("query", "$vector")}, {required("results", "search_results")}),
      op(Role::index, "Remove", {required("id", "u64")}, acknowledged()),
      op(Role::index, "Train", {required("samples", "any")}, acknowledged()),
  };
  ops[1].parameters = {{.name = "k", .default_value = 10}};
  return ops;
}

std::vector<OpDeclaration> codec_ops() {
  return {
      op(Role::codec, "Train", {required("samples", "any")}, acknowledged()),
      op(Role::codec, "Encode", {required("input", "$in")}, {required("output", "$out")}),
      op(Role::codec, "Decode", {required("encoded", "$out")}, {required("output", "$in")}),
  };
}

/// A backend op by its input names: one that ends in '?' is optional, one that ends in '*' takes all remaining inputs, and one that
/// begins with '#' holds indices, sizes or truth values, whose element type is not that of the data.
struct BackendRow {
  std::string_view op_type;
  std::vector<std::string_view> inputs;
  Relation relation;
  std::vector<std::uint32_t> related;  // empty: the op declares no relation
  std::string_view output_type = "$tensor";
  std::vector<std::string_view> required_attributes = {};
};

std::vector<BackendRow> backend_rows() {
  constexpr std::uint32_t out = kOutputPort;
  const auto binary = [](std::string_view name, std::string_view output = "$tensor") {
    return BackendRow{name, {"A", "B"}, Relation::same_type, {0, 1, kOutputPort}, output};
  };
  const auto comparison = [](std::string_view name) { return BackendRow{name, {"A", "B"}, Relation::same_type, {0, 1}, "tensor"}; };
  const auto unary = [](std::string_view name) { return BackendRow{name, {"X"}, Relation::elementwise, {0, kOutputPort}}; };
  const auto reduce = [](std::string_view name) { return BackendRow{name, {"X"}, Relation::reduce_over, {0, kOutputPort}}; };
  return {
      binary("Add"),
      binary("Sub"),
      binary("Mul"),
      binary("Div"),
      unary("Neg"),
      unary("Abs"),
      unary("Sqrt"),
      binary("Pow"),
      unary("Exp"),
      unary("Log"),
      binary("MatMul"),
      reduce("ReduceSum"),
      reduce("ReduceMean"),
      reduce("ReduceMax"),
      reduce("ReduceMin"),
      {"Reshape", {"X", "#shape?"}, Relation::same_type, {0, out}},
      {"Transpose", {"X"}, Relation::same_type, {0, out}},
      {"Concat", {"X*"}, Relation::same_type, {0, out}, "$tensor", {"axis"}},
      {"Slice", {"X", "#starts?", "#ends?", "#axes?", "#steps?"}, Relation::same_type, {0, out}},
      {"Split", {"X", "#split?"}, Relation::same_type, {}},
      {"Squeeze", {"X", "#axes?"}, Relation::same_type, {0, out}},
      {"Unsqueeze", {"X", "#axes?"}, Relation::same_type, {0, out}},
      unary("Identity"),
      {"Cast", {"X"}, Relation::same_type, {}, "tensor", {"to"}},
      comparison("Equal"),
      comparison("Greater"),
      comparison("Less"),
      {"Where", {"#condition", "X", "Y"}, Relation::same_type, {1, 2, out}},
      {"Constant", {}, Relation::same_type, {}},
      {"Gather", {"data", "#indices"}, Relation::same_type, {0, out}},
      unary("Relu"),
      unary("Sigmoid"),
      unary("Tanh"),
      unary("Softmax"),
      unary("LeakyRelu"),
      unary("Gelu"),
      binary("Dot"),
      {"Gemm", {"A", "B", "C?"}, Relation::same_type, {0, 1, out}},
      {"Zeros", {}, Relation::same_type, {}, "$tensor", {"dims"}},
      {"Ones", {}, Relation::same_type, {}, "$tensor", {"dims"}},
      {"GlobalAveragePool", {"X"}, Relation::same_type, {0, out}},
      {"BatchNormalization", {"X", "scale", "bias", "mean", "var"}, Relation::same_type, {0, out}},
      {"LayerNormalization", {"X", "scale", "bias?"}, Relation::same_type, {0, out}},
      {"Conv", {"X", "W", "B?"}, Relation::same_type, {0, 1, out}},
      {"MaxPool", {"X"}, Relation::same_type, {0, out}},
      {"AveragePool", {"X"}, Relation::same_type, {0, out}},
      {"Scatter", {"data", "#indices", "updates"}, Relation::same_type, {0, 2, out}},
  };
}

OpDeclaration backend_op(const BackendRow& row) {
  OpDeclaration declaration{.domain = std::string(domain::kOnnx), .op_type = std::string(row.op_type), .role = Role::backend};
  for (std::string_view name : row.inputs) {
    Port port{.type = name.starts_with('#') ? "tensor" : "$tensor"};
    if (name.starts_with('#')) name.remove_prefix(1);
    port.optional = name.ends_with('?');
    port.variadic = name.ends_with('*');
    if (port.optional || port.variadic) name.remove_suffix(1);
    port.name = std::string(name);
    declaration.inputs.push_back(std::move(port));
  }
  declaration.outputs = {required("output", std::string(row.output_type))};
  declaration.variadic_outputs = row.op_type == "Split";
  declaration.required_attributes.assign(row.required_attributes.begin(), row.required_attributes.end());
  if (!row.related.empty()) declaration.relations = {{row.relation, row.related}};
  if (row.op_type == "Constant") declaration.prepare = prepare_backend_constant;
  return declaration;
}

}  // namespace

void add_role_ops(Registry& registry) {
  const auto add = [&registry](OpDeclaration declaration) {
    const Status added = registry.add(std::move(declaration));
    BB_ASSERT(added.has_value());
  };
  for (auto* table : {model_ops, data_source_ops, aggregator_ops, peer_selector_ops, index_ops, codec_ops})
    for (OpDeclaration& declaration : table()) add(std::move(declaration));
  for (const BackendRow& row : backend_rows()) add(backend_op(row));
}

}  // namespace bb::ops
