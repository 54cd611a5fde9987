// The files of tests/vectors as material for seeds.
#pragma once

#include <string>
#include <vector>

#include "bb/bytes.h"

namespace bb::fuzz {

/// A file, or nothing when there is none.
ByteBuffer read_file(const std::string& path);
/// The contents of a folder's files with this ending, in the order of their names; `folder` below tests/vectors.
std::vector<ByteBuffer> read_vectors(const std::string& folder, const std::string& ending);

struct ValueVector {
  std::uint64_t type_hash = 0;
  ByteBuffer payload;
};
/// All payloads of values.json.
std::vector<ValueVector> value_vectors();
/// All texts that addresses.json has under one of these keys, wherever they are.
std::vector<std::string> address_texts(const std::vector<std::string>& keys);

ByteBuffer from_hex(std::string_view text);

}  // namespace bb::fuzz
