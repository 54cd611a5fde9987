// The latest values recorded under a name. Full, a ring drops its oldest; past the limit of rings, a value is dropped and counted.
#pragma once

#include "base/flat_map.h"
#include "base/ring.h"
#include "bb/value_state.h"

namespace bb::framework {

class RecordBuffer {
 public:
  struct Options {
    std::uint32_t values_max = 1'024;  // of each ring
    std::uint32_t rings_max = 1'024;
  };
  explicit RecordBuffer(Options options) : options_(options) {}

  /// Errors: over_cap (a new ring; counted), no_memory; nothing is recorded then.
  Status record(std::uint32_t name, Value value);
  /// The values, the oldest first; nullptr when nothing was recorded.
  const Ring<Value>* find(std::uint32_t name) const { return rings_.find(name) ? &rings_.find(name)->values : nullptr; }
  std::uint64_t name_drops() const { return name_drops_; }

  /// False without memory, or for a value that cannot be encoded.
  [[nodiscard]] bool save(StateWriter& writer) const;
  /// Into a new object. Errors: those of the reader and of values, no_memory, invalid_value.
  Status load(StateReader& reader, Memory& memory);

 private:
  struct Recorded {
    Ring<Value> values{UINT32_MAX, 4};
  };
  Options options_;
  std::uint64_t name_drops_ = 0;
  FlatMap<Recorded> rings_;
};

}  // namespace bb::framework
