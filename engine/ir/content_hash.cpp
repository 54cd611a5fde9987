// Serialization for hashing: metadata lists are sorted because their order says nothing.
#include "ir/content_hash.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <tuple>

#include "base/heap_sort.h"
#include "bb/hash.h"

namespace bb::ir {
namespace {

template <class Message>
void sort_metadata(Message& message) {
  auto& entries = *message.mutable_metadata_props();
  heap_sort(entries.pointer_begin(), entries.pointer_end(),
            [](const auto* a, const auto* b) { return std::tie(a->key(), a->value()) < std::tie(b->key(), b->value()); });
}

void append(ByteBuffer& stream, std::string_view text) {
  stream.insert(stream.end(), text.begin(), text.end());
  stream.push_back(0xff);
}
void append(ByteBuffer& stream, std::uint64_t number) {
  std::uint8_t bytes[8];
  store_le(bytes, number);
  stream.insert(stream.end(), bytes, bytes + 8);
}

}  // namespace

template <class Message>
std::string deterministic_bytes(const Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}
template std::string deterministic_bytes(const onnx::ModelProto&);
template std::string deterministic_bytes(const onnx::FunctionProto&);
template std::string deterministic_bytes(const onnx::NodeProto&);

std::string content_suffix(const onnx::FunctionProto& function) {
  onnx::FunctionProto copy = function;
  copy.clear_name();
  sort_metadata(copy);
  for (auto& node : *copy.mutable_node()) sort_metadata(node);
  for (auto& info : *copy.mutable_value_info()) sort_metadata(info);
  const auto digest = sha256(as_bytes(deterministic_bytes(copy)));
  return to_hex(Bytes(digest).first(8));
}

std::uint64_t reference_node_hash(const onnx::FunctionProto& function) {
  ByteBuffer stream;
  for (const auto& node : function.node()) {
    append(stream, node.op_type());
    append(stream, node.domain());
    append(stream, node.overload());
    append(stream, static_cast<std::uint64_t>(node.input_size()));
    append(stream, static_cast<std::uint64_t>(node.output_size()));
    for (const auto& name : node.input()) append(stream, name);
    for (const auto& name : node.output()) append(stream, name);
    for (const auto& attribute : node.attribute()) append(stream, attribute.name());
  }
  return siphash13(stream, 0, 0);
}

}  // namespace bb::ir
