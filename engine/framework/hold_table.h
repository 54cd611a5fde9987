// Values put aside under a name until somebody asks for them. Names are interned.
#pragma once

#include "base/flat_map.h"
#include "bb/value_state.h"

namespace bb::framework {

class HoldTable {
 public:
  struct Options {
    std::uint32_t names_max = 1'024;
  };
  explicit HoldTable(Options options) : names_max_(options.names_max) {}

  /// Replaces what is held under the name. Errors: over_cap (a new name; the value is dropped and counted), no_memory.
  Status stash(std::uint32_t name, Value value);
  /// Takes what is held, or an absent value.
  Value flush(std::uint32_t name);
  const Value* find(std::uint32_t name) const { return held_.find(name); }
  std::uint32_t size() const { return held_.size(); }
  std::uint64_t drops() const { return drops_; }

  /// False without memory, or for a value that cannot be encoded.
  [[nodiscard]] bool save(StateWriter& writer) const;
  /// Into a new table. Errors: those of the reader and of values, no_memory, invalid_value.
  Status load(StateReader& reader, Memory& memory);

 private:
  std::uint32_t names_max_;
  std::uint64_t drops_ = 0;
  FlatMap<Value> held_;
};

}  // namespace bb::framework
