// layer: wire
// What flows between ops: a 24-byte handle, inline for triggers and numbers, else a counted immutable block that fan-out shares.
#pragma once

#include <utility>

#include "bb/address.h"
#include "bb/memory.h"
#include "bb/tensor.h"

namespace bb {

/// The concrete type of a value. Each but `absent` has one type hash (spec A §6, §8.3); `tensor` has one for f32, one for the rest.
enum class Carrier : std::uint8_t {
  absent,
  trigger,
  peer,
  peers,
  request_id,
  bytes,
  address,
  addresses,
  composite,
  tensor,
  command_id,
  timestamp,
  correlation_token,
  u64_value,
  fed_avg_meta,
  u32,
  u64,
  i64,
  f32,
  f64,
  boolean,
  unit,
  text,
  search_results,
  foreign,  // a type that only the host knows: its hash and its wire bytes
};

/// Sample count and round of a federated average; 16 wire bytes, 8 from peers that send no round.
struct FedAvgMeta {
  static constexpr std::uint64_t kCurrentRound = UINT64_MAX;
  std::uint64_t samples = 0;
  std::uint64_t round = 0;
};

class Value {
 public:
  Value() = default;
  Value(const Value& other) : head_(other.head_), bits_(other.bits_), block_(other.block_) { retain(); }
  Value(Value&& other) noexcept : head_(other.head_), bits_(other.bits_), block_(std::exchange(other.block_, nullptr)) {
    other.head_ = 0;
  }
  Value& operator=(const Value& other) { return *this = Value(other); }
  Value& operator=(Value&& other) noexcept {
    if (this == &other) return *this;
    drop();
    head_ = std::exchange(other.head_, 0);
    bits_ = other.bits_;
    block_ = std::exchange(other.block_, nullptr);
    return *this;
  }
  ~Value() { drop(); }

  Carrier carrier() const { return static_cast<Carrier>(head_ & 0xff); }
  bool present() const { return carrier() != Carrier::absent; }
  /// FNV-1a-64 of the carrier's protocol name; what `SlotFill.type_hash` says.
  std::uint64_t type_hash() const;

