// Values to bytes and back: every carrier, the layouts that vectors do not show, and the rules for trailing bytes.
#include <catch2/catch_test_macros.hpp>

#include "unit/wire/samples.h"
#include "wire/bincode.h"

using bb::ByteBuffer;
using bb::Carrier;
using bb::Code;
using bb::DType;
using bb::Memory;
using bb::Value;
using bb::samples::encoded;
using bb::samples::hex;

namespace {

constexpr std::uint64_t kAnyTensor = 0x1e16a91c43c7315c;

bb::Error decode_error(std::uint64_t hash, const ByteBuffer& bytes) {
  Memory memory;
  const auto value = bb::decode_value(memory, hash, bytes);
  return value ? bb::Error{} : value.error();
}
Code refused(std::uint64_t hash, std::string_view bytes) { return decode_error(hash, hex(bytes)).code; }

}  // namespace

TEST_CASE("every carrier survives its wire form", "[value_codec]") {
  Memory memory;
  bb::RandomStream random(21);
  for (int round = 0; round < 200; ++round) {
    for (const Carrier carrier : bb::samples::decodable_carriers()) {
      INFO("carrier " << static_cast<int>(carrier) << ", round " << round);
      const Value value = bb::samples::random_value(memory, random, carrier);
      const ByteBuffer bytes = encoded(value);
      REQUIRE(bb::encoded_size(value) == bytes.size());
      const auto decoded = bb::decode_value(memory, value.type_hash(), bytes);
      REQUIRE(decoded.has_value());
      REQUIRE(decoded->carrier() == carrier);
      REQUIRE(decoded->type_hash() == value.type_hash());
      REQUIRE(encoded(*decoded) == bytes);
    }
  }
}

TEST_CASE("what a value holds is what was put in", "[value_codec]") {
  Memory memory;
  const auto again = [&](const Value& value) { return *bb::decode_value(memory, value.type_hash(), encoded(value)); };
  const bb::PeerId peers[] = {bb::PeerId::from(1), bb::PeerId::from(2)};
  const Value list = again(*Value::peers(memory, peers));
  CHECK(list.as_peers().size() == 2);
  CHECK(list.as_peers()[1] == peers[1]);
  const std::uint64_t shape[] = {2, 2};
  const float data[] = {1, -2.5f, 3, 4};
  const Value tensor = again(*Value::tensor_f32(memory, shape, data));
  CHECK(tensor.as_tensor().shape[0] == 2);
  CHECK(tensor.as_tensor().f32()[1] == -2.5f);
  const bb::FedAvgMeta meta = again(*Value::fed_avg_meta(memory, {.samples = 12, .round = 3})).as_fed_avg_meta();
  CHECK(meta.samples == 12);
  CHECK(meta.round == 3);
  CHECK(again(Value::number(Carrier::i64, static_cast<std::uint64_t>(-5))).as_u64() == static_cast<std::uint64_t>(-5));
  const std::pair<std::uint64_t, float> results[] = {{7, 0.5f}};
  CHECK(again(*Value::search_results(memory, results)).as_search_results()[0] == results[0]);
  const bb::Address address = bb::Address{}.with(bb::SiteId{17});
  CHECK(encoded(*Value::address(memory, address)) == hex("0100000000000000010000001100000000000000"));
  CHECK(encoded(*Value::search_results(memory, results)) == hex("010000000000000007000000000000000000003f"));
  CHECK(encoded(*Value::text(memory, "ab")) == hex("02000000000000006162"));
  const Value pair[] = {Value::trigger(), *Value::bytes(memory, hex("09"))};
  CHECK(encoded(*Value::composite(memory, pair)) ==
        hex("0200000000000000a05c41934aec08f400000000000000003d290ac10c33821d0900000000000000010000000000000009"));
}

TEST_CASE("a foreign value keeps the bytes and the hash it was given", "[value_codec]") {
  Memory memory;
  const Value value = *Value::foreign(memory, 77, hex("010203"));
  CHECK(value.type_hash() == 77);
  CHECK(encoded(value) == hex("010203"));
  CHECK(decode_error(77, hex("010203")).code == Code::unknown_type_hash);
  CHECK(decode_error(0, {}).code == Code::unknown_type_hash);
  // Inside of a composite a type that nobody can read fails the whole.
  CHECK(decode_error(bb::carrier_hash(Carrier::composite), encoded(*Value::composite(memory, {&value, 1}))).code ==
        Code::unknown_type_hash);
}

