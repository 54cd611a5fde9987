// Texts that cross to JavaScript as numbers: written once, then only referred to.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>

namespace bb::bindings {

class NameTable {
 public:
  /// Past the limit all new texts are the first one, which is empty.
  static constexpr std::uint32_t kNamesMax = 65'536;

  NameTable() { intern({}); }
  std::uint32_t intern(std::string_view name) {
    const auto found = index_.find(name);
    if (found != index_.end()) return found->second;
    if (names_.size() >= kNamesMax) return 0;
    const std::string& kept = names_.emplace_back(name);
    const auto number = static_cast<std::uint32_t>(names_.size() - 1);
    index_.emplace(kept, number);
    return number;
  }
  /// Lives as long as the table.
  std::string_view keep(std::string_view name) { return names_[intern(name)]; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(names_.size()); }
  std::string_view at(std::uint32_t number) const {
    return number < names_.size() ? std::string_view(names_[number]) : std::string_view();
  }

 private:
  std::deque<std::string> names_;  // a deque: the index holds views of its texts
  std::map<std::string_view, std::uint32_t> index_;
};

}  // namespace bb::bindings
