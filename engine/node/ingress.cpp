// What the host pushes: frames of peers, inputs by name, completions. Each is checked whole before it changes anything.
#include "bb/node.h"
#include "node/fit.h"
#include "node/recording.h"

namespace bb {
namespace {

using Kind = DeliveryError::Kind;

std::unexpected<DeliveryError> refuse(DeliveryError::Kind kind, std::string_view module, std::string_view input = {},
                                      std::uint64_t got = 0, std::uint64_t cap = 0) {
  return std::unexpected(
      DeliveryError{.kind = kind, .module = std::string(module), .input = std::string(input), .got = got, .cap = cap});
}

DeliveryError::Kind kind_of(Code code) {
  return code == Code::no_memory ? DeliveryError::Kind::no_memory : DeliveryError::Kind::ingress_full;
}

}  // namespace

ReceiveStatus Node::receive(PeerHandle from, Bytes frame) {
  const std::uint32_t index = engine_->peers().resolve(from);
  if (index == framework::kNoPeer || !engine_->peers().at(index).admitted)
    return {.kind = ReceiveStatus::Kind::refused, .error = fail(Code::unauthenticated).error(), .envelope = {}};
  Recording record(*this, Journal::Kind::receive);
  if (const Status ready = record.number(from.v).bytes(frame).with_room_for_refusal().ready(); !ready)
    return {.kind = ReceiveStatus::Kind::refused, .error = ready.error(), .envelope = {}};
  const runtime::Received received = engine_->receive(index, frame);
  if (received.kind == runtime::Received::Kind::accepted) {
    record.keep();
  } else if (record.active() && runtime::Engine::changes_node(received)) {
    record.restart(Journal::Kind::frame_refused);
    record.number(from.v).number(static_cast<std::uint64_t>(received.kind)).number(static_cast<std::uint64_t>(received.error.code));
    if (record.ready()) record.keep();
  }
  return {.kind = static_cast<ReceiveStatus::Kind>(received.kind), .error = received.error, .envelope = received.envelope};
}

std::optional<TargetId> Node::find_target(std::string_view name) const {
  for (const auto& [known, graph] : by_name_)
    if (known == name) return TargetId{graph};
  return std::nullopt;
}

std::string Node::target_name(TargetId target) const {
  return is_target(target) ? engine_->graphs()[target.v]->base_name : std::string();
}

std::optional<InputId> Node::find_input(TargetId target, std::string_view name) const {
  if (!is_target(target)) return std::nullopt;
  const runtime::LinkedGraph& graph = *engine_->graphs()[target.v];
  const auto* port = graph.find_input(name);
  if (!port) return std::nullopt;
  return InputId{graph.number_of(*port)};
}

std::expected<ExecId, DeliveryError> Node::invoke(std::string_view target, std::span<NamedValue> inputs) {
  if (engine_->busy()) return refuse(Kind::busy, target);
  const auto found = find_target(target);
  if (!found) return refuse(Kind::unknown_module, target);
  if (const std::uint32_t most = engine_->limits().invoke_inputs_max; inputs.size() > most)
    return refuse(Kind::too_many_inputs, target, {}, inputs.size(), most);
  const runtime::LinkedGraph& graph = *engine_->graphs()[found->v];
  given_.clear();
  if (!given_.try_reserve(inputs.size())) return refuse(Kind::no_memory, target);
  for (NamedValue& input : inputs) {
    const auto* port = graph.find_input(input.name);
    if (!port) return refuse(Kind::unknown_input, target, input.name);
    given_.push_reserved(graph.number_of(*port), &input.value);
  }
  return start(found->v, target, false);
}

std::expected<ExecId, DeliveryError> Node::invoke(TargetId target, std::span<InputValue> inputs) {
  if (!is_target(target)) return refuse(Kind::unknown_module, {});
  const runtime::LinkedGraph& graph = *engine_->graphs()[target.v];
  if (engine_->busy()) return refuse(Kind::busy, graph.base_name);
  if (const std::uint32_t most = engine_->limits().invoke_inputs_max; inputs.size() > most)
    return refuse(Kind::too_many_inputs, graph.base_name, {}, inputs.size(), most);
  given_.clear();
  if (!given_.try_reserve(inputs.size())) return refuse(Kind::no_memory, graph.base_name);
  for (InputValue& input : inputs) {
    if (input.input.v >= graph.input_ports.size()) return refuse(Kind::unknown_input, graph.base_name);
    given_.push_reserved(input.input.v, &input.value);
  }
  return start(target.v, graph.base_name, false);
}

// All of `given_` is checked before anything is made of it.
std::expected<ExecId, DeliveryError> Node::start(std::uint32_t index, std::string_view target, bool echoed) {
  const Limits& limits = engine_->limits();
  runtime::LinkedGraph& graph = *engine_->graphs()[index];
  std::uint64_t bytes = 0;
  for (Given& given : given_) {
    const auto& port = graph.input_ports[given.port];
    if (!given.value->present()) return refuse(Kind::type_mismatch, target, port.name);
    if (const Code fits = node::fit(engine_->memory(), *port.type, *given.value); fits != Code::ok)
      return refuse(fits == Code::no_memory ? Kind::no_memory : Kind::type_mismatch, target, port.name);
    given.bytes = content_size(*given.value);
    bytes += given.bytes;
  }
  if (bytes > limits.invoke_bytes_max) return refuse(Kind::oversize_payload, target, {}, bytes, limits.invoke_bytes_max);
  if (bytes > engine_->ingress_bytes().remaining())
    return refuse(Kind::budget_exceeded, target, {}, bytes, engine_->ingress_bytes().remaining());
  Recording record(*this, echoed ? Journal::Kind::deliver_event : Journal::Kind::invoke);
  record.number(index).number(given_.size());
  for (const Given& given : given_)
    if (!record.number(given.port).value(*given.value))
      return refuse(Kind::type_mismatch, target, graph.input_ports[given.port].name);
  if (const Status ready = record.ready(); !ready)
    return refuse(ready.error().code == Code::no_memory ? Kind::no_memory : Kind::journal_full, target);
  runtime::Activation* const activation = engine_->prepare(graph);
  if (!activation) return refuse(kind_of(engine_->prepare_failure()), target);
  for (const Given& given : given_) {
    const auto& port = graph.input_ports[given.port];
    Value& slot = activation->values()[port.value];
    if (slot.present()) {
      engine_->discard(activation);
      return refuse(Kind::duplicate_input, target, port.name);
    }
    if (engine_->ingress_bytes().try_charge(given.bytes) && !given.value->attach_charge(engine_->ingress_bytes(), given.bytes))
      engine_->ingress_bytes().release(given.bytes);
    slot = std::move(*given.value);
  }
  const ExecId exec = activation->exec;
  if (const Code submitted = engine_->submit(activation); submitted != Code::ok) return refuse(kind_of(submitted), target);
  record.keep();
  return exec;
}

std::expected<ExecId, DeliveryError> Node::deliver_event(std::string_view target, std::string_view input, Value value) {
  if (engine_->busy()) return refuse(Kind::busy, target);
  const auto found = find_target(target);
  if (!found) return refuse(Kind::unknown_module, target);
  const auto port = find_input(*found, input);
  if (!port) return refuse(Kind::unknown_input, target, input);
  return deliver_event(*found, *port, std::move(value));
}

std::expected<ExecId, DeliveryError> Node::deliver_event(TargetId target, InputId input, Value value) {
  if (!is_target(target)) return refuse(Kind::unknown_module, {});
  const runtime::LinkedGraph& graph = *engine_->graphs()[target.v];
  if (engine_->busy()) return refuse(Kind::busy, graph.base_name);
  if (input.v >= graph.input_ports.size()) return refuse(Kind::unknown_input, graph.base_name);
  const std::uint64_t size = content_size(value);
  if (size > engine_->limits().event_bytes_max)
    return refuse(Kind::oversize_payload, graph.base_name, graph.input_ports[input.v].name, size,
                  engine_->limits().event_bytes_max);
  const Value shown = engine_->echo_app_events() ? value : Value();
  if (shown.present() && !engine_->reserve_echo()) return refuse(Kind::no_memory, graph.base_name);
  given_.clear();
  if (!given_.try_push({.port = input.v, .value = &value})) return refuse(Kind::no_memory, graph.base_name);
  const auto exec = start(target.v, graph.base_name, shown.present());
  if (exec && shown.present()) engine_->echo(graph, graph.input_ports[input.v], *exec, shown);
  return exec;
}

Status Node::complete(CommandId command, std::span<Value> outputs) {
  Recording record(*this, Journal::Kind::complete);
  record.number(command.v).number(outputs.size());
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (!record.value(outputs[i])) return fail(Code::not_encodable, i);
  BB_CHECK(record.ready());
  return record.keep_completion(engine_->complete(command, outputs));
}

Status Node::complete_failed(CommandId command, OpError error) {
  Recording record(*this, Journal::Kind::complete_failed);
  BB_CHECK(record.number(command.v).number(static_cast<std::uint64_t>(error.kind)).text(error.reason).text(error.detail).ready());
  return record.keep_completion(engine_->complete_failed(command, std::move(error)));
}

// Graphs that are no targets, their bootstraps and what they call, are not the host's to invoke.
bool Node::is_target(TargetId target) const {
  return target.v < engine_->graphs().size() && engine_->graphs()[target.v]->kind == runtime::LinkedGraph::Kind::target;
}

std::string_view DeliveryError::kind_name(Kind kind) {
  switch (kind) {
    case Kind::ingress_full: return "IngressFull";
    case Kind::unknown_module: return "UnknownModule";
    case Kind::unknown_input: return "UnknownInput";
    case Kind::type_mismatch: return "TypeMismatch";
    case Kind::oversize_payload: return "OversizePayload";
    case Kind::too_many_inputs: return "TooManyInputs";
    case Kind::budget_exceeded: return "BudgetExceeded";
    case Kind::no_memory: return "NoMemory";
    case Kind::duplicate_input: return "DuplicateInput";
    case Kind::busy: return "Busy";
    case Kind::journal_full: return "JournalFull";
  }
  return "DeliveryError";
}

std::string DeliveryError::text() const {
  std::string text = std::string(kind_name(kind)) + " `" + module;
  if (!input.empty()) text += "." + input;
  text += "`";
  if (cap > 0 || got > 0) text += ": got " + std::to_string(got) + ", at most " + std::to_string(cap);
  return text;
}

}  // namespace bb
