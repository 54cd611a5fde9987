// TensorProto to tensor values (spec A §9.7).
#include "ops/tensor_proto.h"

#include <algorithm>
#include <optional>

#include "ir/metadata.h"

namespace bb::ops {
namespace {

// ONNX DataType numbers.
std::optional<DType> dtype_of(std::int32_t data_type) {
  switch (data_type) {
    case 1: return DType::f32;
    case 2: return DType::u8;
    case 3: return DType::i8;
    case 4: return DType::u16;
    case 5: return DType::i16;
    case 6: return DType::i32;
    case 7: return DType::i64;
    case 9: return DType::boolean;
    case 10: return DType::f16;
    case 11: return DType::f64;
    case 12: return DType::u32;
    case 13: return DType::u64;
    case 16: return DType::bf16;
    default: return std::nullopt;
  }
}

// A typed field holds narrow elements in wide numbers; the low bytes are the element.
template <class Field>
bool copy_field(const Field& field, std::uint64_t elements, std::uint32_t element_bytes, std::uint8_t* out) {
  if (static_cast<std::uint64_t>(field.size()) != elements) return false;
  for (const auto number : field) {
    std::memcpy(out, &number, std::min<std::size_t>(element_bytes, sizeof number));
    out += element_bytes;
  }
  return true;
}

bool copy_data(const onnx::TensorProto& proto, DType dtype, std::uint64_t elements, std::uint8_t* out) {
  const std::uint32_t size = dtype_size(dtype);
  if (!proto.raw_data().empty()) {
    if (proto.raw_data().size() != elements * size) return false;
    std::memcpy(out, proto.raw_data().data(), proto.raw_data().size());
    return true;
  }
  switch (dtype) {
    case DType::f32: return copy_field(proto.float_data(), elements, size, out);
    case DType::f64: return copy_field(proto.double_data(), elements, size, out);
    case DType::i64: return copy_field(proto.int64_data(), elements, size, out);
    case DType::u32:
    case DType::u64: return copy_field(proto.uint64_data(), elements, size, out);
    default: return copy_field(proto.int32_data(), elements, size, out);
  }
}

}  // namespace

Result<Value> tensor_from_proto(Memory& memory, const onnx::TensorProto& proto) {
  const auto dtype = dtype_of(proto.data_type());
  if (!dtype) return fail(Code::invalid_value, static_cast<std::uint32_t>(proto.data_type()));
  if (proto.dims_size() > static_cast<int>(kRankMax)) return fail(Code::over_cap, static_cast<std::uint32_t>(proto.dims_size()));
  std::uint64_t shape[kRankMax] = {};
  for (int i = 0; i < proto.dims_size(); ++i) {
    if (proto.dims(i) < 0) return fail(Code::invalid_value, static_cast<std::uint32_t>(i));
    shape[i] = static_cast<std::uint64_t>(proto.dims(i));
  }
  BB_TRY(value, Value::tensor(memory, *dtype, {shape, static_cast<std::size_t>(proto.dims_size())}));
  const std::uint64_t elements = value.as_tensor().elements;
  if (elements > 0 && !copy_data(proto, *dtype, elements, value.mutable_tensor_data())) return fail(Code::dims_mismatch);
  if (*dtype == DType::boolean)
    for (std::uint64_t i = 0; i < elements; ++i) value.mutable_tensor_data()[i] = value.mutable_tensor_data()[i] != 0;
  return std::move(value);
}

}  // namespace bb::ops
