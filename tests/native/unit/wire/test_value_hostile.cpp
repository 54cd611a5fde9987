// Bytes of a peer that lies: truncations, flipped bits, forged counts and noise, for every type.
#include <catch2/catch_test_macros.hpp>

#include "unit/wire/samples.h"
#include "wire/bincode.h"
#include "wire/carriers.h"

using bb::ByteBuffer;
using bb::Bytes;
using bb::Carrier;
using bb::Code;
using bb::Memory;
using bb::Value;
using bb::samples::encoded;

namespace {

std::vector<std::uint64_t> all_hashes() {
  std::vector<std::uint64_t> hashes = {bb::wire::kAnyTensorHash, bb::wire::kBoxedCpuTensorHash, bb::wire::kF32BoxHash,
                                       bb::wire::kF32ListHash,   bb::wire::kPeerListHash,       bb::wire::kBarePeerHash,
                                       bb::wire::kByteBoxHash,   bb::wire::kByteListHash};
  for (const Carrier carrier : bb::samples::decodable_carriers()) hashes.push_back(bb::carrier_hash(carrier));
  return hashes;
}

// Whatever the bytes are: no crash, an error that points into them, or a value that is stable and of bounded size.
void judge(std::uint64_t hash, Bytes bytes) {
  Memory memory;
  {
    const auto value = bb::decode_value(memory, hash, bytes);
    if (!value) {
      REQUIRE(value.error().code != Code::ok);
      REQUIRE(value.error().code != Code::no_memory);
      REQUIRE(value.error().at <= bytes.size());
      REQUIRE(memory.live_bytes() == 0);
      return;
    }
    REQUIRE(memory.live_bytes() <= 16 * bytes.size() + 1024);
    const ByteBuffer once = encoded(*value);
    const auto again = bb::decode_value(memory, value->type_hash(), once);
    REQUIRE(again.has_value());
    REQUIRE(encoded(*again) == once);
  }
  REQUIRE(memory.live_bytes() == 0);
}

}  // namespace

TEST_CASE("no proper prefix of a value is a value", "[hostile]") {
  Memory memory;
  bb::RandomStream random(31);
  for (int round = 0; round < 40; ++round) {
    for (const Carrier carrier : bb::samples::decodable_carriers()) {
      const Value value = bb::samples::random_value(memory, random, carrier);
      const ByteBuffer bytes = encoded(value);
      for (std::size_t size = 0; size < bytes.size(); ++size) {
        const auto cut = bb::decode_value(memory, value.type_hash(), Bytes(bytes).first(size));
        INFO("carrier " << static_cast<int>(carrier) << ", " << size << " of " << bytes.size());
        // Metadata is also complete without its round.
        const bool complete = carrier == Carrier::fed_avg_meta && size >= 8;
        REQUIRE(cut.has_value() == complete);
        if (!cut) REQUIRE(cut.error().at <= size);
      }
    }
  }
}

