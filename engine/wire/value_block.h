// The block behind a value, and the bincode of addresses that values hold.
#pragma once

#include "bb/value.h"
#include "wire/bincode.h"

namespace bb {

struct alignas(16) Value::Block {
  std::uint32_t holders = 0;  // first: Value::retain counts here
  std::uint64_t size = 0;     // payload bytes, which follow the block
  std::uint64_t charge = 0;
  std::uint64_t hash = 0;  // foreign values only
  Memory* memory = nullptr;
  ByteBudget* budget = nullptr;
};

namespace wire {

struct TensorHeader {
  std::uint64_t elements = 0;
  std::uint32_t rank = 0;
  std::uint32_t unused = 0;
  std::uint64_t shape[kRankMax] = {};
};
static_assert(sizeof(TensorHeader) % 16 == 0, "tensor data is 16-byte aligned");

std::uint64_t address_bincode_size(const Address& address);
void write_address(BincodeWriter& writer, const Address& address);
/// Reads one address. Errors: truncated, invalid_value, invalid_utf8, at the segment's offset.
Result<Address> read_address(BincodeReader& reader);

}  // namespace wire
}  // namespace bb
