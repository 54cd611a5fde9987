// Every metadata key and attribute name that has a meaning (spec A §10.4, §10.5, D §1.2), and look-up and stamping of both.
// The first entry of a key wins; stamping replaces it, or appends.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/onnx.pb.h"

namespace bb::ir {

namespace key {
// model
inline constexpr std::string_view kCompiled = "ai.bytesandbrains.compiled";
inline constexpr std::string_view kCompiledVersion = "v1";
inline constexpr std::string_view kIrVersion = "ai.bytesandbrains.ir_version";
inline constexpr std::string_view kBindingPrefix = "ai.bytesandbrains.binding.";             // + target . slot
inline constexpr std::string_view kAliasPrefix = "ai.bytesandbrains.alias.";                 // + target . slot → slot
inline constexpr std::string_view kIoPrefix = "ai.bytesandbrains.io.";                       // + target
inline constexpr std::string_view kWireSitePrefix = "ai.bytesandbrains.wire_site.";          // + target . port → key
inline constexpr std::string_view kBootstrapForPrefix = "ai.bytesandbrains.bootstrap_for.";  // + function → target base
// function
inline constexpr std::string_view kModulePhase = "ai.bytesandbrains.module_phase";
inline constexpr std::string_view kPhaseBody = "body";
inline constexpr std::string_view kPhaseBootstrap = "bootstrap";
// node
inline constexpr std::string_view kModuleInstance = "ai.bytesandbrains.module_instance";
inline constexpr std::string_view kRequiredTrait = "ai.bytesandbrains.required_trait";
inline constexpr std::string_view kSlotId = "ai.bytesandbrains.slot_id";
inline constexpr std::string_view kSlot = "ai.bytesandbrains.slot";
inline constexpr std::string_view kPeerClass = "ai.bytesandbrains.peer_class";
inline constexpr std::string_view kHomeClass = "ai.bytesandbrains.home_class";
inline constexpr std::string_view kExpanded = "ai.bytesandbrains.expanded";
inline constexpr std::string_view kCodecPort = "ai.bytesandbrains.codec.port";
inline constexpr std::string_view kIndexPort = "ai.bytesandbrains.index.port";
inline constexpr std::string_view kBootstrapSeed = "ai.bytesandbrains.bootstrap.seed";
inline constexpr std::string_view kWireId = "ai.bytesandbrains.wire.wire_id";
inline constexpr std::string_view kPeersIndex = "ai.bytesandbrains.wire.peers_index";
inline constexpr std::string_view kSiteId = "ai.bytesandbrains.wire.site_id";
inline constexpr std::string_view kRequest = "ai.bytesandbrains.wire.request";
inline constexpr std::string_view kChainDepth = "ai.bytesandbrains.wire.chain_depth";
inline constexpr std::string_view kChainTargets = "ai.bytesandbrains.wire.chain_targets";     // sites, joined by ','
inline constexpr std::string_view kChainHopIndex = "ai.bytesandbrains.wire.chain_hop_index";  // position in the chain
inline constexpr std::string_view kSynthesizedFromSend = "ai.bytesandbrains.synthesized_from_send";
inline constexpr std::string_view kWireTransport = "ai.bytesandbrains.wire_transport";
inline constexpr std::string_view kBatchGroupId = "ai.bytesandbrains.batch_group_id";
// Only between recording and the end of compilation: the author's port names of a Send or Recv, joined by ',', and `to`.
inline constexpr std::string_view kWirePorts = "ai.bytesandbrains.wire.ports";
inline constexpr std::string_view kWireTo = "ai.bytesandbrains.wire.to";
}  // namespace key

namespace attribute {
inline constexpr std::string_view kDeadline = "deadline_ns";
inline constexpr std::string_view kValue = "value";
inline constexpr std::string_view kLiteral = "literal";
inline constexpr std::string_view kLiteralType = "literal_type";
inline constexpr std::string_view kPeriod = "period_ns";
inline constexpr std::string_view kDelay = "delay_ns";
inline constexpr std::string_view kDuration = "duration_ns";
inline constexpr std::string_view kTimeout = "timeout_ns";
inline constexpr std::string_view kQuorum = "quorum";
inline constexpr std::string_view kFanout = "fanout";
inline constexpr std::string_view kName = "name";  // of a permit, topic, record, metric, threshold
inline constexpr std::string_view kQueue = "queue";
inline constexpr std::string_view kHoldSlot = "slot";
inline constexpr std::string_view kPermits = "n";
inline constexpr std::string_view kThreshold = "n";
inline constexpr std::string_view kOnFull = "on_full";  // `drop` or `wait`
inline constexpr std::string_view kLease = "lease_ns";
inline constexpr std::string_view kWait = "wait";
inline constexpr std::string_view kDelta = "delta";
inline constexpr std::string_view kGroup = "group";
inline constexpr std::string_view kScope = "scope";  // of a group: absent, or `node`
inline constexpr std::string_view kEventKind = "kind";
inline constexpr std::string_view kPhase = "phase";
inline constexpr std::string_view kPeer = "peer";                                          // multihash bytes
inline constexpr std::string_view kDestSuffixPrefix = "ai.bytesandbrains.dest_suffix.";    // + input
inline constexpr std::string_view kTriggerOnlyPrefix = "ai.bytesandbrains.trigger_only.";  // + input
inline constexpr std::string_view kChildCount = "ai.bytesandbrains.composite.child_count";
inline constexpr std::string_view kChildTypes = "ai.bytesandbrains.composite.child_types";
}  // namespace attribute

inline constexpr std::string_view kSelfClass = "@self";
inline constexpr std::string_view kSend = "Send";
inline constexpr std::string_view kRecv = "Recv";
inline constexpr std::string_view kPassThrough = "PassThrough";

inline std::string concat(std::string_view a, std::string_view b) {
  std::string text(a);
  text += b;
  return text;
}

/// The whole text as an unsigned decimal number; anything else is absent.
inline std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

template <class Message>
const std::string* find_metadata(const Message& message, std::string_view key) {
  for (const auto& entry : message.metadata_props())
    if (entry.key() == key) return &entry.value();
  return nullptr;
}
template <class Message>
std::string_view metadata_or(const Message& message, std::string_view key, std::string_view fallback = {}) {
  const std::string* value = find_metadata(message, key);
  return value ? std::string_view(*value) : fallback;
}
template <class Message>
std::optional<std::uint64_t> metadata_number(const Message& message, std::string_view key) {
  const std::string* value = find_metadata(message, key);
  return value ? parse_number(*value) : std::nullopt;
}
template <class Message>
void stamp_metadata(Message& message, std::string_view key, std::string_view value) {
  for (auto& entry : *message.mutable_metadata_props()) {
    if (entry.key() == key) {
      entry.set_value(std::string(value));
      return;
    }
  }
  auto* entry = message.add_metadata_props();
  entry->set_key(std::string(key));
  entry->set_value(std::string(value));
}
template <class Message>
void erase_metadata(Message& message, std::string_view key) {
  auto& entries = *message.mutable_metadata_props();
  for (int i = entries.size() - 1; i >= 0; --i)
    if (entries[i].key() == key) entries.DeleteSubrange(i, 1);
}

const onnx::AttributeProto* find_attribute(const onnx::NodeProto& node, std::string_view name);
void set_attribute(onnx::NodeProto& node, std::string_view name, std::int64_t number);
void set_attribute(onnx::NodeProto& node, std::string_view name, std::string_view bytes);

inline bool is_op(const onnx::NodeProto& node, std::string_view domain, std::string_view op_type) {
  return node.op_type() == op_type && node.domain() == domain;
}
bool is_send(const onnx::NodeProto& node);
bool is_recv(const onnx::NodeProto& node);
bool is_call(const onnx::NodeProto& node);
/// The position of a Send's peers input: its stamp, else the last input but the reference's deadline gates; -1 when it has none.
int peers_index(const onnx::NodeProto& node);
/// An input that only holds a Send back: the reference's compiler appends one. It is no payload (spec A §5.7).
inline constexpr std::string_view kDeadlineGateSuffix = "#__trigger_deadline";
bool is_deadline_gate(std::string_view input);
/// The parts of a list joined by `separator`; an empty text has none.
std::vector<std::string> split(std::string_view text, char separator);

}  // namespace bb::ir
