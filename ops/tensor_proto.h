// Tensors of artifacts as values.
#pragma once

#include "bb/value.h"

namespace onnx {
class TensorProto;
}

namespace bb::ops {

/// Dense tensors of every element type we hold, from `raw_data` or the typed field. Errors: invalid_value (negative dimension or
/// unknown element type), dims_mismatch (the data is not the shape's), over_cap, no_memory.
Result<Value> tensor_from_proto(Memory& memory, const onnx::TensorProto& proto);

}  // namespace bb::ops
