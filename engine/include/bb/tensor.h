// layer: wire
// Element types and read-only views of dense row-major tensors.
#pragma once

#include <span>

#include "bb/bytes.h"

namespace bb {

/// Order is the wire tag of a non-f32 tensor (spec C §4.4).
enum class DType : std::uint8_t { f32, f64, f16, bf16, u8, u16, u32, u64, i8, i16, i32, i64, boolean };

constexpr std::uint32_t kDTypeCount = 13;
constexpr std::uint32_t dtype_size(DType dtype) {
  constexpr std::uint8_t sizes[kDTypeCount] = {4, 8, 2, 2, 1, 2, 4, 8, 1, 2, 4, 8, 1};
  return sizes[static_cast<std::uint8_t>(dtype)];
}

/// The most dimensions that a tensor may have; more is refused with `over_cap`.
constexpr std::uint32_t kRankMax = 8;

struct TensorView {
  DType dtype = DType::f32;
  std::span<const std::uint64_t> shape;
  std::uint64_t elements = 0;
  Bytes data;  // elements × dtype_size(dtype), 16-byte aligned

  std::span<const float> f32() const { return {reinterpret_cast<const float*>(data.data()), static_cast<std::size_t>(elements)}; }
};

}  // namespace bb
