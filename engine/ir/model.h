// Reading a program from bytes that may come from anyone: size, counts, nesting and text are checked before protobuf allocates.
#pragma once

#include <expected>
#include <optional>
#include <string>

#include "bb/bytes.h"
#include "bb/error.h"
#include "proto/onnx.pb.h"

namespace bb::ir {

struct ModelLimits {
  std::uint64_t bytes_max = 64ull << 20;
  std::uint32_t elements_max = 1u << 19;  // sub-messages, texts and byte fields: what a small input could multiply
  std::uint32_t functions_max = 1024;
  std::uint32_t nodes_max = 1u << 16;  // of all functions and attribute graphs together
  std::uint32_t name_bytes_max = 4096;
  std::uint32_t text_bytes_max = 1u << 16;  // denotations, metadata, documentation
  std::uint32_t depth_max = 24;
};

/// `error.at` is the byte offset while bytes are scanned, else a function or node position; `where` names the field.
struct ModelError {
  Error error;
  std::string where;
};

/// Errors: over_cap, too_deep, truncated, malformed, invalid_utf8. Unknown fields are dropped.
std::expected<onnx::ModelProto, ModelError> load_model(Bytes bytes, const ModelLimits& limits = {});

/// Scans without building a message. When there are unknown fields (which lite messages would keep) and `clean` is given, it
/// receives the same model without them, else it keeps its value.
std::expected<void, ModelError> scan_model(Bytes bytes, const ModelLimits& limits, std::optional<std::string>* clean = nullptr);

/// Errors: empty_list (no function), duplicate (function key), bad_argument (a node without op_type or function without name).
std::expected<void, ModelError> verify_model(const onnx::ModelProto& model);

}  // namespace bb::ir
