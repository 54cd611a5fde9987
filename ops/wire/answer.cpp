// AwaitResponse, GatherResponses and Reply (spec C §3.7.9, decisions G18).
#include "ops/wire/answer.h"

#include "ops/syscalls/attributes.h"
#include "ops/wire/ship.h"

namespace bb::ops {
namespace {

// The address `/op/response`: an answer names no site, it goes to whoever awaits (peer, id).
constexpr std::uint8_t kResponseSuffix[] = {0xe4, 0x01, 0x08, 'r', 'e', 's', 'p', 'o', 'n', 's', 'e'};

std::uint64_t timeout_of(const OpContext& ctx, std::uint32_t parameter) {
  const std::int64_t timeout = ctx.parameter(parameter);
  return timeout > 0 ? static_cast<std::uint64_t>(timeout) : 0;
}

bool is_request(const Value& handle) { return handle.carrier() == Carrier::request_id && handle.as_u64() != 0; }

Outcome no_answer(OpContext& ctx) {
  return ctx.fail(OpErrorKind::timeout, "chain_timeout", "no destination of the request can answer any more");
}

// (peer, answer) for each, in the order in which they came: what the engine makes of answers that come later.
Outcome gathered(OpContext& ctx, const Array<framework::Requests::Answer>& answers) {
  Array<Value> children;
  if (!children.try_reserve(answers.size() * std::uint64_t{2})) return ctx.fail({Code::no_memory}, "GatherResponses");
  for (const framework::Requests::Answer& answer : answers) {
    children.push_reserved(ctx.services().peers.at(answer.peer).id_value);
    children.push_reserved(answer.value);
  }
  auto composite = Value::composite(ctx.memory(), {children.data(), children.size()});
  if (!composite) return ctx.fail(composite.error(), "GatherResponses");
  ctx.output(0, std::move(*composite));
  return Outcome::done;
}

}  // namespace

Outcome gather_responses(OpContext& ctx) {
  const Value& handle = ctx.input(0);
  if (!is_request(handle))
    return ctx.fail(OpErrorKind::bad_input, "not_a_request", "GatherResponses: the handle is of a Send that asks for no answer");
  const std::int64_t wanted = ctx.parameter(0);
  const auto quorum = static_cast<std::uint32_t>(std::clamp<std::int64_t>(wanted, 1, UINT32_MAX));
  const auto command = ctx.park(timeout_of(ctx, 1));
  if (!command) return not_parked(ctx, command.error());
  framework::Requests& requests = ctx.services().requests;
  switch (requests.wait_many(handle.as_u64(), *command, quorum)) {
    case framework::Requests::Waiting::registered: return Outcome::parked;
    case framework::Requests::Waiting::already_answered: {
      const auto answers = requests.take_answers(handle.as_u64());
      return answers.size() < quorum ? no_answer(ctx) : gathered(ctx, answers);
    }
    case framework::Requests::Waiting::not_in_flight: break;
  }
  return no_answer(ctx);
}

Result<std::unique_ptr<OpState>> prepare_gather_responses(const onnx::NodeProto& node, PrepareContext& context) {
  BB_TRY(quorum, number_attribute(node, ir::attribute::kQuorum, 1, context));
  if (quorum < 1) return bad_attribute(context, node, "needs the attribute `quorum` to be at least 1");
  BB_CHECK(number_attribute(node, ir::attribute::kTimeout, 0, context));
  return nullptr;
}

Outcome await_response(OpContext& ctx) {
  const Value& handle = ctx.input(0);
  if (!is_request(handle))
    return ctx.fail(OpErrorKind::bad_input, "not_a_request", "AwaitResponse: the handle is of a Send that asks for no answer");
  const auto command = ctx.park(timeout_of(ctx, 0));
  if (!command) return not_parked(ctx, command.error());
  Value answer;
  switch (ctx.services().requests.wait(handle.as_u64(), *command, answer)) {
    case framework::Requests::Waiting::registered: return Outcome::parked;
    case framework::Requests::Waiting::already_answered: ctx.output(0, std::move(answer)); return Outcome::done;
    case framework::Requests::Waiting::not_in_flight: break;
  }
  return no_answer(ctx);
}

Outcome reply(OpContext& ctx) {
  const Inbound* inbound = ctx.inbound();
  if (!inbound || inbound->request_id == 0)
    return ctx.fail(OpErrorKind::bad_input, "no_request", "Reply: the execution was not started by a request");
  const Value& sender = ctx.input(1);
  if (sender.carrier() != Carrier::peer)
    return ctx.fail(OpErrorKind::type_mismatch, "expected_peer_id", "Reply: the sender is not a peer");
  Shipment shipment{
      .destinations = {&sender.as_peer(), 1}, .kind = wire::CorrelationKind::response, .request_id = inbound->request_id};
  if (!remaining_budget(ctx, 0, shipment.remaining_ns))
    return ctx.fail(OpErrorKind::timeout, "deadline_exceeded", "the request's budget is used up");
  auto& fills = ctx.services().fills;
  fills.clear();
  if (!fills.try_push(wire::FillFields::of(kResponseSuffix, ctx.input(0)))) return ctx.fail({Code::no_memory}, "Reply: fills");
  if (const Outcome outcome = ship(ctx, shipment); outcome != Outcome::done) return outcome;
  ctx.output(0, Value::trigger());
  return Outcome::done;
}

}  // namespace bb::ops
