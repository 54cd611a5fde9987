// A node's state to bytes and back (docs/snapshot-format.md). Loading makes a second state and checks all of it; only then does it take
// the first one's place, which cannot fail.
#pragma once

#include "runtime/engine.h"

namespace bb::runtime {

/// Why a state cannot be saved: a value that only this process can hold, by the graph and the value's name.
struct Unsaveable {
  std::string graph;
  std::string value;
};

class StateCodec {
 public:
  /// Errors: not_encodable, no_memory.
  static Status save(const Engine& engine, StateWriter& out, Unsaveable& where);

  /// A loaded state that no engine has taken yet.
  class Loaded {
   public:
    explicit Loaded(Engine& engine) : engine_(engine), state_(engine.config_, engine.memory_) {}
    ~Loaded();
    Loaded(const Loaded&) = delete;
    Loaded& operator=(const Loaded&) = delete;

   private:
    friend class StateCodec;
    friend class StateLoader;
    struct Reason {
      std::uint64_t command = 0;
      std::string text;
    };
    Engine& engine_;
    State state_;
    std::vector<std::string> later_names_;
    std::vector<Reason> reasons_;        // of failed completions
    Array<std::uint32_t> later_topics_;  // per step of `later_`: the topic of an event
  };
  /// Errors: those of the reader, and invalid_value for a state that no engine is ever in.
  static Status load(StateReader& in, Loaded& loaded);
  static void commit(Loaded& loaded);

  // For states of the reference's, which are read elsewhere.
  static State& state(Loaded& loaded);
  /// Errors: no_memory, over_cap.
  static Status begin(Loaded& loaded);
  /// Errors: invalid_value, over_cap, no_memory.
  static Status park(Loaded& loaded, CommandId command, OpRef op, ExecId exec, std::uint64_t deadline_ns);
  /// Errors: over_cap.
  static Result<std::uint32_t> name(Loaded& loaded, std::string_view text);
  /// Errors: over_cap, no_memory.
  static Status subscribe(Loaded& loaded, std::string_view kind, SiteId site);
};

}  // namespace bb::runtime