TEST_CASE("other spellings of a type are read into the same carrier", "[value_codec]") {
  Memory memory;
  const auto read = [&](std::string_view name, std::string_view bytes) {
    return *bb::decode_value(memory, bb::fnv1a64(name), hex(bytes));
  };
  const Value list = read("alloc::vec::Vec<f32>", "020000000000000000000000000080bf");
  CHECK(list.is_f32_tensor());
  CHECK(list.as_tensor().shape.size() == 1);
  CHECK(list.as_tensor().f32()[1] == -1);
  CHECK(read("alloc::boxed::Box<[f32]>", "0000000000000000").as_tensor().elements == 0);
  CHECK(read("bb_ir::ids::PeerId", "0a0000000000000000080000000000000007").as_peer() == bb::PeerId::from(7));
  CHECK(read("alloc::boxed::Box<[u8]>", "020000000000000001ff").as_bytes().size() == 2);
  CHECK(read("alloc::vec::Vec<u8>", "0000000000000000").carrier() == Carrier::bytes);
}

TEST_CASE("bytes behind a value are ignored, behind a tensor refused", "[value_codec]") {
  Memory memory;
  bb::RandomStream random(22);
  for (int round = 0; round < 20; ++round) {
    for (const Carrier carrier : bb::samples::decodable_carriers()) {
      const Value value = bb::samples::random_value(memory, random, carrier);
      const ByteBuffer bytes = encoded(value);
      ByteBuffer longer = bytes;
      longer.push_back(0xee);
      const auto decoded = bb::decode_value(memory, value.type_hash(), longer);
      INFO("carrier " << static_cast<int>(carrier));
      REQUIRE(decoded.has_value() == (carrier != Carrier::tensor));
      if (decoded) {
        REQUIRE(encoded(*decoded) == bytes);
      } else {
        // A longer list of dimensions can also be read into the extra byte, but never into a value.
        REQUIRE(decoded.error() == bb::Error{Code::trailing_bytes, static_cast<std::uint32_t>(bytes.size())});
      }
    }
  }
  CHECK(refused(bb::fnv1a64("alloc::vec::Vec<f32>"), "000000000000000001") == Code::trailing_bytes);
}

TEST_CASE("metadata without a round means the current one", "[value_codec]") {
  Memory memory;
  const std::uint64_t hash = bb::carrier_hash(Carrier::fed_avg_meta);
  const auto round = [&](std::string_view bytes) { return bb::decode_value(memory, hash, hex(bytes))->as_fed_avg_meta().round; };
  CHECK(round("0a00000000000000") == bb::FedAvgMeta::kCurrentRound);
  CHECK(round("0a0000000000000001020304050607") == bb::FedAvgMeta::kCurrentRound);
  CHECK(round("0a000000000000000300000000000000") == 3);
  CHECK(refused(hash, "0a000000000000") == Code::truncated);
}

TEST_CASE("tensors that contradict themselves are refused where they do", "[value_codec]") {
  const std::uint64_t cpu = bb::carrier_hash(Carrier::tensor);
  const std::string one = "01000000000000000100000000000000";
  CHECK(decode_error(cpu, hex("02" + one)) == bb::Error{Code::bad_version, 0});
  CHECK(decode_error(cpu, hex("00")).code == Code::bad_version);
  CHECK(refused(cpu, "") == Code::truncated);
  // Shape [1] with two elements, with none; a copy of the dimensions that differs in number or in rank.
  CHECK(decode_error(cpu, hex("01" + one + "02000000000000000000803f0000803f" + one)) == bb::Error{Code::dims_mismatch, 17});
  CHECK(decode_error(cpu, hex("01" + one + "0000000000000000" + one)) == bb::Error{Code::dims_mismatch, 17});
  CHECK(decode_error(cpu, hex("01" + one + "01000000000000000000803f" + "01000000000000000200000000000000")) ==
        bb::Error{Code::dims_mismatch, 29});
  CHECK(decode_error(cpu, hex("01" + one + "01000000000000000000803f" + "0000000000000000")) == bb::Error{Code::dims_mismatch, 29});
  CHECK(decode_error(cpu, hex("01" + one + "01000000000000000000803f" + one)).code == Code::ok);
  // Nine dimensions; dimensions whose product overflows to the right number.
  std::string nine = "010900000000000000";
  for (int i = 0; i < 9; ++i) nine += "0100000000000000";
  CHECK(decode_error(cpu, hex(nine + "0100000000000000")) == bb::Error{Code::over_cap, 1});
  CHECK(refused(cpu,
                "01020000000000000000000000000000800200000000000000"
                "0000000000000000") == Code::dims_mismatch);

  // Other element types: tag, shape, length and bytes.
  CHECK(decode_error(kAnyTensor, hex("0d")) == bb::Error{Code::invalid_value, 0});
  CHECK(decode_error(kAnyTensor, hex("04" + one + "0100000000000000ff")).code == Code::ok);
  CHECK(decode_error(kAnyTensor, hex("04" + one + "0200000000000000ffff")) == bb::Error{Code::dims_mismatch, 17});
  CHECK(decode_error(kAnyTensor, hex("02" + one + "0100000000000000ff")) == bb::Error{Code::dims_mismatch, 17});
  CHECK(refused(kAnyTensor, "04" + one + "0100000000000000ff00") == Code::trailing_bytes);
  CHECK(decode_error(kAnyTensor, hex("0c" + one + "010000000000000002")).code == Code::invalid_value);
  CHECK(decode_error(kAnyTensor, hex("0c" + one + "010000000000000001")).code == Code::ok);
}

