// One input of a node on its way into the journal: written before it is applied, kept when it was, gone when it was refused.
#pragma once

#include "node/journal.h"
#include "runtime/engine.h"

namespace bb {

class Recording {
 public:
  Recording(Node& node, Journal::Kind kind) : engine_(*node.engine_), journal_(node.journal_.get()) {
    if (journal_) open_ = journal_->begin(kind);
  }
  ~Recording() {
    if (open_) journal_->drop();
  }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  Recording& number(std::uint64_t value) {
    if (open_) journal_->out().number(value);
    return *this;
  }
  Recording& bytes(Bytes value) {
    if (open_) journal_->out().bytes(value);
    return *this;
  }
  Recording& text(std::string_view value) { return bytes(as_bytes(value)); }
  Recording& peer(const PeerId& value) {
    std::uint8_t out[PeerId::kBytesMax];
    return open_ ? bytes({out, value.write(out)}) : *this;
  }
  Recording& address(const Address& value) { return open_ ? bytes(value.to_bytes()) : *this; }
  /// False when the value has no form that can be written down.
  bool value(const Value& value);
  bool active() const { return journal_ != nullptr; }
  /// Drops what was written, for another record in its place.
  void restart(Journal::Kind kind) {
    if (open_) journal_->drop();
    open_ = journal_ && journal_->begin(kind);
  }

  /// Room for the record of a refusal in the place of this one.
  Recording& with_room_for_refusal() {
    if (open_) journal_->out().reserve(16);
    return *this;
  }
  /// Whether the input may be applied: all of it is written, or nothing is recorded. Errors: busy (the host has to take the journal),
  /// no_memory.
  Status ready() {
    if (!journal_) return {};
    if (open_ && journal_->written()) return {};
    open_ = false;
    return fail(journal_->full() ? Code::busy : Code::no_memory);
  }
  /// The input was applied.
  void keep() {
    if (!open_) return;
    open_ = false;
    journal_->keep();
    engine_.count_input();
  }
  /// For calls that change nothing when they fail.
  Status keep(Status applied) {
    if (applied) keep();
    return applied;
  }
  /// A completion that nobody waits for changes a counter.
  Status keep_completion(Status applied) {
    if (applied || applied.error().code == Code::unknown_command) keep();
    return applied;
  }

 private:
  runtime::Engine& engine_;
  Journal* journal_;
  bool open_ = false;
};

}  // namespace bb
