// The applications of simulated nodes: calls of every part that a run has, and calls that a host makes out of turn.
#include <algorithm>

#include "sim/components.h"
#include "sim/host.h"
#include "sim/world.h"
#include "support/attestation.h"

namespace bb::sim {

Value Host::peers(std::span<const std::uint32_t> numbers) {
  std::vector<PeerId> list;
  for (const std::uint32_t number : numbers) list.push_back(PeerId::from(number + 1));
  auto value = Value::peers(node_->memory(), list);
  return value ? std::move(*value) : Value();
}

Value Host::numbers(std::span<const float> data) {
  const std::uint64_t shape[] = {data.size()};
  auto value = Value::tensor_f32(node_->memory(), shape, data);
  return value ? std::move(*value) : Value();
}

Value Host::question(std::uint64_t token) {
  // "TAIN" as the bits of a number, to be looked for where it must not be.
  const float data[] = {static_cast<float>(token & 0xffff), static_cast<float>(token >> 16 & 0xffff),
                        std::bit_cast<float>(0x4e494154U)};
  return numbers(data);
}

void Host::call(Part part, std::string_view target, std::span<NamedValue> inputs, std::uint64_t token) {
  const auto exec = node_->invoke(target, inputs);
  record(7, static_cast<std::uint64_t>(part), exec ? exec->v : 1'000 + static_cast<std::uint64_t>(exec.error().kind));
  if (!exec) {
    using Kind = DeliveryError::Kind;
    const Kind kind = exec.error().kind;
    if (kind != Kind::ingress_full && kind != Kind::budget_exceeded && kind != Kind::no_memory && kind != Kind::journal_full)
      fail("invoke: " + exec.error().text());
    return;
  }
  calls_.push_back({.exec = *exec, .part = part, .token = token, .began_ns = world_.now_ns()});
}

void Host::ask(Part part, std::string_view target, std::span<const std::uint32_t> servers) {
  const std::uint64_t token = ++tokens_;
  NamedValue inputs[] = {{"servers", peers(servers)}, {"x", question(token)}};
  call(part, target, inputs, token);
}

void Host::probe(std::uint32_t peer) {
  if (probe_answered_) return;
  probe_token_ = tokens_ + 1;
  ask(Part::ask, "Ask", {&peer, 1});
  poll_soon();
}

std::uint64_t Host::act() {
  do_something();
  return chance_.between(world_.swarm().think_ns / 2, world_.swarm().think_ns * 2);
}

void Host::do_something() {
  Chance& chance = chance_;
  const Swarm& swarm = world_.swarm();
  if (!up() || frozen_until_ns_ > world_.now_ns()) return;
  told_ = true;
  if (chance.happens(swarm.meddle)) {
    world_.count(Fault::meddling);
    meddle();
    poll_soon();
    return;
  }
  auto part = static_cast<Part>(chance.below(kParts));
  while ((swarm.parts & part_bit(part)) == 0) part = static_cast<Part>((static_cast<std::uint32_t>(part) + 1) % kParts);
  std::uint32_t others[4];
  // In a twin world nobody talks to a hostile peer: what it answers may count.
  const std::uint32_t all = swarm.twin ? swarm.nodes : world_.peers();
  const auto count = static_cast<std::uint32_t>(chance.between(1, std::min<std::uint64_t>(4, all - 1)));
  const auto first = static_cast<std::uint32_t>(chance.below(all - 1));
  for (std::uint32_t i = 0; i < count; ++i) others[i] = (who_ + 1 + (first + i) % (all - 1)) % all;
  const std::span<const std::uint32_t> chosen(others, count);
  const auto fire = [&](std::string_view target, std::string_view input) {
    NamedValue inputs[] = {{input, Value::trigger()}};
    call(part, target, inputs, 0);
  };
  switch (part) {
    case Part::mesh: {
      if (chance.below(3) == 0) return fire("Merge", "go"), poll_soon();
      const Contribution data = draw_contribution(who_ + 1, chance);
      const std::uint64_t token = ++tokens_;
      world_.give(who_, token, data);
      auto meta = Value::fed_avg_meta(node_->memory(), {token, round_});
      NamedValue inputs[] = {{"peers", peers(chosen)}, {"meta", meta ? std::move(*meta) : Value()}, {"x", numbers(data)}};
      call(part, "Mesh", inputs, 0);
      break;
    }
    case Part::ask: ask(part, "Ask", chosen); break;
    case Part::gather: ask(part, "Gather", chosen); break;
    case Part::timers: fire("Timers", "go"); break;
    case Part::ticker: break;
    case Part::stores: {
      const std::uint64_t which = chance.below(4);
      if (which < 3) {
        fire("Stores", which == 0 ? "take" : which == 1 ? "give" : "next");
      } else {
        NamedValue inputs[] = {{"x", question(1)}};
        call(part, "Stores", inputs, 0);
      }
      break;
    }
    case Part::setup: {
      NamedValue inputs[] = {{"x", question(2)}};
      call(part, "Setup", inputs, 0);
      break;
    }
  }
  poll_soon();
}

// What a host may do at any time, wanted or not.
void Host::meddle() {
  Chance& chance = chance_;
  const auto other = static_cast<std::uint32_t>(chance.below(world_.peers()));
  const PeerId peer = PeerId::from(other + 1);
  const std::uint64_t what = chance.below(16);
  Status status;
  switch (what) {
    case 0: status = node_->link_up(handle(other), static_cast<std::uint8_t>(chance.below(4))); break;
    case 1: status = node_->link_down(handle(other), static_cast<std::uint16_t>(chance.below(4))); break;
    case 2: status = node_->block_peer(peer); break;
    case 3: status = node_->unblock_peer(peer); break;
    case 4: {
      status = node_->retire(handle(other));
      handles_[other] = {};
      break;
    }
    case 5: {
      const auto admitted = node_->admit(PeerAttestation::of(peer));
      if (admitted) handles_[other] = *admitted;
      break;
    }
    case 6: status = node_->observe_address(peer, Address::p2p(PeerId::from(chance.between(100, 140)))); break;
    case 7: status = node_->register_address(peer, Address::p2p(PeerId::from(chance.between(100, 110)))); break;
    case 8: status = node_->forget_address(peer, Address::p2p(PeerId::from(chance.between(100, 140)))); break;
    case 9: status = node_->fire_lifecycle(chance.flip() ? "Shutdown" : "Snapshot"); break;
    case 10: status = node_->suspended(chance.magnitude(1'000'000, 1'000'000'000)); break;
    case 11: {
      const PeerId list[] = {peer, PeerId::from(1), PeerId::from(2)};
      status = chance.flip() ? node_->set_allowlist(list) : node_->clear_allowlist();
      break;
    }
    case 12: status = node_->send_failed(chance.next(), handle(other), "meddling"); break;
    case 13: {
      const CommandId command = waiting_.empty() ? CommandId{chance.below(1'000)} : waiting_[chance.below(waiting_.size())].command;
      status = node_->complete_failed(command, {OpErrorKind::other, "gone", "the host gave up"});
      break;
    }
    case 14: {
      Value outputs[] = {Value::trigger()};
      const CommandId command = waiting_.empty() ? CommandId{chance.below(1'000)} : waiting_[chance.below(waiting_.size())].command;
      status = node_->complete(command, outputs);
      break;
    }
    default: {
      status = node_->drop_peer(peer);
      const Address address = Address::p2p(peer);
      if (status && other != who_) status = node_->add_peer(peer, {&address, 1});
      break;
    }
  }
  record(8, what, status ? 0 : static_cast<std::uint64_t>(status.error().code));
}

void Host::heal() {
  if (!up()) return;
  frozen_until_ns_ = 0;
  drift_ppm_ = 0;
  // A clock that had been put back would stand still for its node until it is where it was.
  base_ns_ = world_.now_ns();
  clock_base_ns_ = std::max(clock_base_ns_, latest_clock_ns_) + 1;
  (void)node_->clear_allowlist();
  for (std::uint32_t other = 0; other < world_.peers(); ++other) (void)node_->unblock_peer(PeerId::from(other + 1));
  introduce(*node_);
  handles_.assign(world_.peers(), {});
  poll_soon();
}

void Host::check_rest() {
  const EngineStats stats = node_->stats();
  const auto none = [&](std::uint64_t left, const char* what) {
    if (left > 0) fail("I9: " + std::to_string(left) + " " + what + " are left long after the faults");
  };
  none(stats.executions, "executions");
  none(stats.parked, "parked ops");
  none(stats.frontier, "ready ops");
  none(stats.ingress, "inputs");
  none(stats.requests, "requests");
  none(stats.outbound, "envelopes");
  none(waiting_.size(), "commands");
}

std::string Host::describe() const {
  constexpr std::string_view kNames[] = {"",      "poll",    "receive", "send_failed", "committed",
                                         "crash", "restart", "invoke",  "meddle",      "path swapped"};
  std::string text = durability_ == Durability::none    ? "without a journal"
                     : durability_ == Durability::gated ? "gated"
                                                        : "recorded";
  if (!up()) return text + ", down";
  const EngineStats stats = node_->stats();
  text += ", executions " + std::to_string(stats.executions) + ", parked " + std::to_string(stats.parked) + ", ingress " +
          std::to_string(stats.ingress) + ", outbound " + std::to_string(stats.outbound) + ", requests " +
          std::to_string(stats.requests) + ", timers " + std::to_string(stats.timers) + "; lately";
  const std::uint64_t size = std::size(recent_);
  for (std::uint64_t i = recent_count_ > size ? recent_count_ - size : 0; i < recent_count_; ++i) {
    const Done& done = recent_[i % size];
    text += ", " + std::string(kNames[done.kind]) + " " + std::to_string(done.a) + " " + std::to_string(done.b);
  }
  return text;
}

}  // namespace bb::sim
