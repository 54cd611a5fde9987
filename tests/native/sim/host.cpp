// A node's host: calls into the node, and what its polls say.
#include "sim/host.h"

#include <algorithm>

#include "sim/components.h"
#include "sim/world.h"

namespace bb::sim {

// A mark in the data of questions: it must never show up in a text.
inline constexpr std::string_view kTaint = "TAIN";

Host::Host(World& world, std::uint32_t who, Durability durability) : world_(world), who_(who), durability_(durability) {
  clock_base_ns_ = world.chance().below(std::uint64_t{1} << 42);
  base_ns_ = world.now_ns();
}

InstallOptions Host::options() const {
  InstallOptions options = world_.programs().options(world_.swarm().parts);
  options.peer = PeerId::from(who_ + 1);
  options.addresses = {Address::p2p(options.peer)};
  options.limits = world_.swarm().limits;
  options.seed = mix(who_ + 77);
  options.incarnation = 1;
  options.durability = durability_;
  options.mask = StepMask::all();
  return options;
}

std::unique_ptr<Node> Host::install() {
  auto node = Node::install(world_.programs().registry, options());
  if (node) return std::move(*node);
  fail("install: " + node.error().text());
  return nullptr;
}

void Host::introduce(Node& node) {
  for (std::uint32_t other = 0; other < world_.peers(); ++other) {
    const PeerId peer = PeerId::from(other + 1);
    const Address address = Address::p2p(peer);
    if (other != who_ && !node.add_peer(peer, {&address, 1})) return fail("add_peer");
    if (!node.admit(UnverifiedPeer::claim(peer))) return fail("admit");
  }
}

bool Host::start() {
  ++life_;
  node_ = install();
  if (!node_) return false;
  node_->reincarnate(++incarnation_ + 1);
  introduce(*node_);
  store_.erase();
  committed_ = 0;
  handles_.assign(world_.peers(), {});
  at_start_ = node_->stats();
  if (durability_ != Durability::none) {
    // The number of this life is not an input, so it has to be in a snapshot before anything is.
    const auto snapshot = node_->snapshot();
    if (!snapshot) return fail("snapshot: " + snapshot.error().text()), false;
    take_journal();
    store_.write_snapshot(*snapshot, last_sequence_, false);
    store_.begin_sync();
    store_.end_sync();
    committed_ = store_.durable_sequence();
    if (!node_->committed(committed_)) return fail("committed"), false;
  }
  if ((world_.swarm().parts & part_bit(Part::setup)) != 0) (void)node_->bootstrap();
  poll_soon();
  return !world_.failed();
}

void Host::fail(std::string text) { world_.fail(who_, std::move(text) + " (" + describe() + ")"); }

PeerHandle Host::handle(std::uint32_t peer) {
  if (!handles_[peer].valid())
    if (const auto found = node_->handle_of(PeerId::from(peer + 1))) handles_[peer] = *found;
  return handles_[peer];
}

std::uint64_t Host::clock() const {
  const std::uint64_t passed = world_.now_ns() - base_ns_;
  return clock_base_ns_ + passed + static_cast<std::uint64_t>(static_cast<std::int64_t>(passed / 1'000'000) * drift_ppm_);
}

void Host::step_clock(std::int64_t by_ns) {
  const std::uint64_t now = clock();
  const bool back = by_ns < 0;
  const std::uint64_t size = static_cast<std::uint64_t>(back ? -by_ns : by_ns);
  clock_base_ns_ = back ? now - std::min(now, size) : now + size;
  base_ns_ = world_.now_ns();
  poll_soon();
}

void Host::drift(std::int64_t ppm) {
  clock_base_ns_ = clock();
  base_ns_ = world_.now_ns();
  drift_ppm_ = ppm;
}

void Host::freeze(std::uint64_t duration_ns) {
  frozen_until_ns_ = world_.now_ns() + duration_ns;
  if (up() && world_.chance().flip()) (void)node_->suspended(duration_ns);
  poll_by(frozen_until_ns_);
}

void Host::poll_by(std::uint64_t time_ns) {
  time_ns = std::max({time_ns, frozen_until_ns_, world_.now_ns() + 1});
  if (!up() || time_ns >= poll_at_ns_) return;
  poll_at_ns_ = time_ns;
  world_.at(time_ns, World::Action::poll, who_, ++poll_number_);
}

void Host::poll_soon() {
  poll_by(world_.now_ns() + (world_.faulty()
                                 ? world_.chance().between(1'000, std::max<std::uint64_t>(1'000, world_.swarm().poll_delay_max_ns))
                                 : 1'000));
}

void Host::record(std::uint8_t kind, std::uint64_t a, std::uint64_t b) {
  recent_[recent_count_++ % std::size(recent_)] = {kind, a, b};
  Trace& trace = world_.trace();
  trace.number(kind | std::uint64_t{who_} << 8);
  trace.number(a);
  trace.number(b);
}

void Host::poll() {
  poll_at_ns_ = UINT64_MAX;
  const std::uint64_t now = clock();
  latest_clock_ns_ = std::max(latest_clock_ns_, now);
  const std::uint32_t most = world_.faulty() ? world_.swarm().ops_per_call_max : 0;
  const EngineStats before = node_->stats();
  const Poll poll = node_->poll(now, most);
  record(1, now, most);
  for (const Step& step : poll.steps) {
    see(step);
    if (world_.failed()) return;
  }
  const bool said = !poll.steps.empty();
  world_.trace().number(poll.next_wakeup_ns);
  world_.trace().number(poll.more);
  check_bounds(!said && poll.uncommitted == 0);
  if (durability_ != Durability::none) sync(said || poll.more || moved(before));
  if (poll.more) {
    const bool stuck = durability_ == Durability::gated && !said && syncing_ && node_->stats().ops == before.ops;
    poll_by(world_.now_ns() + (stuck ? 2'000'000 : 10'000));
  } else if (poll.next_wakeup_ns != UINT64_MAX) {
    const std::uint64_t wait = poll.next_wakeup_ns > now ? poll.next_wakeup_ns - now : 0;
    if (wait < (std::uint64_t{1} << 50)) poll_by(world_.now_ns() + wait + wait / 1'000 + 1);
  }
}

// Whether the last poll did anything, as far as a host can tell.
bool Host::moved(const EngineStats& before) const {
  const EngineStats now = node_->stats();
  return now.ops != before.ops || now.executions != before.executions || now.parked != before.parked ||
         now.timers != before.timers || now.requests != before.requests || now.outbound != before.outbound ||
         now.ingress != before.ingress;
}

void Host::receive(std::uint32_t from, Bytes frame) {
  const ReceiveStatus status = node_->receive(handle(from), frame);
  told_ = true;
  record(2, from, static_cast<std::uint64_t>(status.kind) << 8 | static_cast<std::uint64_t>(status.error.code));
  world_.trace().bytes(frame);
  switch (status.kind) {
    case ReceiveStatus::Kind::accepted: ++accepted_; break;
    case ReceiveStatus::Kind::duplicate: ++duplicates_; break;
    case ReceiveStatus::Kind::malformed: ++malformed_; break;
    case ReceiveStatus::Kind::refused:
      // These two end before the engine hears of the frame.
      if (status.error.code != Code::unauthenticated && status.error.code != Code::busy) ++refused_;
      break;
  }
  poll_soon();
}

void Host::send_failed(std::uint32_t to, std::uint64_t request_id) {
  const Status told = node_->send_failed(request_id, handle(to), "lost");
  told_ = true;
  record(3, to, told ? 0 : static_cast<std::uint64_t>(told.error().code));
  poll_soon();
}

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
    std::erase_if(calls_, [&](const Call& call) { return call.exec == failed->exec; });
  } else if (const auto* event = std::get_if<AppEvent>(&step)) {
    see_event(*event);
  } else if (const auto* message = std::get_if<SendEnvelope>(&step)) {
    ++shipped_;
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
  if (!ended_.add(op.v, exec.v))
    return fail("I2: op " + std::to_string(op.v) + " of execution " + std::to_string(exec.v) + (failed ? " failed" : " completed") +
                " after it had ended");
  std::erase_if(waiting_, [&](const Waiting& waiting) { return waiting.op == op && waiting.exec == exec; });
}

void Host::send(const Node& node, const SendEnvelope& send) {
  const auto to = node.peer_of(send.peer);
  ByteBuffer& bytes = world_.frame_buffer();
  const Bytes head = send.head.as_bytes();
  bytes.insert(bytes.end(), head.begin(), head.end());
  if (send.body.present()) {
    const Bytes body = send.body.as_bytes();
    bytes.insert(bytes.end(), body.begin(), body.end());
  }
  bytes.insert(bytes.end(), send.tail, send.tail + send.tail_size);
  world_.trace().bytes(bytes);
  ++world_.report().envelopes;
  if (!to) return;  // retired since; there is nobody to send to
  const std::uint64_t number = to->as_identity_u64().value_or(0);
  if (number < 1 || number > world_.peers()) return fail("an envelope for a peer that there is not");
  world_.ship(who_, static_cast<std::uint32_t>(number - 1), send.request_id);
}

void Host::see_event(const AppEvent& event) {
  ByteBuffer& out = world_.trace().buffer();
  if (!encode_value(event.value, out)) return fail("an event without a value");
  world_.trace().number(event.exec.v);
  const auto found = std::ranges::find_if(calls_, [&](const Call& call) { return call.exec == event.exec; });
  if (found != calls_.end() && durability_ == Durability::gated && found->sequence > store_.durable_sequence())
    return fail("I12: an event left before its input was durable");
  if (event.topic == "merged") {
    const auto parts = event.value.as_composite();
    const auto sums = parts[0].as_tensor().f32();
    const FedAvgMeta meta = parts[1].as_fed_avg_meta();
    const std::uint64_t mask = static_cast<std::uint64_t>(sums[0]) | static_cast<std::uint64_t>(sums[1]) << 16;
    float expected[kContributionSize] = {};
    std::uint64_t count = 0;
    for (std::uint64_t peer = 1; peer <= 32; ++peer) {
      if ((mask >> (peer - 1) & 1) == 0) continue;
      float one[kContributionSize];
      contribution(peer, meta.round, one);
      for (std::uint32_t i = 0; i < kContributionSize; ++i) expected[i] += one[i];
      ++count;
    }
    if (!std::ranges::equal(sums, expected) || count != meta.samples) return fail("I6: an aggregate is not the sum of its peers'");
    round_ = meta.round + 1;
    ++world_.report().merges;
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
  same(stats.duplicates, at_start_.duplicates, duplicates_, "duplicates");
  same(stats.malformed, at_start_.malformed, malformed_, "malformed frames");
  same(stats.refused, at_start_.refused, refused_, "frames refused");
  if (durability_ != Durability::gated) same(stats.envelopes_out, at_start_.envelopes_out, shipped_, "envelopes out");
  if (!quiet || stats.executions > 0) return;
  if (stats.frontier > 0 || stats.parked > 0) fail("I4: ops wait that belong to no execution");
  if (!waiting_.empty()) fail("I2: a command of an execution that is gone has not ended");
  if (stats.ingress == 0 && stats.ingress_bytes > 0 && stats.outbound == 0 && (world_.swarm().parts & part_bit(Part::stores)) == 0)
    fail("I3: " + std::to_string(stats.ingress_bytes) + " ingress bytes of nothing");
  ended_.clear();
}

}  // namespace bb::sim
