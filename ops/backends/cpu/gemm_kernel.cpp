// A matrix multiply in tiles of 4 rows and 8 columns, on vectors of four floats that every target here has: simd128, SSE2, NEON.
// No element's sum depends on where its tile lies, so results are the same for any split of the rows or columns.
#include <algorithm>
#include <cstring>

#include "ops/backends/cpu/gemm.h"

namespace bb::ops {
namespace {

using Floats = float __attribute__((vector_size(16)));

constexpr std::size_t kTileRows = 4;
constexpr std::size_t kTileColumns = 8;
constexpr std::size_t kInnerBlock = 256;  // a panel of b has 8 KiB: it lives on the stack and in the first cache

Floats load(const float* from) {
  Floats value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
void store(float* to, Floats value) { std::memcpy(to, &value, sizeof value); }
Floats splat(float value) { return Floats{value, value, value, value}; }

/// Where a tile reads: element (row, k) of a lies at row · a_row + k · a_inner, row k of b at k · b_stride.
struct Tile {
  const float* a;
  std::size_t a_row;
  std::size_t a_inner;
  const float* b;
  std::size_t b_stride;
  std::size_t inner;
  float alpha;
  float* c;
  std::size_t c_stride;
  std::size_t columns;
};

// Never inlined: V8 optimises a function that is called many times, and leaves one long-running function in its baseline tier.
template <std::size_t Rows>
[[gnu::noinline]] void multiply_tile(const Tile& tile) {
  Floats low[Rows] = {};
  Floats high[Rows] = {};
  const float* a = tile.a;
  const float* b = tile.b;
  for (std::size_t k = 0; k < tile.inner; ++k) {
    const Floats b_low = load(b);
    const Floats b_high = load(b + 4);
#pragma GCC unroll 4
    for (std::size_t row = 0; row < Rows; ++row) {
      const Floats factor = splat(a[row * tile.a_row]);
      low[row] += factor * b_low;
      high[row] += factor * b_high;
    }
    a += tile.a_inner;
    b += tile.b_stride;
  }
  const Floats alpha = splat(tile.alpha);
  for (std::size_t row = 0; row < Rows; ++row) {
    float* const c = tile.c + row * tile.c_stride;
    if (tile.columns == kTileColumns) {
      store(c, load(c) + alpha * low[row]);
      store(c + 4, load(c + 4) + alpha * high[row]);
      continue;
    }
    float sums[kTileColumns];
    store(sums, low[row]);
    store(sums + 4, high[row]);
    for (std::size_t column = 0; column < tile.columns; ++column) c[column] += tile.alpha * sums[column];
  }
}

void multiply_rows(const Tile& tile, std::size_t rows) {
  switch (rows) {
    case 1: return multiply_tile<1>(tile);
    case 2: return multiply_tile<2>(tile);
    case 3: return multiply_tile<3>(tile);
    default: return multiply_tile<kTileRows>(tile);
  }
}

/// Columns `column` and on of op(b), `tile.inner` rows from `k`, as 8 numbers a row; missing columns are zeros, never stored.
[[gnu::noinline]] void pack(const GemmShape& shape, const float* b, std::size_t k, std::size_t column, const Tile& tile,
                            float* panel) {
  if (tile.columns < kTileColumns) std::memset(panel, 0, tile.inner * kTileColumns * sizeof(float));
  if (shape.transpose_b) {
    for (std::size_t j = 0; j < tile.columns; ++j) {
      const float* const from = b + (column + j) * shape.inner + k;
      for (std::size_t i = 0; i < tile.inner; ++i) panel[i * kTileColumns + j] = from[i];
    }
    return;
  }
  for (std::size_t i = 0; i < tile.inner; ++i)
    std::memcpy(panel + i * kTileColumns, b + (k + i) * shape.columns + column, tile.columns * sizeof(float));
}

void scale(float beta, std::size_t count, float* c) {
  if (beta == 0.0f) {
    std::fill_n(c, count, 0.0f);
  } else if (beta != 1.0f) {
    for (std::size_t i = 0; i < count; ++i) c[i] *= beta;
  }
}

}  // namespace

void gemm_kernel(const GemmShape& shape, float alpha, const float* a, const float* b, float beta, float* c) {
  scale(beta, shape.rows * shape.columns, c);
  alignas(16) float panel[kInnerBlock * kTileColumns];
  for (std::size_t k = 0; k < shape.inner; k += kInnerBlock) {
    const float* const a_block = a + (shape.transpose_a ? k * shape.rows : k);
    for (std::size_t column = 0; column < shape.columns; column += kTileColumns) {
      Tile tile{.a = nullptr,
                .a_row = shape.transpose_a ? 1 : shape.inner,
                .a_inner = shape.transpose_a ? shape.rows : 1,
                .b = panel,
                .b_stride = kTileColumns,
                .inner = std::min(kInnerBlock, shape.inner - k),
                .alpha = alpha,
                .c = nullptr,
                .c_stride = shape.columns,
                .columns = std::min(kTileColumns, shape.columns - column)};
      // A panel that only one tile reads is not worth copying.
      if (shape.rows <= kTileRows && !shape.transpose_b && tile.columns == kTileColumns) {
        tile.b = b + k * shape.columns + column;
        tile.b_stride = shape.columns;
      } else {
        pack(shape, b, k, column, tile, panel);
      }
      for (std::size_t row = 0; row < shape.rows; row += kTileRows) {
        tile.a = a_block + (shape.transpose_a ? row : row * shape.inner);
        tile.c = c + row * shape.columns + column;
        multiply_rows(tile, std::min(kTileRows, shape.rows - row));
      }
    }
  }
}

}  // namespace bb::ops
