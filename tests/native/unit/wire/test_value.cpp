// The value handle: sharing, uniqueness, charges, depth, alignment, makers and readers.
#include <catch2/catch_test_macros.hpp>

#include "unit/wire/samples.h"

using bb::Carrier;
using bb::Code;
using bb::DType;
using bb::Memory;
using bb::Value;

TEST_CASE("an absent value is nothing", "[value]") {
  const Value value;
  CHECK_FALSE(value.present());
  CHECK(value.carrier() == Carrier::absent);
  CHECK(value.unique());
  bb::ByteBuffer out;
  CHECK(bb::encode_value(value, out).error().code == Code::not_encodable);
  CHECK(out.empty());
}

TEST_CASE("copies share a block, and the last one frees it", "[value]") {
  Memory memory;
  {
    Value first = *Value::bytes(memory, bb::as_bytes("hello"));
    const std::uint64_t live = memory.live_bytes();
    CHECK(live > 0);
    CHECK(first.unique());
    Value second = first;
    CHECK(memory.live_bytes() == live);
    CHECK_FALSE(first.unique());
    CHECK(first.as_bytes().data() == second.as_bytes().data());
    Value third = std::move(second);
    CHECK_FALSE(second.present());  // NOLINT: a moved-from value is absent by contract
    CHECK(third.as_bytes().size() == 5);
    first = third;
    first = Value();
    CHECK(third.unique());
    Value& same = third;
    third = same;
    CHECK(bb::as_text(third.as_bytes()) == "hello");
    third = Value::trigger();
    CHECK(memory.live_bytes() == 0);
  }
  CHECK(memory.live_bytes() == 0);
}

TEST_CASE("inline values take no memory", "[value]") {
  CHECK(Value::trigger().carrier() == Carrier::trigger);
  CHECK(Value::number(Carrier::u64, UINT64_MAX).as_u64() == UINT64_MAX);
  CHECK(Value::f32(-1.5f).as_f32() == -1.5f);
  CHECK(Value::f64(-1.5).as_f64() == -1.5);
  CHECK(Value::f32(1).unique());
  CHECK(Value::f32(1).type_hash() == bb::fnv1a64("f32"));
}

TEST_CASE("only the single holder of a tensor may write it", "[value]") {
  Memory memory;
  const std::uint64_t shape[] = {2, 3};
  Value tensor = *Value::tensor(memory, DType::f32, shape);
  REQUIRE(tensor.mutable_tensor_data() != nullptr);
  Value other = tensor;
  CHECK(tensor.mutable_tensor_data() == nullptr);
  CHECK(other.mutable_tensor_data() == nullptr);
  other = Value();
  CHECK(tensor.mutable_tensor_data() != nullptr);
  CHECK(Value::trigger().mutable_tensor_data() == nullptr);
}

TEST_CASE("tensor data is aligned whatever the type and the shape", "[value]") {
  Memory memory;
  bb::RandomStream random(6);
  for (int i = 0; i < 300; ++i) {
    const auto dtype = static_cast<DType>(random.below(bb::kDTypeCount));
    const Value value = bb::samples::random_tensor(memory, random, dtype);
    const bb::TensorView view = value.as_tensor();
    REQUIRE(reinterpret_cast<std::uintptr_t>(view.data.data()) % 16 == 0);
    REQUIRE(view.data.size() == view.elements * bb::dtype_size(dtype));
    REQUIRE(view.dtype == dtype);
    REQUIRE(value.is_f32_tensor() == (dtype == DType::f32));
    REQUIRE(value.type_hash() == (dtype == DType::f32 ? 0x2f824195fec34be1 : 0x1e16a91c43c7315c));
  }
}

