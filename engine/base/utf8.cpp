// Strict UTF-8 check: one pass, no tables.
#include "base/utf8.h"

namespace bb {
namespace {

bool continuation(std::uint8_t byte) { return (byte & 0xc0) == 0x80; }

std::size_t sequence_length(Bytes rest) {
  const std::uint8_t lead = rest[0];
  if (lead < 0x80) return 1;
  if (lead < 0xc2) return 0;
  if (lead < 0xe0) return rest.size() >= 2 && continuation(rest[1]) ? 2 : 0;
  if (lead < 0xf0) {
    if (rest.size() < 3 || !continuation(rest[1]) || !continuation(rest[2])) return 0;
    if (lead == 0xe0 && rest[1] < 0xa0) return 0;
    if (lead == 0xed && rest[1] >= 0xa0) return 0;
    return 3;
  }
  if (lead < 0xf5) {
    if (rest.size() < 4 || !continuation(rest[1]) || !continuation(rest[2]) || !continuation(rest[3])) return 0;
    if (lead == 0xf0 && rest[1] < 0x90) return 0;
    if (lead == 0xf4 && rest[1] >= 0x90) return 0;
    return 4;
  }
  return 0;
}

}  // namespace

std::size_t utf8_valid_prefix(Bytes bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const std::size_t length = sequence_length(bytes.subspan(at));
    if (length == 0) return at;
    at += length;
  }
  return at;
}

}  // namespace bb
