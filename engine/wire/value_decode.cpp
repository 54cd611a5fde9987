// Wire bytes to values, by type hash. Every count is checked against the bytes that remain before anything is reserved.
#include <algorithm>

#include "base/utf8.h"
#include "bb/array.h"
#include "wire/carriers.h"
#include "wire/value_block.h"

namespace bb {
namespace wire {

Result<Address> read_address(BincodeReader& reader) {
  BB_TRY(segments, reader.count(4));  // a segment is at least its kind
  Address address;
  for (std::uint64_t i = 0; i < segments; ++i) {
    const std::size_t at = reader.at();
    BB_TRY(kind, reader.number<std::uint32_t>());
    if (kind == 0) {
      BB_TRY(bytes, reader.lengthy());
      const auto peer = PeerId::from_bytes(bytes);
      if (!peer) return fail(Code::invalid_value, at);
      address = std::move(address).with(*peer);
    } else if (kind == 1) {
      BB_TRY(site, reader.number<std::uint64_t>());
      address = std::move(address).with(SiteId{site});
    } else if (kind == 2) {
      BB_TRY(component, reader.number<std::uint32_t>());
      address = std::move(address).with(ComponentRef{component});
    } else if (kind == 3) {
      BB_TRY(name, reader.lengthy());
      if (!is_utf8(name)) return fail(Code::invalid_utf8, at);
      address = std::move(address).with(Address::Op{std::string(as_text(name))});
    } else {
      return fail(Code::invalid_value, at);
    }
  }
  return address;
}

}  // namespace wire

namespace {

using wire::BincodeReader;

Status read_peer(BincodeReader& reader, PeerId& out) {
  const std::size_t at = reader.at();
  BB_TRY(bytes, reader.lengthy());
  if (!PeerId::read(bytes, out)) return fail(Code::invalid_value, at);
  return {};
}

Result<Value> read_peers(Memory& memory, BincodeReader& reader) {
  BB_TRY(count, reader.count(10));
  // A list in memory is up to ten times its wire bytes; the bound is the same ten times what the sender paid for.
  PeerId* peers = nullptr;
  BB_TRY(value, Value::peers_of_size(memory, count, peers));
  for (std::uint64_t i = 0; i < count; ++i) BB_CHECK(read_peer(reader, peers[i]));
  return std::move(value);
}

Result<std::uint32_t> read_shape(BincodeReader& reader, std::uint64_t (&shape)[kRankMax]) {
  const std::size_t at = reader.at();
  BB_TRY(rank, reader.count(8));
  if (rank > kRankMax) return fail(Code::over_cap, at);
  for (std::uint64_t i = 0; i < rank; ++i) {
    BB_TRY(dim, reader.number<std::uint64_t>());
    shape[i] = dim;
  }
  return static_cast<std::uint32_t>(rank);
}

// False when the product overflows or is another number.
bool shape_holds(std::span<const std::uint64_t> shape, std::uint64_t elements) {
  std::uint64_t product = 1;
  for (const std::uint64_t dim : shape)
    if (__builtin_mul_overflow(product, dim, &product)) return false;
  return product == elements;
}

Result<Value> tensor_of(Memory& memory, DType dtype, std::span<const std::uint64_t> shape, Bytes data) {
  BB_TRY(value, Value::tensor(memory, dtype, shape));
  if (!data.empty()) std::memcpy(value.mutable_tensor_data(), data.data(), data.size());
  return std::move(value);
}

Status expect_end(const BincodeReader& reader) {
  if (reader.remaining() != 0) return fail(Code::trailing_bytes, reader.at());
  return {};
}

Result<Value> read_cpu_tensor(Memory& memory, BincodeReader& reader) {
  BB_TRY(version, reader.number<std::uint8_t>());
  if (version != 1) return fail(Code::bad_version, 0);
  std::uint64_t shape[kRankMax];
  BB_TRY(rank, read_shape(reader, shape));
  const std::size_t count_at = reader.at();
  BB_TRY(elements, reader.count(4));
  if (!shape_holds({shape, rank}, elements)) return fail(Code::dims_mismatch, count_at);
  BB_TRY(data, reader.take(elements * 4));
  const std::size_t copy_at = reader.at();
  std::uint64_t copy[kRankMax];
  BB_TRY(copy_rank, read_shape(reader, copy));
  if (copy_rank != rank || !std::equal(shape, shape + rank, copy)) return fail(Code::dims_mismatch, copy_at);
  BB_CHECK(expect_end(reader));
  return tensor_of(memory, DType::f32, {shape, rank}, data);
}

Result<Value> read_f32_list(Memory& memory, BincodeReader& reader) {
  BB_TRY(elements, reader.count(4));
  BB_TRY(data, reader.take(elements * 4));
  BB_CHECK(expect_end(reader));
  return tensor_of(memory, DType::f32, {&elements, 1}, data);
}

Result<Value> read_any_tensor(Memory& memory, BincodeReader& reader) {
  BB_TRY(tag, reader.number<std::uint8_t>());
  if (tag >= kDTypeCount) return fail(Code::invalid_value, 0);
  const auto dtype = static_cast<DType>(tag);
  std::uint64_t shape[kRankMax];
  BB_TRY(rank, read_shape(reader, shape));
  const std::size_t length_at = reader.at();
  BB_TRY(data, reader.lengthy());
  if (data.size() % dtype_size(dtype) != 0 || !shape_holds({shape, rank}, data.size() / dtype_size(dtype)))
    return fail(Code::dims_mismatch, length_at);
  BB_CHECK(expect_end(reader));
  if (dtype == DType::boolean && std::any_of(data.begin(), data.end(), [](std::uint8_t b) { return b > 1; }))
    return fail(Code::invalid_value, length_at + 8);
  return tensor_of(memory, dtype, {shape, rank}, data);
}

Result<Value> read_composite(Memory& memory, BincodeReader& reader, DecodeLimits limits) {
  if (limits.depth_max == 0) return fail(Code::too_deep, reader.at());
  BB_TRY(count, reader.count(16));
  Array<Value> children;
  if (!children.try_reserve(count)) return fail(Code::no_memory);
  for (std::uint64_t i = 0; i < count; ++i) {
    BB_TRY(hash, reader.number<std::uint64_t>());
    BB_TRY(bytes, reader.lengthy());
    auto child = decode_value(memory, hash, bytes, {limits.depth_max - 1});
    if (!child) return fail(child.error().code, reader.at() - bytes.size() + child.error().at);
    children.push_reserved(std::move(*child));
  }
  return Value::composite(memory, {children.data(), children.size()});
}

Result<Value> read_search_results(Memory& memory, BincodeReader& reader) {
  BB_TRY(count, reader.count(12));
  Array<std::pair<std::uint64_t, float>> results;
  if (!results.try_reserve(count)) return fail(Code::no_memory);
  for (std::uint64_t i = 0; i < count; ++i) {
    BB_TRY(id, reader.number<std::uint64_t>());
    BB_TRY(distance, reader.number<float>());
    results.push_reserved(id, distance);
  }
  return Value::search_results(memory, {results.data(), results.size()});
}

// Validates, then keeps the wire bytes of one address or a list of them without what trails.
Result<Value> read_addresses(Memory& memory, Bytes bytes, bool list) {
  BincodeReader reader(bytes);
  std::vector<Address> addresses;
  std::uint64_t count = 1;
  if (list) {
    BB_TRY(given, reader.count(8));
    count = given;
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    BB_TRY(address, wire::read_address(reader));
    addresses.push_back(std::move(address));
  }
  return list ? Value::addresses(memory, addresses) : Value::address(memory, addresses.front());
}

template <class T>
Result<Value> read_number(Carrier carrier, BincodeReader& reader) {
  BB_TRY(number, reader.number<T>());
  return Value::number(carrier, number);
}

Result<Value> read_carrier(Memory& memory, Carrier carrier, Bytes bytes, DecodeLimits limits) {
  BincodeReader reader(bytes);
  switch (carrier) {
    case Carrier::trigger: return Value::trigger();
    case Carrier::unit: return Value::number(Carrier::unit, 0);
    case Carrier::peer: {
      PeerId peer;
      BB_CHECK(read_peer(reader, peer));
      return Value::peer(memory, peer);
    }
    case Carrier::peers: return read_peers(memory, reader);
    case Carrier::request_id:
    case Carrier::command_id:
    case Carrier::timestamp:
    case Carrier::correlation_token:
    case Carrier::u64_value:
    case Carrier::u64:
    case Carrier::i64:
    case Carrier::f64: return read_number<std::uint64_t>(carrier, reader);
    case Carrier::u32:
    case Carrier::f32: return read_number<std::uint32_t>(carrier, reader);
    case Carrier::boolean: {
      BB_TRY(flag, reader.number<std::uint8_t>());
      if (flag > 1) return fail(Code::invalid_value, 0);
      return Value::number(Carrier::boolean, flag);
    }
    case Carrier::bytes: {
      BB_TRY(content, reader.lengthy());
      return Value::bytes(memory, content);
    }
    case Carrier::text: {
      BB_TRY(content, reader.lengthy());
      if (const std::size_t good = utf8_valid_prefix(content); good < content.size()) return fail(Code::invalid_utf8, 8 + good);
      return Value::text(memory, as_text(content));
    }
    case Carrier::address: return read_addresses(memory, bytes, false);
    case Carrier::addresses: return read_addresses(memory, bytes, true);
    case Carrier::composite: return read_composite(memory, reader, limits);
    case Carrier::tensor: return read_cpu_tensor(memory, reader);
    case Carrier::fed_avg_meta: {
      BB_TRY(samples, reader.number<std::uint64_t>());
      FedAvgMeta meta{.samples = samples, .round = FedAvgMeta::kCurrentRound};
      if (reader.remaining() >= 8) meta.round = *reader.number<std::uint64_t>();
      return Value::fed_avg_meta(memory, meta);
    }
    case Carrier::search_results: return read_search_results(memory, reader);
    case Carrier::absent:
    case Carrier::foreign: break;
  }
  return fail(Code::unknown_type_hash);
}

Carrier carrier_of(std::uint64_t hash) {
  for (std::size_t i = 1; i < wire::kCarrierCount; ++i)
    if (wire::kCarrierHashes[i] == hash && hash != 0) return static_cast<Carrier>(i);
  switch (hash) {
    case wire::kBoxedCpuTensorHash: return Carrier::tensor;
    case wire::kPeerListHash: return Carrier::peers;
    case wire::kBarePeerHash: return Carrier::peer;
    case wire::kByteBoxHash:
    case wire::kByteListHash: return Carrier::bytes;
    default: return Carrier::absent;
  }
}

}  // namespace

bool is_decodable(std::uint64_t type_hash) {
  return carrier_of(type_hash) != Carrier::absent || type_hash == wire::kF32BoxHash || type_hash == wire::kF32ListHash ||
         type_hash == wire::kAnyTensorHash;
}

Result<Value> decode_value(Memory& memory, std::uint64_t type_hash, Bytes bytes, DecodeLimits limits) {
  const Carrier carrier = carrier_of(type_hash);
  if (carrier != Carrier::absent) return read_carrier(memory, carrier, bytes, limits);
  BincodeReader reader(bytes);
  if (type_hash == wire::kF32BoxHash || type_hash == wire::kF32ListHash) return read_f32_list(memory, reader);
  if (type_hash == wire::kAnyTensorHash) return read_any_tensor(memory, reader);
  return fail(Code::unknown_type_hash);
}

}  // namespace bb
