// Tensors are tensor types with an element number, everything else is an opaque type named by its denotation.
#include "ir/value_info.h"

namespace bb::ir {
namespace {

constexpr std::string_view kTensorPrefix = "ai.bytesandbrains.tensor.";

int element_number(std::string_view element) {
  if (element == "f32") return 1;
  if (element == "i32") return 6;
  if (element == "i64") return 7;
  if (element == "bool") return 9;
  if (element == "f64") return 11;
  return 0;
}

}  // namespace

void set_type(onnx::ValueInfoProto& info, const TypeNode& type) {
  auto& proto = *info.mutable_type();
  proto.Clear();
  proto.set_denotation(type.denotation);
  if (type.denotation.starts_with(kTensorPrefix)) {
    proto.mutable_tensor_type()->set_elem_type(element_number(std::string_view(type.denotation).substr(kTensorPrefix.size())));
  } else {
    proto.mutable_opaque_type()->set_domain("ai.bytesandbrains");
    proto.mutable_opaque_type()->set_name(type.denotation);
  }
}

const TypeNode* type_of(const onnx::ValueInfoProto& info, const TypeTree& tree) {
  return tree.find_denotation(info.type().denotation());
}

const onnx::ValueInfoProto* find_value_info(const onnx::FunctionProto& function, std::string_view name) {
  for (const auto& info : function.value_info())
    if (info.name() == name) return &info;
  return nullptr;
}

onnx::ValueInfoProto* find_value_info(onnx::FunctionProto& function, std::string_view name) {
  for (auto& info : *function.mutable_value_info())
    if (info.name() == name) return &info;
  return nullptr;
}

}  // namespace bb::ir
