// Base58 by repeated division; ids are at most 75 bytes, so the quadratic cost is bounded.
#include "wire/base58.h"

#include <algorithm>

namespace bb::wire {
namespace {

constexpr std::string_view kAlphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

}  // namespace

std::string base58_encode(Bytes bytes) {
  std::size_t zeros = 0;
  while (zeros < bytes.size() && bytes[zeros] == 0) ++zeros;
  std::vector<std::uint8_t> digits;
  for (const std::uint8_t byte : bytes.subspan(zeros)) {
    std::uint32_t carry = byte;
    for (std::uint8_t& digit : digits) {
      carry += std::uint32_t{digit} << 8;
      digit = static_cast<std::uint8_t>(carry % 58);
      carry /= 58;
    }
    for (; carry > 0; carry /= 58) digits.push_back(static_cast<std::uint8_t>(carry % 58));
  }
  std::string text(zeros, kAlphabet[0]);
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) text.push_back(kAlphabet[*digit]);
  return text;
}

Result<ByteBuffer> base58_decode(std::string_view text, std::size_t text_max) {
  if (text.size() > text_max) return fail(Code::over_cap, text.size());
  std::size_t zeros = 0;
  while (zeros < text.size() && text[zeros] == kAlphabet[0]) ++zeros;
  ByteBuffer reversed;
  for (std::size_t i = zeros; i < text.size(); ++i) {
    const std::size_t digit = kAlphabet.find(text[i]);
    if (digit == std::string_view::npos) return fail(Code::malformed_string, i);
    auto carry = static_cast<std::uint32_t>(digit);
    for (std::uint8_t& byte : reversed) {
      carry += std::uint32_t{byte} * 58;
      byte = static_cast<std::uint8_t>(carry);
      carry >>= 8;
    }
    for (; carry > 0; carry >>= 8) reversed.push_back(static_cast<std::uint8_t>(carry));
  }
  reversed.insert(reversed.end(), zeros, 0);
  std::reverse(reversed.begin(), reversed.end());
  return reversed;
}

}  // namespace bb::wire
