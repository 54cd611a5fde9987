// Recording a module from JavaScript: calls with lists collect them one by one, then name what they are for.
#pragma once

#include "compiler/recorder.h"
#include "engine_binding.h"

namespace bb::bindings {

class RecorderBinding {
 public:
  explicit RecorderBinding(EngineBinding& engine) : engine_(engine), recorder_(engine.registry()) {}

  std::int32_t begin_root(std::string name) { return done(recorder_.begin_root(name)); }
  std::int32_t end_root() { return done(recorder_.end_root()); }
  std::int32_t begin_bootstrap() { return done(recorder_.begin_bootstrap()); }
  std::int32_t end_bootstrap() { return done(recorder_.end_bootstrap()); }
  std::int32_t begin_on(std::string peer_class) { return done(recorder_.begin_on(peer_class)); }
  std::int32_t end_on() { return done(recorder_.end_on()); }

  /// One named value of the next `begin_module` or `net_out`.
  void argument(std::string name, std::uint32_t value) { arguments_.push_back({std::move(name), value}); }
  std::int32_t begin_module(std::string name, bool bootstrap);
  /// Results: the module's ports, with names.
  std::int32_t end_module();

  /// Results: one value each.
  std::int32_t input(std::string name, std::string type);
  std::int32_t lookup_output(std::string name);
  std::int32_t output(std::string name, std::uint32_t value) { return done(recorder_.output(name, value)); }
  /// Results: a value per argument, the sender, the handle.
  std::int32_t net_out(std::uint32_t peers, std::string to, double deadline_ms);
  /// Results: the value, the sender.
  std::int32_t net_in(std::string port, std::string type);

  // The next op, part by part; an input of 2^32-1 is absent.
  void op_input(std::uint32_t value) { call_.inputs.push_back(value); }
  void op_parameter(std::string name, double number) { call_.parameters.emplace_back(std::move(name), whole(number)); }
  void op_integer(std::string name, std::uint32_t low, std::uint32_t high);
  void op_number(std::string name, double number) { call_.attributes.emplace_back(std::move(name), static_cast<float>(number)); }
  void op_bytes(std::string name, std::uint32_t at, std::uint32_t size);
  void op_integers(std::string name, std::uint32_t at, std::uint32_t count);
  void op_tensor(std::string name, std::uint32_t dims_at, std::uint32_t rank, std::uint32_t data_at, std::uint32_t count);
  void op_metadata(std::string key, std::string value) { call_.metadata.emplace_back(std::move(key), std::move(value)); }
  void op_output_type(std::string type) { call_.output_types.push_back(std::move(type)); }
  void op_output_count(std::uint32_t count) { call_.output_count = count; }
  /// Results: the op's outputs.
  std::int32_t record(std::string domain, std::string op_type, std::string slot);

  std::uint32_t result_count() const { return static_cast<std::uint32_t>(results_.size()); }
  std::uint32_t result(std::uint32_t position) const { return position < results_.size() ? results_[position].value : UINT32_MAX; }
  std::string result_name(std::uint32_t position) const {
    return position < results_.size() ? results_[position].name : std::string();
  }
  std::string type_of(std::uint32_t value) const {
    const TypeNode* const type = recorder_.type_of(value);
    return type ? type->id : std::string();
  }

  compiler::Recorded<onnx::ModelProto> finish() { return recorder_.finish(); }

 private:
  static std::int64_t whole(double number);
  std::int32_t refuse(const RecordError& error);
  std::int32_t done(const compiler::Recorded<void>& recorded) { return recorded ? 0 : refuse(recorded.error()); }
  std::int32_t one(const compiler::Recorded<compiler::ValueId>& recorded);

  EngineBinding& engine_;
  compiler::Recorder recorder_;
  compiler::OpCall call_;
  std::vector<compiler::NamedValue> arguments_;
  std::vector<compiler::NamedValue> results_;
};

}  // namespace bb::bindings
