// Parsing after the scan, and the checks that need the whole model.
#include "ir/model.h"

#include <google/protobuf/io/coded_stream.h>

#include <set>
#include <tuple>

namespace bb::ir {
namespace {

std::unexpected<ModelError> wrong(Code code, std::uint32_t at, std::string where) {
  return std::unexpected(ModelError{Error{code, at}, std::move(where)});
}

}  // namespace

std::expected<onnx::ModelProto, ModelError> load_model(Bytes bytes, const ModelLimits& limits) {
  std::optional<std::string> clean;
  if (auto scanned = scan_model(bytes, limits, &clean); !scanned) return std::unexpected(scanned.error());
  if (clean) bytes = as_bytes(*clean);
  onnx::ModelProto model;
  google::protobuf::io::CodedInputStream input(bytes.data(), static_cast<int>(bytes.size()));
  input.SetRecursionLimit(static_cast<int>(limits.depth_max) + 1);
  if (!model.ParseFromCodedStream(&input) || !input.ConsumedEntireMessage()) return wrong(Code::malformed, 0, "ModelProto");
  return model;
}

std::expected<void, ModelError> verify_model(const onnx::ModelProto& model) {
  if (model.functions_size() == 0) return wrong(Code::empty_list, 0, "functions");
  std::set<std::tuple<std::string_view, std::string_view, std::string_view>> keys;
  std::uint32_t position = 0;
  for (const auto& function : model.functions()) {
    if (function.name().empty()) return wrong(Code::bad_argument, position, "function name");
    if (!keys.insert({function.domain(), function.name(), function.overload()}).second)
      return wrong(Code::duplicate, position, function.name());
    for (int i = 0; i < function.node_size(); ++i)
      if (function.node(i).op_type().empty())
        return wrong(Code::bad_argument, static_cast<std::uint32_t>(i), "op_type in " + function.name());
    ++position;
  }
  return {};
}

}  // namespace bb::ir
