// Values as 32-byte records that both languages read and write; docs/abi.md describes them to the byte.
#pragma once

#include "arena.h"
#include "bb/value.h"

namespace bb::bindings {

enum class ValueKind : std::uint8_t {
  absent,
  trigger,
  boolean,
  i64,
  u64,
  f64,
  peer,
  peers,
  bytes,
  tensor,
  text,
  composite,
  encoded,
  address,    // as text
  addresses,  // as texts
};

struct ValueRecord {
  std::uint8_t kind = 0;
  std::uint8_t dtype = 0;
  std::uint8_t rank = 0;
  std::uint8_t flags = 0;
  std::uint32_t len = 0;
  std::uint32_t at = 0;
  std::uint32_t dims_at = 0;
  std::uint64_t type_hash = 0;
  std::uint64_t bits = 0;
};
static_assert(sizeof(ValueRecord) == 32, "shared with JavaScript; change on purpose (docs/abi.md)");

/// An input of an invocation: its number, then the value.
struct InputRecord {
  std::uint32_t input = 0;
  std::uint32_t padding = 0;
  ValueRecord value;
};
static_assert(sizeof(InputRecord) == 40, "shared with JavaScript; change on purpose (docs/abi.md)");

/// Describes a value. Bytes, texts and tensors are pointed at where they are, so `value` must outlive the record; the rest is
/// written into the arena. False when the arena is full.
bool write_value(const Value& value, ValueRecord& record, Arena& arena);

/// Copies what a record describes into a new value. Errors: bad_argument (a kind, range or count that is not sound), invalid_utf8,
/// dims_mismatch, over_cap, too_deep, no_memory, and those of reading peer ids and wire bytes.
Result<Value> read_value(const ValueRecord& record, Memory& memory);

/// The multihash bytes of a peer after their u32 length, 4-byte aligned; nullptr when the arena is full.
std::uint8_t* write_peer(const PeerId& peer, Arena& arena);

}  // namespace bb::bindings
