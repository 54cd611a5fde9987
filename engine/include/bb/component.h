// layer: op
// What an op or a component is written against: its inputs and outputs by position, the node's clock and random numbers, the
// envelope that started the execution, sibling components, and three ways to end: done, parked, failed.
#pragma once

#include "bb/config.h"
#include "bb/random.h"
#include "bb/registry.h"
#include "bb/state_codec.h"
#include "bb/value.h"

namespace bb {

enum class Outcome : std::uint8_t {
  done,    // outputs are written; an output left absent starts nothing downstream
  parked,  // `OpContext::park` was called; a completion for that command will bring the outputs
  failed,  // `OpContext::fail` was called
};

/// Spec B §4.2, C §1.2.
enum class OpErrorKind : std::uint8_t {
  other,
  type_mismatch,
  missing_slot,
  not_registered,
  execution_failed,
  remote_failed,
  timeout,
  bad_input,
  cooldown,
};
/// `TypeMismatch`, `MissingSlot`, ...
std::string_view op_error_kind_name(OpErrorKind kind);

struct OpError {
  OpErrorKind kind = OpErrorKind::other;
  std::string_view reason;  // a literal, or a name that lives as long as the node
  std::string detail;
  /// `op error[<Kind> reason=<reason>]: <detail>`
  std::string text() const;
};

/// The envelope that started an execution.
struct Inbound {
  Value source;  // Carrier::peer
  std::uint64_t request_id = 0;
  std::uint64_t arrival_ns = 0;
  std::uint64_t remaining_ns = 0;  // 0: no deadline
};

namespace op {
struct Services;
}

/// One dispatch. Lives on the stack of the poll; nothing may keep a reference to it.
class OpContext {
 public:
  static constexpr std::uint32_t kAbsent = UINT32_MAX;

  std::uint32_t input_count() const { return input_count_; }
  /// By formal position; an absent value when the port is not wired.
  const Value& input(std::uint32_t port) const {
    return port < input_count_ && inputs_[port] != kAbsent ? values_[inputs_[port]] : absent_value();
  }
  /// The input, moved out when this op is its last reader, else shared.
  Value take(std::uint32_t port) {
    if (port >= input_count_ || inputs_[port] == kAbsent) return {};
    return sole_reader_ && sole_reader_[port] ? std::move(values_[inputs_[port]]) : values_[inputs_[port]];
  }
  std::uint32_t output_count() const { return output_count_; }
  /// Ports that nothing reads may be wired to nowhere; their value is dropped.
  void output(std::uint32_t port, Value value) {
    if (port < output_count_ && outputs_[port] != kAbsent) values_[outputs_[port]] = std::move(value);
  }
  /// Parameters in declared order.
  std::int64_t parameter(std::uint32_t index) const { return parameters_[index]; }
  /// What `OpDeclaration::prepare` made for this node, or nullptr.
  const OpState* state() const { return state_; }

  Memory& memory() const { return *memory_; }
  std::uint64_t now_ns() const { return now_ns_; }
  /// When the execution started.
  std::uint64_t start_ns() const { return start_ns_; }
  /// The stream of ops and components; wire ids and incarnations draw from streams of their own.
  RandomStream& random() const { return *random_; }
  ExecId exec() const { return exec_; }
  OpRef op() const { return op_; }
  const PeerId& self() const { return *self_; }
  /// nullptr when the execution was not started by an envelope.
  const Inbound* inbound() const { return inbound_; }

  /// Records why, and returns `Outcome::failed`.
  Outcome fail(OpErrorKind kind, std::string_view reason, std::string detail);
  Outcome fail(const Error& error, std::string_view what);
  const OpError& error() const { return *error_; }
  OpError take_error() { return std::move(*error_); }

  /// Opens a command for this op: return `Outcome::parked` afterwards, and complete the command later (`Node::complete`).
  /// `deadline_ns` is a duration; 0 means the op's own or none. Errors: over_cap (parked ops at their limit).
  Result<CommandId> park(std::uint64_t deadline_ns = 0);

  /// Calls a sibling's method at once. `inputs` by formal position; outputs are filled in order. A sibling that parks is an
  /// error (`dependency_async`), as is a slot that this component does not depend on (`dependency_not_bound`), or a depth over 8.
  Outcome call_dependency(std::string_view slot, std::uint16_t method, std::span<Value> inputs, std::span<Value> outputs,
                          std::span<const std::int64_t> parameters = {});
  bool has_dependency(std::string_view slot) const;

  /// What framework ops use (engine/op/services.h).
  op::Services& services() const { return *services_; }

 private:
  friend class OpContextBuilder;
  static const Value& absent_value();

  Value* values_ = nullptr;
  const std::uint32_t* inputs_ = nullptr;
  const std::uint32_t* outputs_ = nullptr;
  const std::uint8_t* sole_reader_ = nullptr;
  const std::int64_t* parameters_ = nullptr;
  const OpState* state_ = nullptr;
  std::uint32_t input_count_ = 0;
  std::uint32_t output_count_ = 0;
  Memory* memory_ = nullptr;
  RandomStream* random_ = nullptr;
  const PeerId* self_ = nullptr;
  const Inbound* inbound_ = nullptr;
  op::Services* services_ = nullptr;
  OpError* error_ = nullptr;
  std::uint64_t now_ns_ = 0;
  std::uint64_t start_ns_ = 0;
  ExecId exec_;
  OpRef op_;
  ComponentRef component_;
  CommandId command_;  // set by `park`
  std::uint64_t deadline_ns_ = 0;
  std::uint32_t depth_ = 0;
};

/// An instance bound at a slot. Methods are the ops of its role in declared order (bb/roles.h names them).
class Component {
 public:
  virtual ~Component() = default;
  virtual Outcome dispatch(std::uint16_t method, OpContext& ctx) = 0;
  /// One of `ComponentClass::remote_methods`, called by an admitted peer's envelope: input 0 is the payload as bytes, input 1 the
  /// request's id; `OpContext::inbound` says who. Outputs go nowhere; answer with a Send or not at all.
  virtual Outcome serve(std::uint16_t method, OpContext& ctx);
  /// Run when the host asks for the bootstrap of its slot (`ComponentClass::has_bootstrap`).
  virtual Outcome bootstrap(OpContext& ctx);

  /// The component's state, so that `load` of an instance constructed with the same config continues where this one is; one
  /// without state writes nothing. Errors: not_encodable, when it cannot be saved now.
  virtual Status save(StateWriter& out) const = 0;
  /// Errors: any; the instance is then discarded. Bytes that are left over are an error of the caller's.
  virtual Status load(StateReader& in, Memory& memory) = 0;
};

/// A role (bb/roles.h) whose instances have nothing to save: all they know is their config.
template <class RoleClass>
class Stateless : public RoleClass {
 public:
  Status save(StateWriter&) const override { return {}; }
  Status load(StateReader&, Memory&) override { return {}; }
};

}  // namespace bb
