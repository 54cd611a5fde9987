// Counters that graphs keep, by interned name. A counter wraps at 2^64.
#pragma once

#include "base/flat_map.h"
#include "bb/state_codec.h"

namespace bb::framework {

class Metrics {
 public:
  struct Options {
    std::uint32_t names_max = 4'096;
  };
  explicit Metrics(Options options) : names_max_(options.names_max) {}

  /// Errors: over_cap (a new name), no_memory.
  Status add(std::uint32_t name, std::uint64_t delta);
  /// 0 for a counter that was never added to.
  std::uint64_t value(std::uint32_t name) const;
  std::uint32_t size() const { return counters_.size(); }
  /// The names in ascending order. False without memory.
  [[nodiscard]] bool names(Array<std::uint64_t>& names) const { return counters_.sorted_keys(names); }

  [[nodiscard]] bool save(StateWriter& writer) const;
  /// Into a new object. Errors: those of the reader, no_memory, invalid_value.
  Status load(StateReader& reader);

 private:
  std::uint32_t names_max_;
  FlatMap<std::uint64_t> counters_;
};

}  // namespace bb::framework
