// Reading tests/vectors for seeds. A file that is missing or changed its shape shows as a target without seeds, which the replay refuses.
#include "fuzz/support/vectors.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <nlohmann/json.hpp>

namespace bb::fuzz {
namespace {

nlohmann::json read_json(const std::string& name) {
  const ByteBuffer text = read_file(std::string(BB_TEST_VECTORS) + "/" + name);
  return nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
}

void collect(const nlohmann::json& json, const std::vector<std::string>& keys, std::vector<std::string>& texts) {
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      if (value.is_string() && std::find(keys.begin(), keys.end(), key) != keys.end()) {
        texts.push_back(value.get<std::string>());
      } else {
        collect(value, keys, texts);
      }
    }
  } else if (json.is_array()) {
    for (const auto& element : json) collect(element, keys, texts);
  }
}

}  // namespace

ByteBuffer read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<ByteBuffer> read_vectors(const std::string& folder, const std::string& ending) {
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(BB_TEST_VECTORS) + "/" + folder, error))
    if (entry.path().extension() == ending) paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  std::vector<ByteBuffer> files;
  for (const std::string& path : paths) files.push_back(read_file(path));
  return files;
}

std::vector<ValueVector> value_vectors() {
  std::vector<ValueVector> vectors;
  const nlohmann::json json = read_json("values.json");
  if (!json.is_object() || !json.contains("types")) return vectors;
  for (const auto& type : json["types"]) {
    const std::uint64_t hash = std::strtoull(type.value("type_hash", "0").c_str(), nullptr, 10);
    if (!type.contains("values")) continue;
    for (const auto& value : type["values"]) vectors.push_back({hash, from_hex(value.value("payload", ""))});
  }
  return vectors;
}

std::vector<std::string> address_texts(const std::vector<std::string>& keys) {
  std::vector<std::string> texts;
  collect(read_json("addresses.json"), keys, texts);
  return texts;
}

ByteBuffer from_hex(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  ByteBuffer bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    if (digit(text[i]) < 0 || digit(text[i + 1]) < 0) return {};
    bytes.push_back(static_cast<std::uint8_t>(digit(text[i]) * 16 + digit(text[i + 1])));
  }
  return bytes;
}

}  // namespace bb::fuzz
