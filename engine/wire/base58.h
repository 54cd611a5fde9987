// Base58 with the Bitcoin alphabet, each leading zero byte as `1`.
#pragma once

#include <string>

#include "bb/bytes.h"
#include "bb/error.h"

namespace bb::wire {

std::string base58_encode(Bytes bytes);
/// Errors: malformed_string at the first character outside the alphabet; over_cap when the text is longer than `text_max`.
Result<ByteBuffer> base58_decode(std::string_view text, std::size_t text_max);

}  // namespace bb::wire
