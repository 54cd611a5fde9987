// The addresses of one peer: who said so, limits, what gives way.
#include "framework/address_book.h"
#include "unit/framework/saved_state.h"

using namespace bb;
using namespace bb::framework;
using namespace bb::framework::testing;

namespace {

using Added = AddressList::Added;

struct Fixture {
  Memory memory;
  AddressList::Options options{.addresses_max = 4, .hints_max = 2};
  AddressList list;

  Added add(std::string_view text, AddressSource source) {
    REQUIRE(list.try_reserve(1, options));
    return list.add(*Value::bytes(memory, as_bytes(text)), source, options);
  }
  std::string all() const {
    std::string out;
    for (const PeerAddress& entry : list.entries()) out += std::string(as_text(entry.bytes.as_bytes())) + " ";
    return out;
  }
};

}  // namespace

TEST_CASE("address book: hints are few, the oldest gives way, and none displaces what is more than a hint") {
  Fixture f;
  CHECK(f.add("h1", AddressSource::host) == Added::added);
  CHECK(f.add("c1", AddressSource::claimed) == Added::added);
  CHECK(f.add("o1", AddressSource::observed) == Added::added);
  CHECK(f.add("c2", AddressSource::claimed) == Added::added);
  CHECK(f.all() == "h1 o1 c2 ");
  CHECK(f.add("v1", AddressSource::verified) == Added::added);
  CHECK(f.add("h2", AddressSource::host) == Added::added);
  CHECK(f.add("h3", AddressSource::host) == Added::added);
  CHECK(f.all() == "h1 v1 h2 h3 ");
  CHECK(f.add("c3", AddressSource::claimed) == Added::refused);
  CHECK(f.add("v2", AddressSource::verified) == Added::added);
  CHECK(f.all() == "h1 h2 h3 v2 ");
  CHECK(f.add("h4", AddressSource::host) == Added::added);
  CHECK(f.add("v3", AddressSource::verified) == Added::refused);
  CHECK(f.add("h5", AddressSource::host) == Added::added);
  CHECK(f.all() == "h2 h3 h4 h5 ");
}

TEST_CASE("address book: an address learnt again takes the better source and keeps its place") {
  Fixture f;
  f.add("a", AddressSource::claimed);
  f.add("b", AddressSource::host);
  CHECK(f.add("a", AddressSource::claimed) == Added::unchanged);
  CHECK(f.add("a", AddressSource::observed) == Added::added);
  CHECK(f.add("a", AddressSource::claimed) == Added::unchanged);
  CHECK(f.add("a", AddressSource::verified) == Added::added);
  CHECK(f.add("a", AddressSource::host) == Added::added);
  CHECK(f.all() == "a b ");
  f.list.remove_all(AddressSource::host);
  CHECK(f.list.empty());
}

TEST_CASE("address book: lists are saved; one with a repetition or too many hints is refused") {
  Fixture f;
  f.add("h", AddressSource::host);
  f.add("o", AddressSource::observed);
  f.add("c", AddressSource::claimed);
  const auto load = [&](AddressList& fresh, StateReader& reader) { return fresh.load(reader, f.memory, f.options); };
  reloaded(f.list, [] { return AddressList(); }, load);
  const auto refused = [&](const ByteBuffer& bytes) {
    AddressList fresh;
    StateReader reader(bytes);
    return load(fresh, reader).error().code;
  };
  CHECK(refused({2, 0, 1, 'x', 0, 1, 'x'}) == Code::invalid_value);
  CHECK(refused({1, 4, 1, 'x'}) == Code::invalid_value);
  CHECK(refused({3, 1, 1, 'x', 1, 1, 'y', 2, 1, 'z'}) == Code::over_cap);
  CHECK(refused({5, 0, 0}) == Code::over_cap);
}

TEST_CASE("address book: what a peer may claim is a list of the framework's own segments") {
  const Address address = Address::p2p(PeerId::from(5)).with(SiteId{3}).with(ComponentRef{2}).with(Address::Op{"name"});
  const ByteBuffer good = address.to_bytes();
  CHECK(is_readable_address(good));
  CHECK(is_readable_address({}));
  for (std::size_t size = 0; size < good.size(); ++size)
    CHECK(is_readable_address(Bytes(good).first(size)) == Address::from_bytes(Bytes(good).first(size)).has_value());
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      ByteBuffer bad = good;
      bad[at] ^= static_cast<std::uint8_t>(1u << bit);
      CHECK(is_readable_address(bad) == Address::from_bytes(bad).has_value());
    }
  }
}
