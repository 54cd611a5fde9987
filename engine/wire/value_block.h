// What the block of a tensor begins with, and the bincode of addresses that values hold.
#pragma once

#include "bb/value.h"
#include "wire/bincode.h"

namespace bb {

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
