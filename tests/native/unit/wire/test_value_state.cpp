// Values and random streams in saved state.
#include "bb/value_state.h"
#include "unit/framework/saved_state.h"

using namespace bb;
using namespace bb::framework;
using namespace bb::framework::testing;

namespace {

struct Fixture {
  Memory memory;
  Status load(StateReader& reader, Value& value) { return load_value(reader, memory, value); }
};

ByteBuffer wire_bytes(const Value& value) {
  ByteBuffer out(static_cast<std::size_t>(encoded_size(value)));
  encode_value_to(value, out.data());
  return out;
}

}  // namespace

TEST_CASE("value state: every carrier comes back as it was") {
  Fixture f;
  const std::uint64_t shape[] = {2, 3};
  const float data[] = {1, 2, 3, 4, 5, 6};
  const PeerId peers[] = {PeerId::from(1), PeerId::from(2)};
  const std::pair<std::uint64_t, float> results[] = {{7, 0.5f}};
  const Value tensor = *Value::tensor_f32(f.memory, shape, data);
  Value longs = *Value::tensor(f.memory, DType::i64, std::span(shape, 1));
  std::fill_n(longs.mutable_tensor_data(), 16, std::uint8_t{3});
  const Value foreign = *Value::foreign(f.memory, 0x1234567, as_bytes("opaque"));
  const Value children[] = {foreign, tensor, Value::trigger()};
  const Value inner = *Value::composite(f.memory, children);
  const Value pair[] = {inner, inner};
  const Value values[] = {Value(),
                          Value::trigger(),
                          Value::number(Carrier::u64, UINT64_MAX),
                          Value::number(Carrier::u32, 5),
                          Value::number(Carrier::boolean, 1),
                          Value::number(Carrier::unit, 0),
                          Value::f32(1.5f),
                          Value::f64(-2.5),
                          *Value::bytes(f.memory, as_bytes("abc")),
                          *Value::text(f.memory, "text"),
                          *Value::peer(f.memory, PeerId::from(3)),
                          *Value::peers(f.memory, peers),
                          *Value::address(f.memory, Address::p2p(PeerId::from(4))),
                          *Value::fed_avg_meta(f.memory, {.samples = 4, .round = 2}),
                          *Value::fed_avg_meta(f.memory, {.samples = 4, .round = FedAvgMeta::kCurrentRound}),
                          *Value::search_results(f.memory, results),
                          tensor,
                          longs,
                          foreign,
                          inner,
                          *Value::composite(f.memory, pair)};
  for (const Value& value : values) {
    const ByteBuffer bytes = saved([&](StateWriter& writer) { return save_value(writer, value); });
    INFO("hash " << (value.present() ? value.type_hash() : 0));
    check_truncation(bytes, [&](StateReader& reader) {
      Value back;
      return f.load(reader, back);
    });
    StateReader reader(bytes);
    Value back = Value::trigger();
    REQUIRE(f.load(reader, back).has_value());
    REQUIRE(reader.finish().has_value());
    CHECK(back.carrier() == value.carrier());
    CHECK(saved([&](StateWriter& writer) { return save_value(writer, back); }) == bytes);
    if (value.present() && value.carrier() != Carrier::composite) CHECK(wire_bytes(back) == wire_bytes(value));
  }
}

TEST_CASE("value state: a host's own form of a type that the engine knows cannot be saved") {
  Fixture f;
  StateWriter writer;
  CHECK(!save_value(writer, *Value::foreign(f.memory, carrier_hash(Carrier::u64), as_bytes("12345678"))));
  CHECK(!save_value(writer, *Value::foreign(f.memory, 0, as_bytes("x"))));
  const Value child[] = {*Value::foreign(f.memory, 0, as_bytes("x"))};
  CHECK(!save_value(writer, *Value::composite(f.memory, child)));
}

TEST_CASE("value state: other spellings, trailing bytes and deep nests are refused") {
  Fixture f;
  Value value;
  const auto refused = [&](std::uint64_t hash, std::string_view content) {
    StateWriter writer;
    writer.number(hash);
    writer.text(content);
    StateReader reader(writer.view());
    return f.load(reader, value).error().code;
  };
  CHECK(refused(fnv1a64("bb_ir::ids::PeerId"), std::string_view("\3\0\0\0\0\0\0\0\0\1\1", 11)) == Code::invalid_value);
  CHECK(refused(carrier_hash(Carrier::u64), "123456789") == Code::invalid_value);
  CHECK(refused(carrier_hash(Carrier::u64), "1234567") == Code::truncated);
  StateWriter writer;
  for (int depth = 0; depth < 70; ++depth) {
    writer.number(carrier_hash(Carrier::composite));
    writer.number(1);
  }
  for (int fill = 0; fill < 10; ++fill) writer.number(0);
  StateReader reader(writer.view());
  CHECK(f.load(reader, value).error().code == Code::too_deep);
}

TEST_CASE("value state: a random stream goes on where it was, and the stream of zeros is refused") {
  RandomStream random(5);
  random.next_u64();
  StateWriter writer;
  save_random(writer, random);
  StateReader reader(writer.view());
  RandomStream other(1);
  REQUIRE(load_random(reader, other).has_value());
  CHECK(other.next_u64() == random.next_u64());
  const ByteBuffer zeros(32, 0);
  StateReader nothing(zeros);
  CHECK(load_random(nothing, other).error().code == Code::invalid_value);
}
