// What every primitive of the framework promises: it can be saved and loaded, refuses bytes that are cut off, and is as it was when
// an allocation fails.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <functional>

#include "bb/state_codec.h"

namespace bb::framework::testing {

/// The bytes that `save(writer)` writes; it may say that it failed.
template <class Save>
ByteBuffer saved(Save save) {
  StateWriter writer;
  if constexpr (std::is_same_v<decltype(save(writer)), bool>) {
    REQUIRE(save(writer));
  } else {
    save(writer);
  }
  REQUIRE(writer.complete());
  return {writer.view().begin(), writer.view().end()};
}
template <class T>
ByteBuffer saved_of(const T& object) {
  return saved([&](StateWriter& writer) { return object.save(writer); });
}

/// Checks that no beginning of the bytes is taken for the whole. `load(reader)` loads into a new object.
inline void check_truncation(const ByteBuffer& bytes, const std::function<Status(StateReader&)>& load) {
  const std::size_t step = bytes.size() > 4'000 ? 7 : 1;
  for (std::size_t size = 0; size < bytes.size(); size += step) {
    StateReader reader(Bytes(bytes).first(size));
    const Status status = load(reader);
    INFO("the first " << size << " of " << bytes.size() << " bytes");
    REQUIRE(!(status && reader.finish()));
  }
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    // Any other byte may be refused or mean something else, but nothing worse.
    for (const unsigned change : {0x01, 0x80, 0xff}) {
      ByteBuffer other = bytes;
      other[at] ^= static_cast<std::uint8_t>(change);
      StateReader reader(other);
      (void)load(reader);
    }
  }
}

/// Saves, loads into what `make` makes, saves again, and compares; then the same with bytes cut off. Returns the loaded object.
template <class T, class Make, class Load>
T reloaded(const T& object, Make make, Load load) {
  const ByteBuffer bytes = saved_of(object);
  check_truncation(bytes, [&](StateReader& reader) {
    T fresh = make();
    return load(fresh, reader);
  });
  T fresh = make();
  StateReader reader(bytes);
  REQUIRE(load(fresh, reader).has_value());
  REQUIRE(reader.finish().has_value());
  REQUIRE(saved_of(fresh) == bytes);
  T moved = make();
  moved = std::move(fresh);
  REQUIRE(saved_of(moved) == bytes);
  return moved;
}

#ifdef BB_FAULT_INJECTION
inline thread_local int allocations_left = 0;

/// Runs `act` with its first, its second ... allocation failing, until it succeeds; it says whether it did. After each failure `state()`
/// must give what it gave before.
inline void check_allocation_failures(const std::function<bool()>& act, const std::function<ByteBuffer()>& state) {
  const ByteBuffer before = state();
  for (int allowed = 0; allowed < 50; ++allowed) {
    allocations_left = allowed;
    allocation_hook = [](const AllocationSite&) { return allocations_left-- == 0; };
    const bool done = act();
    allocation_hook = nullptr;
    if (done) {
      REQUIRE(allowed > 0);  // the action asked for memory at all
      return;
    }
    INFO("allocation " << allowed << " failed");
    REQUIRE(state() == before);
  }
  FAIL("the action never succeeded");
}
#else
inline void check_allocation_failures(const std::function<bool()>& act, const std::function<ByteBuffer()>&) { REQUIRE(act()); }
#endif

}  // namespace bb::framework::testing
