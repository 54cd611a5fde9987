// Named queues of values with ops that wait for one. Full, a queue drops its oldest value and counts it. Names are interned.
#pragma once

#include <optional>

#include "base/flat_map.h"
#include "base/ring.h"
#include "bb/ids.h"
#include "bb/value_state.h"

namespace bb::framework {

class SerializeQueue {
 public:
  struct Options {
    std::uint32_t values_max = 4'096;  // of each queue
    std::uint32_t queues_max = 1'024;
    std::uint32_t waiters_max = 10'000;
  };
  struct Enqueued {
    CommandId waiter;             // the op to complete with the value, which is then not taken
    bool dropped_oldest = false;  // or, with a limit of 0, the value itself
  };
  explicit SerializeQueue(Options options) : options_(options) {}

  /// Takes the value unless somebody waits for it. Errors: over_cap (too many queues), no_memory; nothing is changed then.
  Result<Enqueued> enqueue(std::uint32_t name, Value& value);
  /// The oldest value, or an absent one.
  Value dequeue(std::uint32_t name);
  /// Puts an op in line for the next value; call it when there is none. Errors: over_cap, duplicate, no_memory.
  Status wait(std::uint32_t name, CommandId command);
  /// The op waits no longer.
  void abandon(CommandId command);
  std::uint32_t size(std::uint32_t name) const;
  std::uint64_t drops(std::uint32_t name) const;
  std::uint32_t waiting() const { return queue_of_.size(); }
  bool is_waiting(CommandId command) const { return queue_of_.find(command.v) != nullptr; }

  /// False without memory, or for a value that cannot be encoded.
  [[nodiscard]] bool save(StateWriter& writer) const;
  /// Into a new object. Errors: those of the reader and of values, over_cap, no_memory, invalid_value.
  Status load(StateReader& reader, Memory& memory);

 private:
  struct Queue {
    Ring<Value> values{UINT32_MAX, 4};
    Ring<CommandId> waiters{UINT32_MAX, 4};
    std::uint64_t drops = 0;
  };
  Result<Queue*> find_or_insert(std::uint32_t name);

  Options options_;
  FlatMap<Queue> queues_;
  FlatMap<std::uint32_t> queue_of_;  // by waiter
};

}  // namespace bb::framework
