// Records from values and back.
#include "value_transfer.h"

#include "base/utf8.h"
#include "heap.h"
#include "wire/value_block.h"

namespace bb::bindings {
namespace {

constexpr std::uint32_t kDepthMax = 64;
constexpr std::uint32_t kCountMax = 1u << 20;

std::uint32_t padded(std::size_t size) { return static_cast<std::uint32_t>((size + 3) & ~std::size_t{3}); }

bool set_range(ValueRecord& record, Bytes bytes) {
  if (bytes.size() > UINT32_MAX) return false;
  record.at = address_of(bytes.data());
  record.len = static_cast<std::uint32_t>(bytes.size());
  return true;
}

bool write_encoded(const Value& value, ValueRecord& record, Arena& arena) {
  const std::uint64_t size = encoded_size(value);
  std::uint8_t* const at = arena.reserve(size);
  if (!at) return false;
  encode_value_to(value, at);
  return set_range(record, {at, static_cast<std::size_t>(size)});
}

/// Texts, each after its u32 length and padded to a multiple of 4.
bool write_texts(const std::vector<std::string>& texts, ValueRecord& record, Arena& arena) {
  std::uint64_t size = 0;
  for (const std::string& text : texts) size += 4 + padded(text.size());
  std::uint8_t* const start = arena.reserve_zeroed(size);
  if (!start) return false;
  std::uint8_t* at = start;
  for (const std::string& text : texts) {
    store_le(at, static_cast<std::uint32_t>(text.size()));
    std::memcpy(at + 4, text.data(), text.size());
    at += 4 + padded(text.size());
  }
  record.bits = texts.size();
  return set_range(record, {start, static_cast<std::size_t>(size)});
}

bool write_addresses(const Value& value, ValueRecord& record, Arena& arena) {
  wire::BincodeReader reader(value.as_bytes());
  std::uint64_t count = 1;
  if (value.carrier() == Carrier::addresses) {
    const auto listed = reader.number<std::uint64_t>();
    if (!listed) return false;
    count = *listed;
  }
  std::vector<std::string> texts;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto address = wire::read_address(reader);
    if (!address) return false;
    texts.push_back(address->to_text());
  }
  return write_texts(texts, record, arena);
}

bool write_peers(std::span<const PeerId> peers, ValueRecord& record, Arena& arena) {
  std::uint64_t size = 0;
  std::uint8_t bytes[PeerId::kBytesMax];
  for (const PeerId& peer : peers) size += 4 + padded(peer.write(bytes));
  std::uint8_t* const start = arena.reserve_zeroed(size);
  if (!start) return false;
  std::uint8_t* at = start;
  for (const PeerId& peer : peers) {
    const auto length = static_cast<std::uint32_t>(peer.write(at + 4));
    store_le(at, length);
    at += 4 + padded(length);
  }
  record.bits = peers.size();
  return set_range(record, {start, static_cast<std::size_t>(size)});
}

bool write_tensor(const Value& value, ValueRecord& record) {
  const TensorView tensor = value.as_tensor();
  record.dtype = static_cast<std::uint8_t>(tensor.dtype);
  record.rank = static_cast<std::uint8_t>(tensor.shape.size());
  record.dims_at = address_of(tensor.shape.data());
  return set_range(record, tensor.data);
}

bool write_composite(std::span<const Value> children, ValueRecord& record, Arena& arena) {
  auto* const records = reinterpret_cast<ValueRecord*>(arena.reserve_zeroed(children.size() * sizeof(ValueRecord)));
  if (!records) return false;
  for (std::size_t i = 0; i < children.size(); ++i)
    if (!write_value(children[i], records[i], arena)) return false;  // depth is bounded where composites are made
  record.at = address_of(records);
  record.len = static_cast<std::uint32_t>(children.size());
  return true;
}

Result<Value> read_peer(Bytes bytes, Memory& memory) {
  BB_TRY(peer, PeerId::from_bytes(bytes));
  return Value::peer(memory, peer);
}

/// Calls `take(bytes)` for every entry of a list of lengths and bytes.
template <class Take>
Status read_list(const ValueRecord& record, Take take) {
  if (record.bits > kCountMax) return fail(Code::over_cap, record.bits);
  const Bytes bytes = heap_bytes(record.at, record.len);
  if (bytes.size() != record.len) return fail(Code::bad_argument);
  std::size_t at = 0;
  for (std::uint64_t i = 0; i < record.bits; ++i) {
    if (bytes.size() - at < 4) return fail(Code::truncated, i);
    const auto length = load_le<std::uint32_t>(bytes.data() + at);
    at += 4;
    if (length > bytes.size() - at) return fail(Code::truncated, i);
    BB_CHECK(take(bytes.subspan(at, length)));
    at += std::min<std::size_t>(padded(length), bytes.size() - at);
  }
  return {};
}

Result<Value> read_peers(const ValueRecord& record, Memory& memory) {
  if (record.bits > record.len / 4) return fail(Code::truncated, record.bits);
  PeerId* peers = nullptr;
  BB_TRY(value, Value::peers_of_size(memory, record.bits, peers));
  BB_CHECK(read_list(record, [&peers](Bytes bytes) { return PeerId::read(bytes, *peers++); }));
  return std::move(value);
}

Result<Value> read_addresses(const ValueRecord& record, Memory& memory) {
  std::vector<Address> addresses;
  BB_CHECK(read_list(record, [&addresses](Bytes bytes) -> Status {
    auto address = Address::from_text(as_text(bytes));
    if (!address) return fail(address.error().code, address.error().at);
    addresses.push_back(std::move(*address));
    return {};
  }));
  if (record.kind == static_cast<std::uint8_t>(ValueKind::addresses)) return Value::addresses(memory, addresses);
  if (addresses.size() != 1) return fail(Code::bad_argument, addresses.size());
  return Value::address(memory, addresses.front());
}

Result<Value> read_tensor(const ValueRecord& record, Memory& memory) {
  if (record.dtype >= kDTypeCount) return fail(Code::bad_argument, record.dtype);
  if (record.rank > kRankMax) return fail(Code::over_cap, record.rank);
  std::uint64_t shape[kRankMax] = {};
  if (record.rank > 0) {
    if (!in_heap(record.dims_at, record.rank * 8u)) return fail(Code::bad_argument);
    std::memcpy(shape, at_address(record.dims_at), record.rank * 8u);
  }
  const Bytes data = heap_bytes(record.at, record.len);
  if (data.size() != record.len) return fail(Code::bad_argument);
  const auto dtype = static_cast<DType>(record.dtype);
  std::uint64_t size = dtype_size(dtype);
  for (std::uint32_t i = 0; i < record.rank; ++i)
    if (__builtin_mul_overflow(size, shape[i], &size)) return fail(Code::over_cap, i);
  if (size != data.size()) return fail(Code::dims_mismatch, record.len);
  BB_TRY(value, Value::tensor(memory, dtype, {shape, record.rank}));
  if (!data.empty()) std::memcpy(value.mutable_tensor_data(), data.data(), data.size());
  return std::move(value);
}

Result<Value> read_number(const ValueRecord& record) {
  if (record.type_hash == 0) return Value::number(Carrier::u64, record.bits);
  for (const Carrier carrier : {Carrier::u64, Carrier::u64_value, Carrier::request_id, Carrier::command_id, Carrier::timestamp,
                                Carrier::correlation_token, Carrier::u32}) {
    if (record.type_hash != carrier_hash(carrier)) continue;
    if (carrier == Carrier::u32 && record.bits > UINT32_MAX) return fail(Code::overflow);
    return Value::number(carrier, record.bits);
  }
  return fail(Code::unknown_type_hash);
}

Result<Value> read_nested(const ValueRecord& record, Memory& memory, std::uint32_t depth) {
  const auto bytes = [&]() -> Result<Bytes> {
    const Bytes range = heap_bytes(record.at, record.len);
    if (range.size() != record.len) return fail(Code::bad_argument);
    return range;
  };
  switch (static_cast<ValueKind>(record.kind)) {
    case ValueKind::absent: return Value();
    case ValueKind::trigger: return Value::trigger();
    case ValueKind::boolean: return Value::number(Carrier::boolean, record.bits != 0);
    case ValueKind::i64: return Value::number(Carrier::i64, record.bits);
    case ValueKind::u64: return read_number(record);
    case ValueKind::f64: {
      const auto number = std::bit_cast<double>(record.bits);
      return record.type_hash == carrier_hash(Carrier::f32) ? Value::f32(static_cast<float>(number)) : Value::f64(number);
    }
    case ValueKind::peer: {
      BB_TRY(range, bytes());
      return read_peer(range, memory);
    }
    case ValueKind::peers: return read_peers(record, memory);
    case ValueKind::bytes: {
      BB_TRY(range, bytes());
      return Value::bytes(memory, range);
    }
    case ValueKind::tensor: return read_tensor(record, memory);
    case ValueKind::text: {
      BB_TRY(range, bytes());
      if (!is_utf8(range)) return fail(Code::invalid_utf8);
      return Value::text(memory, as_text(range));
    }
    case ValueKind::composite: {
      if (depth >= kDepthMax) return fail(Code::too_deep, depth);
      if (record.len > kCountMax) return fail(Code::over_cap, record.len);
      if (record.len > 0 && !in_heap(record.at, std::uint64_t{record.len} * sizeof(ValueRecord))) return fail(Code::bad_argument);
      std::vector<Value> children;
      for (std::uint32_t i = 0; i < record.len; ++i) {
        ValueRecord child;
        std::memcpy(&child, at_address(record.at) + i * sizeof child, sizeof child);
        BB_TRY(value, read_nested(child, memory, depth + 1));
        children.push_back(std::move(value));
      }
      return Value::composite(memory, children);
    }
    case ValueKind::encoded: {
      BB_TRY(range, bytes());
      auto value = decode_value(memory, record.type_hash, range);
      if (!value && value.error().code == Code::unknown_type_hash && !is_decodable(record.type_hash))
        return Value::foreign(memory, record.type_hash, range);
      return value;
    }
    case ValueKind::address:
    case ValueKind::addresses: return read_addresses(record, memory);
  }
  return fail(Code::bad_argument, record.kind);
}

}  // namespace

