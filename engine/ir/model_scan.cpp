// One pass over a model's bytes with protobuf's wire reader and a table of the schema: what follows may then trust sizes, nesting
// and text, and protobuf's own recursion is bounded by what was seen here.
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <vector>

#include "base/utf8.h"
#include "ir/model.h"

namespace bb::ir {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

enum class Kind : std::uint8_t {
  model,
  function,
  node,
  attribute,
  graph,
  value_info,
  type,
  tensor_type,
  sequence,
  map,
  opaque,
  optional,
  shape,
  dimension,
  tensor,
  segment,
  opset,
  entry,
  // leaves
  name,
  text,
  bytes,
  varint,
  varints,
  fixed32,
  fixed32s,
  fixed64s,
};

struct Field {
  Kind message;
  std::uint32_t number;
  Kind content;
};

// Every field of proto/onnx.proto; the plural kinds are repeated numbers, packed or not.
constexpr Field kFields[] = {
    {Kind::model, 2, Kind::text},
    {Kind::model, 3, Kind::text},
    {Kind::model, 4, Kind::text},
    {Kind::model, 6, Kind::text},
    {Kind::model, 7, Kind::graph},
    {Kind::model, 8, Kind::opset},
    {Kind::model, 14, Kind::entry},
    {Kind::model, 25, Kind::function},
    {Kind::function, 1, Kind::name},
    {Kind::function, 4, Kind::name},
    {Kind::function, 5, Kind::name},
    {Kind::function, 6, Kind::name},
    {Kind::function, 7, Kind::node},
    {Kind::function, 8, Kind::text},
    {Kind::function, 9, Kind::opset},
    {Kind::function, 10, Kind::name},
    {Kind::function, 11, Kind::attribute},
    {Kind::function, 12, Kind::value_info},
    {Kind::function, 13, Kind::name},
    {Kind::function, 14, Kind::entry},
    {Kind::node, 1, Kind::name},
    {Kind::node, 2, Kind::name},
    {Kind::node, 3, Kind::name},
    {Kind::node, 4, Kind::name},
    {Kind::node, 5, Kind::attribute},
    {Kind::node, 6, Kind::text},
    {Kind::node, 7, Kind::name},
    {Kind::node, 8, Kind::name},
    {Kind::node, 9, Kind::entry},
    {Kind::attribute, 1, Kind::name},
    {Kind::attribute, 4, Kind::bytes},
    {Kind::attribute, 5, Kind::tensor},
    {Kind::attribute, 6, Kind::graph},
    {Kind::attribute, 9, Kind::bytes},
    {Kind::attribute, 10, Kind::tensor},
    {Kind::attribute, 11, Kind::graph},
    {Kind::attribute, 13, Kind::text},
    {Kind::attribute, 14, Kind::type},
    {Kind::attribute, 15, Kind::type},
    {Kind::attribute, 21, Kind::name},
    {Kind::graph, 1, Kind::node},
    {Kind::graph, 2, Kind::name},
    {Kind::graph, 5, Kind::tensor},
    {Kind::graph, 10, Kind::text},
    {Kind::graph, 11, Kind::value_info},
    {Kind::graph, 12, Kind::value_info},
    {Kind::graph, 13, Kind::value_info},
    {Kind::graph, 16, Kind::entry},
    {Kind::value_info, 1, Kind::name},
    {Kind::value_info, 2, Kind::type},
    {Kind::value_info, 3, Kind::text},
    {Kind::value_info, 4, Kind::entry},
    {Kind::type, 1, Kind::tensor_type},
    {Kind::type, 4, Kind::sequence},
    {Kind::type, 5, Kind::map},
    {Kind::type, 6, Kind::text},
    {Kind::type, 7, Kind::opaque},
    {Kind::type, 8, Kind::tensor_type},
    {Kind::type, 9, Kind::optional},
    {Kind::tensor_type, 2, Kind::shape},
    {Kind::sequence, 1, Kind::type},
    {Kind::map, 2, Kind::type},
    {Kind::opaque, 1, Kind::text},
    {Kind::opaque, 2, Kind::text},
    {Kind::optional, 1, Kind::type},
    {Kind::shape, 1, Kind::dimension},
    {Kind::dimension, 2, Kind::text},
    {Kind::dimension, 3, Kind::text},
    {Kind::tensor, 3, Kind::segment},
    {Kind::tensor, 6, Kind::bytes},
    {Kind::tensor, 8, Kind::text},
    {Kind::tensor, 9, Kind::bytes},
    {Kind::tensor, 12, Kind::text},
    {Kind::tensor, 13, Kind::entry},
    {Kind::tensor, 16, Kind::entry},
    {Kind::opset, 1, Kind::name},
    {Kind::entry, 1, Kind::text},
    {Kind::entry, 2, Kind::text},
    {Kind::model, 1, Kind::varint},
    {Kind::model, 5, Kind::varint},
    {Kind::attribute, 2, Kind::fixed32},
    {Kind::attribute, 3, Kind::varint},
    {Kind::attribute, 7, Kind::fixed32s},
    {Kind::attribute, 8, Kind::varints},
    {Kind::attribute, 20, Kind::varint},
    {Kind::tensor_type, 1, Kind::varint},
    {Kind::map, 1, Kind::varint},
    {Kind::dimension, 1, Kind::varint},
    {Kind::tensor, 1, Kind::varints},
    {Kind::tensor, 2, Kind::varint},
    {Kind::tensor, 4, Kind::fixed32s},
    {Kind::tensor, 5, Kind::varints},
    {Kind::tensor, 7, Kind::varints},
    {Kind::tensor, 10, Kind::fixed64s},
    {Kind::tensor, 11, Kind::varints},
    {Kind::tensor, 14, Kind::varint},
    {Kind::segment, 1, Kind::varint},
    {Kind::segment, 2, Kind::varint},
    {Kind::opset, 2, Kind::varint},
};

constexpr const char* kKindNames[] = {
    "ModelProto",         "FunctionProto",
    "NodeProto",          "AttributeProto",
    "GraphProto",         "ValueInfoProto",
    "TypeProto",          "TypeProto.Tensor",
    "TypeProto.Sequence", "TypeProto.Map",
    "TypeProto.Opaque",   "TypeProto.Optional",
    "TensorShapeProto",   "TensorShapeProto.Dimension",
    "TensorProto",        "TensorProto.Segment",
    "OperatorSetIdProto", "StringStringEntryProto",
};

constexpr std::uint32_t kShortBytesMax = 5;

const Field* find_field(Kind message, std::uint32_t number) {
  for (const Field& field : kFields)
    if (field.message == message && field.number == number) return &field;
  return nullptr;
}

bool is_number(Kind kind) { return kind >= Kind::varint; }
bool is_repeated_number(Kind kind) { return kind == Kind::varints || kind == Kind::fixed32s || kind == Kind::fixed64s; }

class Scanner {
 public:
  /// With `clean`, what is known is copied there, so that a second pass can leave out what is not.
  Scanner(Bytes bytes, const ModelLimits& limits, std::string* clean)
      : bytes_(bytes), limits_(limits), clean_(clean), input_(bytes.data(), static_cast<int>(bytes.size())) {}

