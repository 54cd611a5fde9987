// Calls into nodes, and what a failed allocation may make of them.
#include "memory/stage.h"

#include <algorithm>

#include "support/attestation.h"

namespace bb::test {
namespace {

// The counters are the last twelve numbers before the checksum; the header has the body's length.
constexpr std::size_t kHeaderSize = 40, kLengthAt = 32, kChecksumSize = 32, kCounters = 12;

}  // namespace

Node& Stage::install(std::uint64_t peer, InstallOptions options) {
  options.peer = PeerId::from(peer);
  if (options.addresses.empty()) options.addresses = {Address::p2p(options.peer)};
  options.incarnation = 1;
  options.mask = StepMask::all();
  Installed& installed = installed_[peer];
  for (const Bytes artifact : options.artifacts) installed.artifacts.emplace_back(artifact.begin(), artifact.end());
  options.artifacts.assign(installed.artifacts.begin(), installed.artifacts.end());
  installed.options = options;
  return *(nodes_[peer] = make(peer));
}

std::unique_ptr<Node> Stage::make(std::uint64_t peer) const {
  auto node = Node::install(registry_, installed_.at(peer).options);
  require_rule(node.has_value(), node ? "" : node.error().text());
  return std::move(*node);
}

bool Stage::begins() {
  if (!undisturbed_) {
    calls.push_back({.first = Faults::asked(), .answer = Code::ok});
    return false;
  }
  const std::vector<CallNote>& notes = *undisturbed_;
  return !hit && at_ < notes.size() && notes[at_].first < number_ && (at_ + 1 == notes.size() || number_ <= notes[at_ + 1].first);
}

void Stage::ends(const Answer& answer) {
  if (!undisturbed_) calls.back().answer = answer.code;
  // After a failure that an op reported, a later call may find another node than the undisturbed one.
  if (undisturbed_ && !hit)
    require_rule(answer.code == expected(), "the run is the undisturbed one until memory runs out: " + answer.text);
  ++at_;
}

ByteBuffer Stage::state_of(const Node& node, Keeps keeps) {
  const auto snapshot = node.snapshot();
  require_rule(snapshot.has_value(), "a node can be saved");
  ByteBuffer bytes(snapshot->begin(), snapshot->end());
  if (keeps != Keeps::all_but_counters) return bytes;
  bytes.resize(bytes.size() - kChecksumSize);
  for (std::size_t numbers = 0; numbers < kCounters; ++numbers) {
    bytes.pop_back();
    while (bytes.size() > kHeaderSize && (bytes.back() & 0x80) != 0) bytes.pop_back();
  }
  std::fill(bytes.begin() + kLengthAt, bytes.begin() + kHeaderSize, std::uint8_t{0});
  return bytes;
}

void Stage::require_same(const ByteBuffer& before, const ByteBuffer& after, std::size_t call) {
  if (before == after) return;
  const auto at =
      static_cast<std::size_t>(std::mismatch(before.begin(), before.end(), after.begin(), after.end()).first - before.begin());
  throw Finding("a refused call changes nothing: call " + std::to_string(call) + ", byte " + std::to_string(at) + " of " +
                std::to_string(before.size()) + "/" + std::to_string(after.size()));
}

ReceiveStatus Stage::deliver(std::uint64_t to, std::uint64_t from, Bytes frame) {
  const auto handle = node(to).handle_of(PeerId::from(from));
  require_rule(handle.has_value(), "the receiver knows the sender");
  return call(
      to,
      [&](Node& node) {
        const Faults::Window window;
        return node.receive(*handle, frame);
      },
      Keeps::all_but_counters);
}

Poll Stage::poll_once(std::uint64_t peer) {
  begins();
  Node& target = node(peer);
  const std::uint64_t failed = Faults::failed();
  Poll poll;
  {
    const Faults::Window window;
    poll = target.poll(now_ns);
  }
  const bool falls = Faults::failed() > failed;
  for (const Step& step : poll.steps) note(peer, target, step);
  if (falls) {
    Faults::disarm();
    hit = true;
    (poll.more ? stalled : absorbed) = true;
    // A poll that stopped half way is still that poll.
    if (poll.more) {
      poll = target.poll(now_ns);
      for (const Step& step : poll.steps) note(peer, target, step);
    }
  }
  ends({});
  return {.steps = {}, .next_wakeup_ns = poll.next_wakeup_ns, .more = poll.more, .uncommitted = poll.uncommitted};
}

void Stage::poll(std::uint64_t peer) {
  for (int round = 0; poll_once(peer).more; ++round) require_rule(round < 10'000, "a node comes to rest");
}

void Stage::run() {
  for (int round = 0; round < 1'000; ++round) {
    const std::size_t steps = seen.size(), before = sent.size();
    for (auto& [peer, unused] : nodes_) poll(peer);
    if (seen.size() == steps) return;
    if (hold) continue;
    for (std::size_t i = before, end = sent.size(); i < end; ++i) {
      const Network::Sent envelope = sent[i];
      if (nodes_.contains(envelope.to)) (void)deliver(envelope.to, envelope.from, envelope.bytes);
    }
  }
  throw Finding("the nodes do not come to rest");
}

void Stage::know(std::uint64_t peer, std::uint64_t other) {
  const PeerId id = PeerId::from(other);
  const Address address = Address::p2p(id);
  if (peer != other)
    (void)call(peer, [&](Node& node) {
      const Faults::Window window;
      return node.add_peer(id, {&address, 1});
    });
  (void)call(peer, [&](Node& node) {
    auto proof = PeerAttestation::of(id);
    const Faults::Window window;
    return node.admit(std::move(proof));
  });
}

void Stage::introduce() {
  for (auto& [peer, unused] : nodes_)
    for (auto& [other, unused_too] : nodes_) know(peer, other);
}

void Stage::finish() {
  for (int round = 0; round < 50; ++round) {
    run();
    bool alive = false;
    for (auto& [peer, node] : nodes_) alive |= node->stats().executions + node->stats().requests > 0;
    if (!alive) return;
    advance(30'000'000'000);
  }
  throw Finding("executions end");
}

std::size_t Stage::count(std::string_view kind) const {
  return static_cast<std::size_t>(std::count_if(seen.begin(), seen.end(), [&](const Seen& step) { return step.kind == kind; }));
}

std::uint64_t Stage::dropped() const {
  std::uint64_t sum = 0;
  for (const auto& [peer, node] : nodes_) {
    const EngineStats stats = node->stats();
    sum += stats.steps_dropped + stats.bus_dropped + stats.outbound_dropped;
  }
  return sum;
}

void Stage::note(std::uint64_t peer, Node& node, const Step& step) {
  Seen entry{.node = peer};
  if (const auto* done = std::get_if<OpCompleted>(&step)) {
    entry.kind = "OpCompleted";
    entry.name = node.op_name(done->op).second;
    entry.exec = done->exec.v;
  } else if (const auto* event = std::get_if<AppEvent>(&step)) {
    entry.kind = "AppEvent";
    entry.name = event->topic;
    entry.target = event->target;
    entry.exec = event->exec.v;
    require_rule(encode_value(event->value, entry.value).has_value(), "an event's value encodes");
  } else if (const auto* failed = std::get_if<OpFailed>(&step)) {
    entry.kind = "OpFailed";
    entry.name = failed->error.reason;
    entry.exec = failed->exec.v;
    entry.text = failed->error.text();
  } else if (const auto* parked = std::get_if<AsyncSuspended>(&step)) {
    entry.kind = "AsyncSuspended";
    entry.exec = parked->exec.v;
    suspended.push_back(parked->command);
  } else if (const auto* send = std::get_if<SendEnvelope>(&step)) {
    entry.kind = "SendEnvelope";
    const auto to = node.peer_of(send->peer);
    const std::uint64_t number = to ? to->as_identity_u64().value_or(0) : 0;
    entry.name = std::to_string(number);
    sent.push_back({peer, number, send->bytes()});
    requests.push_back(send->request_id);
  } else if (const auto* timeout = std::get_if<WireTimeout>(&step)) {
    entry.kind = "WireTimeout";
    entry.exec = timeout->waiter.v;
  } else if (const auto* receive = std::get_if<WireReceiveFailed>(&step)) {
    entry.kind = "WireReceiveFailed";
    entry.name = std::to_string(static_cast<int>(receive->kind));
  } else if (const auto* decode = std::get_if<WireDecodeFailed>(&step)) {
    entry.kind = "WireDecodeFailed";
    entry.text = decode->detail;
  } else if (const auto* unresolved = std::get_if<PeerResolveFailed>(&step)) {
    entry.kind = "PeerResolveFailed";
    entry.name = std::to_string(unresolved->peer.as_identity_u64().value_or(0));
  } else if (const auto* change = std::get_if<PeerChange>(&step)) {
    entry.kind = "PeerChange";
    entry.name = PeerChange::kind_name(change->kind);
  } else if (const auto* phase = std::get_if<LifecycleFired>(&step)) {
    entry.kind = "LifecycleFired";
    entry.name = phase->phase;
  } else if (const auto* complete = std::get_if<BootstrapComplete>(&step)) {
    entry.kind = "BootstrapComplete";
    entry.name = complete->target;
  } else if (std::holds_alternative<CycleBudgetExceeded>(step)) {
    return;  // how the work was cut up, not what it was
  } else {
    entry.kind = "Other" + std::to_string(step.index());
  }
  seen.push_back(std::move(entry));
}

}  // namespace bb::test
