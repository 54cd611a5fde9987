// The poll cycle: the clock, timers, what was pushed, ready ops within the budget, events, deadlines, lifecycle phases, and what
// leaves (spec B §2, decisions G22).
#include <algorithm>
#include <utility>

#include "runtime/engine.h"

namespace bb::runtime {
namespace {

constexpr std::uint32_t kToldOfDeadline = 3;  // a timeout, and what it says of the peer's health and of its silence

}  // namespace

// What most parts of most polls find.
[[gnu::always_inline]] inline bool Engine::has_nothing_to_do(std::uint32_t part) const {
  switch (part) {
    case 0: return false;
    case 1: return !bootstrap_.pending() || bootstrap_.current;
    case 2: return !timers_.due();
    case 3: return !modules_due_;
    case 4: return ingress_.empty() && gated_starts_.empty();
    case 6: return bus_.empty() && !routing_ && bus_.dropped() == 0;
    case 7: return completions_.empty();
    case 8: return !deadlines_.due() && completions_.empty();
    case 10: return phases_.empty();
    case 12: return outbound_.messages() == 0;
    case 13:
      return events_.empty() && frontier_.empty() && !outbound_.has_dropped() && unresolved_.empty() && !bootstrap_.current &&
             bootstrap_.finished.empty();
    default: return frontier_.empty() && !starts_due_ && !gate_closed_;
  }
}

[[gnu::always_inline]] inline bool Engine::run_part(std::uint32_t part) {
  switch (part) {
    case 0: return advance_clock(poll_ns_);
    case 1: return !bootstrap_.pending() || bootstrap_.current || begin_bootstrap() != Began::stalled;
    case 2: return run_timers();
    case 3: return !modules_due_ || start_modules();
    case 4: return drain_ingress();
    case 6: return route_bus();
    case 7: return drain_completions();
    case 8: return expire_deadlines();
    case 10: return run_phases();
    case 12: return drain_outbound();
    case 13: return write_tail();
    default: return run_frontier();
  }
}

// False when it stopped for want of memory. Ops that are ready run before there are more of them than may be; without the budget for
// that, the rest of the part keeps its place for the next poll.
[[gnu::always_inline]] inline bool Engine::finish_part(std::uint32_t part) {
  while (relieving_ || !run_part(part)) {
    if (!relieving_) {
      if (!std::exchange(crowded_, false)) return false;
      if (ops_run_ >= budget_) return postponed_ = true;
    }
    relieving_ = true;
    if (!run_frontier()) return false;
    relieving_ = false;
  }
  return true;
}

// A poll that finds no memory stops where it is and is still that poll: nothing comes in between, and the next call goes on with it,
// at its own time and with what is left of its budget. So memory has no say in what a node becomes.
PollResult Engine::poll(std::uint64_t now_ns, std::uint32_t ops) {
  BB_ASSERT(!polling_);
  polling_ = true;
  steps_.clear();
  enter_span("engine.poll");
  if (!stalled()) {
    poll_ns_ = now_ns;
    budget_ = ops;
    ops_run_ = 0;
    crowded_ = relieving_ = postponed_ = false;
    if (!later_.empty()) std::swap(steps_, later_);
    next_part_ = 0;
  }
  const std::uint32_t ops_before = ops_run_;
  const bool traced = hook_.enter || hook_.exit;  // whoever traces sees all parts
  const std::uint32_t first = next_part_;
  const auto done = [&] [[gnu::always_inline]] (std::uint32_t part) {
    if (part < first || (!traced && has_nothing_to_do(part)) || finish_part(part)) return true;
    next_part_ = part;
    return false;
  };
  const auto all_done = [&]<std::uint32_t... part>(std::integer_sequence<std::uint32_t, part...>) { return (done(part) && ...); };
  if (all_done(std::make_integer_sequence<std::uint32_t, kParts>())) next_part_ = kParts;
  if (stalled()) {
    ++stalls_;
    drain_outbound();  // what leaves gives memory back
  }
  counters_.ops += ops_run_ - ops_before;
  exit_span("engine.poll");
  polling_ = false;

  return {.steps = {steps_.data(), steps_.size()},
          .next_wakeup_ns = host_time(std::min(timers_.next_ns(), deadlines_.next_ns())),
          .more = stalled() || postponed_ || !frontier_.empty() || !bus_.empty() || routing_ || !completions_.empty() ||
                  timers_.due() || deadlines_.due() || (!gated_starts_.empty() && !gate_closed_)};
}

// Engine time is time awake: it never runs back, and a gap shifts every deadline by its length.
bool Engine::advance_clock(std::uint64_t now_ns) {
  if (!steps_.try_reserve(steps_.size() + std::uint64_t{1})) return false;
  ++polls_;
  std::uint64_t gap = std::exchange(gap_ns_, 0);
  if (now_ns > host_ns_) {
    const std::uint64_t passed = now_ns - host_ns_;
    gap = std::min(gap, passed);
    if (gap == 0 && passed > config_.limits.clock_gap_ns && host_ns_ != 0) gap = passed;
    host_ns_ = now_ns;
  } else {
    gap = 0;
  }
  if (gap > 0) {
    clock_offset_ns_ += static_cast<std::int64_t>(gap);
    emit(mask_.lifecycle, HostSuspended{gap});
  }
  const std::uint64_t now = host_ns_ - static_cast<std::uint64_t>(clock_offset_ns_);
  timers_.set_now(now);
  deadlines_.set_now(now);
  return true;
}

// When the host's clock will show what the engine's shows at `at_ns`.
std::uint64_t Engine::host_time(std::uint64_t at_ns) const {
  const auto offset = static_cast<std::uint64_t>(clock_offset_ns_);
  if (at_ns == framework::Scheduler::kNever || (clock_offset_ns_ > 0 && at_ns > framework::Scheduler::kNever - offset))
    return framework::Scheduler::kNever;
  return at_ns + offset;
}

bool Engine::run_timers() {
  while (const framework::Timer* due = timers_.due())
    if (!mature(*due)) return false;
  return true;
}

bool Engine::drain_ingress() {
  enter_span("engine.ingress");
  bool moved = true;
  while (moved && !gate_closed_ && !gated_starts_.empty()) {
    moved = start(gated_starts_.front());
    if (moved) gated_starts_.pop(), --ingress_starts_;
  }
  while (moved && !ingress_.empty()) {
    const Ingress& next = ingress_.front();
    if (next.kind == Ingress::Kind::completion) {
      moved = apply_completion(next.command);
    } else if (gate_closed_ && !next.activation->bootstrap) {
      moved = gated_starts_.try_push(next.activation);
      if (moved) next.activation->stage = Activation::Stage::gated;
    } else {
      moved = start(next.activation);
      if (moved) --ingress_starts_;
    }
    if (moved) ingress_.drop_front();
    if (starts_due_) (void)begin_waiting();
  }
  exit_span("engine.ingress");
  return moved;
}

// Deadlines come after everything that arrived in time; what one of them ends goes on before the next.
bool Engine::expire_deadlines() {
  enter_span("engine.completions");
  framework::Timer due;
  bool moved = drain_completions();  // of where it stopped for want of memory
  while (moved && deadlines_.due()) {
    moved = steps_.try_reserve(steps_.size() + kToldOfDeadline + events_.size()) && bus_.try_reserve(kToldOfDeadline);
    if (!moved) break;
    (void)deadlines_.pop_due(due);
    expire(due);
    moved = drain_completions();
  }
  exit_span("engine.completions");
  return moved;
}

bool Engine::drain_completions() {
  while (!completions_.empty()) {
    if (!apply_completion(completions_.front())) return false;
    completions_.pop();
  }
  return true;
}

bool Engine::drain_outbound() {
  enter_span("engine.outbound");
  bool moved = true;
  outbound_.drain([this](std::uint32_t peer) -> framework::PeerOutbound& { return peers_.at(peer).outbound; },
                  [&](framework::OutboundMessage& message) {
                    moved = !mask_.sends || steps_.try_reserve(steps_.size() + std::uint64_t{1} + events_.size());
                    if (!moved) return false;
                    ++counters_.envelopes_out;
                    if (!mask_.sends) return true;
                    auto& send = std::get<SendEnvelope>(steps_.push_reserved(std::in_place_type<SendEnvelope>));
                    send.peer = peers_.handle_of(message.peer);
                    send.lane = static_cast<std::uint8_t>(message.lane);
                    send.sequence = message.sequence;
                    send.request_id = message.request_id;
                    send.remaining_ns = message.remaining_ns;
                    send.head = std::move(message.head);
                    send.body = std::move(message.body);
                    send.tail_size = message.tail_size;
                    std::memcpy(send.tail, message.tail, sizeof send.tail);
                    return true;
                  });
  const auto waiting = outbound_.waiting();
  if (!waiting.empty() && !steps_.try_reserve(steps_.size() + std::uint64_t{waiting.size()} + events_.size())) moved = false;
  for (const std::uint32_t peer : waiting) {
    if (!moved) break;
    framework::PeerRecord& record = peers_.at(peer);
    if (record.outbound.granted > 0 || std::exchange(record.outbound.dial_asked, true)) continue;
    emit(mask_.lifecycle, Dial{peers_.handle_of(peer)});
  }
  exit_span("engine.outbound");
  return moved;
}

bool Engine::write_tail() {
  constexpr std::uint64_t kOthers = 3;  // dropped, out of budget, waiting
  if (!steps_.try_reserve(steps_.size() + kOthers + unresolved_.size() + bootstrap_.finished.size() + events_.size()))
    return false;  // the next poll writes them
  for (PeerResolveFailed& failure : unresolved_) emit(mask_.failures, std::move(failure));
  unresolved_.clear();
  if (const std::uint64_t dropped = outbound_.take_dropped(); dropped > 0) {
    counters_.outbound_dropped += dropped;
    emit(mask_.failures, OutboundDropped{dropped});
  }
  if (ops_run_ >= budget_ && !frontier_.empty()) emit(mask_.lifecycle, CycleBudgetExceeded{ops_run_});
  for (const std::string_view target : bootstrap_.finished) emit(mask_.lifecycle, BootstrapComplete{target});
  bootstrap_.finished.clear();
  if (bootstrap_.current && frontier_.empty() && completions_.empty() && !bootstrap_.announced) {
    bootstrap_.announced = true;
    emit(mask_.lifecycle, WaitingOnBootstrap{});
  }
  for (AppEvent& event : events_) steps_.push_reserved(std::move(event));
  events_.clear();
  return true;
}

}  // namespace bb::runtime
