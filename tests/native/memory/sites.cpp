// Reading the sources for calls of the allocator's entry points.
#include "memory/sites.h"

#ifdef BB_FAULT_INJECTION

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "support/faults.h"

namespace bb::test {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEntryPoints[] = {".allocate(",  "->allocate(", "try_push(",         "try_reserve(", "try_resize(",
                                             "try_append(", "try_insert(", "allocation_fails(", ".schedule("};
constexpr std::string_view kFolders[] = {"base", "wire", "framework", "op", "runtime", "node", "include/bb"};
// The containers and the allocator themselves, whose callers are the places; what runs only before the first poll.
constexpr std::string_view kFilesLeftOut[] = {
    "include/bb/array.h", "base/ring.h",      "base/flat_map.h",  "include/bb/memory.h", "base/memory.cpp",
    "runtime/linker.cpp", "runtime/linker.h", "node/install.cpp", "node/install.h",      "framework/lru_table.h"};

// Whether the text at `at` is a declaration or a call that hands its caller's place on.
bool is_place(const std::string& line, std::size_t at, std::string_view entry) {
  const std::size_t open = at + entry.size();
  int depth = 1;
  std::size_t end = open;
  for (; end < line.size() && depth > 0; ++end) depth += line[end] == '(' ? 1 : line[end] == ')' ? -1 : 0;
  const std::string arguments = line.substr(open, end - open);
  if (arguments.find("site)") != std::string::npos || arguments.find("AllocationSite site") != std::string::npos) return false;
  const std::size_t comment = line.find("//");
  if (comment != std::string::npos && comment < at) return false;
  // Declarations and definitions: a type before the name.
  const std::string before = line.substr(0, at);
  for (const char* type : {"bool ", "void* ", "]] bool ", "::"})
    if (before.ends_with(type)) return false;
  return true;
}

}  // namespace

SiteCoverage site_coverage() {
  const fs::path engine = fs::path(BB_TEST_VECTORS).parent_path().parent_path() / "engine";
  std::map<std::pair<std::string, std::uint32_t>, std::size_t> failed;
  for (const Site& site : Faults::sites_failed()) {
    const std::size_t at = site.file.rfind("engine/");
    if (at != std::string::npos) ++failed[{site.file.substr(at + 7), site.line}];
  }
  std::map<std::string, std::string> exceptions;  // the trimmed line → why
  std::ifstream list(fs::path(BB_TEST_VECTORS).parent_path() / "native/memory/places_not_reached.txt");
  for (std::string line; std::getline(list, line);) {
    const std::size_t bar = line.find(" | ");
    if (bar != std::string::npos && !line.starts_with("#")) exceptions[line.substr(0, bar)] = line.substr(bar + 3);
  }
  SiteCoverage coverage;
  for (const std::string_view folder : kFolders) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(engine / folder))
      if (entry.path().extension() == ".cpp" || entry.path().extension() == ".h") files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) {
      const std::string name = std::string(folder) + "/" + file.filename().string();
      if (std::find(std::begin(kFilesLeftOut), std::end(kFilesLeftOut), name) != std::end(kFilesLeftOut)) continue;
      std::ifstream text(file);
      std::uint32_t number = 0;
      for (std::string line; std::getline(text, line);) {
        ++number;
        std::size_t places = 0;
        for (const std::string_view entry : kEntryPoints)
          for (std::size_t at = line.find(entry); at != std::string::npos; at = line.find(entry, at + 1))
            places += is_place(line, at, entry);
        if (places == 0) continue;
        const auto found = failed.find({name, number});
        const std::size_t hit = std::min(places, found == failed.end() ? 0 : found->second);
        coverage.total += places;
        coverage.failed += hit;
        if (hit == places) continue;
        const std::size_t first = line.find_first_not_of(' ');
        const std::string trimmed = name + ": " + line.substr(first);
        if (exceptions.contains(trimmed)) {
          coverage.excepted += places - hit;
        } else {
          coverage.missed.push_back(name + ":" + std::to_string(number) + " (" + std::to_string(hit) + " of " +
                                    std::to_string(places) + ") " + line.substr(first));
        }
      }
    }
  }
  return coverage;
}

}  // namespace bb::test

#endif
