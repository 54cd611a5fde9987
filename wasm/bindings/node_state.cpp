// A node's life as JavaScript drives it: bootstrap, phases, policy of peers, links, snapshots, the journal, and why it waits.
#include <cmath>

#include "heap.h"
#include "node_binding.h"

namespace bb::bindings {
namespace {

std::string error_json(std::string_view code, std::string detail) {
  JsonWriter json;
  json.object().field("code", code).field("detail", detail).end_object();
  return json.take();
}

std::uint64_t whole(double value) { return !(value > 0) ? 0 : value >= 0x1p63 ? UINT64_MAX : static_cast<std::uint64_t>(value); }

}  // namespace

// A status in the one form that all calls answer in.
std::int32_t NodeBinding::answer(const Status& status, std::string_view what) {
  return status ? 0 : engine_.fail(status.error(), std::string(what));
}

std::int32_t NodeBinding::with_peer(std::uint32_t at, std::uint32_t size, std::string_view what,
                                    Status (Node::*call)(const PeerId&)) {
  if (engine_.busy()) return engine_.fail_busy();
  const auto id = PeerId::from_bytes(heap_bytes(at, size));
  if (!id) return engine_.fail(id.error(), "this is no peer id");
  return answer((*node_.*call)(*id), what);
}

std::int32_t NodeBinding::block_peer(std::uint32_t at, std::uint32_t size) {
  return with_peer(at, size, "the peer cannot be blocked", &Node::block_peer);
}
std::int32_t NodeBinding::unblock_peer(std::uint32_t at, std::uint32_t size) {
  return with_peer(at, size, "the peer cannot be unblocked", &Node::unblock_peer);
}

std::int32_t NodeBinding::allow_peer(std::uint32_t at, std::uint32_t size) {
  const auto id = PeerId::from_bytes(heap_bytes(at, size));
  if (!id) return engine_.fail(id.error(), "this is no peer id");
  allowed_.push_back(*id);
  return 0;
}

std::int32_t NodeBinding::end_allowlist(bool active) {
  if (engine_.busy()) return engine_.fail_busy();
  const std::vector<PeerId> allowed = std::exchange(allowed_, {});
  return answer(active ? node_->set_allowlist(allowed) : node_->clear_allowlist(), "the allow list cannot be set");
}

std::string NodeBinding::peer_health(std::uint32_t at, std::uint32_t size) {
  const auto id = PeerId::from_bytes(heap_bytes(at, size));
  const auto health = id ? node_->peer_health(*id) : Result<Node::Health>(std::unexpected(id.error()));
  if (!health) return engine_.fail(health.error(), "no such peer"), std::string();
  JsonWriter json;
  json.object().field("consecutiveFailures", std::uint64_t{health->consecutive_failures}).flag("down", health->down);
  json.flag("blocked", health->blocked).field("retryNs", health->retry_ns).end_object();
  return json.take();
}

std::int32_t NodeBinding::send_failed(std::uint32_t request_low, std::uint32_t request_high, std::uint32_t handle,
                                      std::string reason) {
  if (engine_.busy()) return engine_.fail_busy();
  return answer(node_->send_failed((std::uint64_t{request_high} << 32) | request_low, PeerHandle{handle}, reason), "no such peer");
}
std::int32_t NodeBinding::link_up(std::uint32_t handle, std::uint32_t path) {
  if (engine_.busy()) return engine_.fail_busy();
  return answer(node_->link_up(PeerHandle{handle}, static_cast<std::uint8_t>(path)), "no such peer");
}
std::int32_t NodeBinding::link_down(std::uint32_t handle, std::uint32_t code) {
  if (engine_.busy()) return engine_.fail_busy();
  return answer(node_->link_down(PeerHandle{handle}, static_cast<std::uint16_t>(code)), "no such peer");
}

std::int32_t NodeBinding::bootstrap_target(std::string name) {
  bootstraps_.push_back({.target = std::move(name), .names = {}, .inputs = {}});
  return 0;
}

std::int32_t NodeBinding::bootstrap_input(std::string name, std::uint32_t record_at) {
  if (bootstraps_.empty() || !in_heap(record_at, sizeof(ValueRecord)))
    return engine_.fail(Error{Code::bad_argument, 0}, "no such record");
  ValueRecord record;
  std::memcpy(&record, at_address(record_at), sizeof record);
  auto value = read_value(record, node_->memory());
  if (!value) return engine_.fail(value.error(), "bootstrap input " + name + " is no value");
  bootstraps_.back().names.push_back(std::move(name));
  bootstraps_.back().inputs.push_back({.name = {}, .value = std::move(*value)});
  return 0;
}

std::int32_t NodeBinding::bootstrap(bool slots) {
  auto asked = std::exchange(bootstraps_, {});
  if (engine_.busy()) return engine_.fail_busy();
  std::vector<std::string_view> names;
  std::vector<BootstrapRequest> requests;
  for (Bootstrap& bootstrap : asked) {
    for (std::size_t i = 0; i < bootstrap.inputs.size(); ++i) bootstrap.inputs[i].name = bootstrap.names[i];
    names.push_back(bootstrap.target);
    requests.push_back({.target = bootstrap.target, .inputs = bootstrap.inputs});
  }
  const auto done = slots ? node_->bootstrap_slots(names) : node_->bootstrap(std::span<const BootstrapRequest>(requests));
  return done ? 0 : engine_.fail(error_json(BootstrapError::kind_name(done.error().kind), done.error().text()));
}

std::string NodeBinding::bootstrap_status() const {
  constexpr std::string_view kNames[] = {"idle", "running", "waiting-for-input"};
  JsonWriter json;
  json.object().field("status", kNames[static_cast<std::size_t>(node_->bootstrap_status())]).key("targets").array();
  for (const std::string& target : node_->bootstrap_targets()) json.value(std::string_view(target));
  json.end_array().end_object();
  return json.take();
}

std::int32_t NodeBinding::fire_lifecycle(std::string phase) {
  if (engine_.busy()) return engine_.fail_busy();
  return answer(node_->fire_lifecycle(phase), "the phase cannot be fired");
}
std::int32_t NodeBinding::subscribe_event(std::string kind, std::string target, std::string input) {
  if (engine_.busy()) return engine_.fail_busy();
  return answer(node_->subscribe_event(kind, target, input), "nothing can listen to " + kind);
}
std::int32_t NodeBinding::suspended(double gap_ms) {
  if (engine_.busy()) return engine_.fail_busy();
  return answer(node_->suspended(whole(gap_ms * 1e6)), "the gap cannot be noted");
}

// Components of JavaScript are asked for their state, and may not call back.
std::int32_t NodeBinding::snapshot() {
  if (engine_.busy()) return engine_.fail_busy();
  engine_.set_busy(true);
  auto snapshot = node_->snapshot();
  engine_.set_busy(false);
  if (!snapshot) return engine_.fail(error_json(SnapshotError::kind_name(snapshot.error().kind), snapshot.error().text()));
  made_ = std::move(*snapshot);
  return 0;
}

std::int32_t NodeBinding::restore(std::uint32_t at, std::uint32_t size, double now_ms, bool same_incarnation, bool fail_pending) {
  if (engine_.busy()) return engine_.fail_busy();
  RestoreOptions options{.same_incarnation = same_incarnation,
                         .pending = fail_pending ? RestoreOptions::Pending::fail : RestoreOptions::Pending::keep};
  if (now_ms >= 0) options.now_ns = whole(std::floor(now_ms * 1e3)) * 1'000;
  engine_.set_busy(true);
  const auto restored = node_->restore(heap_bytes(at, size), options);
  engine_.set_busy(false);
  if (!restored) return engine_.fail(error_json(RestoreError::kind_name(restored.error().kind), restored.error().text()));
  commands_->open.clear();
  return 0;
}

double NodeBinding::journal() {
  if (engine_.busy()) return engine_.fail_busy();
  auto part = node_->journal();
  if (!part) return engine_.fail(part.error(), "the journal cannot be taken");
  made_ = std::move(part->bytes);
  return static_cast<double>(part->sequence);
}
std::int32_t NodeBinding::committed(double sequence) {
  if (engine_.busy()) return engine_.fail_busy();
  return answer(node_->committed(whole(sequence)), "more than the journal holds");
}
std::string NodeBinding::replay(std::uint32_t at, std::uint32_t size) {
  if (engine_.busy()) return engine_.fail_busy(), std::string();
  engine_.set_busy(true);
  const auto replayed = node_->replay(heap_bytes(at, size));
  engine_.set_busy(false);
  if (!replayed)
    return engine_.fail(error_json(ReplayError::kind_name(replayed.error().kind), replayed.error().text())), std::string();
  JsonWriter json;
  json.object().field("inputs", replayed->inputs).field("polls", replayed->polls);
  if (replayed->torn) json.field("tornAt", replayed->torn_at);
  json.end_object();
  return json.take();
}
void NodeBinding::reincarnate(std::uint32_t low, std::uint32_t high) { node_->reincarnate((std::uint64_t{high} << 32) | low); }

std::string NodeBinding::why(std::uint32_t waits_max) const {
  JsonWriter json;
  json.array();
  for (const Wait& wait : node_->why(waits_max)) {
    json.object().field("kind", Wait::kind_name(wait.kind)).field("target", wait.target).field("op", wait.op);
    json.key("exec").id(wait.exec.v).key("command").id(wait.command.v).key("missing").array();
    for (const std::string& missing : wait.missing) json.value(std::string_view(missing));
    json.end_array().key("peers").array();
    for (const Wait::Peer& peer : wait.peers) {
      json.object().field("id", peer.id.to_text()).field("link", peer.link).field("linkSinceNs", peer.link_since_ns);
      json.field("linkCode", std::uint64_t{peer.link_code}).field("queued", std::uint64_t{peer.queued}).end_object();
    }
    json.end_array().field("sinceNs", wait.since_ns).field("deadlineNs", wait.deadline_ns).field("text", wait.text()).end_object();
  }
  json.end_array();
  return json.take();
}

}  // namespace bb::bindings
