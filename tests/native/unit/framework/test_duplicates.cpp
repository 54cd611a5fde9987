// Duplicate windows: per incarnation, and by payload.
#include <catch2/catch_test_macros.hpp>

#include "framework/duplicates.h"

using namespace bb::framework;

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
    windows.record(incarnation, 1);
    CHECK(windows.seen(incarnation, 1));
    CHECK(!windows.seen(incarnation, 2));
  }
  CHECK(!windows.seen(1, 1));
  CHECK(windows.seen(2, 1));
}

TEST_CASE("duplicates: the payload window forgets the oldest") {
  PayloadWindow window(3);
  CHECK(window.accept(1));
  CHECK(!window.accept(1));
  CHECK(window.accept(2));
  CHECK(window.accept(3));
  CHECK(window.accept(4));
  CHECK(window.accept(1));
  CHECK(!window.accept(4));
  PayloadWindow off(0);
  CHECK(off.accept(1));
  CHECK(off.accept(1));
}
