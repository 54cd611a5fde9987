// Strict UTF-8 check (no overlong forms, surrogates or values over U+10FFFF).
#pragma once

#include "bb/bytes.h"

namespace bb {

/// The offset of the first byte that is not well-formed, or `bytes.size()`.
std::size_t utf8_valid_prefix(Bytes bytes);
inline bool is_utf8(Bytes bytes) { return utf8_valid_prefix(bytes) == bytes.size(); }

}  // namespace bb
