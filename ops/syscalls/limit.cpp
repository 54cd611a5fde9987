// Permits, and leases on them. The leases of a name are one held value, so that they are saved with the node: how long one lasts,
// then the ends of those that run, the earliest first. No timer ends a lease; the next op on the name does.
#include <algorithm>

#include "framework/saturating.h"
#include "ops/syscalls/attributes.h"
#include "ops/syscalls/limit.h"

namespace bb::ops {
namespace {

struct PermitState : OpState {
  std::uint32_t name = 0;
  std::uint32_t leases = 0;  // the held value with the ends of leases
};
struct AcquireState final : PermitState {
  std::uint32_t permits_max = 1;
  bool waits = false;
  std::uint64_t lease_ns = 0;  // 0: until it is released
};

void name_state(PermitState& state, std::string_view name, PrepareContext& context) {
  state.name = context.intern(name);
  state.leases = context.intern("bb.lease/" + std::string(name));
}

constexpr std::size_t kWord = sizeof(std::uint64_t);
std::uint64_t word(Bytes words, std::size_t index) { return load_le<std::uint64_t>(words.data() + index * kWord); }

// Empty without leases. A graph can hold a value of its own under the name, which is then none of ours.
Bytes leases_of(const OpContext& ctx, std::uint32_t leases) {
  const Value* known = ctx.services().held.find(leases);
  if (!known || known->carrier() != Carrier::bytes) return {};
  const Bytes words = known->as_bytes();
  return words.size() % kWord == 0 && words.size() >= 2 * kWord ? words : Bytes();
}

// One lease of `lease_ns` more, from now on.
Status add_lease(OpContext& ctx, std::uint32_t leases, std::uint64_t lease_ns) {
  const Bytes old = leases_of(ctx, leases);
  const std::size_t count = std::max<std::size_t>(old.size() / kWord, 1);
  std::uint8_t* to = nullptr;
  BB_TRY(grown, Value::bytes_of_size(ctx.memory(), (count + 1) * kWord, to));
  store_le(to, lease_ns);
  const std::uint64_t end = framework::saturating_add(ctx.now_ns(), lease_ns);
  std::size_t at = 1;
  while (at < count && word(old, at) <= end) ++at;
  if (at > 1) std::memcpy(to + kWord, old.data() + kWord, (at - 1) * kWord);
  store_le(to + at * kWord, end);
  if (at < count) std::memcpy(to + (at + 1) * kWord, old.data() + at * kWord, (count - at) * kWord);
  return ctx.services().held.stash(leases, std::move(grown));
}

// Forgets the first `ended` leases. Errors: no_memory; they then end a little later.
Status drop_leases(OpContext& ctx, std::uint32_t leases, std::size_t ended) {
  auto& held = ctx.services().held;
  const Bytes old = leases_of(ctx, leases);
  const std::size_t left = old.size() / kWord - ended;
  if (left <= 1) {
    held.flush(leases);
    return {};
  }
  std::uint8_t* to = nullptr;
  BB_TRY(shrunk, Value::bytes_of_size(ctx.memory(), left * kWord, to));
  std::memcpy(to, old.data(), kWord);
  std::memcpy(to + kWord, old.data() + (ended + 1) * kWord, (left - 1) * kWord);
  return held.stash(leases, std::move(shrunk));
}

// Whoever was first in line holds the permit now, under a lease like the one before.
void give_back(OpContext& ctx, const PermitState& state, std::uint64_t lease_ns) {
  const auto next = ctx.services().permits.release(state.name);
  if (!next) return;
  if (lease_ns > 0) (void)add_lease(ctx, state.leases, lease_ns);  // without memory it holds the permit until it releases it
  ctx.services().runtime.complete_later(*next, Value::trigger());
}

void end_leases(OpContext& ctx, const PermitState& state) {
  const Bytes leases = leases_of(ctx, state.leases);
  if (leases.empty()) return;
  const std::uint64_t lease_ns = word(leases, 0);
  std::size_t ended = 0;
  while (ended + 1 < leases.size() / kWord && word(leases, ended + 1) <= ctx.now_ns()) ++ended;
  if (ended == 0 || !drop_leases(ctx, state.leases, ended)) return;
  for (std::size_t i = 0; i < ended; ++i) give_back(ctx, state, lease_ns);
}

}  // namespace

Outcome limit_acquire(OpContext& ctx) {
  if (held_back(ctx)) return Outcome::done;
  const auto& state = *static_cast<const AcquireState*>(ctx.state());
  auto& permits = ctx.services().permits;
  end_leases(ctx, state);
  if (permits.acquire(state.name, state.permits_max)) {
    if (state.lease_ns > 0) {
      if (const Status leased = add_lease(ctx, state.leases, state.lease_ns); !leased) {
        give_back(ctx, state, 0);
        return refused(ctx, leased.error(), "held_limit", "Limit.Acquire: lease");
      }
    }
    return triggered(ctx);
  }
  // There was a permit, but no place to write down who has it.
  if (permits.inflight(state.name) < state.permits_max)
    return ctx.fail(OpErrorKind::cooldown, "permits_limit", "Limit.Acquire: no room for one more name");
  if (!state.waits) return Outcome::done;
  const auto command = ctx.park();
  if (!command) return not_parked(ctx, command.error());
  if (const Status waits = permits.wait(state.name, state.permits_max, *command); !waits)
    return refused(ctx, waits.error(), "permits_limit", "Limit.Acquire");
  return Outcome::parked;
}

Result<std::unique_ptr<OpState>> prepare_limit_acquire(const onnx::NodeProto& node, PrepareContext& context) {
  BB_TRY(name, text_attribute(node, ir::attribute::kName, context));
  BB_TRY(permits_max, number_attribute(node, ir::attribute::kPermits, 1, context));
  BB_TRY(on_full, text_attribute(node, ir::attribute::kOnFull, context));
  BB_TRY(lease_ns, number_attribute(node, ir::attribute::kLease, 0, context));
  if (!on_full.empty() && on_full != "drop" && on_full != "wait")
    return bad_attribute(context, node, "needs the attribute `on_full` to be `drop` or `wait`");
  auto state = std::make_unique<AcquireState>();
  name_state(*state, name, context);
  state->permits_max = static_cast<std::uint32_t>(std::min<std::uint64_t>(permits_max, UINT32_MAX));
  state->waits = on_full == "wait";
  state->lease_ns = lease_ns;
  return state;
}

Outcome limit_release(OpContext& ctx) {
  if (held_back(ctx)) return Outcome::done;
  const auto& state = *static_cast<const PermitState*>(ctx.state());
  end_leases(ctx, state);
  std::uint64_t lease_ns = 0;
  if (const Bytes leases = leases_of(ctx, state.leases); !leases.empty()) {
    lease_ns = word(leases, 0);
    if (const Status dropped = drop_leases(ctx, state.leases, 1); !dropped)
      return ctx.fail(dropped.error(), "Limit.Release: lease");
  }
  give_back(ctx, state, lease_ns);
  return Outcome::done;
}

Result<std::unique_ptr<OpState>> prepare_limit_release(const onnx::NodeProto& node, PrepareContext& context) {
  BB_TRY(name, text_attribute(node, ir::attribute::kName, context));
  auto state = std::make_unique<PermitState>();
  name_state(*state, name, context);
  return state;
}

}  // namespace bb::ops
