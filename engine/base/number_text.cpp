// Whole part and millionths, each as a whole number.
#include "base/number_text.h"

#include <cmath>
#include <cstdint>

namespace bb {

std::string number_text(double number) {
  const double size = std::abs(number);
  if (!(size < 1e15)) return number < 0 ? "-inf" : "inf";
  auto whole = static_cast<std::uint64_t>(size);
  auto millionths = static_cast<std::uint64_t>(std::round((size - std::trunc(size)) * 1e6));
  if (millionths == 1'000'000) {
    ++whole;
    millionths = 0;
  }
  std::string text = (number < 0 ? "-" : "") + std::to_string(whole);
  if (millionths == 0) return text;
  std::string decimals = std::to_string(1'000'000 + millionths).substr(1);
  decimals.erase(decimals.find_last_not_of('0') + 1);
  return text + "." + decimals;
}

}  // namespace bb
