// layer: base
// Typed configuration of a component: names to numbers, texts, bytes, flags or lists of bytes, as they cross every boundary.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bb/bytes.h"

namespace bb {

class Config {
 public:
  using Entry = std::variant<bool, std::int64_t, double, std::string, ByteBuffer, std::vector<ByteBuffer>>;

  Config& set(std::string name, Entry value) {
    entries_.insert_or_assign(std::move(name), std::move(value));
    return *this;
  }
  const Entry* find(std::string_view name) const {
    const auto at = entries_.find(name);
    return at == entries_.end() ? nullptr : &at->second;
  }
  const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }

 private:
  std::map<std::string, Entry, std::less<>> entries_;
};

/// Reads the fields of a config, remembers the first that is wrong, and notices names that nobody asked for.
class ConfigReader {
 public:
  explicit ConfigReader(const Config& config) : config_(config) {}
  double number(std::string_view name, double fallback, double min, double max);
  std::uint64_t integer(std::string_view name, std::uint64_t fallback, std::uint64_t min, std::uint64_t max);
  bool flag(std::string_view name, bool fallback);
  std::string text(std::string_view name, std::string_view fallback);
  const ByteBuffer* bytes(std::string_view name);
  const std::vector<ByteBuffer>* list(std::string_view name);
  /// Empty when all was well, else "config type mismatch: ..." naming the field.
  std::string finish();

 private:
  const Config::Entry* take(std::string_view name);
  void mismatch(std::string_view name, std::string_view expected);

  const Config& config_;
  std::vector<std::string> asked_;
  std::string error_;
};

}  // namespace bb
