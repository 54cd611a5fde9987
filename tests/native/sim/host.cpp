// A node's host: calls into the node.
#include "sim/host.h"

#include <algorithm>

#include "sim/components.h"
#include "sim/world.h"
#include "support/attestation.h"

namespace bb::sim {

Host::Host(World& world, std::uint32_t who, Durability durability)
    : world_(world), who_(who), durability_(durability), chance_(mix(world.seed() ^ mix(0x4057 + who))) {
  clock_base_ns_ = chance_.below(std::uint64_t{1} << 42);
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
    if (!node.admit(PeerAttestation::of(peer))) return fail("admit");
  }
}

bool Host::start() {
  ++life_;
  node_ = install();
  if (!node_) return false;
  node_->reincarnate(++incarnation_ + 1);
  introduce(*node_);
  ledger_ = {};
  keep_ledger(*node_);
  told_all_ = true;
  store_.erase();
  damaged_slot_ = damaged_journal_ = false;
  committed_ = 0;
  handles_.assign(world_.peers(), {});
  at_start_ = node_->stats();
  if (durability_ != Durability::none) {
    // The number of this life is not an input, so it has to be in a snapshot before anything is.
    const auto snapshot = node_->snapshot();
    if (!snapshot) return fail("snapshot: " + snapshot.error().text()), false;
    take_journal();
    store_.write_snapshot(*snapshot, ledger_, false);
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
  if (up() && chance_.flip()) (void)node_->suspended(duration_ns);
  poll_by(frozen_until_ns_);
}

bool Host::by_the_clock() const { return world_.swarm().twin && world_.faulty(); }

void Host::poll_by(std::uint64_t time_ns) {
  if (by_the_clock() && poll_number_ > 0) time_ns = world_.now_ns() + world_.swarm().tick_ns;
  time_ns = std::max({time_ns, frozen_until_ns_, world_.now_ns() + 1});
  if (!up() || time_ns >= poll_at_ns_) return;
  poll_at_ns_ = time_ns;
  world_.at(time_ns, World::Action::poll, who_, ++poll_number_);
}

void Host::poll_soon() {
  if (by_the_clock() && poll_number_ > 0) return;  // and so draws nothing either
  poll_by(world_.now_ns() +
          (world_.faulty() ? chance_.between(1'000, std::max<std::uint64_t>(1'000, world_.swarm().poll_delay_max_ns)) : 1'000));
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
  // In a twin world a poll goes on until nothing is left to do, whosever it is, and the next one is a tick later.
  for (bool more = poll_once(); more && by_the_clock() && !world_.failed();) more = poll_once();
  if (by_the_clock()) poll_by(world_.now_ns());
}

bool Host::poll_once() {
  const std::uint64_t now = clock();
  latest_clock_ns_ = std::max(latest_clock_ns_, now);
  const std::uint32_t most = world_.faulty() ? world_.swarm().ops_per_call_max : 0;
  const EngineStats before = node_->stats();
  const Poll poll = node_->poll(now, most);
  record(1, now, most);
  if (const std::uint64_t made = node_->stats().envelopes_out - before.envelopes_out; made > 0 && durability_ == Durability::gated)
    made_.push_back({.envelopes = made});
  for (const Step& step : poll.steps) {
    see(step);
    if (world_.failed()) return false;
  }
  check_counted();
  const bool said = !poll.steps.empty();
  world_.trace().number(poll.next_wakeup_ns);
  world_.trace().number(poll.more);
  check_bounds(!said && poll.uncommitted == 0);
  if (durability_ != Durability::none) sync(said || poll.more || moved(before));
  if (by_the_clock()) return poll.more;
  if (poll.more) {
    const bool stuck = durability_ == Durability::gated && !said && syncing_ && node_->stats().ops == before.ops;
    poll_by(world_.now_ns() + (stuck ? 2'000'000 : 10'000));
  } else if (poll.next_wakeup_ns != UINT64_MAX) {
    const std::uint64_t wait = poll.next_wakeup_ns > now ? poll.next_wakeup_ns - now : 0;
    if (wait < (std::uint64_t{1} << 50)) poll_by(world_.now_ns() + wait + wait / 1'000 + 1);
  }
  return poll.more;
}

void Host::path_swapped(std::uint32_t peer, std::uint8_t path) {
  if (!up()) return;
  const Status down = node_->link_down(handle(peer), 1), up = node_->link_up(handle(peer), path);
  told_ = true;
  record(9, peer,
         (down ? 0 : static_cast<std::uint64_t>(down.error().code)) << 8 | (up ? 0 : static_cast<std::uint64_t>(up.error().code)));
  poll_soon();
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
      // With these the node has not looked at the frame.
      if (status.error.code != Code::unauthenticated && status.error.code != Code::busy && status.error.code != Code::no_memory)
        ++refused_;
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
  if (number <= world_.swarm().nodes) world_.say(who_, static_cast<std::uint32_t>(number - 1), bytes);
  world_.ship(who_, static_cast<std::uint32_t>(number - 1), send.request_id);
}

}  // namespace bb::sim
