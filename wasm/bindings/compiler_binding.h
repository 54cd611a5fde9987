// Compiling from JavaScript, and what its stages may do to the compiled model.
#pragma once

#include "recorder_binding.h"

namespace bb::bindings {

class CompilerBinding {
 public:
  explicit CompilerBinding(EngineBinding& engine) : engine_(engine), compiler_(engine.registry()) {}

  void bind(std::string slot, std::string type_name) { compiler_.bind(std::move(slot), std::move(type_name)); }
  void alias(std::string slot, std::string other) { compiler_.alias(std::move(slot), std::move(other)); }
  void per_hop_budget(double milliseconds);
  void permissive_types(bool permissive) { compiler_.permissive_types(permissive); }
  /// The stage is called by its number, while this compiler's model can be edited.
  void stage(std::string name, std::uint32_t number, bool recorded);
  /// Compiles what was recorded; the recorder is spent.
  std::int32_t compile(RecorderBinding& recorder);
  std::uint32_t output_at() const { return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(output_.data())); }
  std::uint32_t output_size() const { return static_cast<std::uint32_t>(output_.size()); }

  // Within a stage only; elsewhere there are no nodes.
  void fail_stage(std::string why) { stage_error_ = std::move(why); }
  std::uint32_t function_count() const;
  std::string function_name(std::uint32_t function) const;
  std::uint32_t node_count(std::uint32_t function) const;
  /// Name, domain, op type, inputs, outputs and metadata as JSON; empty when there is no such node.
  std::string node(std::uint32_t function, std::uint32_t node) const;
  bool set_metadata(std::uint32_t function, std::uint32_t node, std::string key, std::string value);
  bool erase_metadata(std::uint32_t function, std::uint32_t node, std::string key);

 private:
  std::int32_t refuse(const CompileError& error);
  onnx::NodeProto* find(std::uint32_t function, std::uint32_t node) const;

  EngineBinding& engine_;
  Compiler compiler_;
  ByteBuffer output_;
  onnx::ModelProto* model_ = nullptr;
  std::string stage_error_;
};

}  // namespace bb::bindings