bool write_value(const Value& value, ValueRecord& record, Arena& arena) {
  const auto kind = [&record](ValueKind kind) { record.kind = static_cast<std::uint8_t>(kind); };
  record = {};
  record.type_hash = value.type_hash();
  switch (value.carrier()) {
    case Carrier::absent: record.type_hash = 0; return true;
    case Carrier::trigger: kind(ValueKind::trigger); return true;
    case Carrier::boolean:
      kind(ValueKind::boolean);
      record.bits = value.as_u64();
      return true;
    case Carrier::i64:
      kind(ValueKind::i64);
      record.bits = value.as_u64();
      return true;
    case Carrier::request_id:
    case Carrier::command_id:
    case Carrier::timestamp:
    case Carrier::correlation_token:
    case Carrier::u64_value:
    case Carrier::u32:
    case Carrier::u64:
      kind(ValueKind::u64);
      record.bits = value.as_u64();
      return true;
    case Carrier::f32:
      kind(ValueKind::f64);
      record.bits = std::bit_cast<std::uint64_t>(static_cast<double>(value.as_f32()));
      return true;
    case Carrier::f64:
      kind(ValueKind::f64);
      record.bits = value.as_u64();
      return true;
    case Carrier::peer: {
      kind(ValueKind::peer);
      std::uint8_t* const at = write_peer(value.as_peer(), arena);
      return at && set_range(record, {at + 4, load_le<std::uint32_t>(at)});
    }
    case Carrier::peers: kind(ValueKind::peers); return write_peers(value.as_peers(), record, arena);
    case Carrier::bytes: kind(ValueKind::bytes); return set_range(record, value.as_bytes());
    case Carrier::text: kind(ValueKind::text); return set_range(record, value.as_bytes());
    case Carrier::tensor: kind(ValueKind::tensor); return write_tensor(value, record);
    case Carrier::composite: kind(ValueKind::composite); return write_composite(value.as_composite(), record, arena);
    case Carrier::foreign: kind(ValueKind::encoded); return set_range(record, value.as_bytes());
    case Carrier::address: kind(ValueKind::address); return write_addresses(value, record, arena);
    case Carrier::addresses: kind(ValueKind::addresses); return write_addresses(value, record, arena);
    case Carrier::fed_avg_meta:
    case Carrier::unit:
    case Carrier::search_results: kind(ValueKind::encoded); return write_encoded(value, record, arena);
  }
  return false;
}

Result<Value> read_value(const ValueRecord& record, Memory& memory) { return read_nested(record, memory, 0); }

std::uint8_t* write_peer(const PeerId& peer, Arena& arena) {
  std::uint8_t bytes[PeerId::kBytesMax];
  const auto length = static_cast<std::uint32_t>(peer.write(bytes));
  std::uint8_t* const at = arena.reserve(4 + length);
  if (!at) return nullptr;
  store_le(at, length);
  std::memcpy(at + 4, bytes, length);
  return at;
}

}  // namespace bb::bindings