  std::expected<void, ModelError> run() {
    open_.push_back({Kind::model, static_cast<std::uint32_t>(bytes_.size()), 0, {}});
    while (!open_.empty()) {
      const std::uint32_t end = open_.back().end;
      if (position() == end) {
        close();
        continue;
      }
      if (auto status = field(open_.back().kind, end); !status) return status;
    }
    return {};
  }
  bool found_unknown() const { return found_unknown_; }

 private:
  struct Open {
    Kind kind;
    std::uint32_t end;
    std::uint32_t tag;
    std::string content;  // only while cleaning
  };

  std::uint32_t position() const { return static_cast<std::uint32_t>(input_.CurrentPosition()); }

  void close() {
    if (clean_) {
      const Open& done = open_.back();
      std::string& parent = open_.size() == 1 ? *clean_ : open_[open_.size() - 2].content;
      if (open_.size() > 1) {
        append_varint(parent, done.tag);
        append_varint(parent, done.content.size());
      }
      parent += done.content;
    }
    open_.pop_back();
  }

  static void append_varint(std::string& to, std::uint64_t number) {
    std::uint8_t buffer[10];
    const std::uint8_t* end = google::protobuf::io::CodedOutputStream::WriteVarint64ToArray(number, buffer);
    to.append(reinterpret_cast<const char*>(buffer), static_cast<std::size_t>(end - buffer));
  }

  std::unexpected<ModelError> wrong(Code code, std::uint32_t at, std::uint32_t field = 0) const {
    std::string where = kKindNames[static_cast<std::size_t>(open_.back().kind)];
    if (field != 0) where += " field " + std::to_string(field);
    return std::unexpected(ModelError{Error{code, at}, std::move(where)});
  }

  void keep(bool known, std::uint32_t from) {
    if (!known) {
      found_unknown_ = true;
    } else if (clean_) {
      open_.back().content += as_text(bytes_.subspan(from, position() - from));
    }
  }