TEST_CASE("a flipped bit makes another value or an error", "[hostile]") {
  Memory memory;
  bb::RandomStream random(32);
  for (int round = 0; round < 30; ++round) {
    for (const Carrier carrier : bb::samples::decodable_carriers()) {
      const Value value = bb::samples::random_value(memory, random, carrier);
      ByteBuffer bytes = encoded(value);
      for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        bytes[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
        judge(value.type_hash(), bytes);
        bytes[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
      }
    }
  }
}

TEST_CASE("forged counts are refused before anything is reserved", "[hostile]") {
  // A memory that has nothing to give shows that nothing was asked of it.
  for (const std::uint64_t count : {std::uint64_t{1} << 20, std::uint64_t{1} << 32, std::uint64_t{1} << 61, UINT64_MAX / 16,
                                    UINT64_MAX / 8, UINT64_MAX / 4, UINT64_MAX - 1, UINT64_MAX}) {
    for (const std::uint64_t hash : all_hashes()) {
      for (std::size_t at = 0; at <= 24; ++at) {
        ByteBuffer bytes(40, 0);
        bytes[0] = 1;
        bb::store_le(bytes.data() + at, count);
        Memory memory(0);
        const auto value = bb::decode_value(memory, hash, bytes);
        if (!value && value.error().code == Code::no_memory) continue;  // a value of its own small size
        REQUIRE(memory.system_allocations() == 0);
      }
      ByteBuffer claim(8);
      bb::store_le(claim.data(), count);
      judge(hash, claim);
      claim.resize(4096);
      judge(hash, claim);
    }
  }
}

TEST_CASE("a count is refused as truncated when the rest cannot hold it", "[hostile]") {
  Memory memory;
  for (const Carrier carrier : {Carrier::peers, Carrier::addresses, Carrier::address, Carrier::composite, Carrier::bytes,
                                Carrier::text, Carrier::search_results, Carrier::peer}) {
    ByteBuffer bytes(8 + 64, 0);
    for (const std::uint64_t count : {std::uint64_t{65}, std::uint64_t{1} << 40, UINT64_MAX}) {
      bb::store_le(bytes.data(), count);
      const auto value = bb::decode_value(memory, bb::carrier_hash(carrier), bytes);
      REQUIRE_FALSE(value.has_value());
      CHECK(value.error().code == Code::truncated);
    }
  }
}

TEST_CASE("a count that the rest cannot hold is told at the count, before any element is read", "[hostile]") {
  Memory memory;
  const std::pair<Carrier, std::uint64_t> least_bytes[] = {{Carrier::peers, 10},
                                                           {Carrier::addresses, 8},
                                                           {Carrier::address, 4},
                                                           {Carrier::composite, 16},
                                                           {Carrier::search_results, 12}};
  for (const auto& [carrier, bytes_each] : least_bytes) {
    ByteBuffer bytes(8 + 240, 0);
    bb::store_le(bytes.data(), 240 / bytes_each + 1);
    const auto value = bb::decode_value(memory, bb::carrier_hash(carrier), bytes);
    INFO("carrier " << static_cast<int>(carrier));
    REQUIRE_FALSE(value.has_value());
    CHECK(value.error() == bb::Error{Code::truncated, 0});
  }
}

TEST_CASE("noise is never a crash", "[hostile]") {
  bb::RandomStream random(33);
  const std::vector<std::uint64_t> hashes = all_hashes();
  for (int round = 0; round < 200000; ++round) {
    const std::uint64_t hash = hashes[random.below(hashes.size())];
    ByteBuffer bytes = bb::samples::random_bytes(random, 120);
    // Small leading counts get further than random ones.
    if (bytes.size() >= 8 && random.below(2) == 0) bb::store_le<std::uint64_t>(bytes.data(), random.below(6));
    if (bytes.size() >= 17 && random.below(2) == 0) {
      bytes[0] = static_cast<std::uint8_t>(random.below(14));
      bb::store_le<std::uint64_t>(bytes.data() + 1, random.below(4));
    }
    judge(hash, bytes);
  }
}

TEST_CASE("spliced composites are never a crash", "[hostile]") {
  Memory memory;
  bb::RandomStream random(34);
  for (int round = 0; round < 20000; ++round) {
    const Value a = bb::samples::random_value(memory, random, Carrier::composite);
    const Value b = bb::samples::random_value(memory, random, Carrier::composite);
    const ByteBuffer left = encoded(a), right = encoded(b);
    ByteBuffer bytes(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(random.below(left.size() + 1)));
    bytes.insert(bytes.end(), right.begin() + static_cast<std::ptrdiff_t>(random.below(right.size() + 1)), right.end());
    judge(bb::carrier_hash(Carrier::composite), bytes);
  }
}

TEST_CASE("a memory that runs out in the middle leaves nothing behind", "[hostile]") {
  bb::RandomStream random(35);
  for (int round = 0; round < 100; ++round) {
    Memory source;
    const Value value = bb::samples::random_value(source, random, Carrier::composite);
    const ByteBuffer bytes = encoded(value);
    for (std::uint64_t limit = 0; limit < 4096; limit += 96) {
      Memory memory(limit);
      {
        const auto decoded = bb::decode_value(memory, value.type_hash(), bytes);
        if (!decoded) REQUIRE(decoded.error().code == Code::no_memory);
      }
      REQUIRE(memory.live_bytes() == 0);
    }
  }
}
