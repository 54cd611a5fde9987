// Values of every carrier, and random ones, for the tests of the wire layer.
#pragma once

#include <string>
#include <vector>

#include "bb/random.h"
#include "bb/value.h"

namespace bb::samples {

/// The bytes of hex that a test spells out.
inline ByteBuffer hex(std::string_view text) {
  const auto digit = [](char c) { return static_cast<std::uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10); };
  ByteBuffer bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    bytes.push_back(static_cast<std::uint8_t>(digit(text[i]) * 16 + digit(text[i + 1])));
  return bytes;
}

inline ByteBuffer encoded(const Value& value) {
  ByteBuffer out;
  (void)encode_value(value, out);
  return out;
}

inline PeerId random_peer(RandomStream& random) {
  if (random.below(3) == 0) return PeerId::from(random.next_u64());
  PeerId peer;
  peer.code = random.below(2) == 0 ? 0x12 : random.next_u64() >> random.below(64);
  peer.size = static_cast<std::uint8_t>(random.below(65));
  for (std::size_t i = 0; i < peer.size; ++i) peer.digest[i] = static_cast<std::uint8_t>(random.next_u64());
  return peer;
}

inline std::string random_text(RandomStream& random, std::uint64_t length_max) {
  static constexpr std::string_view pieces[] = {"a", "Z", "9", "_", " ", "\xc3\xa9", "\xe2\x9c\x93", "\xf0\x9f\x92\xa9"};
  std::string text;
  for (std::uint64_t i = random.below(length_max + 1); i > 0; --i) text += pieces[random.below(std::size(pieces))];
  return text;
}

inline Address random_address(RandomStream& random) {
  Address address;
  for (std::uint64_t i = random.below(5); i > 0; --i) {
    switch (random.below(4)) {
      case 0: address = address.with(random_peer(random)); break;
      case 1: address = address.with(SiteId{random.next_u64()}); break;
      case 2: address = address.with(ComponentRef{static_cast<std::uint32_t>(random.next_u64())}); break;
      default: address = address.with(Address::Op{random_text(random, 12)}); break;
    }
  }
  return address;
}

inline ByteBuffer random_bytes(RandomStream& random, std::uint64_t length_max) {
  ByteBuffer bytes(static_cast<std::size_t>(random.below(length_max + 1)));
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random.next_u64());
  return bytes;
}

inline Value random_tensor(Memory& memory, RandomStream& random, DType dtype) {
  std::uint64_t shape[kRankMax] = {};
  const auto rank = static_cast<std::size_t>(random.below(kRankMax + 1));
  for (std::size_t i = 0; i < rank; ++i) shape[i] = random.below(3) + (random.below(10) == 0 ? 0 : 1);
  Value value = *Value::tensor(memory, dtype, {shape, rank});
  const std::size_t size = value.as_tensor().data.size();
  std::uint8_t* data = value.mutable_tensor_data();
  for (std::size_t i = 0; i < size; ++i)
    data[i] = static_cast<std::uint8_t>(dtype == DType::boolean ? random.below(2) : random.next_u64());
  return value;
}

/// The carriers that decoding yields: every one but `absent` and `foreign`.
inline std::vector<Carrier> decodable_carriers() {
  std::vector<Carrier> carriers;
  for (std::uint8_t i = 1; i < static_cast<std::uint8_t>(Carrier::foreign); ++i) carriers.push_back(static_cast<Carrier>(i));
  return carriers;
}

inline Value random_value(Memory& memory, RandomStream& random, Carrier carrier, std::uint32_t depth = 3);

inline Value random_composite(Memory& memory, RandomStream& random, std::uint32_t depth) {
  std::vector<Value> children;
  const std::vector<Carrier> carriers = decodable_carriers();
  for (std::uint64_t i = random.below(5); i > 0; --i) {
    const Carrier carrier = carriers[random.below(carriers.size())];
    if (carrier == Carrier::composite && depth == 0) continue;
    children.push_back(random_value(memory, random, carrier, depth > 0 ? depth - 1 : 0));
  }
  return *Value::composite(memory, children);
}

inline Value random_value(Memory& memory, RandomStream& random, Carrier carrier, std::uint32_t depth) {
  switch (carrier) {
    case Carrier::peer: return *Value::peer(memory, random_peer(random));
    case Carrier::peers: {
      std::vector<PeerId> peers;
      for (std::uint64_t i = random.below(6); i > 0; --i) peers.push_back(random_peer(random));
      return *Value::peers(memory, peers);
    }
    case Carrier::bytes: return *Value::bytes(memory, random_bytes(random, 200));
    case Carrier::text: return *Value::text(memory, random_text(random, 40));
    case Carrier::address: return *Value::address(memory, random_address(random));
    case Carrier::addresses: {
      std::vector<Address> addresses;
      for (std::uint64_t i = random.below(4); i > 0; --i) addresses.push_back(random_address(random));
      return *Value::addresses(memory, addresses);
    }
    case Carrier::composite: return random_composite(memory, random, depth);
    case Carrier::tensor: return random_tensor(memory, random, static_cast<DType>(random.below(kDTypeCount)));
    case Carrier::fed_avg_meta: {
      const std::uint64_t round = random.below(3) == 0 ? FedAvgMeta::kCurrentRound : random.below(1000);
      return *Value::fed_avg_meta(memory, {.samples = random.next_u64(), .round = round});
    }
    case Carrier::search_results: {
      std::vector<std::pair<std::uint64_t, float>> results;
      for (std::uint64_t i = random.below(5); i > 0; --i) {
        const std::uint64_t id = random.next_u64();
        results.emplace_back(id, random.next_f32());
      }
      return *Value::search_results(memory, results);
    }
    case Carrier::f32: return Value::f32(random.next_f32());
    case Carrier::f64: return Value::f64(static_cast<double>(random.next_f32()));
    case Carrier::u32: return Value::number(carrier, random.next_u64() & UINT32_MAX);
    case Carrier::boolean: return Value::number(carrier, random.below(2));
    case Carrier::trigger: return Value::trigger();
    case Carrier::unit: return Value::number(carrier, 0);
    default: return Value::number(carrier, random.next_u64());
  }
}

}  // namespace bb::samples
