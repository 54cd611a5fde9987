// The engine as JavaScript holds it: the registry with the components it added, space for what crosses, the codec as developer
// tools, and the text of the last error. One per module instance.
#pragma once

#include <memory>

#include "bb/compiler.h"
#include "bb/node.h"
#include "foreign_component.h"
#include "json_writer.h"

namespace bb::bindings {

/// What a call answers when it fails without a `Code` of its own.
inline constexpr std::int32_t kFailed = -255;

class EngineBinding {
 public:
  EngineBinding();
  ~EngineBinding();

  /// `{"code", "detail", ...}` of the last call that failed.
  std::string last_error() const { return last_error_; }
  /// True within a poll, an installation or a component's method: nothing may be let go of then.
  bool busy() const { return busy_ || calls_.calling(); }
  /// Roles with their methods, component classes and types, as JSON.
  std::string describe() const;

  /// Space that JavaScript divides itself, so that a small value costs no call to reserve room; it lasts as long as the engine.
  std::uint32_t scratch_at() const { return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(scratch_)); }
  std::uint32_t scratch_size() const { return sizeof scratch_; }
  /// Space for values on their way in, until `release`; 0 when there is none.
  std::uint32_t reserve(std::uint32_t bytes);
  /// Gives back what was reserved outside of calls.
  void release();

  // Adding a component class: begin, its properties, end.
  std::int32_t begin_component(std::string type_name, std::string role);
  std::int32_t component_depends(std::string role, std::string slot, bool optional);
  std::int32_t component_storage(std::string port, std::string type);
  std::int32_t component_supports(std::string op_type, bool async);
  std::int32_t component_ignores_metadata();
  std::int32_t component_deadline(double milliseconds);
  std::int32_t end_component(std::uint32_t class_id);

  // Within a component's method only.
  void fail_call(std::string reason, std::string detail) { calls_.set_failure(reason, std::move(detail)); }
  std::int32_t call_dependency(std::string slot, std::uint32_t method, std::uint32_t frame);
  bool fill_random(std::uint32_t at, std::uint32_t size) { return calls_.fill_random(at, size); }

  /// Targets, ports and bindings of a compiled model as JSON; empty on failure.
  std::string describe_artifact(std::uint32_t at, std::uint32_t size);

  // Developer tools. A decoded value's record is void after the next of these calls.
  std::uint32_t decode_value(std::uint32_t hash_low, std::uint32_t hash_high, std::uint32_t at, std::uint32_t size);
  std::int32_t encode_value(std::uint32_t record);
  std::int32_t parse_address(std::string text);
  std::string format_address(std::uint32_t at, std::uint32_t size);
  std::string decode_envelope(std::uint32_t at, std::uint32_t size);
  /// What `encode_value` and `parse_address` made.
  std::uint32_t output_at() const;
  std::uint32_t output_size() const;
  /// The type hash of what `encode_value` made.
  std::uint32_t answer_low() const { return static_cast<std::uint32_t>(answer_); }
  std::uint32_t answer_high() const { return static_cast<std::uint32_t>(answer_ >> 32); }

  // For the other bindings.
  const Registry& registry() const { return registry_; }
  CallHost& calls() { return calls_; }
  void set_busy(bool busy) { busy_ = busy; }
  std::int32_t fail(const Error& error, std::string detail);
  std::int32_t fail(std::string_view code, std::string_view detail);
  std::int32_t fail(std::string json);
  std::int32_t fail_busy();

 private:
  alignas(16) std::uint8_t scratch_[16'384];
  Registry registry_;
  CallHost calls_;
  std::unique_ptr<ComponentClass> adding_;
  std::unique_ptr<ForeignComponent::Type> adding_type_;
  std::vector<std::unique_ptr<ForeignComponent::Type>> types_;
  Memory codec_memory_;
  Value decoded_;
  Arena codec_arena_;
  ByteBuffer output_;
  std::uint64_t answer_ = 0;
  std::string last_error_;
  bool busy_ = false;
};

}  // namespace bb::bindings
