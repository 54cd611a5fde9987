// Values and random streams in a node's saved state.
#include "bb/value_state.h"

#include <array>

namespace bb {
namespace {

constexpr std::uint32_t kDepthMax = 64;  // of composites, as deep as they can be made
using RandomState = std::array<std::uint64_t, 4>;
static_assert(sizeof(RandomState) == sizeof(RandomStream) && std::is_trivially_copyable_v<RandomStream>);

Status load_nested(StateReader& reader, Memory& memory, Value& value, std::uint32_t depth) {
  const std::uint64_t hash = reader.number();
  if (!reader.ok()) return reader.status();
  if (hash == 0) {
    value = {};
    return {};
  }
  Result<Value> made;
  if (hash == carrier_hash(Carrier::composite)) {
    if (depth == 0) return fail(Code::too_deep, reader.position());
    Array<Value> children;
    const std::uint32_t count = reader.count(UINT32_MAX, 2);
    if (!children.try_reserve(std::min<std::uint32_t>(count, 64))) return fail(Code::no_memory, reader.position());
    for (std::uint32_t i = 0; i < count; ++i) {
      Value child;
      BB_CHECK(load_nested(reader, memory, child, depth - 1));
      if (!children.try_push(std::move(child))) return fail(Code::no_memory, reader.position());
    }
    BB_CHECK(reader.status());
    made = Value::composite(memory, {children.data(), children.size()});
  } else {
    const Bytes bytes = reader.bytes();
    BB_CHECK(reader.status());
    made = is_decodable(hash) ? decode_value(memory, hash, bytes) : Value::foreign(memory, hash, bytes);
    // Other spellings of a type, and bytes that trail, are never written.
    if (made && (made->type_hash() != hash || encoded_size(*made) != bytes.size()))
      return fail(Code::invalid_value, reader.position());
  }
  if (!made) return fail(made.error().code, reader.position());
  value = std::move(*made);
  return {};
}

}  // namespace

bool save_value(StateWriter& writer, const Value& value) {
  if (!value.present()) {
    writer.number(0);
    return true;
  }
  const std::uint64_t hash = value.type_hash();
  if (hash == 0 || (value.carrier() == Carrier::foreign && is_decodable(hash))) return false;
  writer.number(hash);
  if (value.carrier() == Carrier::composite) {
    const std::span<const Value> children = value.as_composite();
    writer.number(children.size());
    for (const Value& child : children)
      if (!save_value(writer, child)) return false;
    return true;
  }
  const std::uint64_t size = encoded_size(value);
  writer.number(size);
  if (std::uint8_t* out = writer.space(size); out && size > 0) encode_value_to(value, out);
  return true;
}

Status load_value(StateReader& reader, Memory& memory, Value& value) { return load_nested(reader, memory, value, kDepthMax); }

void save_random(StateWriter& writer, const RandomStream& random) {
  for (const std::uint64_t word : std::bit_cast<RandomState>(random)) writer.fixed_u64(word);
}

Status load_random(StateReader& reader, RandomStream& random) {
  RandomState state{};
  for (std::uint64_t& word : state) word = reader.fixed_u64();
  if (reader.ok() && state == RandomState{}) reader.fail(Code::invalid_value);
  BB_CHECK(reader.status());
  random = std::bit_cast<RandomStream>(state);
  return {};
}

}  // namespace bb
