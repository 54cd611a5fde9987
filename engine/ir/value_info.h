// A value's type as ValueInfoProto says it, and as a type node.
#pragma once

#include <string_view>

#include "bb/types.h"
#include "proto/onnx.pb.h"

namespace bb::ir {

/// Writes denotation and `TypeProto.value` so that both say the same; the shape is left out because it is not known.
void set_type(onnx::ValueInfoProto& info, const TypeNode& type);
/// nullptr when the denotation is empty or no node of the tree has it.
const TypeNode* type_of(const onnx::ValueInfoProto& info, const TypeTree& tree);
onnx::ValueInfoProto* find_value_info(onnx::FunctionProto& function, std::string_view name);
const onnx::ValueInfoProto* find_value_info(const onnx::FunctionProto& function, std::string_view name);

}  // namespace bb::ir
