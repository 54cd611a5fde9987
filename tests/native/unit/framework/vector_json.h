// Reads framework.json, whose numbers of 64 bits are texts, without exceptions.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

namespace bb::framework::testing {

using Json = nlohmann::json;

/// A part of the file; a test fails when it is not there.
const Json& vectors(const char* part);

/// The field, or a failure.
inline const Json& field(const Json& object, const char* name) {
  INFO("field " << name);
  REQUIRE(object.contains(name));
  return object[name];
}
inline std::string text(const Json& value) {
  const auto* text = value.get_ptr<const std::string*>();
  REQUIRE(text != nullptr);
  return *text;
}
inline std::uint64_t number(const Json& value) {
  if (value.is_number_unsigned()) return value.get<std::uint64_t>();
  const std::string digits = text(value);
  std::uint64_t parsed = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), parsed);
  REQUIRE(error == std::errc{});
  REQUIRE(end == digits.data() + digits.size());
  return parsed;
}
inline std::uint64_t number(const Json& object, const char* name) { return number(field(object, name)); }
inline bool flag(const Json& value) {
  const auto* flag = value.get_ptr<const bool*>();
  REQUIRE(flag != nullptr);
  return *flag;
}
inline bool flag(const Json& object, const char* name) { return flag(field(object, name)); }

}  // namespace bb::framework::testing
