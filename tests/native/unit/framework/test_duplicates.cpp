// Duplicate windows: per incarnation, and by payload.
#include <catch2/catch_test_macros.hpp>

#include "framework/duplicates.h"
#include "unit/framework/saved_state.h"

using namespace bb;
using namespace bb::framework;
using namespace bb::framework::testing;

namespace {

bool record(PeerWindows& windows, std::uint64_t incarnation, std::uint64_t sequence) {
  if (!windows.try_reserve(incarnation)) return false;
  windows.record_reserved(incarnation, sequence);
  return true;
}

}  // namespace

TEST_CASE("duplicates: a window remembers 1,024 numbers and takes older ones for seen") {
  SequenceWindow window;
  CHECK(window.accept(1));
  CHECK(!window.accept(1));
  CHECK(window.accept(3));
  CHECK(window.accept(2));
  CHECK(window.accept(1025));
  CHECK(window.seen(1));  // out of the window now
  CHECK(window.seen(2));  // still in it, and seen
  CHECK(!window.seen(4));
  CHECK(window.accept(4));
  CHECK(window.accept(5'000));
  CHECK(!window.seen(4'999));
  CHECK(window.seen(5'000 - SequenceWindow::kSize));
}

TEST_CASE("duplicates: a jump of exactly the window forgets nothing wrongly") {
  SequenceWindow window;
  for (std::uint64_t n = 1; n <= 1'024; ++n) REQUIRE(window.accept(n));
  for (std::uint64_t n = 1; n <= 1'024; ++n) REQUIRE(window.seen(n));
  for (std::uint64_t n = 1'025; n <= 2'048; ++n) REQUIRE(window.accept(n));
}

TEST_CASE("duplicates: incarnations have windows of their own, the last four are kept") {
  PeerWindows windows;
  for (std::uint64_t incarnation = 1; incarnation <= 5; ++incarnation) {
    CHECK(!windows.seen(incarnation, 1));
    REQUIRE(record(windows, incarnation, 1));
    CHECK(windows.seen(incarnation, 1));
    CHECK(!windows.seen(incarnation, 2));
  }
  CHECK(!windows.seen(1, 1));
  CHECK(windows.seen(2, 1));
}

TEST_CASE("duplicates: the payload window forgets the oldest") {
  PayloadWindow window({.hashes_max = 3});
  const auto accept = [](PayloadWindow& in, std::uint64_t key) { return *in.accept(key); };
  CHECK(accept(window, 1));
  CHECK(!accept(window, 1));
  CHECK(accept(window, 2));
  CHECK(accept(window, 3));
  CHECK(accept(window, 4));
  CHECK(accept(window, 1));
  CHECK(!accept(window, 4));
  PayloadWindow off({.hashes_max = 0});
  CHECK(accept(off, 1));
  CHECK(accept(off, 1));
}

TEST_CASE("duplicates: windows are saved and go on as they were") {
  PeerWindows windows;
  for (std::uint64_t incarnation = 3; incarnation <= 8; ++incarnation)
    for (std::uint64_t n = 1; n < 40; n += incarnation) REQUIRE(record(windows, incarnation, n * incarnation));
  PeerWindows loaded =
      reloaded(windows, [] { return PeerWindows(); }, [](PeerWindows& fresh, StateReader& reader) { return fresh.load(reader); });
  REQUIRE(record(loaded, 9, 1));
  REQUIRE(record(windows, 9, 1));
  CHECK(saved_of(loaded) == saved_of(windows));

  PayloadWindow payloads({.hashes_max = 5});
  for (const std::uint64_t key : {9, 3, 7, 1, 2, 8, 4}) REQUIRE(payloads.accept(key));
  PayloadWindow again = reloaded(
      payloads, [] { return PayloadWindow({.hashes_max = 5}); },
      [](PayloadWindow& fresh, StateReader& reader) { return fresh.load(reader); });
  for (const std::uint64_t key : {1, 11, 7, 12}) CHECK(*again.accept(key) == *payloads.accept(key));
  CHECK(saved_of(again) == saved_of(payloads));
}

TEST_CASE("duplicates: a window that contradicts itself, and the same incarnation twice, are refused") {
  PeerWindows windows;
  REQUIRE(record(windows, 1, 5));
  ByteBuffer bytes = saved_of(windows);
  const auto load = [](const ByteBuffer& from) {
    PeerWindows fresh;
    StateReader reader(from);
    return fresh.load(reader);
  };
  REQUIRE(load(bytes));
  bytes[10] = 0;  // the bits no longer hold the highest number
  CHECK(load(bytes).error().code == Code::invalid_value);
  bytes[10] = 0x60;  // a number above the highest
  CHECK(load(bytes).error().code == Code::invalid_value);
  ByteBuffer twice = saved_of(windows);
  twice[0] = 2;
  twice.insert(twice.end(), twice.begin() + 1, twice.end());
  CHECK(load(twice).error().code == Code::invalid_value);
}

TEST_CASE("duplicates: without memory nothing is recorded") {
  PeerWindows windows;
  check_allocation_failures([&] { return record(windows, 1, 1); }, [&] { return saved_of(windows); });
  CHECK(windows.seen(1, 1));
  PayloadWindow payloads({.hashes_max = 5});
  check_allocation_failures([&] { return payloads.accept(1).has_value(); }, [&] { return saved_of(payloads); });
  CHECK(payloads.contains(1));
}
