// The record of what a node was given, in order: enough to bring a node of the same snapshot to the exact state again. One frame per
// time that the host takes it, with its place in the sequence and a checksum (docs/snapshot-format.md).
#pragma once

#include "bb/node.h"

namespace bb {

class Journal {
 public:
  enum class Kind : std::uint8_t {
    poll,
    receive,
    frame_refused,
    invoke,
    complete,
    complete_failed,
    admit,
    retire,
    grant,
    send_failed,
    link_up,
    link_down,
    block_peer,
    unblock_peer,
    set_allowlist,
    clear_allowlist,
    add_peer,
    drop_peer,
    register_address,
    forget_address,
    bootstrap,
    bootstrap_slots,
    fire_lifecycle,
    subscribe_event,
    suspended,
    set_mask,
    deliver_event,
    observe_address,
    component,
  };
  static constexpr std::uint8_t kKinds = static_cast<std::uint8_t>(Kind::component) + 1;
  static constexpr std::uint8_t kFrameMagic[4] = {'B', 'B', 'J', '1'};
  static constexpr std::size_t kFrameHeaderSize = 24;  // magic, length u32, first sequence u64, records u32, zero u32
  static constexpr std::size_t kFrameChecksumSize = 8;

  explicit Journal(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  /// Begins a record; it counts once it is kept. False when the host has to take the journal first, or there is no memory.
  bool begin(Kind kind);
  StateWriter& out() { return out_; }
  /// False when memory ran out while it was written; it is then gone, and its input must be refused.
  bool written();
  /// Whether the last refusal was for the limit, and not for memory.
  bool full() const { return full_; }
  void keep() { ++records_; }
  void drop();

  std::uint32_t records() const { return records_; }
  bool empty() const { return records_ == 0; }
  /// What was kept since the last time, as one frame. Errors: no_memory.
  Result<Array<std::uint8_t>> take(std::uint64_t first_sequence);

 private:
  std::uint64_t bytes_max_;
  StateWriter out_;
  std::uint32_t begun_at_ = 0;
  std::uint32_t records_ = 0;
  bool full_ = false;
};

/// A frame of a journal, checked.
struct JournalFrame {
  std::uint64_t first_sequence = 0;
  std::uint32_t records = 0;
  Bytes payload;
  std::size_t size = 0;  // of the whole frame
};
/// The frame at the beginning of `bytes`. Errors: truncated (a torn tail), malformed (the checksum), invalid_value.
Result<JournalFrame> read_frame(Bytes bytes);

}  // namespace bb
