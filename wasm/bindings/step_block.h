// The steps of a poll as one block of little-endian records that JavaScript walks with a DataView (docs/abi.md).
#pragma once

#include "bb/node.h"
#include "name_table.h"
#include "value_transfer.h"

namespace bb::bindings {

enum class StepKind : std::uint16_t {
  send = 1,
  event = 2,
  op_failed = 3,
  async_suspended = 4,
  op_completed = 5,
  wire_failed = 6,
  wire_timeout = 7,
  peer = 8,
  dial = 9,
  lifecycle = 11,
  bootstrap = 12,
  dropped = 13,
  suspended = 14,
  budget = 15,
};

/// One bit per kind, at the kind's number.
constexpr std::uint32_t step_bit(StepKind kind) { return 1u << static_cast<std::uint32_t>(kind); }
inline constexpr std::uint32_t kStepsByDefault = ~(step_bit(StepKind::async_suspended) | step_bit(StepKind::op_completed));

class StepBlock {
 public:
  struct Options {
    std::uint64_t now_ns = 0;
    std::uint32_t mask = kStepsByDefault;
    bool abandoned = false;  // some async methods' ops failed meanwhile: the header says so
  };

  StepBlock() : arena_(kBlockBytesMax) {}

  /// Packs the steps whose kind is in `mask`. The result points at steps and values of the poll, so it is void after the next call
  /// into the node. 0 when there is no memory for it.
  std::uint32_t pack(const Poll& poll, const Node& node, const Options& options);
  const NameTable& names() const { return names_; }

 private:
  static constexpr std::uint64_t kBlockBytesMax = 256ull << 20;
  static constexpr std::uint32_t kNoPeerHandle = UINT32_MAX;

  std::uint8_t* add(StepKind kind, std::uint64_t size);
  std::uint8_t* add_text(StepKind kind, std::uint64_t body, std::string_view text, std::uint32_t& length);
  void write(const Step& step, const Node& node, std::uint32_t mask);
  void write(const SendEnvelope& step);
  void write(const AppEvent& step);
  void write(const OpFailed& step);
  void write_op(StepKind kind, OpRef op, ExecId exec, CommandId command, std::span<const SiteId> sites);
  void write_wire_failed(const Node& node, const PeerId& source, std::uint32_t fill, std::uint64_t hash, std::uint64_t size,
                         std::uint16_t code, std::string_view text);
  void write(const WireTimeout& step, const Node& node);
  void write(const PeerResolveFailed& step);
  void write(const PeerChange& step, const Node& node);
  std::uint8_t* add_peer(std::uint32_t handle, std::uint16_t event, const PeerId& peer);
  void write_number(StepKind kind, std::uint32_t number);
  void write(const Dial& step, const Node& node);
  std::uint32_t handle_of(const Node& node, const PeerId& peer) const;

  ByteBuffer block_;
  Arena arena_;  // what records point at and nobody else holds
  NameTable names_;
  std::uint32_t records_ = 0;
  bool complete_ = true;
};

/// The graph's position in the upper 12 bits, the op's in the lower 20: as many as an artifact may have.
constexpr std::uint32_t op_number(OpRef op) { return (op.graph() << 20) | (op.op() & 0xfffff); }

}  // namespace bb::bindings
