// Components written in JavaScript: one C++ class whose method calls go out through one imported function (docs/abi.md).
#pragma once

#include <map>
#include <vector>

#include "arena.h"
#include "bb/component.h"
#include "bb/registry.h"
#include "name_table.h"

namespace bb::bindings {

/// What a call answered.
enum class CallStatus : std::int32_t { now = 0, later = 1, failed = 2, unknown_method = 3 };

/// Ops of one node that wait for JavaScript, by command; at most as many as the node may park.
struct OpenCommands {
  struct Op {
    OpRef op;
    ExecId exec;
    const OpDeclaration* declaration = nullptr;
    const ComponentClass* type = nullptr;
  };
  std::map<std::uint64_t, Op> open;
};

/// What a call needs that outlives it; one per engine.
class CallHost {
 public:
  explicit CallHost(const Registry& registry) : registry_(registry), arena_(kArenaBytesMax) {}

  const Registry& registry() const { return registry_; }
  Arena& arena() { return arena_; }
  NameTable& names() { return names_; }
  bool calling() const { return !calls_.empty(); }
  std::uint32_t next_component() { return next_component_++; }

  /// Says why the current call fails; without one the failure is `component_failed`.
  void set_failure(std::string_view reason, std::string detail);
  std::string_view failure_reason() const { return calls_.empty() ? std::string_view() : calls_.back().reason; }
  std::string_view failure_detail() const { return calls_.empty() ? std::string_view() : std::string_view(calls_.back().detail); }
  /// Calls a sibling with the inputs of a frame and writes its outputs there. Legal within a call only.
  CallStatus call_dependency(std::string_view slot, std::uint16_t method, std::uint32_t frame);
  /// Fills memory from the node's random numbers. Legal within a call only.
  bool fill_random(std::uint32_t at, std::uint32_t size);

  // Set while a node is being installed: whose commands its components open.
  OpenCommands* installing = nullptr;

 private:
  friend class ForeignComponent;
  static constexpr std::uint64_t kArenaBytesMax = 1ull << 30;
  struct Call {
    OpContext* ctx = nullptr;
    std::vector<Value> held;  // what sibling calls returned, pointed at by their frames
    std::string_view reason;
    std::string detail;
  };

  const Registry& registry_;
  Arena arena_;
  NameTable names_;
  std::vector<Call> calls_;  // the innermost last
  std::uint32_t next_component_ = 0;
};

class ForeignComponent final : public Component {
 public:
  struct Type {
    std::uint32_t class_id = 0;
    std::uint64_t async_methods = 0;  // a bit per method
    std::uint64_t deadline_ns = 0;    // of its async methods; 0: none
    const ComponentClass* declared = nullptr;
  };
  ForeignComponent(CallHost& host, const Type& type, std::uint32_t id)
      : host_(host), type_(type), open_(host.installing), id_(id) {}
  ~ForeignComponent() override;

  Outcome dispatch(std::uint16_t method, OpContext& ctx) override;
  Status save(StateWriter& out) const override;
  Status load(StateReader& in, Memory& memory) override;

 private:
  Outcome answer(OpContext& ctx, const OpDeclaration& declaration, CallStatus status, const struct Frame& frame, CommandId command);
  Outcome take_outputs(OpContext& ctx, const OpDeclaration& declaration, const struct Frame& frame);

  CallHost& host_;
  const Type& type_;
  OpenCommands* open_;
  std::uint32_t id_;
};

/// Whether a value may come out of a port of a component of this class.
bool output_fits(const Registry& registry, const OpDeclaration& declaration, const ComponentClass& type, std::uint32_t output,
                 const Value& value);

}  // namespace bb::bindings

extern "C" {
// Imported from JavaScript (library.js).
std::int32_t bb_component_create(std::uint32_t class_id, std::uint32_t component, std::int32_t config);
std::int32_t bb_component_call(std::uint32_t component, std::uint32_t method, std::uint32_t frame);
void bb_component_dispose(std::uint32_t component);
// Writes where the state's bytes are and how many, two u32, at `answer`. 0, or not 0 when the component cannot be saved.
std::int32_t bb_component_save(std::uint32_t component, std::uint32_t answer);
std::int32_t bb_component_load(std::uint32_t component, std::uint32_t at, std::uint32_t size);
std::int32_t bb_stage_call(std::uint32_t stage);
}
