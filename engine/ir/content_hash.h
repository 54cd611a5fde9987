// The hashes that names of compiled functions end in.
#pragma once

#include <cstdint>
#include <string>

#include "proto/onnx.pb.h"

namespace bb::ir {

/// 16 lower-case hex digits: the first 8 bytes of SHA-256 over the function without its name and with sorted metadata, so that
/// a changed attribute, type or stamp changes the name (spec D §5.3).
std::string content_suffix(const onnx::FunctionProto& function);

/// The reference's node-list hash (SipHash-1-3 over op types, names and attribute names), kept to name its artifacts.
std::uint64_t reference_node_hash(const onnx::FunctionProto& function);

/// The bytes of a message, the same for equal messages on every platform.
template <class Message>
std::string deterministic_bytes(const Message& message);

}  // namespace bb::ir