TEST_CASE("tensors with impossible shapes are refused", "[value]") {
  Memory memory;
  const std::uint64_t nine[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
  CHECK(Value::tensor(memory, DType::f32, {nine, 8}).has_value());
  CHECK(Value::tensor(memory, DType::f32, nine).error().code == Code::over_cap);
  const std::uint64_t huge[] = {std::uint64_t{1} << 32, std::uint64_t{1} << 32};
  CHECK(Value::tensor(memory, DType::f32, huge).error().code == Code::over_cap);
  const std::uint64_t near[] = {UINT64_MAX / 4 - 8};
  CHECK_FALSE(Value::tensor(memory, DType::f32, near).has_value());
  const std::uint64_t wide[] = {UINT64_MAX / 8 + 1};
  CHECK(Value::tensor(memory, DType::f64, wide).error().code == Code::over_cap);
  const std::uint64_t shape[] = {2, 2};
  const float three[] = {1, 2, 3};
  CHECK(Value::tensor_f32(memory, shape, three).error().code == Code::dims_mismatch);
  const std::uint64_t empty[] = {4, 0};
  CHECK(Value::tensor_f32(memory, empty, {})->as_tensor().elements == 0);
  CHECK(Value::tensor_f32(memory, {}, {three, 1})->as_tensor().f32()[0] == 1);
  CHECK(memory.live_bytes() == 0);
}

TEST_CASE("makers report a memory that is exhausted, and leak nothing", "[value]") {
  // Under every limit, making each sample either works or is refused; the books are even afterwards.
  for (std::uint64_t limit = 0; limit < 2048; limit += 32) {
    Memory memory(limit);
    const std::uint64_t shape[] = {16};
    const bb::Address address = bb::Address{}.with(bb::Address::Op{std::string(100, 'x')});
    const bb::PeerId peers[] = {bb::PeerId::from(1), bb::PeerId::from(2)};
    const std::pair<std::uint64_t, float> results[] = {{1, 2.0f}, {3, 4.0f}};
    const Value children[] = {Value::trigger(), Value::f32(1)};
    const bb::Result<Value> made[] = {Value::bytes(memory, bb::ByteBuffer(200)),
                                      Value::text(memory, "text"),
                                      Value::peer(memory, peers[0]),
                                      Value::peers(memory, peers),
                                      Value::address(memory, address),
                                      Value::addresses(memory, {&address, 1}),
                                      Value::fed_avg_meta(memory, {}),
                                      Value::composite(memory, children),
                                      Value::search_results(memory, results),
                                      Value::foreign(memory, 7, bb::ByteBuffer(64)),
                                      Value::tensor(memory, DType::f32, shape)};
    for (const bb::Result<Value>& value : made)
      if (!value) REQUIRE(value.error().code == Code::no_memory);
    REQUIRE(memory.live_bytes() <= limit);
  }
}

TEST_CASE("a charge is given back when the last holder goes", "[value]") {
  Memory memory;
  bb::ByteBudget budget(1000), other(1000);
  REQUIRE(budget.try_charge(300));
  {
    Value value = *Value::bytes(memory, bb::as_bytes("x"));
    REQUIRE(value.attach_charge(budget, 300));
    CHECK_FALSE(value.attach_charge(other, 1));
    Value copy = value;
    value = Value();
    CHECK(budget.used() == 300);
  }
  CHECK(budget.used() == 0);
  Value number = Value::number(Carrier::u64, 1);
  CHECK_FALSE(number.attach_charge(budget, 5));
}

TEST_CASE("a composite shares its children and frees them once", "[value]") {
  Memory memory;
  {
    const Value child = *Value::bytes(memory, bb::as_bytes("abc"));
    const std::uint64_t alone = memory.live_bytes();
    Value outer;
    {
      const Value children[] = {child, child, Value::f32(2)};
      Value inner = *Value::composite(memory, children);
      const Value pair[] = {inner, child};
      outer = *Value::composite(memory, pair);
    }
    CHECK(outer.as_composite().size() == 2);
    CHECK(outer.as_composite()[0].as_composite()[1].as_bytes().data() == child.as_bytes().data());
    outer = Value();
    CHECK(child.unique());
    CHECK(memory.live_bytes() == alone);
  }
  CHECK(memory.live_bytes() == 0);
}

TEST_CASE("composites nest 64 levels and no more", "[value]") {
  Memory memory;
  Value value = Value::trigger();
  for (int level = 1; level <= 64; ++level) {
    auto next = Value::composite(memory, {&value, 1});
    REQUIRE(next.has_value());
    value = std::move(*next);
  }
  CHECK(Value::composite(memory, {&value, 1}).error() == bb::Error{Code::too_deep, 65});
  // What was made can be written and read.
  const bb::ByteBuffer bytes = bb::samples::encoded(value);
  CHECK(bb::samples::encoded(*bb::decode_value(memory, value.type_hash(), bytes)) == bytes);
}

TEST_CASE("a composite that could not be written is refused when it is made", "[value]") {
  Memory memory;
  // Sharing doubles the wire size with every level, while the memory grows by one block.
  Value value = *Value::bytes(memory, bb::ByteBuffer(1000));
  int level = 0;
  for (;; ++level) {
    const Value twice[] = {value, value};
    auto next = Value::composite(memory, twice);
    if (!next) {
      CHECK(next.error().code == Code::over_cap);
      break;
    }
    value = std::move(*next);
    REQUIRE(level < 63);
  }
  CHECK(level == 20);  // 1 KiB × 2^21 is the first size over 2^31 - 1
  CHECK(bb::encoded_size(value) > std::uint64_t{1} << 30);
  // A missing value has no bytes and no type.
  const Value hole[] = {Value::trigger(), Value()};
  CHECK(Value::composite(memory, hole).error() == bb::Error{Code::not_encodable, 1});
}

TEST_CASE("carrier names hash to the protocol's numbers", "[value]") {
  CHECK(bb::carrier_hash(Carrier::trigger) == 0xf408ec4a93415ca0);
  CHECK(bb::carrier_hash(Carrier::i64) == 0x2ae1af192b331746);
  CHECK(bb::carrier_hash(Carrier::f64) == 0xdd744c18ff7ea1ab);
  CHECK(bb::carrier_hash(Carrier::boolean) == 0xcd2fd49bc6b014bd);
  CHECK(bb::carrier_hash(Carrier::unit) == 0x07e11f07b4a6665a);
  CHECK(bb::carrier_hash(Carrier::text) == 0x76e26e9121e02e46);
  CHECK(bb::carrier_hash(Carrier::tensor, DType::u8) == bb::fnv1a64("bb::AnyTensor"));
  CHECK(bb::carrier_name(Carrier::tensor) == "bb_ops::backends::cpu::tensor::CpuTensor");
  for (const Carrier carrier : bb::samples::decodable_carriers()) {
    CHECK(bb::carrier_hash(carrier) == bb::fnv1a64(bb::carrier_name(carrier)));
    CHECK(bb::is_decodable(bb::carrier_hash(carrier)));
  }
  CHECK_FALSE(bb::is_decodable(0));
  CHECK_FALSE(bb::is_decodable(1));
  for (const std::uint64_t hash : {0x560c4d821f93a261u, 0x351044a2351c7e46u, 0x5f56c2bbd3d360d5u, 0x992930fbf6d59733u,
                                   0x4c4fe93843642738u, 0xdcc1dfe82b176054u, 0x9067de3c34cac38fu})
    CHECK(bb::is_decodable(hash));
}
