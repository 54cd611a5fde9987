// Writes the small JSON texts that cross to JavaScript off the hot path: errors, descriptions, statistics.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bb/bytes.h"

namespace bb::bindings {

class JsonWriter {
 public:
  JsonWriter& object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name) {
    separate();
    quote(name);
    text_ += ':';
    fresh_ = true;
    return *this;
  }
  JsonWriter& value(std::string_view text) {
    separate();
    quote(text);
    return *this;
  }
  JsonWriter& value(bool flag) { return raw(flag ? "true" : "false"); }
  /// Exact in JavaScript only up to 2^53; ids are written as texts instead.
  JsonWriter& number(std::uint64_t number) { return raw(std::to_string(number)); }
  JsonWriter& number(std::int64_t number) { return raw(std::to_string(number)); }
  JsonWriter& id(std::uint64_t number) { return value(std::string_view(std::to_string(number))); }
  JsonWriter& hex(Bytes bytes) { return value(std::string_view(to_hex(bytes))); }

  JsonWriter& field(std::string_view name, std::string_view text) { return key(name).value(text); }
  JsonWriter& field(std::string_view name, std::uint64_t count) { return key(name).number(count); }
  JsonWriter& flag(std::string_view name, bool flag) { return key(name).value(flag); }

  std::string take() { return std::move(text_); }

 private:
  JsonWriter& open(char bracket) {
    separate();
    text_ += bracket;
    fresh_ = true;
    return *this;
  }
  JsonWriter& close(char bracket) {
    text_ += bracket;
    fresh_ = false;
    return *this;
  }
  JsonWriter& raw(std::string_view text) {
    separate();
    text_ += text;
    return *this;
  }
  void separate() {
    if (!fresh_) text_ += ',';
    fresh_ = false;
  }
  void quote(std::string_view text) {
    constexpr char kDigits[] = "0123456789abcdef";
    text_ += '"';
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') {
        text_ += '\\';
        text_ += c;
      } else if (byte < 0x20) {
        text_ += "\\u00";
        text_ += kDigits[byte >> 4];
        text_ += kDigits[byte & 15];
      } else {
        text_ += c;
      }
    }
    text_ += '"';
  }

  std::string text_;
  bool fresh_ = true;  // nothing to separate from
};

}  // namespace bb::bindings
