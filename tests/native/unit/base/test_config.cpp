// Typed configuration: every kind, every bound, the first error wins, unknown names are told.
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <limits>

#include "bb/config.h"

using bb::ByteBuffer;
using bb::Config;
using bb::ConfigReader;

TEST_CASE("fields that are there are read, absent ones have their fallback", "[config]") {
  Config config;
  config.set("rate", 0.5).set("count", std::int64_t{7}).set("on", true).set("name", std::string("x"));
  config.set("raw", ByteBuffer{1, 2}).set("many", std::vector<ByteBuffer>{{1}, {}});
  ConfigReader reader(config);
  CHECK(reader.number("rate", 9, 0, 1) == 0.5);
  CHECK(reader.integer("count", 9, 0, 100) == 7);
  CHECK(reader.flag("on", false));
  CHECK(reader.text("name", "y") == "x");
  REQUIRE(reader.bytes("raw") != nullptr);
  CHECK(*reader.bytes("raw") == ByteBuffer{1, 2});
  REQUIRE(reader.list("many") != nullptr);
  CHECK(reader.list("many")->size() == 2);
  CHECK(reader.number("rate2", 0.25, 0, 1) == 0.25);
  CHECK(reader.integer("count2", 3, 0, 100) == 3);
  CHECK(reader.flag("on2", true));
  CHECK(reader.text("name2", "y") == "y");
  CHECK(reader.bytes("raw2") == nullptr);
  CHECK(reader.list("many2") == nullptr);
  CHECK(reader.finish().empty());
}

TEST_CASE("a field of the wrong kind is named, and the first one stays", "[config]") {
  Config config;
  config.set("a", std::string("1")).set("b", true);
  ConfigReader reader(config);
  CHECK(reader.number("a", 4, 0, 10) == 4);
  CHECK(reader.integer("b", 5, 0, 10) == 5);
  CHECK(reader.finish() == "config type mismatch: `a` expected a number");
  const auto refused = [](Config::Entry entry, auto read) {
    Config one;
    one.set("x", std::move(entry));
    ConfigReader of(one);
    read(of);
    return of.finish().starts_with("config type mismatch: `x` expected ");
  };
  CHECK(refused(true, [](ConfigReader& r) { (void)r.number("x", 0, 0, 1); }));
  CHECK(refused(ByteBuffer{}, [](ConfigReader& r) { (void)r.integer("x", 0, 0, 1); }));
  CHECK(refused(std::int64_t{1}, [](ConfigReader& r) { (void)r.flag("x", false); }));
  CHECK(refused(1.0, [](ConfigReader& r) { (void)r.text("x", ""); }));
  CHECK(refused(std::string("x"), [](ConfigReader& r) { (void)r.bytes("x"); }));
  CHECK(refused(ByteBuffer{}, [](ConfigReader& r) { (void)r.list("x"); }));
}

TEST_CASE("numbers outside of their bounds are refused, at the bounds accepted", "[config]") {
  const auto number = [](Config::Entry entry, double min, double max) {
    Config config;
    config.set("x", std::move(entry));
    ConfigReader reader(config);
    const double read = reader.number("x", -1, min, max);
    return reader.finish().empty() ? read : std::nan("");
  };
  CHECK(number(0.0, 0, 1) == 0.0);
  CHECK(number(std::int64_t{1}, 0, 1) == 1.0);
  CHECK(std::isnan(number(1.0000001, 0, 1)));
  CHECK(std::isnan(number(-0.1, 0, 1)));
  CHECK(std::isnan(number(std::numeric_limits<double>::quiet_NaN(), 0, 1)));
  CHECK(std::isnan(number(std::numeric_limits<double>::infinity(), 0, 1)));

  const auto integer = [](Config::Entry entry, std::uint64_t min, std::uint64_t max) {
    Config config;
    config.set("x", std::move(entry));
    ConfigReader reader(config);
    const std::uint64_t read = reader.integer("x", 77, min, max);
    const bool good = reader.finish().empty();
    CHECK((good || read == 77));
    return good;
  };
  CHECK(integer(std::int64_t{3}, 3, 9));
  CHECK(integer(9.0, 3, 9));
  CHECK_FALSE(integer(std::int64_t{2}, 3, 9));
  CHECK_FALSE(integer(std::int64_t{10}, 3, 9));
  CHECK_FALSE(integer(std::int64_t{-1}, 0, UINT64_MAX));
  CHECK_FALSE(integer(std::numeric_limits<std::int64_t>::min(), 0, UINT64_MAX));
  CHECK_FALSE(integer(3.5, 3, 9));
  CHECK_FALSE(integer(std::numeric_limits<double>::quiet_NaN(), 0, UINT64_MAX));
  CHECK_FALSE(integer(0x1p64, 0, UINT64_MAX));
  CHECK(integer(0x1p63, 0, UINT64_MAX));
}

TEST_CASE("a name that nobody asked for is told", "[config]") {
  Config config;
  config.set("learning_rate", 0.1).set("learning_rat", 0.1);
  ConfigReader reader(config);
  (void)reader.number("learning_rate", 0, 0, 1);
  CHECK(reader.finish() == "config type mismatch: unknown field `learning_rat`");
}

TEST_CASE("setting a field twice keeps the last", "[config]") {
  Config config;
  config.set("x", 1.0).set("x", std::string("y"));
  CHECK(config.entries().size() == 1);
  REQUIRE(config.find("x") != nullptr);
  CHECK(std::get<std::string>(*config.find("x")) == "y");
  CHECK(config.find("y") == nullptr);
}
