// Triggers, sources and topics.
#include "ops/syscalls/signal.h"

#include "ops/syscalls/attributes.h"

namespace bb::ops {
namespace {

constexpr std::string_view kReservedPrefixes[] = {"bb.", "ai.bytesandbrains."};

Result<std::unique_ptr<OpState>> require_text(const onnx::NodeProto& node, std::string_view attribute, PrepareContext& context) {
  BB_TRY(text, text_attribute(node, attribute, context));
  if (text.empty()) return bad_attribute(context, node, "needs the attribute `" + std::string(attribute) + "`");
  return nullptr;
}

}  // namespace

Outcome source_trigger(OpContext& ctx) { return held_back(ctx) ? Outcome::done : triggered(ctx); }

Result<std::unique_ptr<OpState>> prepare_event_source(const onnx::NodeProto& node, PrepareContext& context) {
  return require_text(node, ir::attribute::kEventKind, context);
}
Result<std::unique_ptr<OpState>> prepare_lifecycle_phase(const onnx::NodeProto& node, PrepareContext& context) {
  return require_text(node, ir::attribute::kPhase, context);
}

Outcome on_trigger(OpContext& ctx) {
  if (!ctx.input(0).present()) return ctx.fail(OpErrorKind::other, "", "OnTrigger requires one input");
  return triggered(ctx);
}

Outcome app_emit(OpContext& ctx) {
  const NamedState& state = named(ctx);
  auto value = optional_value(ctx, state);
  if (!value) return ctx.fail(value.error(), "AppEmit");
  if (value->present()) ctx.services().runtime.publish(state.name, std::move(*value));
  return Outcome::done;
}

Outcome app_notify(OpContext& ctx) {
  if (!held_back(ctx)) ctx.services().runtime.publish(named(ctx).name, Value::trigger());
  return Outcome::done;
}

// A topic is known before anything runs, so a reserved one never gets that far.
Result<std::unique_ptr<OpState>> prepare_topic(const onnx::NodeProto& node, PrepareContext& context) {
  BB_TRY(topic, text_attribute(node, ir::attribute::kName, context));
  for (const std::string_view prefix : kReservedPrefixes) {
    if (!topic.starts_with(prefix)) continue;
    context.problem = "reserved_topic_prefix: AppEvent topic " + std::string(topic) +
                      " collides with the framework-reserved prefix " + std::string(prefix);
    return fail(Code::bad_argument);
  }
  return named_state(node, ir::attribute::kName, context);
}

Outcome bootstrap_dispatch(OpContext& ctx) {
  if (held_back(ctx)) return Outcome::done;
  const auto command = ctx.park();
  if (!command) return not_parked(ctx, command.error());
  ctx.output(0, Value::number(Carrier::command_id, command->v));
  return Outcome::done;
}

Outcome bootstrap_output(OpContext& ctx) {
  if (!ctx.input(0).present()) return ctx.fail(OpErrorKind::other, "", "BootstrapOutput: missing cmd input");
  if (ctx.input(0).carrier() != Carrier::command_id)
    return ctx.fail(OpErrorKind::other, "", "BootstrapOutput: cmd input is not a CommandIdValue");
  const auto command = ctx.park();
  if (!command) return not_parked(ctx, command.error());
  ctx.output(0, Value::trigger());  // what a completion without a value leaves in place
  return Outcome::parked;
}

}  // namespace bb::ops