  static Value trigger() { return inline_value(Carrier::trigger, 0); }
  /// request_id, command_id, timestamp, correlation_token, u64_value, u64, u32, i64 (as bits), boolean.
  static Value number(Carrier carrier, std::uint64_t value) { return inline_value(carrier, value); }
  static Value f32(float value) { return inline_value(Carrier::f32, std::bit_cast<std::uint32_t>(value)); }
  static Value f64(double value) { return inline_value(Carrier::f64, std::bit_cast<std::uint64_t>(value)); }
  /// The number; of a composite its wire size.
  std::uint64_t as_u64() const { return bits_; }
  float as_f32() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits_)); }
  double as_f64() const { return std::bit_cast<double>(bits_); }

  // Makers of block values; errors: no_memory (the Memory's limit or the system's), over_cap.
  static Result<Value> bytes(Memory& memory, Bytes content);
  /// A bytes value of `size` bytes, to be filled through `data` before anybody else sees it.
  static Result<Value> bytes_of_size(Memory& memory, std::uint64_t size, std::uint8_t*& data);
  static Result<Value> text(Memory& memory, std::string_view content);
  static Result<Value> peer(Memory& memory, const PeerId& peer);
  static Result<Value> peers(Memory& memory, std::span<const PeerId> peers);
  /// A list of `count` peers, each to be written through `data` before anybody else sees it.
  static Result<Value> peers_of_size(Memory& memory, std::uint64_t count, PeerId*& data);
  static Result<Value> address(Memory& memory, const Address& address);
  static Result<Value> addresses(Memory& memory, std::span<const Address> addresses);
  static Result<Value> fed_avg_meta(Memory& memory, FedAvgMeta meta);
  /// Shares the children. Errors also: too_deep (64 levels), not_encodable (an absent child; `at` is its position).
  static Result<Value> composite(Memory& memory, std::span<const Value> children);
  static Result<Value> search_results(Memory& memory, std::span<const std::pair<std::uint64_t, float>> results);
  static Result<Value> foreign(Memory& memory, std::uint64_t type_hash, Bytes wire_bytes);
  /// Uninitialised data, to be filled through `mutable_tensor_data` before anybody else sees the value.
  static Result<Value> tensor(Memory& memory, DType dtype, std::span<const std::uint64_t> shape);
  static Result<Value> tensor_f32(Memory& memory, std::span<const std::uint64_t> shape, std::span<const float> data);

  // Readers; the carrier must match (asserted), the spans live as long as a Value of the same block does.
  /// Of bytes, text, foreign, address and addresses: their wire bytes.
  Bytes as_bytes() const {
    BB_ASSERT(holds_bytes(carrier()));
    return {payload(), static_cast<std::size_t>(payload_size())};
  }
  const PeerId& as_peer() const;
  std::span<const PeerId> as_peers() const {
    BB_ASSERT(carrier() == Carrier::peers);
    return {reinterpret_cast<const PeerId*>(payload()), static_cast<std::size_t>(payload_size() / sizeof(PeerId))};
  }
  FedAvgMeta as_fed_avg_meta() const;
  std::span<const Value> as_composite() const;
  std::span<const std::pair<std::uint64_t, float>> as_search_results() const;
  TensorView as_tensor() const;
  bool is_f32_tensor() const { return head_ == pack(Carrier::tensor); }

  /// Writable data of a tensor whose only holder this is, else nullptr.
  std::uint8_t* mutable_tensor_data();
  /// True when this is the block's only holder (an inline value always is).
  bool unique() const;

  /// Ties `bytes` of a budget, already charged there, to this value's block, which gives them back when it dies.
  /// A value without a block cannot hold a charge: returns false, and the caller releases at once.
  bool attach_charge(ByteBudget& budget, std::uint64_t bytes) {
    if (!block_ || block_->budget) return false;
    block_->budget = &budget;
    block_->charge = bytes;
    return true;
  }
  /// Gives back what the block holds of a budget: whoever keeps the value from now on has a limit of its own.
  void release_charge();
  /// What this value's block gives back when it dies.
  std::uint64_t charged_bytes() const;
  /// The same for values that share a block; 0 without one.
  std::uint64_t block_identity() const { return reinterpret_cast<std::uintptr_t>(block_); }

 private:
  // One word, written and copied whole: a copy right behind a store of one of its bytes would have to wait for it.
  static constexpr std::uint64_t pack(Carrier carrier, DType dtype = DType::f32, std::uint32_t depth = 0) {
    return static_cast<std::uint64_t>(carrier) | static_cast<std::uint64_t>(dtype) << 8 | std::uint64_t{depth} << 16;
  }
  DType dtype() const { return static_cast<DType>(head_ >> 8 & 0xff); }
  std::uint32_t depth() const { return static_cast<std::uint32_t>(head_ >> 16); }
  struct alignas(16) Block {
    std::uint32_t holders = 0;
    std::uint64_t size = 0;  // payload bytes, which follow the block
    std::uint64_t charge = 0;
    std::uint64_t hash = 0;  // foreign values only
    Memory* memory = nullptr;
    ByteBudget* budget = nullptr;
  };
  static constexpr bool holds_bytes(Carrier carrier) {
    constexpr auto bit = [](Carrier one) { return std::uint32_t{1} << static_cast<unsigned>(one); };
    return ((bit(Carrier::bytes) | bit(Carrier::text) | bit(Carrier::foreign) | bit(Carrier::address) | bit(Carrier::addresses)) >>
                static_cast<unsigned>(carrier) &
            1) != 0;
  }

  static Value inline_value(Carrier carrier, std::uint64_t bits) {
    Value value;
    value.head_ = pack(carrier);
    value.bits_ = bits;
    return value;
  }
  static Result<Value> make(Memory& memory, Carrier carrier, std::uint64_t payload_bytes);
  std::uint8_t* payload() const { return reinterpret_cast<std::uint8_t*>(block_ + 1); }
  std::uint64_t payload_size() const { return block_ ? block_->size : 0; }
  void retain() const {
    if (block_) ++block_->holders;
  }
  void drop() {
    if (block_ && --block_->holders == 0) free_block();
  }
  void free_block();

  std::uint64_t head_ = 0;
  std::uint64_t bits_ = 0;
  Block* block_ = nullptr;
};
static_assert(sizeof(Value) == 24, "hot-path unit; change on purpose (docs/decisions)");

/// The protocol name and hash of a carrier; tensors by dtype.
std::string_view carrier_name(Carrier carrier, DType dtype = DType::f32);
std::uint64_t carrier_hash(Carrier carrier, DType dtype = DType::f32);

/// The value's wire bytes (bincode, spec A §7, §8), appended. Error: not_encodable for an absent value.
Status encode_value(const Value& value, ByteBuffer& out);
/// Wire size of a value without encoding it.
std::uint64_t encoded_size(const Value& value);
/// What the limits of inputs count: the content of bytes, as the host gave it, and of other values their wire size.
inline std::uint64_t content_size(const Value& value) {
  return value.carrier() == Carrier::bytes ? value.as_bytes().size() : encoded_size(value);
}
/// Writes exactly `encoded_size(value)` bytes.
void encode_value_to(const Value& value, std::uint8_t* out);

/// Limits of one decode; counts are checked against the bytes that remain before anything is reserved.
struct DecodeLimits {
  std::uint32_t depth_max = 64;
};
/// A value from the wire bytes of the type `type_hash` names. Trailing bytes are accepted but for tensors.
/// Errors: unknown_type_hash, truncated, invalid_value, bad_version, dims_mismatch, trailing_bytes, too_deep, no_memory; `at` is an offset.
Result<Value> decode_value(Memory& memory, std::uint64_t type_hash, Bytes bytes, DecodeLimits limits = {});
/// Whether `decode_value` knows the type.
bool is_decodable(std::uint64_t type_hash);

}  // namespace bb
