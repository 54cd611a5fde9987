// Stages run through one imported function, by number.
#include "compiler_binding.h"

#include "ir/metadata.h"

namespace bb::bindings {

void CompilerBinding::per_hop_budget(double milliseconds) {
  compiler_.per_hop_budget_ns(milliseconds > 0 && milliseconds < 9e12 ? static_cast<std::uint64_t>(milliseconds * 1e6) : 0);
}

void CompilerBinding::stage(std::string name, std::uint32_t number, bool recorded) {
  compiler_.stage(
      std::move(name),
      [this, number](onnx::ModelProto& model) -> std::expected<void, std::string> {
        model_ = &model;
        stage_error_.clear();
        const std::int32_t status = bb_stage_call(number);
        model_ = nullptr;
        if (status < 0) return std::unexpected(stage_error_.empty() ? std::string("the stage failed") : stage_error_);
        return {};
      },
      recorded ? Compiler::Hook::recorded : Compiler::Hook::final);
}

std::int32_t CompilerBinding::refuse(const CompileError& error) {
  JsonWriter json;
  json.object().field("code", error.code).field("detail", error.message).field("pass", error.pass);
  json.field("function", error.function).field("node", error.node.empty() ? error.module_instance : error.node);
  json.key("fields").object();
  for (const auto& [name, value] : error.fields) json.field(name, value);
  json.end_object().end_object();
  return engine_.fail(json.take());
}

std::int32_t CompilerBinding::compile(RecorderBinding& recorder) {
  if (engine_.busy()) return engine_.fail_busy();
  const auto recorded = recorder.finish();
  if (!recorded) {
    CompileError error;
    error.code = recorded.error().code;
    error.message = recorded.error().message;
    error.pass = "record";
    error.node = recorded.error().node;
    return refuse(error);
  }
  const auto artifact = compiler_.compile_recorded(*recorded);
  if (!artifact) return refuse(artifact.error());
  output_ = artifact->bytes();
  return 0;
}

onnx::NodeProto* CompilerBinding::find(std::uint32_t function, std::uint32_t node) const {
  if (!model_ || function >= static_cast<std::uint32_t>(model_->functions_size())) return nullptr;
  auto& nodes = *model_->mutable_functions(static_cast<int>(function))->mutable_node();
  return node < static_cast<std::uint32_t>(nodes.size()) ? &nodes[static_cast<int>(node)] : nullptr;
}

std::uint32_t CompilerBinding::function_count() const { return model_ ? static_cast<std::uint32_t>(model_->functions_size()) : 0; }

std::string CompilerBinding::function_name(std::uint32_t function) const {
  return function < function_count() ? model_->functions(static_cast<int>(function)).name() : std::string();
}

std::uint32_t CompilerBinding::node_count(std::uint32_t function) const {
  return function < function_count() ? static_cast<std::uint32_t>(model_->functions(static_cast<int>(function)).node_size()) : 0;
}

std::string CompilerBinding::node(std::uint32_t function, std::uint32_t node) const {
  const onnx::NodeProto* const found = find(function, node);
  if (!found) return {};
  JsonWriter json;
  json.object().field("name", found->name()).field("domain", found->domain()).field("op", found->op_type()).key("inputs").array();
  for (const auto& input : found->input()) json.value(std::string_view(input));
  json.end_array().key("outputs").array();
  for (const auto& output : found->output()) json.value(std::string_view(output));
  json.end_array().key("meta").object();
  for (const auto& entry : found->metadata_props()) json.field(entry.key(), entry.value());
  json.end_object().end_object();
  return json.take();
}

bool CompilerBinding::set_metadata(std::uint32_t function, std::uint32_t node, std::string key, std::string value) {
  onnx::NodeProto* const found = find(function, node);
  if (found) ir::stamp_metadata(*found, key, value);
  return found != nullptr;
}

bool CompilerBinding::erase_metadata(std::uint32_t function, std::uint32_t node, std::string key) {
  onnx::NodeProto* const found = find(function, node);
  if (found) ir::erase_metadata(*found, key);
  return found != nullptr;
}

}  // namespace bb::bindings
