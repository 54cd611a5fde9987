// AwaitResponse and Reply (spec C §3.7.9, decisions G18).
#include "ops/wire/answer.h"

#include "ops/wire/ship.h"

namespace bb::ops {
namespace {

// The address `/op/response`: an answer names no site, it goes to whoever awaits (peer, id).
constexpr std::uint8_t kResponseSuffix[] = {0xe4, 0x01, 0x08, 'r', 'e', 's', 'p', 'o', 'n', 's', 'e'};

}  // namespace

Outcome await_response(OpContext& ctx) {
  const Value& handle = ctx.input(0);
  if (handle.carrier() != Carrier::request_id || handle.as_u64() == 0)
    return ctx.fail(OpErrorKind::bad_input, "not_a_request", "AwaitResponse: the handle is of a Send that asks for no answer");
  const std::int64_t timeout = ctx.parameter(0);
  const auto command = ctx.park(timeout > 0 ? static_cast<std::uint64_t>(timeout) : 0);
  if (!command) return ctx.fail(OpErrorKind::cooldown, "pending_async_limit", "pending-async limit exceeded");
  Value answer;
  switch (ctx.services().requests.wait(handle.as_u64(), *command, answer)) {
    case framework::Requests::Waiting::registered: return Outcome::parked;
    case framework::Requests::Waiting::already_answered: ctx.output(0, std::move(answer)); return Outcome::done;
    case framework::Requests::Waiting::not_in_flight: break;
  }
  return ctx.fail(OpErrorKind::timeout, "chain_timeout", "no destination of the request can answer any more");
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
