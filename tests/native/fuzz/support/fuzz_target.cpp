// How a finding ends the program.
#include "fuzz/support/fuzz_target.h"

#include <cstdio>
#include <cstdlib>

namespace bb::fuzz {

void require(bool holds, std::string_view rule) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: broken rule: %.*s\n", static_cast<int>(rule.size()), rule.data());
  std::abort();
}

}  // namespace bb::fuzz