  // Keys and lengths as protobuf's parser takes them, in at most five bytes. CodedInputStream takes ten and drops what is over 32
  // bits, so an unknown field would be read in one way here and in another way, or not at all, by everybody else.
  Code read_short(std::uint32_t& number) {
    const std::uint32_t from = position();
    std::uint64_t read = 0;
    if (!input_.ReadVarint64(&read)) return Code::truncated;
    if (position() - from > kShortBytesMax || read > UINT32_MAX) return Code::malformed;
    number = static_cast<std::uint32_t>(read);
    return Code::ok;
  }

  std::expected<void, ModelError> field(Kind message, std::uint32_t end) {
    const std::uint32_t at = position();
    std::uint32_t tag = 0;
    if (read_short(tag) != Code::ok) return wrong(Code::malformed, at);
    const auto number = static_cast<std::uint32_t>(WireFormatLite::GetTagFieldNumber(tag));
    if (number == 0) return wrong(Code::malformed, at);
    const Field* entry = find_field(message, number);
    bool known = false;
    bool read = false;
    switch (WireFormatLite::GetTagWireType(tag)) {
      case WireFormatLite::WIRETYPE_VARINT: {
        std::uint64_t ignored;
        known = entry && (entry->content == Kind::varint || entry->content == Kind::varints);
        read = input_.ReadVarint64(&ignored);
        break;
      }
      case WireFormatLite::WIRETYPE_FIXED64:
        known = entry && entry->content == Kind::fixed64s;
        read = input_.Skip(8);
        break;
      case WireFormatLite::WIRETYPE_FIXED32:
        known = entry && (entry->content == Kind::fixed32 || entry->content == Kind::fixed32s);
        read = input_.Skip(4);
        break;
      case WireFormatLite::WIRETYPE_LENGTH_DELIMITED: return delimited(entry, tag, number, at, end);
      default: return wrong(Code::malformed, at, number);  // groups are not part of ONNX
    }
    if (!read || position() > end) return wrong(Code::truncated, at, number);
    keep(known, at);
    return {};
  }

  std::expected<void, ModelError> delimited(const Field* entry, std::uint32_t tag, std::uint32_t number, std::uint32_t at,
                                            std::uint32_t end) {
    std::uint32_t length = 0;
    if (const Code code = read_short(length); code != Code::ok) return wrong(code, at, number);
    const std::uint32_t start = position();
    if (start > end || length > end - start) return wrong(Code::truncated, at, number);
    const bool known = entry && (!is_number(entry->content) || is_repeated_number(entry->content));
    const Kind content = known ? entry->content : Kind::bytes;
    if (known && ++elements_ > limits_.elements_max) return wrong(Code::over_cap, at, number);
    if (content == Kind::name || content == Kind::text) {
      const std::uint32_t cap = content == Kind::name ? limits_.name_bytes_max : limits_.text_bytes_max;
      if (length > cap) return wrong(Code::over_cap, at, number);
      const std::size_t valid = utf8_valid_prefix(bytes_.subspan(start, length));
      if (valid != length) return wrong(Code::invalid_utf8, start + static_cast<std::uint32_t>(valid), number);
    }
    if (content >= Kind::name) {
      if (!input_.Skip(static_cast<int>(length))) return wrong(Code::truncated, at, number);
      keep(known, at);
      return {};
    }
    if (content == Kind::function && ++functions_ > limits_.functions_max) return wrong(Code::over_cap, at, number);
    if (content == Kind::node && ++nodes_ > limits_.nodes_max) return wrong(Code::over_cap, at, number);
    if (open_.size() >= limits_.depth_max) return wrong(Code::too_deep, at, number);
    open_.push_back({content, start + length, tag, {}});
    return {};
  }

  Bytes bytes_;
  const ModelLimits& limits_;
  std::string* clean_;
  CodedInputStream input_;
  std::vector<Open> open_;
  std::uint32_t elements_ = 0;
  std::uint32_t functions_ = 0;
  std::uint32_t nodes_ = 0;
  bool found_unknown_ = false;
};

}  // namespace

std::expected<void, ModelError> scan_model(Bytes bytes, const ModelLimits& limits, std::optional<std::string>* clean) {
  if (bytes.size() > limits.bytes_max || bytes.size() > INT32_MAX)
    return std::unexpected(ModelError{Error{Code::over_cap, 0}, "ModelProto"});
  Scanner first(bytes, limits, nullptr);
  if (auto status = first.run(); !status) return status;
  if (clean && first.found_unknown()) return Scanner(bytes, limits, &clean->emplace()).run();
  return {};
}

}  // namespace bb::ir
