// From a node's attribute to a tensor that every dispatch shares.
#include "ops/backends/cpu/constant.h"

#include "ir/metadata.h"
#include "ops/tensor_proto.h"

namespace bb::ops {
namespace {

constexpr int kFloatType = 1;  // TensorProto.DataType.FLOAT

std::unexpected<Error> refuse(PrepareContext& context, Error error, std::string problem) {
  context.problem = "Constant: " + std::move(problem);
  return std::unexpected(error);
}

}  // namespace

Result<std::unique_ptr<OpState>> prepare_backend_constant(const onnx::NodeProto& node, PrepareContext& context) {
  const onnx::AttributeProto* const attribute = ir::find_attribute(node, ir::attribute::kValue);
  if (!attribute) return refuse(context, {Code::bad_argument}, "missing `value` attribute");
  if (attribute->type() != onnx::AttributeProto_AttributeType_TENSOR || !attribute->has_t())
    return refuse(context, {Code::bad_argument}, "`value` attribute has no TensorProto");
  const onnx::TensorProto& proto = attribute->t();
  if (proto.data_type() != kFloatType)
    return refuse(context, {Code::type_mismatch}, "element type " + std::to_string(proto.data_type()) + ", expected 1");
  auto tensor = tensor_from_proto(context.memory, proto);
  if (!tensor) {
    const Error error = tensor.error();
    return refuse(context, error, "TensorProto refused: " + std::string(code_name(error.code)) + " at " + std::to_string(error.at));
  }
  auto state = std::make_unique<BackendConstant>();
  state->tensor = std::move(*tensor);
  return state;
}

}  // namespace bb::ops
