// Values: blocks, their makers and readers. Encoding is in value_encode.cpp, decoding in value_decode.cpp.
#include "bb/value.h"

#include <algorithm>

#include "wire/bincode.h"
#include "wire/carriers.h"
#include "wire/value_block.h"

namespace bb {

using wire::TensorHeader;

namespace {

// No envelope holds more. Sharing doubles a composite's wire size with every level, so it is bounded where it is made.
constexpr std::uint64_t kCompositeBytesMax = INT32_MAX;

}  // namespace

Result<Value> Value::make(Memory& memory, Carrier carrier, std::uint64_t payload_bytes) {
  if (payload_bytes > SIZE_MAX - sizeof(Block)) return fail(Code::over_cap, payload_bytes);
  void* raw = memory.allocate(sizeof(Block) + static_cast<std::size_t>(payload_bytes));
  if (!raw) return fail(Code::no_memory, payload_bytes);
  Result<Value> value(std::in_place);
  value->head_ = pack(carrier);
  value->block_ = new (raw) Block{.holders = 1, .size = payload_bytes, .memory = &memory};
  return value;
}

void Value::free_block() {
  Block* const block = std::exchange(block_, nullptr);
  if (carrier() == Carrier::composite) {
    auto* children = reinterpret_cast<Value*>(block + 1);  // at most 64 levels deep, so recursion is bounded
    std::destroy_n(children, static_cast<std::size_t>(block->size / sizeof(Value)));
  }
  if (block->budget) block->budget->release(block->charge);
  block->memory->release(block, sizeof(Block) + static_cast<std::size_t>(block->size));
}

bool Value::unique() const { return !block_ || block_->holders == 1; }

void Value::release_charge() {
  if (!block_ || !block_->budget) return;
  std::exchange(block_->budget, nullptr)->release(std::exchange(block_->charge, 0));
}

std::uint64_t Value::charged_bytes() const { return block_ ? block_->charge : 0; }

std::uint64_t Value::type_hash() const {
  if (carrier() == Carrier::foreign) return block_->hash;
  return carrier_hash(carrier(), dtype());
}

std::string_view carrier_name(Carrier carrier, DType dtype) {
  if (carrier == Carrier::tensor && dtype != DType::f32) return wire::kAnyTensorName;
  return wire::kCarrierNames[static_cast<std::size_t>(carrier)];
}

std::uint64_t carrier_hash(Carrier carrier, DType dtype) {
  if (carrier == Carrier::tensor && dtype != DType::f32) return wire::kAnyTensorHash;
  return wire::kCarrierHashes[static_cast<std::size_t>(carrier)];
}

namespace {

template <class T>
void copy_in(std::uint8_t* out, std::span<const T> items) {
  copy_bytes({reinterpret_cast<const std::uint8_t*>(items.data()), items.size_bytes()}, out);
}

}  // namespace

Result<Value> Value::bytes(Memory& memory, Bytes content) {
  auto value = make(memory, Carrier::bytes, content.size());
  if (value) copy_in(value->payload(), content);
  return value;
}

Result<Value> Value::bytes_of_size(Memory& memory, std::uint64_t size, std::uint8_t*& data) {
  auto value = make(memory, Carrier::bytes, size);
  if (value) data = value->payload();
  return value;
}

Result<Value> Value::text(Memory& memory, std::string_view content) {
  auto value = make(memory, Carrier::text, content.size());
  if (value) copy_in(value->payload(), bb::as_bytes(content));
  return value;
}

Result<Value> Value::peer(Memory& memory, const PeerId& peer) {
  auto value = make(memory, Carrier::peer, sizeof(PeerId));
  if (value) new (value->payload()) PeerId(peer);
  return value;
}

Result<Value> Value::peers(Memory& memory, std::span<const PeerId> peers) {
  auto value = make(memory, Carrier::peers, peers.size_bytes());
  if (value) copy_in(value->payload(), peers);
  return value;
}

Result<Value> Value::peers_of_size(Memory& memory, std::uint64_t count, PeerId*& data) {
  std::uint64_t bytes = 0;
  if (__builtin_mul_overflow(count, sizeof(PeerId), &bytes)) return fail(Code::over_cap, count);
  BB_TRY(value, make(memory, Carrier::peers, bytes));
  data = reinterpret_cast<PeerId*>(value.payload());
  return std::move(value);
}

Result<Value> Value::address(Memory& memory, const Address& address) {
  BB_TRY(value, make(memory, Carrier::address, wire::address_bincode_size(address)));
  wire::BincodeWriter writer(value.payload());
  wire::write_address(writer, address);
  return std::move(value);
}

Result<Value> Value::addresses(Memory& memory, std::span<const Address> addresses) {
  std::uint64_t size = 8;
  for (const Address& address : addresses) size += wire::address_bincode_size(address);
  BB_TRY(value, make(memory, Carrier::addresses, size));
  wire::BincodeWriter writer(value.payload());
  writer.number<std::uint64_t>(addresses.size());
  for (const Address& address : addresses) wire::write_address(writer, address);
  return std::move(value);
}

Result<Value> Value::fed_avg_meta(Memory& memory, FedAvgMeta meta) {
  BB_TRY(value, make(memory, Carrier::fed_avg_meta, sizeof meta));
  new (value.payload()) FedAvgMeta(meta);
  return std::move(value);
}

Result<Value> Value::composite(Memory& memory, std::span<const Value> children) {
  std::uint32_t depth = 1;
  std::uint64_t wire_bytes = 8;
  for (const Value& child : children) {
    if (!child.present()) return fail(Code::not_encodable, static_cast<std::uint64_t>(&child - children.data()));
    if (child.carrier() == Carrier::composite) depth = std::max<std::uint32_t>(depth, child.depth() + 1u);
    wire_bytes += 16 + encoded_size(child);
    if (wire_bytes > kCompositeBytesMax) return fail(Code::over_cap, wire_bytes);
  }
  if (depth > DecodeLimits{}.depth_max) return fail(Code::too_deep, depth);
  BB_TRY(value, make(memory, Carrier::composite, children.size_bytes()));
  value.head_ = pack(Carrier::composite, DType::f32, depth);
  value.bits_ = wire_bytes;  // measured once: shared children make it exponential in the depth to measure again
  std::uninitialized_copy(children.begin(), children.end(), reinterpret_cast<Value*>(value.payload()));
  return std::move(value);
}

Result<Value> Value::search_results(Memory& memory, std::span<const std::pair<std::uint64_t, float>> results) {
  BB_TRY(value, make(memory, Carrier::search_results, results.size_bytes()));
  std::uninitialized_copy(results.begin(), results.end(), reinterpret_cast<std::pair<std::uint64_t, float>*>(value.payload()));
  return std::move(value);
}

Result<Value> Value::foreign(Memory& memory, std::uint64_t type_hash, Bytes wire_bytes) {
  BB_TRY(value, make(memory, Carrier::foreign, wire_bytes.size()));
  value.block_->hash = type_hash;
  copy_in(value.payload(), wire_bytes);
  return std::move(value);
}

Result<Value> Value::tensor(Memory& memory, DType dtype, std::span<const std::uint64_t> shape) {
  if (shape.size() > kRankMax) return fail(Code::over_cap, shape.size());
  std::uint64_t elements = 1;
  for (const std::uint64_t dim : shape)
    if (__builtin_mul_overflow(elements, dim, &elements)) return fail(Code::over_cap, shape.size());
  std::uint64_t data_bytes = 0;
  if (__builtin_mul_overflow(elements, std::uint64_t{dtype_size(dtype)}, &data_bytes) ||
      data_bytes > SIZE_MAX - sizeof(TensorHeader))
    return fail(Code::over_cap, shape.size());
  BB_TRY(value, make(memory, Carrier::tensor, sizeof(TensorHeader) + data_bytes));
  value.head_ = pack(Carrier::tensor, dtype);
  auto* header = new (value.payload()) TensorHeader{.elements = elements, .rank = static_cast<std::uint32_t>(shape.size())};
  std::copy(shape.begin(), shape.end(), header->shape);
  return std::move(value);
}

Result<Value> Value::tensor_f32(Memory& memory, std::span<const std::uint64_t> shape, std::span<const float> data) {
  BB_TRY(value, tensor(memory, DType::f32, shape));
  if (value.as_tensor().elements != data.size()) return fail(Code::dims_mismatch, data.size());
  copy_in(value.payload() + sizeof(TensorHeader), data);
  return std::move(value);
}

const PeerId& Value::as_peer() const {
  BB_ASSERT(carrier() == Carrier::peer);
  return *reinterpret_cast<const PeerId*>(payload());
}

FedAvgMeta Value::as_fed_avg_meta() const {
  BB_ASSERT(carrier() == Carrier::fed_avg_meta);
  return *reinterpret_cast<const FedAvgMeta*>(payload());
}

std::span<const Value> Value::as_composite() const {
  BB_ASSERT(carrier() == Carrier::composite);
  return {reinterpret_cast<const Value*>(payload()), static_cast<std::size_t>(payload_size() / sizeof(Value))};
}

std::span<const std::pair<std::uint64_t, float>> Value::as_search_results() const {
  BB_ASSERT(carrier() == Carrier::search_results);
  using Item = std::pair<std::uint64_t, float>;
  return {reinterpret_cast<const Item*>(payload()), static_cast<std::size_t>(payload_size() / sizeof(Item))};
}

TensorView Value::as_tensor() const {
  BB_ASSERT(carrier() == Carrier::tensor);
  const auto* header = reinterpret_cast<const TensorHeader*>(payload());
  return {.dtype = dtype(),
          .shape = {header->shape, header->rank},
          .elements = header->elements,
          .data = {payload() + sizeof(TensorHeader), static_cast<std::size_t>(payload_size() - sizeof(TensorHeader))}};
}

std::uint8_t* Value::mutable_tensor_data() {
  return carrier() == Carrier::tensor && unique() ? payload() + sizeof(TensorHeader) : nullptr;
}

}  // namespace bb
