// The parts of an OpContext that are not on the hot path: failing, parking, calling a sibling.
#include <numeric>

#include "op/op_context_builder.h"
#include "op/services.h"

namespace bb {
namespace {

constexpr std::uint32_t kDependencyDepthMax = 8;
constexpr std::size_t kPortsMax = 64;

}  // namespace

std::string_view op_error_kind_name(OpErrorKind kind) {
  switch (kind) {
    case OpErrorKind::other: return "Other";
    case OpErrorKind::type_mismatch: return "TypeMismatch";
    case OpErrorKind::missing_slot: return "MissingSlot";
    case OpErrorKind::not_registered: return "NotRegistered";
    case OpErrorKind::execution_failed: return "ExecutionFailed";
    case OpErrorKind::remote_failed: return "RemoteFailed";
    case OpErrorKind::timeout: return "Timeout";
    case OpErrorKind::bad_input: return "BadInput";
    case OpErrorKind::cooldown: return "Cooldown";
  }
  return "Other";
}

std::string OpError::text() const {
  std::string text = "op error[" + std::string(op_error_kind_name(kind));
  if (!reason.empty()) text += " reason=" + std::string(reason);
  return text + "]: " + detail;
}

const Value& OpContext::absent_value() {
  static const Value absent;
  return absent;
}

Outcome OpContext::fail(OpErrorKind kind, std::string_view reason, std::string detail) {
  *error_ = {kind, reason, std::move(detail)};
  return Outcome::failed;
}

Outcome OpContext::fail(const Error& error, std::string_view what) {
  return fail(OpErrorKind::execution_failed, code_name(error.code),
              std::string(what) + ": " + std::string(code_name(error.code)) + " at " + std::to_string(error.at));
}

Result<CommandId> OpContext::park(std::uint64_t deadline_ns) {
  BB_TRY(command, services_->runtime.open_command(*this, deadline_ns));
  command_ = command;
  deadline_ns_ = deadline_ns;
  return command;
}

bool OpContext::has_dependency(std::string_view slot) const {
  ComponentRef found;
  return services_ && services_->runtime.sibling(component_, slot, found) != nullptr;
}

Outcome OpContext::call_dependency(std::string_view slot, std::uint16_t method, std::span<Value> inputs, std::span<Value> outputs,
                                   std::span<const std::int64_t> parameters) {
  ComponentRef found;
  Component* const sibling = services_ ? services_->runtime.sibling(component_, slot, found) : nullptr;
  if (!sibling) return fail(OpErrorKind::missing_slot, "dependency_not_bound", "no component bound at slot " + std::string(slot));
  if (depth_ + 1 > kDependencyDepthMax)
    return fail(OpErrorKind::execution_failed, "dependency_depth", "sibling calls nest deeper than 8");
  if (inputs.size() + outputs.size() > kPortsMax)
    return fail(OpErrorKind::bad_input, "too_many_ports", "a sibling call takes at most 64 values");
  Value values[kPortsMax];
  std::uint32_t indices[kPortsMax];
  std::iota(indices, indices + kPortsMax, 0u);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].present()) indices[i] = kAbsent;
    values[i] = std::move(inputs[i]);
  }
  OpContext call = *this;
  OpContextBuilder::bind_op(call, {.values = values,
                                   .inputs = indices,
                                   .outputs = indices + inputs.size(),
                                   .parameters = parameters.data(),
                                   .input_count = static_cast<std::uint32_t>(inputs.size()),
                                   .output_count = static_cast<std::uint32_t>(outputs.size()),
                                   .component = found,
                                   .op = op_});
  OpContextBuilder::set_depth(call, depth_ + 1);
  const Outcome outcome = sibling->dispatch(method, call);
  if (outcome == Outcome::parked)
    return fail(OpErrorKind::execution_failed, "dependency_async", "the component at slot " + std::string(slot) + " answers later");
  if (outcome == Outcome::done)
    for (std::size_t i = 0; i < outputs.size(); ++i) outputs[i] = std::move(values[inputs.size() + i]);
  return outcome;
}

Outcome Component::serve(std::uint16_t method, OpContext& ctx) {
  return ctx.fail(OpErrorKind::not_registered, "unsupported_method",
                  "the component does not serve its remote method " + std::to_string(method));
}

Outcome Component::bootstrap(OpContext& ctx) {
  return ctx.fail(OpErrorKind::not_registered, "unsupported_method", "the component has no bootstrap");
}

}  // namespace bb
