// Named permits: how many may be held at once is said by whoever asks, and who finds none may wait in line. Names are interned.
#pragma once

#include <optional>

#include "base/flat_map.h"
#include "base/ring.h"
#include "bb/ids.h"
#include "bb/state_codec.h"

namespace bb::framework {

class PeerGate {
 public:
  struct Options {
    std::uint32_t names_max = 4'096;
    std::uint32_t waiters_max = 10'000;
  };
  explicit PeerGate(Options options) : options_(options) {}

  /// Takes a permit unless `permits_max` are held already. False also without room or memory for a new name.
  bool acquire(std::uint32_t name, std::uint32_t permits_max);
  /// Gives a permit back; the waiter that holds it now, if any. Where waiters of one name have different limits, `next_holder` may
  /// find more.
  std::optional<CommandId> release(std::uint32_t name);
  /// Gives a permit to the first in line if there is one to give.
  std::optional<CommandId> next_holder(std::uint32_t name);
  /// Puts an op in line; it takes no permit now. Errors: over_cap, duplicate (it waits already), no_memory.
  Status wait(std::uint32_t name, std::uint32_t permits_max, CommandId command);
  /// The op waits no longer; the waiter behind it that can hold a permit now, if any.
  std::optional<CommandId> abandon(CommandId command);
  std::uint32_t inflight(std::uint32_t name) const;
  std::uint32_t waiting() const { return name_of_.size(); }
  bool is_waiting(CommandId command) const { return name_of_.find(command.v) != nullptr; }

  [[nodiscard]] bool save(StateWriter& writer) const;
  /// Into a new gate. Errors: those of the reader, over_cap, no_memory, invalid_value.
  Status load(StateReader& reader);

 private:
  struct Waiter {
    CommandId command;
    std::uint32_t permits_max = 0;
  };
  struct Name {
    std::uint32_t held = 0;
    Ring<Waiter> waiters{UINT32_MAX, 4};
  };
  Name* find_or_insert(std::uint32_t name, Code& error);
  void drop_if_idle(std::uint32_t name);

  Options options_;
  FlatMap<Name> names_;             // that have a holder or a waiter
  FlatMap<std::uint32_t> name_of_;  // by waiter
};

}  // namespace bb::framework
