// The oracles of a host: what its node says, held against what it was given.
#include <algorithm>

#include "sim/components.h"
#include "sim/host.h"
#include "sim/world.h"

namespace bb::sim {

// A mark in the data of questions: it must never show up in a text.
inline constexpr std::string_view kTaint = "TAIN";

void Host::see(const Step& step) {
  Trace& trace = world_.trace();
  trace.number(step.index());
  if (const auto* done = std::get_if<OpCompleted>(&step)) {
    trace.number(done->op.v);
    trace.number(done->exec.v);
    ended(done->op, done->exec, false);
  } else if (const auto* suspended = std::get_if<AsyncSuspended>(&step)) {
    trace.number(suspended->op.v);
    trace.number(suspended->exec.v);
    trace.number(suspended->command.v);
    alive(suspended->exec);
    const auto same = [&](const Waiting& waiting) { return waiting.command == suspended->command; };
    if (std::ranges::any_of(waiting_, same)) return fail("I2: a command was opened twice");
    waiting_.push_back({suspended->op, suspended->exec, suspended->command});
  } else if (const auto* failed = std::get_if<OpFailed>(&step)) {
    trace.number(failed->op.v);
    trace.number(failed->exec.v);
    const std::string text = failed->error.text();
    trace.bytes(as_bytes(text));
    if (text.find(kTaint) != std::string::npos) return fail("I13: data in a text: " + text);
    ++world_.report().failed_ops;
    ended(failed->op, failed->exec, true);
    if (world_.swarm().twin && std::ranges::any_of(calls_, [&](const Call& call) { return call.exec == failed->exec; }))
      world_.say(who_, who_, as_bytes(text));
    std::erase_if(calls_, [&](const Call& call) { return call.exec == failed->exec; });
  } else if (const auto* event = std::get_if<AppEvent>(&step)) {
    see_event(*event);
  } else if (const auto* message = std::get_if<SendEnvelope>(&step)) {
    ++shipped_;
    see_send(*message);
    send(*node_, *message);
  } else if (const auto* decode = std::get_if<WireDecodeFailed>(&step)) {
    trace.bytes(as_bytes(decode->detail));
    if (decode->detail.find(kTaint) != std::string::npos) return fail("I13: data in a text: " + decode->detail);
  } else if (const auto* receive = std::get_if<WireReceiveFailed>(&step)) {
    trace.number(static_cast<std::uint64_t>(receive->kind));
  } else if (const auto* timeout = std::get_if<WireTimeout>(&step)) {
    trace.number(timeout->request_id);
  } else if (const auto* change = std::get_if<PeerChange>(&step)) {
    trace.number(static_cast<std::uint64_t>(change->kind) << 8 | static_cast<std::uint64_t>(change->reason));
  }
}

void Host::ended(OpRef op, ExecId exec, bool failed) {
  alive(exec);
  if (!ended_.add(op.v, exec.v))
    return fail("I2: op " + std::to_string(op.v) + " of execution " + std::to_string(exec.v) + (failed ? " failed" : " completed") +
                " after it had ended");
  std::erase_if(waiting_, [&](const Waiting& waiting) { return waiting.op == op && waiting.exec == exec; });
}

void Host::alive(ExecId exec) {
  if (exec.v < over_exec_) fail("I5: execution " + std::to_string(exec.v) + " goes on after all had ended");
  next_exec_ = std::max(next_exec_, exec.v + 1);
}

// I12: an envelope leaves once the poll that made it is durable.
void Host::see_send(const SendEnvelope&) {
  if (durability_ != Durability::gated) return;
  if (made_.empty()) return fail("I12: an envelope that no poll made");
  if (made_.front().sequence > store_.durable_sequence())
    return fail("I12: an envelope left before the poll that made it was durable");
  if (--made_.front().envelopes == 0) made_.pop_front();
}

// I6: what was counted is what its peer gave, and it is counted once.
void Host::check_counted() {
  for (const Ledger::Part& part : ledger_.parts) {
    ++world_.report().contributions;
    if (world_.swarm().corrupt > 0 || part.peer > world_.swarm().nodes) continue;
    const Contribution* const given = world_.given(static_cast<std::uint32_t>(part.peer - 1), part.token);
    if (!given || *given != part.data) fail("I6: what was counted of node " + std::to_string(part.peer) + " is not what it gave");
  }
  for (const Ledger::Part& part : ledger_.repeated) {
    if (world_.swarm().corrupt > 0 || part.peer > world_.swarm().nodes) continue;
    if (part.token > world_.host(static_cast<std::uint32_t>(part.peer - 1)).counts_once_after())
      fail("I6: contribution " + std::to_string(part.token) + " of node " + std::to_string(part.peer) + " was counted twice");
  }
  ledger_.parts.clear();
  ledger_.repeated.clear();
}

void Host::see_merged(const AppEvent& event) {
  const auto parts = event.value.as_composite();
  const auto sums = parts[0].as_tensor().f32();
  const FedAvgMeta meta = parts[1].as_fed_avg_meta();
  Ledger::Sum made;
  if (!ledger_.take(meta.round, made)) return fail("I6: an aggregate of a round that has none");
  if (made.count != meta.samples || !std::ranges::equal(sums, made.sums))
    return fail("I6: an aggregate of " + std::to_string(meta.samples) + " is not the sum of the " + std::to_string(made.count) +
                " that were counted");
  round_ = meta.round + 1;
  ++world_.report().merges;
}

void Host::see_event(const AppEvent& event) {
  ByteBuffer& out = world_.trace().buffer();
  if (!encode_value(event.value, out)) return fail("an event without a value");
  world_.trace().number(event.exec.v);
  const auto found = std::ranges::find_if(calls_, [&](const Call& call) { return call.exec == event.exec; });
  if (found != calls_.end() && durability_ == Durability::gated && found->sequence > store_.durable_sequence())
    return fail("I12: an event left before its input was durable");
  // What a peer made this node say is left out of what hostile peers must not change.
  const bool own =
      found != calls_.end() || event.topic == "tick" ||
      (event.topic == "received" && event.value.as_peer().as_identity_u64().value_or(UINT64_MAX) <= world_.swarm().nodes);
  if (own && world_.swarm().twin) {
    ByteBuffer word(event.topic.begin(), event.topic.end());
    if (!encode_value(event.value, word)) return fail("an event without a value");

    world_.say(who_, who_, word);
  }
  if (event.topic == "merged") {
    see_merged(event);
  } else if (event.topic == "answer") {
    if (found == calls_.end() || event.value.carrier() != Carrier::tensor) return;
    const auto data = event.value.as_tensor().f32();
    const float expected[] = {static_cast<float>(found->token & 0xffff), static_cast<float>(found->token >> 16 & 0xffff)};
    // An answer of a peer that lies is an answer.
    if (world_.swarm().hostile == 0 && world_.swarm().corrupt == 0 &&
        (data.size() != 3 || data[0] != expected[0] || data[1] != expected[1]))
      return fail("an answer to another question");
    ++world_.report().answers;
    probe_answered_ |= found->token == probe_token_;
  } else if (event.topic == "answers") {
    if (event.value.carrier() != Carrier::composite) return;  // the host itself completed it, with something else
    const auto parts = event.value.as_composite();
    if (parts.size() % 2 != 0 || parts.size() < 4) return fail("fewer answers than the quorum");
    for (std::size_t i = 0; i < parts.size(); i += 2)
      for (std::size_t j = i + 2; j < parts.size(); j += 2)
        if (parts[i].as_peer() == parts[j].as_peer()) return fail("I2: one peer's answer counted twice");
  }
  if (found != calls_.end() && event.topic != "slept" && event.topic != "after") calls_.erase(found);
}

// `quiet`: nothing that the node did is still on its way to the host.
void Host::check_bounds(bool quiet) {
  const EngineStats stats = node_->stats();
  const Limits& limits = world_.swarm().limits;
  const auto at_most = [&](std::uint64_t value, std::uint64_t limit, const char* what) {
    if (value > limit) fail(std::string("I10: ") + what + " " + std::to_string(value) + " over " + std::to_string(limit));
  };
  at_most(stats.executions, limits.executions_max, "executions");
  at_most(stats.parked, limits.parked_ops_max, "parked ops");
  at_most(stats.ingress_bytes, limits.ingress_bytes_max, "ingress bytes");
  at_most(stats.outbound, limits.outbound_max, "outbound messages");
  at_most(stats.outbound_bytes, limits.outbound_bytes_max, "outbound bytes");
  at_most(stats.requests, limits.requests_max, "requests");
  at_most(stats.timers, std::uint64_t{2} * limits.timers_max, "timers");
  at_most(stats.frontier, limits.ready_ops_max, "ready ops");
  at_most(stats.peers, limits.peers_max, "peers");
  at_most(stats.memory_bytes, limits.memory_bytes_max, "memory bytes");
  const auto same = [&](std::uint64_t counted, std::uint64_t before, std::uint64_t mine, const char* what) {
    if (counted - before != mine)
      fail(std::string("I1: ") + what + " " + std::to_string(counted - before) + " instead of " + std::to_string(mine));
  };
  same(stats.envelopes_in, at_start_.envelopes_in, accepted_, "frames accepted");
  // Parts of a frame without a number are compared one by one; only who is hostile, or garbled, numbers none.
  if (world_.swarm().hostile == 0 && world_.swarm().corrupt == 0)
    same(stats.duplicates, at_start_.duplicates, duplicates_, "duplicates");
  same(stats.malformed, at_start_.malformed, malformed_, "malformed frames");
  same(stats.refused, at_start_.refused, refused_, "frames refused");
  if (durability_ != Durability::gated) same(stats.envelopes_out, at_start_.envelopes_out, shipped_, "envelopes out");
  check_waits(stats);
  if (stats.executions > 0) return;
  check_nothing_left(stats);
  if (quiet) check_quiet(stats);
}

// I5: nothing of the node refers to an execution any more.
void Host::check_nothing_left(const EngineStats& stats) {
  if (stats.frontier > 0 || stats.parked > 0 || stats.ingress > 0) fail("I4: ops or inputs wait that belong to no execution");
  for (const Wait& wait : node_->why())
    if (wait.kind != Wait::Kind::credit) return fail("I5: after all executions: " + wait.text());
  std::uint64_t queued = 0;
  for (const Inspection::Peer& peer : node_->inspect().peers) queued += peer.queued;
  if (queued != stats.outbound)
    fail("I5: " + std::to_string(queued) + " envelopes queued for peers, and " + std::to_string(stats.outbound) + " in all");
}

// I5: the ops that wait are those that the host was told of and that have not ended.
void Host::check_waits(const EngineStats& stats) {
  if (!told_all_ || durability_ == Durability::gated) return;
  if (stats.parked != waiting_.size())
    return fail("I5: " + std::to_string(stats.parked) + " ops are parked, and " + std::to_string(waiting_.size()) +
                " have not ended");
  if (++polls_ % 64 != 0) return;
  std::vector<std::uint64_t> executions;
  for (const Wait& wait : node_->why()) {
    if (wait.kind == Wait::Kind::credit) continue;
    if (wait.exec.v < over_exec_) return fail("I5: an execution that is over: " + wait.text());
    if (std::ranges::find(executions, wait.exec.v) == executions.end()) executions.push_back(wait.exec.v);
    const auto same = [&](const Waiting& waiting) { return waiting.command == wait.command && waiting.exec == wait.exec; };
    if (wait.command.valid() && std::ranges::none_of(waiting_, same)) return fail("I5: an op that has ended: " + wait.text());
  }
  if (executions.size() > stats.executions)
    fail("I5: " + std::to_string(executions.size()) + " executions wait, and there are " + std::to_string(stats.executions));
}

// All that the node did has reached the host.
void Host::check_quiet(const EngineStats& stats) {
  if (stats.ingress_bytes > 0 && stats.outbound == 0)
    fail("I3: " + std::to_string(stats.ingress_bytes) + " ingress bytes of nothing");
  if (!waiting_.empty()) fail("I2: a command of an execution that is gone has not ended");
  if (!made_.empty()) fail("I12: envelopes that were made have not left");
  ended_.clear();
  over_exec_ = next_exec_;
  told_all_ = true;
}

}  // namespace bb::sim
