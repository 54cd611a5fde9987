// The places of the engine that ask its allocator for memory, found by reading the sources, against those that were failed.
#pragma once

#include <string>
#include <vector>

namespace bb::test {

struct SiteCoverage {
  std::size_t total = 0;
  std::size_t failed = 0;
  std::size_t excepted = 0;
  std::vector<std::string> missed;  // file:line, and the line
};
SiteCoverage site_coverage();

}  // namespace bb::test
