// What the host tells a node of its peers: who is who, who may, how they are reached.
#include <algorithm>

#include "bb/node.h"
#include "node/recording.h"

namespace bb {
namespace {

Status status_of(framework::AddressBookError error) {
  switch (error) {
    case framework::AddressBookError::none: return {};
    case framework::AddressBookError::unknown_peer: return fail(Code::unknown_peer);
    case framework::AddressBookError::empty_list: return fail(Code::empty_list);
    case framework::AddressBookError::full: return fail(Code::over_cap);
    case framework::AddressBookError::no_memory: return fail(Code::no_memory);
  }
  return {};
}

}  // namespace

Result<PeerHandle> Node::admit(AuthenticatedPeer peer) { return admit(peer.id(), peer.channel(), peer.incarnation()); }

Result<PeerHandle> Node::admit_self() { return admit(engine_->self(), ChannelKind::itself, engine_->incarnation()); }

Result<PeerHandle> Node::admit(const PeerId& id, ChannelKind channel, std::uint64_t incarnation) {
  if (engine_->busy()) return fail(Code::busy);
  Recording record(*this, Journal::Kind::admit);
  BB_CHECK(record.peer(id).number(static_cast<std::uint64_t>(channel)).number(incarnation).ready());
  BB_TRY(index, engine_->peers().admit(id, channel, incarnation));
  record.keep();
  return engine_->peers().handle_of(index);
}

Result<PeerHandle> Node::handle_of(const PeerId& peer) const {
  const std::uint32_t index = engine_->peers().find(peer);
  if (index == framework::kNoPeer) return fail(Code::unknown_peer);
  return engine_->peers().handle_of(index);
}

Result<PeerId> Node::peer_of(PeerHandle handle) const {
  const std::uint32_t index = engine_->peers().resolve(handle);
  if (index == framework::kNoPeer) return fail(Code::unknown_peer);
  return engine_->peers().at(index).id;
}

Status Node::retire(PeerHandle handle) {
  if (engine_->busy()) return fail(Code::busy);
  const std::uint32_t index = engine_->peers().resolve(handle);
  if (index == framework::kNoPeer) return fail(Code::unknown_peer);
  Recording record(*this, Journal::Kind::retire);
  BB_CHECK(record.number(handle.v).ready());
  engine_->peers().retire(index, engine_->outbound());
  record.keep();
  return {};
}

Status Node::grant(PeerHandle peer, std::uint64_t total_bytes) {
  const std::uint32_t index = engine_->peers().resolve(peer);
  if (index == framework::kNoPeer) return fail(Code::unknown_peer);
  Recording record(*this, Journal::Kind::grant);
  BB_CHECK(record.number(peer.v).number(total_bytes).ready());
  record.keep();
  framework::PeerOutbound& queue = engine_->peers().at(index).outbound;
  queue.granted = std::max(total_bytes, queue.granted);  // absolute, so a repeated or late grant takes nothing back
  queue.dial_asked = false;
  return {};
}

Status Node::send_failed(std::uint64_t request_id, PeerHandle peer, std::string_view reason) {
  const std::uint32_t index = engine_->peers().resolve(peer);
  if (index == framework::kNoPeer) return fail(Code::unknown_peer);
  Recording record(*this, Journal::Kind::send_failed);
  BB_CHECK(record.number(request_id).number(peer.v).text(reason).ready());
  return record.keep(engine_->send_failed(request_id, index, reason));
}

Status Node::link_up(PeerHandle peer, std::uint8_t path) {
  const std::uint32_t index = engine_->peers().resolve(peer);
  if (index == framework::kNoPeer) return fail(Code::unknown_peer);
  Recording record(*this, Journal::Kind::link_up);
  BB_CHECK(record.number(peer.v).number(path).ready());
  record.keep();
  engine_->peers().at(index).link = {
      .kind = framework::LinkState::Kind::up, .path = path, .code = 0, .since_ns = engine_->now_ns()};
  return {};
}

Status Node::link_down(PeerHandle peer, std::uint16_t code) {
  const std::uint32_t index = engine_->peers().resolve(peer);
  if (index == framework::kNoPeer) return fail(Code::unknown_peer);
  Recording record(*this, Journal::Kind::link_down);
  BB_CHECK(record.number(peer.v).number(code).ready());
  record.keep();
  framework::PeerRecord& known = engine_->peers().at(index);
  known.link = {.kind = framework::LinkState::Kind::down, .path = 0, .code = code, .since_ns = engine_->now_ns()};
  known.outbound.dial_asked = false;
  return {};
}

Status Node::block_peer(const PeerId& peer) {
  if (engine_->busy()) return fail(Code::busy);
  Recording record(*this, Journal::Kind::block_peer);
  BB_CHECK(record.peer(peer).ready());
  BB_TRY(index, engine_->peers().find_or_insert(peer));
  record.keep();
  engine_->peers().at(index).policy.blocked = true;
  return {};
}

Status Node::unblock_peer(const PeerId& peer) {
  if (engine_->busy()) return fail(Code::busy);
  const std::uint32_t index = engine_->peers().find(peer);
  if (index == framework::kNoPeer) return {};
  Recording record(*this, Journal::Kind::unblock_peer);
  BB_CHECK(record.peer(peer).ready());
  record.keep();
  engine_->peers().at(index).policy.blocked = false;
  engine_->peers().remove_if_unused(index, engine_->outbound());
  return {};
}

// Every record is made before the first policy changes.
Status Node::set_allowlist(std::span<const PeerId> peers) {
  if (engine_->busy()) return fail(Code::busy);
  Recording record(*this, Journal::Kind::set_allowlist);
  record.number(peers.size());
  for (const PeerId& peer : peers) record.peer(peer);
  BB_CHECK(record.ready());
  BB_CHECK(engine_->peers().set_allowlist(peers));
  engine_->governor().set_allowlist_active(true);
  record.keep();
  return {};
}

Status Node::clear_allowlist() {
  if (engine_->busy()) return fail(Code::busy);
  Recording record(*this, Journal::Kind::clear_allowlist);
  BB_CHECK(record.ready());
  engine_->governor().set_allowlist_active(false);
  engine_->peers().clear_allowlist();
  record.keep();
  return {};
}

Result<Node::Health> Node::peer_health(const PeerId& peer) const {
  const std::uint32_t index = engine_->peers().find(peer);
  if (index == framework::kNoPeer) return fail(Code::unknown_peer);
  const framework::PeerRecord& record = engine_->peers().at(index);
  const std::uint64_t retry = record.backoff.next_retry_ns;
  return Health{.consecutive_failures = record.health.consecutive_failures,
                .down = record.health.down,
                .blocked = !engine_->governor().check_inbound(record.policy).allowed,
                .retry_ns = retry > engine_->now_ns() ? retry : 0};
}

Status Node::add_peer(const PeerId& peer, std::span<const Address> addresses) {
  if (engine_->busy()) return fail(Code::busy);
  std::vector<ByteBuffer> encoded;
  for (const Address& address : addresses) encoded.push_back(address.to_bytes());
  const std::vector<Bytes> views(encoded.begin(), encoded.end());
  Recording record(*this, Journal::Kind::add_peer);
  record.peer(peer).number(views.size());
  for (const Bytes address : views) record.bytes(address);
  BB_CHECK(record.ready());
  return record.keep(status_of(engine_->peers().add_peer(peer, views)));
}
Status Node::drop_peer(const PeerId& peer) {
  if (engine_->busy()) return fail(Code::busy);
  Recording record(*this, Journal::Kind::drop_peer);
  BB_CHECK(record.peer(peer).ready());
  return record.keep(status_of(engine_->peers().drop_peer(peer, engine_->outbound())));
}
Status Node::register_address(const PeerId& peer, const Address& address) {
  if (engine_->busy()) return fail(Code::busy);
  Recording record(*this, Journal::Kind::register_address);
  BB_CHECK(record.peer(peer).address(address).ready());
  return record.keep(status_of(engine_->peers().register_address(peer, address.to_bytes())));
}
Status Node::forget_address(const PeerId& peer, const Address& address) {
  if (engine_->busy()) return fail(Code::busy);
  Recording record(*this, Journal::Kind::forget_address);
  BB_CHECK(record.peer(peer).address(address).ready());
  return record.keep(status_of(engine_->peers().forget_address(peer, address.to_bytes())));
}
Status Node::observe_address(const PeerId& peer, const Address& address) {
  if (engine_->busy()) return fail(Code::busy);
  Recording record(*this, Journal::Kind::observe_address);
  BB_CHECK(record.peer(peer).address(address).ready());
  return record.keep(status_of(engine_->peers().add_hint(peer, address.to_bytes(), framework::AddressSource::observed)));
}

std::vector<Address> Node::addresses_of(const PeerId& peer) const {
  std::vector<Address> addresses;
  const std::uint32_t index = engine_->peers().find(peer);
  if (index == framework::kNoPeer) return addresses;
  for (const framework::PeerAddress& entry : engine_->peers().at(index).addresses.entries())
    if (auto address = Address::from_bytes(entry.bytes.as_bytes())) addresses.push_back(std::move(*address));
  return addresses;
}

}  // namespace bb
