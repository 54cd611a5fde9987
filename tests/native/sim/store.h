// What a node's host keeps on disk: a journal that grows at its end, and two slots for snapshots that take turns. It loses what was
// not synced, tears what was being written, now and then forgets a whole slot, and turns bits over in what it keeps.
#pragma once

#include <algorithm>
#include <optional>

#include "bb/bytes.h"
#include "sim/ledger.h"
#include "sim/random.h"

namespace bb::sim {

class SimStore {
 public:
  /// Journal bytes; durable after the next sync.
  void append(Bytes part, std::uint64_t sequence) {
    journal_.insert(journal_.end(), part.begin(), part.end());
    written_sequence_ = sequence;
  }
  /// Into the older slot; durable after the next sync, unless the disk forgets it.
  void write_snapshot(Bytes bytes, const Ledger& ledger, bool forgotten) {
    Slot& slot = slots_[1 - newest_];
    pending_ = Pending{.bytes = {bytes.begin(), bytes.end()}, .ledger = ledger, .at = journal_.size(), .forgotten = forgotten};
    if (!forgotten) slot.valid = false;  // whatever was there is being overwritten
  }
  /// A sync begins: it makes durable what is written now.
  void begin_sync() {
    syncing_size_ = journal_.size();
    syncing_sequence_ = written_sequence_;
    syncing_snapshot_ = pending_.has_value();
  }
  void end_sync() {
    durable_size_ = syncing_size_;
    durable_sequence_ = syncing_sequence_;
    if (!syncing_snapshot_ || !pending_) return;
    if (!pending_->forgotten) {
      newest_ = 1 - newest_;
      // The older snapshot still needs the journal from where it was taken.
      const std::size_t keep_from = slots_[1 - newest_].valid ? slots_[1 - newest_].at : 0;
      slots_[newest_] =
          Slot{.bytes = std::move(pending_->bytes), .ledger = std::move(pending_->ledger), .at = pending_->at, .valid = true};
      journal_.erase(journal_.begin(), journal_.begin() + static_cast<std::ptrdiff_t>(keep_from));
      durable_size_ -= keep_from;
      syncing_size_ -= keep_from;
      for (Slot& slot : slots_) slot.at -= slot.at < keep_from ? slot.at : keep_from;
    }
    pending_.reset();
    syncing_snapshot_ = false;
  }
  std::uint64_t syncing_sequence() const { return syncing_sequence_; }
  std::uint64_t durable_sequence() const { return durable_sequence_; }
  bool snapshot_pending() const { return pending_.has_value(); }

  /// The host is gone. Of what was not synced, a part that chance cuts is left; a slot that was being written may be torn.
  void crash(Chance& chance) {
    const std::size_t loose = journal_.size() - durable_size_;
    const std::uint64_t kept = chance.below(3) == 0 ? loose : chance.below(loose + 1);
    journal_.resize(durable_size_ + kept);
    if (pending_ && !pending_->forgotten && chance.flip()) {
      Slot& slot = slots_[1 - newest_];
      slot = {.bytes = std::move(pending_->bytes), .ledger = std::move(pending_->ledger), .at = pending_->at, .valid = true};
      if (chance.flip()) slot.bytes.resize(chance.below(slot.bytes.size() + 1));
      // A whole snapshot is newer than the one in the other slot; a torn one is found out when it is read.
      newest_ = 1 - newest_;
    }
    pending_.reset();
    syncing_snapshot_ = false;
  }
  /// The slot that a restart went on from is the newest; the other one was torn, or is empty.
  void went_on_from(std::uint32_t age) {
    if (age == 0) return;
    newest_ = 1 - newest_;
    slots_[1 - newest_].valid = false;
  }
  /// After a restart the journal ends where it was read to.
  void truncate(std::size_t size) {
    journal_.resize(size);
    durable_size_ = syncing_size_ = size;
    // A snapshot may be of a later time than what is left of the journal: that goes on where the snapshot was taken.
    for (Slot& slot : slots_) slot.at = std::min(slot.at, size);
  }
  /// The other snapshot is of an earlier life. Which life it is, is no input: a replay into this one would repeat what was said in it
  /// under the numbers of the other.
  void forget_earlier_life() { slots_[1 - newest_].valid = false; }
  /// The journal is not to be read: what goes on from the snapshots begins a new one.
  void drop_journal() { truncate(0); }
  void erase() { *this = SimStore(); }

  /// One bit of a slot, or of the journal, is another from now on; false when there is nothing there.
  bool flip_slot(std::uint32_t age, Chance& chance) {
    Slot& slot = slots_[age == 0 ? newest_ : 1 - newest_];
    if (!slot.valid || !flip(slot.bytes, chance)) return false;
    slot.flipped = true;
    return true;
  }
  bool flipped(std::uint32_t age) const { return slots_[age == 0 ? newest_ : 1 - newest_].flipped; }
  bool flip_journal(Chance& chance) { return flip(journal_, chance); }

  Bytes journal() const { return journal_; }
  /// The newest first; empty when there is none.
  Bytes slot(std::uint32_t age) const {
    const Slot& slot = slots_[age == 0 ? newest_ : 1 - newest_];
    return slot.valid ? Bytes(slot.bytes) : Bytes();
  }
  const Ledger& ledger(std::uint32_t age) const { return slots_[age == 0 ? newest_ : 1 - newest_].ledger; }
  void set_sequence(std::uint64_t sequence) { written_sequence_ = syncing_sequence_ = durable_sequence_ = sequence; }

 private:
  static bool flip(ByteBuffer& bytes, Chance& chance) {
    if (bytes.empty()) return false;
    bytes[chance.below(bytes.size())] ^= static_cast<std::uint8_t>(1u << chance.below(8));
    return true;
  }
  struct Slot {
    ByteBuffer bytes;
    Ledger ledger;
    std::size_t at = 0;  // where in the journal it was taken
    bool valid = false, flipped = false;
  };
  struct Pending {
    ByteBuffer bytes;
    Ledger ledger;
    std::size_t at = 0;
    bool forgotten = false;
  };

  ByteBuffer journal_;
  std::size_t durable_size_ = 0, syncing_size_ = 0;
  std::uint64_t written_sequence_ = 0, syncing_sequence_ = 0, durable_sequence_ = 0;
  Slot slots_[2];
  std::uint32_t newest_ = 0;
  std::optional<Pending> pending_;
  bool syncing_snapshot_ = false;
};

}  // namespace bb::sim
