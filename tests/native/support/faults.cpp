// The hook behind `Faults`.
#include "support/faults.h"

#ifdef BB_FAULT_INJECTION

#include <cstring>
#include <string_view>
#include <unordered_map>

namespace bb::test {
namespace {

// By the name's address and place: a name has several addresses, a place few.
struct Key {
  const char* file;
  std::uint32_t line;
  std::uint32_t column;
  bool operator==(const Key&) const = default;
};
struct Hash {
  std::size_t operator()(const Key& key) const {
    return std::hash<const void*>()(key.file) ^ (std::size_t{key.line} * 0x9e3779b97f4a7c15ULL) ^ (std::size_t{key.column} << 7);
  }
};

std::uint64_t at = 0, count = 0, failures = 0;
Faults::Mode mode_ = Faults::Mode::once;
const char* only_in = nullptr;
AllocationSite last_failed;
std::unordered_map<Key, bool, Hash> asked_sites;  // since `arm`; whether it was failed
std::vector<std::uint64_t> firsts;
std::set<Site> failed_sites;

bool asks(const AllocationSite& site) {
  ++count;
  bool fails = at != 0 && (mode_ == Faults::Mode::once ? count == at : count >= at);
  if (only_in) fails = std::strstr(site.function_name(), only_in) != nullptr;
  const Key key{site.file_name(), site.line(), site.column()};
  const auto [entry, fresh] = asked_sites.try_emplace(key, false);
  if (fresh) firsts.push_back(count);
  if (fails && !entry->second) {
    entry->second = true;
    failed_sites.insert({key.file, key.line, key.column});
  }
  failures += fails;
  if (fails) last_failed = site;
  return fails;
}

}  // namespace

void Faults::arm(std::uint64_t number, Mode mode) {
  at = number;
  mode_ = mode;
  count = failures = 0;
  asked_sites.clear();
  firsts.clear();
}
void Faults::disarm() { at = 0; }
void Faults::fail_in(const char* function) { only_in = function; }
std::uint64_t Faults::asked() { return count; }
std::uint64_t Faults::failed() { return failures; }
std::string Faults::last() {
  const std::string_view file = last_failed.file_name();
  return std::string(file.substr(file.rfind('/') + 1)) + ":" + std::to_string(last_failed.line()) + ":" +
         std::to_string(last_failed.column());
}
const std::vector<std::uint64_t>& Faults::first_of_each_site() { return firsts; }
const std::set<Site>& Faults::sites_failed() { return failed_sites; }
Faults::Window::Window() { allocation_hook = asks; }
Faults::Window::~Window() { allocation_hook = nullptr; }

}  // namespace bb::test

#endif
