// Reading typed configuration, with one error text that names what is wrong.
#include "bb/config.h"

#include <algorithm>
#include <cmath>

#include "base/number_text.h"

namespace bb {

const Config::Entry* ConfigReader::take(std::string_view name) {
  asked_.emplace_back(name);
  return config_.find(name);
}

void ConfigReader::mismatch(std::string_view name, std::string_view expected) {
  if (!error_.empty()) return;
  error_ = "config type mismatch: `" + std::string(name) + "` expected " + std::string(expected);
}

double ConfigReader::number(std::string_view name, double fallback, double min, double max) {
  const Config::Entry* entry = take(name);
  if (!entry) return fallback;
  double value = 0;
  if (const auto* real = std::get_if<double>(entry)) {
    value = *real;
  } else if (const auto* whole = std::get_if<std::int64_t>(entry)) {
    value = static_cast<double>(*whole);
  } else {
    mismatch(name, "a number");
    return fallback;
  }
  if (!(value >= min && value <= max)) {
    mismatch(name, "a number between " + number_text(min) + " and " + number_text(max));
    return fallback;
  }
  return value;
}

std::uint64_t ConfigReader::integer(std::string_view name, std::uint64_t fallback, std::uint64_t min, std::uint64_t max) {
  const Config::Entry* entry = take(name);
  if (!entry) return fallback;
  std::uint64_t value = 0;
  bool whole_number = false;
  if (const auto* whole = std::get_if<std::int64_t>(entry)) {
    value = static_cast<std::uint64_t>(*whole);
    whole_number = *whole >= 0;
  } else if (const auto* real = std::get_if<double>(entry)) {
    whole_number = *real >= 0 && *real < 0x1p64 && std::floor(*real) == *real;
    if (whole_number) value = static_cast<std::uint64_t>(*real);
  }
  if (!whole_number || value < min || value > max) {
    mismatch(name, "a whole number between " + std::to_string(min) + " and " + std::to_string(max));
    return fallback;
  }
  return value;
}

bool ConfigReader::flag(std::string_view name, bool fallback) {
  const Config::Entry* entry = take(name);
  if (!entry) return fallback;
  if (const auto* value = std::get_if<bool>(entry)) return *value;
  mismatch(name, "true or false");
  return fallback;
}

std::string ConfigReader::text(std::string_view name, std::string_view fallback) {
  const Config::Entry* entry = take(name);
  if (!entry) return std::string(fallback);
  if (const auto* value = std::get_if<std::string>(entry)) return *value;
  mismatch(name, "a text");
  return std::string(fallback);
}

const ByteBuffer* ConfigReader::bytes(std::string_view name) {
  const Config::Entry* entry = take(name);
  if (!entry) return nullptr;
  if (const auto* value = std::get_if<ByteBuffer>(entry)) return value;
  mismatch(name, "bytes");
  return nullptr;
}

const std::vector<ByteBuffer>* ConfigReader::list(std::string_view name) {
  const Config::Entry* entry = take(name);
  if (!entry) return nullptr;
  if (const auto* value = std::get_if<std::vector<ByteBuffer>>(entry)) return value;
  mismatch(name, "a list of bytes");
  return nullptr;
}

std::string ConfigReader::finish() {
  if (error_.empty()) {
    for (const auto& [name, entry] : config_.entries()) {
      if (std::find(asked_.begin(), asked_.end(), name) == asked_.end()) {
        error_ = "config type mismatch: unknown field `" + name + "`";
        break;
      }
    }
  }
  return error_;
}

}  // namespace bb
