// Values from wire bytes, by every type hash that is known, and by one that is not. What is accepted encodes to bytes of the size it
// said, which decode to a value that encodes the same; all memory comes back.
#include "bb/value.h"
#include "fuzz/support/feed.h"
#include "fuzz/support/fuzz_target.h"
#include "fuzz/support/vectors.h"
#include "wire/carriers.h"

namespace bb::fuzz {
namespace {

constexpr std::uint64_t kOtherHashes[] = {wire::kAnyTensorHash, wire::kBoxedCpuTensorHash, wire::kF32BoxHash,
                                          wire::kF32ListHash,   wire::kPeerListHash,       wire::kBarePeerHash,
                                          wire::kByteBoxHash,   wire::kByteListHash,       wire::kBackoffNoticeHash};
constexpr std::uint32_t kHashes = wire::kCarrierCount + std::size(kOtherHashes);

std::uint64_t hash_of(std::uint32_t choice) {
  return choice < wire::kCarrierCount ? wire::kCarrierHashes[choice] : kOtherHashes[choice - wire::kCarrierCount];
}

// Decoding may multiply what a sender paid for, but only by this much: a list of peers is the worst.
constexpr std::uint64_t kMemoryPerByte = 16;
constexpr std::uint64_t kMemoryFixed = 1 << 10;

ByteBuffer encoded(const Value& value) {
  ByteBuffer bytes;
  require(encode_value(value, bytes).has_value(), "a decoded value encodes");
  require(bytes.size() == encoded_size(value), "the size of a value is what its encoding takes");
  return bytes;
}

}  // namespace

std::vector<ByteBuffer> seeds() {
  std::vector<ByteBuffer> seeds;
  for (const ValueVector& vector : value_vectors()) {
    for (std::uint32_t choice = 0; choice < kHashes; ++choice) {
      if (hash_of(choice) != vector.type_hash) continue;
      ByteBuffer seed{static_cast<std::uint8_t>(choice)};
      seed.insert(seed.end(), vector.payload.begin(), vector.payload.end());
      seeds.push_back(std::move(seed));
    }
  }
  return seeds;
}

}  // namespace bb::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bb;
  using namespace bb::fuzz;
  Feed feed({data, size});
  const std::uint64_t hash = hash_of(feed.below(kHashes));
  const Bytes bytes = feed.rest();
  Memory memory;
  {
    const auto value = decode_value(memory, hash, bytes);
    if (!value) {
      require(value.error().code != Code::ok && value.error().code != Code::no_memory, "a refusal says why");
      require((value.error().code == Code::unknown_type_hash) <= (!is_decodable(hash) || hash == carrier_hash(Carrier::composite)),
              "a known type is decodable");
    } else {
      require(value->present() && is_decodable(hash) && is_decodable(value->type_hash()), "a decoded value has a known type");
      require(memory.live_bytes() <= kMemoryFixed + kMemoryPerByte * bytes.size(),
              "a value takes memory in proportion to its bytes");
      const ByteBuffer first = encoded(*value);
      const auto again = decode_value(memory, value->type_hash(), first);
      require(again.has_value() && again->carrier() == value->carrier(), "what was encoded decodes");
      require(encoded(*again) == first, "what was decoded twice encodes the same");
    }
  }
  require(memory.live_bytes() == 0, "all memory comes back");
  // A node that has next to no memory left refuses instead.
  Memory small(std::uint64_t{256} + size % 256);
  const auto tight = decode_value(small, hash, bytes);
  require(tight.has_value() || tight.error().code != Code::ok, "a refusal says why");
  return 0;
}
