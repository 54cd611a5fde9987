// Comparisons and JSON fields of the vector runner.
#include "golden/vector_check.h"

#include <charconv>

namespace bb::golden {
namespace {

const Json kNull;
const Json kEmptyList = Json::array();

// Long texts are cut: a report names the difference, it does not print envelopes.
std::string shortened(std::string_view text) {
  constexpr std::size_t shown = 160;
  if (text.size() <= shown) return std::string(text);
  return std::string(text.substr(0, shown)) + "... (" + std::to_string(text.size()) + " characters)";
}

}  // namespace

const VectorFile* find_file(std::span<const VectorFile> files, std::string_view name) {
  for (const VectorFile& file : files)
    if (file.name == name) return &file;
  return nullptr;
}

bool Checker::expect(bool good, std::string_view what) {
  ++report_.checks;
  if (good) return true;
  ++report_.failed;
  if (report_.failures.size() < kFailuresKept) report_.failures.push_back(file_ + ": " + where_ + ": " + std::string(what));
  return false;
}

bool Checker::same(std::string_view what, std::uint64_t expected, std::uint64_t got) {
  if (expected == got) return expect(true, what);
  return expect(false, std::string(what) + ": expected " + std::to_string(expected) + ", got " + std::to_string(got));
}

bool Checker::same(std::string_view what, Bytes expected, Bytes got) {
  if (equal(expected, got)) return expect(true, what);
  return expect(false, std::string(what) + ": expected " + shortened(to_hex(expected)) + ", got " + shortened(to_hex(got)));
}

bool Checker::same_text(std::string_view what, std::string_view expected, std::string_view got) {
  if (expected == got) return expect(true, what);
  return expect(false, std::string(what) + ": expected `" + shortened(expected) + "`, got `" + shortened(got) + "`");
}

bool Checker::excused(std::string_view field, std::string_view subject) {
  for (const KnownDifference& row : known_differences()) {
    if (row.file != file_ || row.field != field || (row.subject != "*" && row.subject != subject)) continue;
    ++report_.excused;
    return true;
  }
  return false;
}

std::optional<ByteBuffer> from_hex(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  if (text.size() % 2 != 0) return std::nullopt;
  ByteBuffer bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]), low = digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return bytes;
}

Fields::~Fields() {
  if (!object_.is_object()) return;
  for (const auto& [name, value] : object_.items())
    check_.expect(asked_.contains(name), "the field `" + name + "` is compared with nothing");
}

const Json& Fields::get(std::string_view name) {
  asked_.emplace(name);
  if (has(name)) return object_[name];
  check_.expect(false, "the field `" + std::string(name) + "` is missing");
  return kNull;
}

std::string Fields::text(std::string_view name) {
  const Json& field = get(name);
  if (const auto* text = field.get_ptr<const std::string*>()) return *text;
  check_.expect(false, "the field `" + std::string(name) + "` is not a text");
  return {};
}

ByteBuffer Fields::bytes(std::string_view name) {
  auto bytes = from_hex(text(name));
  check_.expect(bytes.has_value(), "the field `" + std::string(name) + "` is lower-case hex");
  return bytes ? std::move(*bytes) : ByteBuffer{};
}

std::uint64_t Fields::number(std::string_view name) {
  const Json& field = get(name);
  if (field.is_number_unsigned()) return field.get<std::uint64_t>();
  if (const auto* text = field.get_ptr<const std::string*>()) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error == std::errc{} && end == text->data() + text->size()) return value;
  }
  check_.expect(false, "the field `" + std::string(name) + "` is not a whole number");
  return 0;
}

std::int64_t Fields::signed_number(std::string_view name) {
  const Json& field = get(name);
  if (field.is_number_integer()) return field.get<std::int64_t>();
  check_.expect(false, "the field `" + std::string(name) + "` is not a whole number");
  return 0;
}

bool Fields::flag(std::string_view name) {
  const Json& field = get(name);
  if (const auto* flag = field.get_ptr<const bool*>()) return *flag;
  check_.expect(false, "the field `" + std::string(name) + "` is not true or false");
  return false;
}

const Json& Fields::list(std::string_view name) {
  const Json& field = get(name);
  return check_.expect(field.is_array(), "the field `" + std::string(name) + "` is a list") ? field : kEmptyList;
}

void Fields::skip(std::string_view name, std::string_view) { asked_.emplace(name); }

}  // namespace bb::golden
