// Records, kind by kind.
#include "step_block.h"

#include <algorithm>

#include "heap.h"

namespace bb::bindings {
namespace {

constexpr std::uint32_t kMagic = 0x31534242;  // "BBS1"
constexpr std::uint32_t kHeaderBytes = 32;
constexpr std::uint32_t kRecordHeaderBytes = 8;
constexpr std::size_t kTextMax = 4'096;
// A view of each part costs JavaScript more than these bytes cost to copy.
constexpr std::size_t kJoinedBytesMax = 1'024;
constexpr std::uint32_t kMoreNow = 1;
constexpr std::uint32_t kAbandoned = 8;

std::uint16_t wire_failure_code(WireReceiveFailed::Kind kind) {
  // Numbered from 1: 0 is a fill whose destination could not be read.
  return static_cast<std::uint16_t>(static_cast<std::uint16_t>(kind) + 1);
}

}  // namespace

std::uint32_t StepBlock::handle_of(const Node& node, const PeerId& peer) const {
  const auto handle = node.handle_of(peer);
  return handle ? handle->v : kNoPeerHandle;
}

std::uint8_t* StepBlock::add(StepKind kind, std::uint64_t size) {
  const std::uint64_t padded = (kRecordHeaderBytes + size + 7) & ~std::uint64_t{7};
  const std::size_t at = block_.size();
  if (at + padded > kBlockBytesMax) {
    complete_ = false;
    return nullptr;
  }
  block_.resize(at + static_cast<std::size_t>(padded));
  std::uint8_t* const record = block_.data() + at;
  store_le(record, static_cast<std::uint16_t>(kind));
  store_le(record + 4, static_cast<std::uint32_t>(padded));
  ++records_;
  return record + kRecordHeaderBytes;
}

std::uint8_t* StepBlock::add_text(StepKind kind, std::uint64_t body, std::string_view text, std::uint32_t& length) {
  length = static_cast<std::uint32_t>(std::min(text.size(), kTextMax));
  std::uint8_t* const at = add(kind, body + length);
  if (at) std::copy_n(text.data(), length, at + body);
  return at;
}

std::uint32_t StepBlock::pack(const Poll& poll, const Node& node, const Options& options) {
  arena_.release({});
  block_.assign(kHeaderBytes, 0);
  records_ = 0;
  complete_ = true;
  for (const Step& step : poll.steps) write(step, node, options.mask);
  if (!complete_) return 0;
  std::uint8_t* const header = block_.data();
  store_le(header, kMagic);
  store_le(header + 4, static_cast<std::uint32_t>(block_.size()));
  store_le(header + 8, records_);
  store_le(header + 12, (poll.more ? kMoreNow : 0u) | (options.abandoned ? kAbandoned : 0u));
  store_le(header + 16, poll.next_wakeup_ns);
  store_le(header + 24, options.now_ns);
  return address_of(header);
}

void StepBlock::write(const Step& step, const Node& node, std::uint32_t mask) {
  const auto wanted = [mask](StepKind kind) { return (mask & step_bit(kind)) != 0; };
  if (const auto* send = std::get_if<SendEnvelope>(&step)) {
    if (wanted(StepKind::send)) write(*send);
  } else if (const auto* event = std::get_if<AppEvent>(&step)) {
    if (wanted(StepKind::event)) write(*event);
  } else if (const auto* failed = std::get_if<OpFailed>(&step)) {
    if (wanted(StepKind::op_failed)) write(*failed);
  } else if (const auto* completed = std::get_if<OpCompleted>(&step)) {
    if (wanted(StepKind::op_completed)) write_op(StepKind::op_completed, completed->op, completed->exec, {}, completed->sites);
  } else if (const auto* suspended = std::get_if<AsyncSuspended>(&step)) {
    if (wanted(StepKind::async_suspended))
      write_op(StepKind::async_suspended, suspended->op, suspended->exec, suspended->command, {});
  } else if (const auto* decode = std::get_if<WireDecodeFailed>(&step)) {
    if (wanted(StepKind::wire_failed))
      write_wire_failed(node, decode->source, decode->fill, decode->hash, decode->payload_size, 0, decode->detail);
  } else if (const auto* received = std::get_if<WireReceiveFailed>(&step)) {
    if (wanted(StepKind::wire_failed))
      write_wire_failed(node, received->source, received->fill, received->actual_hash, received->payload_size,
                        wire_failure_code(received->kind), code_name(received->error.code));
  } else if (const auto* timeout = std::get_if<WireTimeout>(&step)) {
    if (wanted(StepKind::wire_timeout)) write(*timeout, node);
  } else if (const auto* unresolved = std::get_if<PeerResolveFailed>(&step)) {
    if (wanted(StepKind::peer)) write(*unresolved);
  } else if (const auto* change = std::get_if<PeerChange>(&step)) {
    if (wanted(StepKind::peer)) write(*change, node);
  } else if (const auto* phase = std::get_if<LifecycleFired>(&step)) {
    if (wanted(StepKind::lifecycle)) write_number(StepKind::lifecycle, names_.intern(phase->phase));
  } else if (const auto* done = std::get_if<BootstrapComplete>(&step)) {
    if (wanted(StepKind::bootstrap)) write_number(StepKind::bootstrap, names_.intern(done->target));
  } else if (std::holds_alternative<WaitingOnBootstrap>(step)) {
    if (wanted(StepKind::bootstrap)) write_number(StepKind::bootstrap, UINT32_MAX);
  } else if (const auto* dial = std::get_if<Dial>(&step)) {
    if (wanted(StepKind::dial)) write(*dial, node);
  } else if (const auto* dropped = std::get_if<OutboundDropped>(&step)) {
    std::uint8_t* const at = wanted(StepKind::dropped) ? add(StepKind::dropped, 16) : nullptr;
    if (at) store_le(at + 8, dropped->count);
  } else if (const auto* gap = std::get_if<HostSuspended>(&step)) {
    std::uint8_t* const at = wanted(StepKind::suspended) ? add(StepKind::suspended, 8) : nullptr;
    if (at) store_le(at, gap->gap_ns);
  } else if (const auto* budget = std::get_if<CycleBudgetExceeded>(&step)) {
    if (wanted(StepKind::budget)) write_number(StepKind::budget, budget->ops);
  }
}

void StepBlock::write_number(StepKind kind, std::uint32_t number) {
  if (std::uint8_t* const at = add(kind, 4)) store_le(at, number);
}

void StepBlock::write(const SendEnvelope& step) {
  std::uint8_t* const at = add(StepKind::send, 60);
  if (!at) return;
  const auto part = [at](std::uint32_t offset, const std::uint8_t* data, std::size_t size) {
    store_le(at + offset, address_of(data));
    store_le(at + offset + 4, static_cast<std::uint32_t>(size));
  };
  store_le(at, step.peer.v);
  at[4] = step.lane;
  store_le(at + 8, step.sequence);
  store_le(at + 16, step.request_id);
  store_le(at + 24, step.remaining_ns);
  const Bytes head = step.head.as_bytes();
  const Bytes body = step.body.as_bytes();
  const std::size_t size = head.size() + body.size() + step.tail_size;
  std::uint8_t* const joined = size <= kJoinedBytesMax ? arena_.reserve(size) : nullptr;
  if (joined) {
    std::copy(head.begin(), head.end(), joined);
    std::copy(body.begin(), body.end(), joined + head.size());
    std::copy_n(step.tail, step.tail_size, joined + head.size() + body.size());
    part(36, joined, size);
    part(44, nullptr, 0);
    part(52, nullptr, 0);
    return;
  }
  part(36, head.data(), head.size());
  part(44, body.data(), body.size());
  part(52, step.tail, step.tail_size);
}

void StepBlock::write(const AppEvent& step) {
  ValueRecord value;
  if (!write_value(step.value, value, arena_)) {
    complete_ = false;
    return;
  }
  std::uint8_t* const at = add(StepKind::event, 16 + sizeof value);
  if (!at) return;
  store_le(at, names_.intern(step.target));
  store_le(at + 4, names_.intern(step.topic));
  store_le(at + 8, step.exec.v);
  std::memcpy(at + 16, &value, sizeof value);
}

void StepBlock::write(const OpFailed& step) {
  std::uint32_t length = 0;
  std::uint8_t* const at = add_text(StepKind::op_failed, 24, step.error.detail, length);
  if (!at) return;
  store_le(at, op_number(step.op));
  at[4] = static_cast<std::uint8_t>(step.error.kind);
  store_le(at + 8, step.exec.v);
  store_le(at + 16, names_.intern(step.error.reason));
  store_le(at + 20, length);
}

void StepBlock::write_op(StepKind kind, OpRef op, ExecId exec, CommandId command, std::span<const SiteId> sites) {
  std::uint8_t* const at = add(kind, 24 + sites.size() * 8);
  if (!at) return;
  store_le(at, op_number(op));
  store_le(at + 4, static_cast<std::uint32_t>(sites.size()));
  store_le(at + 8, exec.v);
  store_le(at + 16, command.v);
  for (std::size_t i = 0; i < sites.size(); ++i) store_le(at + 24 + i * 8, sites[i].v);
}

void StepBlock::write_wire_failed(const Node& node, const PeerId& source, std::uint32_t fill, std::uint64_t hash,
                                  std::uint64_t size, std::uint16_t code, std::string_view text) {
  std::uint32_t length = 0;
  std::uint8_t* const at = add_text(StepKind::wire_failed, 24, text, length);
  if (!at) return;
  store_le(at, handle_of(node, source));
  store_le(at + 4, fill);
  store_le(at + 8, hash);
  store_le(at + 16, static_cast<std::uint32_t>(std::min<std::uint64_t>(size, UINT32_MAX)));
  store_le(at + 20, code);
  store_le(at + 22, static_cast<std::uint16_t>(length));
}

void StepBlock::write(const WireTimeout& step, const Node& node) {
  std::uint8_t* const at = add(StepKind::wire_timeout, 40);
  if (!at) return;
  store_le(at, handle_of(node, step.peer));
  store_le(at + 8, step.request_id);
  store_le(at + 16, step.target_site);
  store_le(at + 24, step.started_ns);
  store_le(at + 32, step.waiter.v);
}

void StepBlock::write(const PeerResolveFailed& step) {
  constexpr std::uint16_t kResolveFailed = 3;
  std::uint8_t* const at = add_peer(kNoPeerHandle, kResolveFailed, step.peer);  // the address book does not know it
  if (!at) return;
  store_le(at + 16, op_number(step.op));
  store_le(at + 24, step.exec.v);
}

std::uint8_t* StepBlock::add_peer(std::uint32_t handle, std::uint16_t event, const PeerId& peer) {
  std::uint8_t id[PeerId::kBytesMax];
  const auto length = static_cast<std::uint32_t>(peer.write(id));
  std::uint8_t* const at = add(StepKind::peer, 32 + length);
  if (!at) return nullptr;
  store_le(at, handle);
  store_le(at + 4, event);
  store_le(at + 16, UINT32_MAX);
  store_le(at + 20, length);
  std::memcpy(at + 32, id, length);
  return at;
}

void StepBlock::write(const PeerChange& step, const Node& node) {
  // In the order of PeerChange::Kind: blocked, down, up, suspect, notified, silenced.
  constexpr std::uint16_t kEvents[] = {2, 1, 0, 6, 4, 5};
  std::uint8_t* const at = add_peer(handle_of(node, step.peer), kEvents[static_cast<std::size_t>(step.kind)], step.peer);
  if (!at) return;
  store_le(at + 6, static_cast<std::uint16_t>(step.reason));
  store_le(at + 8, step.phi);
  store_le(at + 24, step.retry_ns);
}

void StepBlock::write(const Dial& step, const Node& node) {
  std::vector<ByteBuffer> addresses;
  std::uint64_t size = 8;
  const auto peer = node.peer_of(step.peer);
  if (!peer) return;
  for (const Address& address : node.addresses_of(*peer)) {
    addresses.push_back(address.to_bytes());
    size += 4 + ((addresses.back().size() + 3) & ~std::size_t{3});
  }
  std::uint8_t* at = add(StepKind::dial, size);
  if (!at) return;
  store_le(at, step.peer.v);
  store_le(at + 4, static_cast<std::uint32_t>(addresses.size()));
  at += 8;
  for (const ByteBuffer& address : addresses) {
    store_le(at, static_cast<std::uint32_t>(address.size()));
    std::copy(address.begin(), address.end(), at + 4);
    at += 4 + ((address.size() + 3) & ~std::size_t{3});
  }
}

}  // namespace bb::bindings
