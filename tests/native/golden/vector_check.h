// Counting comparisons, and reading the fields of a JSON case so that none can be overlooked.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "golden/vector_runner.h"

namespace bb::golden {

using Json = nlohmann::json;

/// Finds a file by name; nullptr when it was not given.
const VectorFile* find_file(std::span<const VectorFile> files, std::string_view name);

class Checker {
 public:
  explicit Checker(VectorReport& report) : report_(report) {}

  /// Names the case that the next comparisons belong to.
  void enter(std::string file, std::string where) {
    file_ = std::move(file);
    where_ = std::move(where);
  }
  bool expect(bool good, std::string_view what);
  bool same(std::string_view what, std::uint64_t expected, std::uint64_t got);
  bool same(std::string_view what, Bytes expected, Bytes got);
  bool same_text(std::string_view what, std::string_view expected, std::string_view got);
  /// True when a row of the table excuses this field of this subject.
  bool excused(std::string_view field, std::string_view subject);
  /// Counts a comparison that a row of another table decided.
  void note_excused() { ++report_.checks, ++report_.excused; }
  std::uint64_t checks() const { return report_.checks; }

 private:
  VectorReport& report_;
  std::string file_;
  std::string where_;
};

/// One JSON object. A field that is missing or of another kind is a failure, and so is one that nobody asked for.
class Fields {
 public:
  Fields(Checker& check, const Json& object) : check_(check), object_(object) {
    check_.expect(object_.is_object(), "a case is an object");
  }
  ~Fields();
  Fields(const Fields&) = delete;
  Fields& operator=(const Fields&) = delete;

  bool has(std::string_view name) const { return object_.is_object() && object_.contains(name); }
  /// The field, or JSON null when it is missing.
  const Json& get(std::string_view name);
  bool is_null(std::string_view name) { return get(name).is_null(); }
  std::string text(std::string_view name);
  ByteBuffer bytes(std::string_view name);      // lower-case hex
  std::uint64_t number(std::string_view name);  // a decimal string, or a JSON number
  std::int64_t signed_number(std::string_view name);
  bool flag(std::string_view name);
  const Json& list(std::string_view name);
  /// Names a field that is not compared on purpose, and why.
  void skip(std::string_view name, std::string_view reason);

 private:
  Checker& check_;
  const Json& object_;
  std::set<std::string, std::less<>> asked_;
};

/// The bytes of lower-case hex, or nothing.
std::optional<ByteBuffer> from_hex(std::string_view text);

/// The parts of the runner, one a file.
void check_addresses(Checker& check, const Json& file);
void check_values(Checker& check, const Json& file);
void check_envelopes(Checker& check, const Json& file, std::span<const VectorFile> files);

}  // namespace bb::golden