TEST_CASE("values with fields that no writer makes are refused", "[value_codec]") {
  CHECK(refused(bb::carrier_hash(Carrier::boolean), "02") == Code::invalid_value);
  CHECK(refused(bb::carrier_hash(Carrier::boolean), "") == Code::truncated);
  CHECK(decode_error(bb::carrier_hash(Carrier::text), hex("020000000000000061ff")) == bb::Error{Code::invalid_utf8, 9});
  const std::uint64_t address = bb::carrier_hash(Carrier::address);
  CHECK(decode_error(address, hex("010000000000000004000000")) == bb::Error{Code::invalid_value, 8});
  CHECK(decode_error(address, hex("0100000000000000030000000100000000000000ff")) == bb::Error{Code::invalid_utf8, 8});
  CHECK(decode_error(address, hex("010000000000000000000000"
                                  "020000000000000000"
                                  "05")) == bb::Error{Code::invalid_value, 8});
  CHECK(decode_error(bb::carrier_hash(Carrier::peer), hex("0300000000000000000105")).code == Code::ok);
  CHECK(decode_error(bb::carrier_hash(Carrier::peer), hex("03000000000000000001")).code == Code::truncated);
  CHECK(decode_error(bb::carrier_hash(Carrier::peer), hex("0300000000000000000205")) == bb::Error{Code::invalid_value, 0});
  CHECK(decode_error(bb::carrier_hash(Carrier::peers), hex("01000000000000000300000000000000000205")) ==
        bb::Error{Code::invalid_value, 8});
}

TEST_CASE("an error inside of a composite is told at its place in the whole", "[value_codec]") {
  Memory memory;
  const std::uint64_t composite = bb::carrier_hash(Carrier::composite);
  const Value inner[] = {Value::trigger(), *Value::text(memory, "ab")};
  const Value outer[] = {Value::f32(1), *Value::composite(memory, inner)};
  ByteBuffer bytes = encoded(*Value::composite(memory, outer));
  bytes.back() = 0xff;  // the last letter
  CHECK(decode_error(composite, bytes) == bb::Error{Code::invalid_utf8, static_cast<std::uint32_t>(bytes.size() - 1)});
  // An unknown type is told where its child's bytes start.
  const Value foreign = *Value::foreign(memory, 5, hex("00"));
  const Value around[] = {Value::f32(1), foreign};
  CHECK(decode_error(composite, encoded(*Value::composite(memory, around))) == bb::Error{Code::unknown_type_hash, 8 + 16 + 4 + 16});
}

TEST_CASE("composites nest as deep as the limit says", "[value_codec]") {
  Memory memory;
  const std::uint64_t composite = bb::carrier_hash(Carrier::composite);
  ByteBuffer bytes(8, 0);
  for (int levels = 1; levels <= 80; ++levels) {
    for (const std::uint32_t depth_max : {0u, 1u, 10u, 64u}) {
      const auto value = bb::decode_value(memory, composite, bytes, {.depth_max = depth_max});
      INFO(levels << " levels, limit " << depth_max);
      REQUIRE(value.has_value() == (static_cast<std::uint32_t>(levels) <= depth_max));
      if (!value) REQUIRE(value.error().code == Code::too_deep);
    }
    ByteBuffer wrapped(8 + 16);
    bb::wire::BincodeWriter writer(wrapped.data());
    writer.number<std::uint64_t>(1);
    writer.number(composite);
    writer.number<std::uint64_t>(bytes.size());
    wrapped.insert(wrapped.end(), bytes.begin(), bytes.end());
    bytes = std::move(wrapped);
  }
  CHECK(memory.live_bytes() == 0);
}
