// The poll cycle: the clock, what the host pushed, ready ops within the budget, what is due, and what leaves (spec B §2).
#include "runtime/engine.h"

#include <algorithm>

namespace bb::runtime {

PollResult Engine::poll(std::uint64_t now_ns, std::uint32_t ops) {
  BB_ASSERT(!polling_);
  polling_ = true;
  budget_ = ops;
  ops_run_ = 0;
  steps_.clear();
  events_.clear();
  if (!later_.empty()) std::swap(steps_, later_);

  if (now_ns > host_ns_) {
    const std::uint64_t gap = now_ns - host_ns_;
    if (gap > config_.limits.clock_gap_ns && host_ns_ != 0) {
      clock_shift_ns_ += gap;
      emit(mask_.lifecycle, HostSuspended{gap});
    }
    host_ns_ = now_ns;
    scheduler_.set_now(host_ns_ - clock_shift_ns_);
  }
  drain_ingress();
  run_frontier();
  framework::Timer due;
  while (scheduler_.pop_due(due)) expire(due);
  run_frontier();
  drain_outbound();
  for (PeerResolveFailed& failure : unresolved_) emit(mask_.failures, std::move(failure));
  unresolved_.clear();
  if (const std::uint64_t dropped = outbound_.take_dropped(); dropped > 0) {
    counters_.outbound_dropped += dropped;
    emit(mask_.failures, OutboundDropped{dropped});
  }
  const bool more = !frontier_.empty();
  if (more) emit(mask_.lifecycle, CycleBudgetExceeded{ops_run_});
  for (AppEvent& event : events_) steps_.emplace_back(std::move(event));
  counters_.ops += ops_run_;
  polling_ = false;
  const std::uint64_t next = scheduler_.next_ns();
  return {.steps = steps_,
          .next_wakeup_ns =
              next > framework::Scheduler::kNever - clock_shift_ns_ ? framework::Scheduler::kNever : next + clock_shift_ns_,
          .more = more};
}

void Engine::drain_ingress() {
  while (!ingress_.empty()) {
    const Ingress ingress = ingress_.pop();
    if (ingress.kind == Ingress::Kind::start) {
      --ingress_starts_;
      start(ingress.activation);
    } else {
      apply_completion(ingress.command);
    }
  }
}

void Engine::drain_outbound() {
  if (outbound_.messages() == 0) return;
  outbound_.drain([this](std::uint32_t peer) -> framework::PeerOutbound& { return peers_.at(peer).outbound; },
                  [this](framework::OutboundMessage& message) {
                    ++counters_.envelopes_out;
                    if (!mask_.sends) return;
                    auto& send = std::get<SendEnvelope>(steps_.emplace_back(std::in_place_type<SendEnvelope>));
                    send.peer = peers_.handle_of(message.peer);
                    send.lane = static_cast<std::uint8_t>(message.lane);
                    send.sequence = message.sequence;
                    send.request_id = message.request_id;
                    send.remaining_ns = message.remaining_ns;
                    send.head = std::move(message.head);
                    send.body = std::move(message.body);
                    send.tail_size = message.tail_size;
                    std::copy_n(message.tail, message.tail_size, send.tail);
                  });
  for (const std::uint32_t peer : outbound_.waiting()) {
    framework::PeerRecord& record = peers_.at(peer);
    if (record.outbound.granted > 0 || std::exchange(record.outbound.dial_asked, true)) continue;
    emit(mask_.lifecycle, Dial{peers_.handle_of(peer)});
  }
}

}  // namespace bb::runtime
