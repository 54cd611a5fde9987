// The bus of the scenarios.
#include "support/network.h"

#include <algorithm>

#include <catch2/catch_test_macros.hpp>

#include "support/attestation.h"

namespace bb::test {

Node& Network::install(std::uint64_t peer, InstallOptions options) {
  options.peer = PeerId::from(peer);
  options.addresses = {Address::p2p(options.peer)};
  options.incarnation = 1;
  options.mask = StepMask::all();
  Installed& installed = installed_[peer];
  for (const Bytes artifact : options.artifacts) installed.artifacts.emplace_back(artifact.begin(), artifact.end());
  options.artifacts.assign(installed.artifacts.begin(), installed.artifacts.end());
  installed.options = options;
  auto node = Node::install(registry_, std::move(options));
  INFO((node ? std::string() : node.error().text()));
  REQUIRE(node);
  return *(nodes_[peer] = std::move(*node));
}

namespace {

// Where two byte strings part, with what is around it.
std::string difference(Bytes a, Bytes b) {
  const auto at = static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
  const std::size_t from = at > 32 ? at - 32 : 0;
  const auto around = [&](Bytes bytes) { return to_hex(bytes.subspan(from, std::min<std::size_t>(64, bytes.size() - from))); };
  return "first difference at " + std::to_string(at) + " of " + std::to_string(a.size()) + ": " + around(a) + " / " + around(b);
}

}  // namespace

Node& Network::node(std::uint64_t peer) {
  if (restore_everywhere) restore(peer);
  return *nodes_.at(peer);
}

void Network::restore(std::uint64_t peer) {
  const auto before = nodes_.at(peer)->snapshot();
  INFO((before ? std::string() : before.error().text()));
  REQUIRE(before);
  auto node = Node::install(registry_, installed_.at(peer).options);
  REQUIRE(node);
  const auto restored = (*node)->restore(*before, {.same_incarnation = true});
  INFO((restored ? std::string() : restored.error().text()));
  REQUIRE(restored);
  const auto after = (*node)->snapshot();
  REQUIRE(after);
  INFO(difference(*before, *after));
  REQUIRE(equal(*before, *after));
  nodes_[peer] = std::move(*node);
  ++restores;
}

void Network::introduce() {
  for (auto& [id, node] : nodes_) {
    for (auto& [other, unused] : nodes_) {
      const PeerId peer = PeerId::from(other);
      const Address address = Address::p2p(peer);
      if (other != id) REQUIRE(node->add_peer(peer, {&address, 1}));
      REQUIRE(node->admit(PeerAttestation::of(peer)));
    }
  }
}

ReceiveStatus Network::deliver(std::uint64_t to, std::uint64_t from, Bytes frame) {
  Node& node = this->node(to);
  const auto handle = node.handle_of(PeerId::from(from));
  REQUIRE(handle);
  return node.receive(*handle, frame);
}

void Network::note(std::uint64_t peer, Node& node, const Step& step) {
  Seen seen_step{.node = peer};
  if (const auto* done = std::get_if<OpCompleted>(&step)) {
    seen_step.kind = "OpCompleted";
    const auto [target, name] = node.op_name(done->op);
    seen_step.target = target;
    // Node names are `<module_instance>/<op>.<k>`.
    const std::size_t slash = name.rfind('/');
    const std::string_view op = slash == std::string_view::npos ? name : name.substr(slash + 1);
    seen_step.name = op.substr(0, op.rfind('.'));
    seen_step.exec = done->exec.v;
  } else if (const auto* event = std::get_if<AppEvent>(&step)) {
    seen_step.kind = "AppEvent";
    seen_step.name = event->topic;
    seen_step.target = event->target;
    seen_step.exec = event->exec.v;
    REQUIRE(encode_value(event->value, seen_step.value));
  } else if (const auto* failed = std::get_if<OpFailed>(&step)) {
    seen_step.kind = "OpFailed";
    seen_step.name = failed->error.reason;
    seen_step.exec = failed->exec.v;
    seen_step.text = failed->error.text();
  } else if (std::holds_alternative<AsyncSuspended>(step)) {
    seen_step.kind = "AsyncSuspended";
  } else if (const auto* send = std::get_if<SendEnvelope>(&step)) {
    seen_step.kind = "SendEnvelope";
    const auto to = node.peer_of(send->peer);
    REQUIRE(to.has_value());
    const std::uint64_t number = to->as_identity_u64().value_or(0);
    seen_step.name = std::to_string(number);
    sent.push_back({peer, number, send->bytes()});
  } else if (std::holds_alternative<WireTimeout>(step)) {
    seen_step.kind = "WireTimeout";
  } else if (const auto* receive = std::get_if<WireReceiveFailed>(&step)) {
    seen_step.kind = "WireReceiveFailed";
    seen_step.name = std::to_string(static_cast<int>(receive->kind));
  } else if (const auto* decode = std::get_if<WireDecodeFailed>(&step)) {
    seen_step.kind = "WireDecodeFailed";
    seen_step.text = decode->detail;
  } else if (const auto* unresolved = std::get_if<PeerResolveFailed>(&step)) {
    seen_step.kind = "PeerResolveFailed";
    seen_step.name = std::to_string(unresolved->peer.as_identity_u64().value_or(0));
  } else {
    seen_step.kind = "Other";
  }
  seen.push_back(std::move(seen_step));
}

bool Network::poll_all() {
  bool moved = false;
  std::vector<Sent> batch;
  for (auto& [id, node] : nodes_) {
    for (bool more = true; more;) {
      const std::size_t before = sent.size();
      if (restore_everywhere) restore(id);
      const Poll poll = node->poll(now_ns_);
      for (const Step& step : poll.steps) note(id, *node, step);
      moved |= !poll.steps.empty();
      more = poll.more;
      batch.insert(batch.end(), sent.begin() + static_cast<std::ptrdiff_t>(before), sent.end());
    }
  }
  if (hold) return moved;
  for (const Sent& envelope : batch) {
    if (!nodes_.contains(envelope.to)) continue;
    const ReceiveStatus status = deliver(envelope.to, envelope.from, envelope.bytes);
    INFO(status.envelope.text());
    REQUIRE(status.kind == ReceiveStatus::Kind::accepted);
  }
  return moved;
}

void Network::run() {
  for (int round = 0; round < 1000; ++round)
    if (!poll_all()) return;
  FAIL("the network does not come to rest");
}

std::size_t Network::count(std::string_view kind, std::string_view name) const {
  std::size_t found = 0;
  for (const Seen& step : seen) found += step.kind == kind && (name.empty() || step.name == name);
  return found;
}

std::vector<std::string> Network::trace(std::uint64_t node) const {
  std::vector<std::string> steps;
  for (const Seen& step : seen)
    if (step.node == node) steps.push_back(step.kind + " " + step.name);
  return steps;
}

Value tensor(Node& node, std::vector<std::uint64_t> shape, const std::vector<float>& data) {
  auto value = Value::tensor_f32(node.memory(), shape, data);
  REQUIRE(value);
  return std::move(*value);
}

Value peers(Node& node, std::vector<std::uint64_t> ids) {
  std::vector<PeerId> list;
  for (const std::uint64_t id : ids) list.push_back(PeerId::from(id));
  auto value = Value::peers(node.memory(), list);
  REQUIRE(value);
  return std::move(*value);
}

std::vector<float> floats(Bytes encoded) {
  Memory memory;
  auto value = decode_value(memory, carrier_hash(Carrier::tensor), encoded);
  REQUIRE(value);
  const auto data = value->as_tensor().f32();
  return {data.begin(), data.end()};
}

ByteBuffer from_hex(std::string_view hex) {
  ByteBuffer bytes;
  int high = -1;
  for (const char c : hex) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) continue;
    if (high < 0) {
      high = digit;
    } else {
      bytes.push_back(static_cast<std::uint8_t>(high * 16 + digit));
      high = -1;
    }
  }
  return bytes;
}

}  // namespace bb::test
