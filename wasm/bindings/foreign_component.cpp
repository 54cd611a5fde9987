// Frames out, values back. Every reservation of a call is given back when it returns.
#include "foreign_component.h"

#include <algorithm>

#include "call_frame.h"
#include "heap.h"
#include "op/op_context_builder.h"
#include "op/port_types.h"

namespace bb::bindings {
namespace {

std::uint64_t deadline_of(const OpContext& ctx, std::uint64_t own_ns) {
  std::uint64_t deadline = own_ns == 0 ? 0 : ctx.now_ns() + own_ns;
  const Inbound* inbound = ctx.inbound();
  if (!inbound || inbound->remaining_ns == 0) return deadline;
  const std::uint64_t inherited = inbound->arrival_ns + inbound->remaining_ns;
  return deadline == 0 ? inherited : std::min(deadline, inherited);
}

bool write_frame(OpContext& ctx, const OpDeclaration& declaration, Arena& arena, Frame& frame) {
  const std::uint64_t parameters = declaration.parameters.size();
  const std::uint64_t size = Frame::size_of(ctx.input_count(), ctx.output_count(), parameters);
  frame.at = arena.reserve_zeroed(size);
  if (!frame.at) return false;
  FrameHeader& header = frame.header();
  header = {};
  header.size = static_cast<std::uint32_t>(size);
  header.inputs = static_cast<std::uint16_t>(ctx.input_count());
  header.outputs = static_cast<std::uint16_t>(ctx.output_count());
  header.parameters = static_cast<std::uint16_t>(parameters);
  header.exec = ctx.exec().v;
  header.now_ns = ctx.now_ns();
  if (OpContextBuilder::depth(ctx) > 0) header.flags = FrameHeader::kNested;
  if (const Inbound* inbound = ctx.inbound(); inbound && inbound->source.carrier() == Carrier::peer) {
    std::uint8_t* const source = write_peer(inbound->source.as_peer(), arena);
    if (!source) return false;
    header.source_at = address_of(source);
  }
  for (std::uint32_t i = 0; i < ctx.input_count(); ++i)
    if (!write_value(ctx.input(i), frame.inputs()[i], arena)) return false;
  for (std::uint32_t i = 0; i < parameters; ++i) frame.parameters()[i] = ctx.parameter(i);
  return true;
}

}  // namespace

bool output_fits(const Registry& registry, const OpDeclaration& declaration, const ComponentClass& type, std::uint32_t output,
                 const Value& value) {
  if (!op::port_accepts(declaration, output, value)) return false;
  if (!value.present() || declaration.outputs.empty()) return true;
  const std::string& port = declaration.outputs[std::min<std::size_t>(output, declaration.outputs.size() - 1)].type;
  if (port.starts_with('$')) {
    const auto storage = type.storage.find(port.substr(1));
    const TypeNode* stored = storage == type.storage.end() ? nullptr : registry.types.find(storage->second);
    return !stored || op::type_accepts(*stored, value);
  }
  const TypeNode* declared = registry.types.find(port);
  return !declared || op::type_accepts(*declared, value);
}

void CallHost::set_failure(std::string_view reason, std::string detail) {
  if (calls_.empty()) return;
  calls_.back().reason = names_.keep(reason.substr(0, 256));
  calls_.back().detail = std::move(detail);
}

bool CallHost::fill_random(std::uint32_t at, std::uint32_t size) {
  if (calls_.empty() || !in_heap(at, size)) return false;
  RandomStream& random = calls_.back().ctx->random();
  std::uint8_t* const bytes = at_address(at);
  for (std::uint32_t i = 0; i < size; i += 8) {
    const std::uint64_t drawn = random.next_u64();
    std::memcpy(bytes + i, &drawn, std::min<std::uint32_t>(8, size - i));
  }
  return true;
}

CallStatus CallHost::call_dependency(std::string_view slot, std::uint16_t method, std::uint32_t address) {
  if (calls_.empty()) return CallStatus::failed;
  OpContext& ctx = *calls_.back().ctx;
  const std::size_t caller = calls_.size() - 1;
  Frame frame;
  if (!find_frame(address, frame)) {
    set_failure("bad_argument", "the frame of a sibling call is not sound");
    return CallStatus::failed;
  }
  const FrameHeader header = frame.header();
  Value inputs[Frame::kPortsMax];
  Value outputs[Frame::kPortsMax];
  for (std::uint32_t i = 0; i < header.inputs; ++i) {
    auto value = read_value(frame.inputs()[i], ctx.memory());
    if (!value) {
      set_failure(code_name(value.error().code),
                  "input " + std::to_string(i) + " of a call of " + std::string(slot) + " is refused");
      return CallStatus::failed;
    }
    inputs[i] = std::move(*value);
  }
  const Outcome outcome = ctx.call_dependency(slot, method, {inputs, header.inputs}, {outputs, header.outputs},
                                              {frame.parameters(), header.parameters});
  if (outcome != Outcome::done) {
    // Taken out of the context: the caller may catch the failure and go on.
    const OpError error = ctx.take_error();
    calls_[caller].reason = names_.keep(error.reason);
    calls_[caller].detail = error.detail;
    return CallStatus::failed;
  }
  for (std::uint32_t i = 0; i < header.outputs; ++i) {
    if (!write_value(outputs[i], frame.outputs()[i], arena_)) {
      set_failure("no_memory", "no room for the outputs of a call of " + std::string(slot));
      return CallStatus::failed;
    }
    calls_[caller].held.push_back(std::move(outputs[i]));
  }
  return CallStatus::now;
}

ForeignComponent::~ForeignComponent() { bb_component_dispose(id_); }

Outcome ForeignComponent::dispatch(std::uint16_t method, OpContext& ctx) {
  const OpDeclaration* const declaration = host_.registry().method(type_.declared->role, method);
  if (!declaration || ctx.input_count() + ctx.output_count() > Frame::kPortsMax)
    return ctx.fail(OpErrorKind::not_registered, "unsupported_method", "no method " + std::to_string(method));
  const bool async = method < 64 && ((type_.async_methods >> method) & 1) != 0;
  CommandId command;
  if (async) {
    const auto opened = ctx.park(type_.deadline_ns);
    if (!opened) return ctx.fail(OpErrorKind::cooldown, "pending_async_limit", "too many ops wait for their completion");
    command = *opened;
  }
  const Arena::Mark mark = host_.arena().mark();
  Frame frame;
  if (!write_frame(ctx, *declaration, host_.arena(), frame)) {
    host_.arena().release(mark);
    return ctx.fail(OpErrorKind::execution_failed, "no_memory", "no room for the call of " + type_.declared->type_name);
  }
  frame.header().command = command.v;
  frame.header().deadline_ns = async ? deadline_of(ctx, type_.deadline_ns) : 0;
  host_.calls_.push_back({.ctx = &ctx, .held = {}, .reason = {}, .detail = {}});
  const auto status = static_cast<CallStatus>(bb_component_call(id_, method, address_of(frame.at)));
  const Outcome outcome = answer(ctx, *declaration, status, frame, command);
  host_.calls_.pop_back();
  host_.arena().release(mark);
  return outcome;
}

Status ForeignComponent::save(StateWriter& out) const {
  std::uint32_t answer[2] = {0, 0};
  const Arena::Mark mark = host_.arena().mark();
  const bool saved = bb_component_save(id_, address_of(reinterpret_cast<const std::uint8_t*>(answer))) == 0;
  if (saved) out.append(heap_bytes(answer[0], answer[1]));
  host_.arena().release(mark);
  return saved ? Status{} : bb::fail(Code::not_encodable);
}

Status ForeignComponent::load(StateReader& in, Memory&) {
  const Bytes state = in.raw(in.left());
  const auto* const at = state.empty() ? reinterpret_cast<const std::uint8_t*>(this) : state.data();
  return bb_component_load(id_, address_of(at), static_cast<std::uint32_t>(state.size())) == 0 ? Status{}
                                                                                               : bb::fail(Code::invalid_value);
}

Outcome ForeignComponent::answer(OpContext& ctx, const OpDeclaration& declaration, CallStatus status, const Frame& frame,
                                 CommandId command) {
  switch (status) {
    case CallStatus::now: return take_outputs(ctx, declaration, frame);
    case CallStatus::later:
      if (!command.valid()) break;
      if (OpContextBuilder::depth(ctx) == 0 && open_)
        open_->open.insert_or_assign(command.v, OpenCommands::Op{ctx.op(), ctx.exec(), &declaration, type_.declared});
      return Outcome::parked;
    case CallStatus::unknown_method:
      return ctx.fail(OpErrorKind::not_registered, "unsupported_method",
                      type_.declared->type_name + " has no " + declaration.op_type);
    case CallStatus::failed: break;
  }
  auto& call = host_.calls_.back();
  return ctx.fail(OpErrorKind::execution_failed, call.reason.empty() ? "component_failed" : call.reason, std::move(call.detail));
}

Outcome ForeignComponent::take_outputs(OpContext& ctx, const OpDeclaration& declaration, const Frame& frame) {
  for (std::uint32_t i = 0; i < ctx.output_count(); ++i) {
    auto value = read_value(frame.outputs()[i], ctx.memory());
    if (!value)
      return ctx.fail(value.error(), type_.declared->type_name + "." + declaration.op_type + " output " + std::to_string(i));
    if (!output_fits(host_.registry(), declaration, *type_.declared, i, *value))
      return ctx.fail(OpErrorKind::type_mismatch, "output_type_mismatch",
                      type_.declared->type_name + "." + declaration.op_type + " gave output " + std::to_string(i) +
                          " of another type than the port's");
    ctx.output(i, std::move(*value));
  }
  return Outcome::done;
}

}  // namespace bb::bindings
