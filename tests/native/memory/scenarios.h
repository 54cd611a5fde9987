// Six lives of nodes that together use everything of the engine that allocates after install.
#pragma once

#include "bb/module.h"
#include "memory/stage.h"

namespace bb::test {

struct Scenario {
  const char* name;
  void (*play)(Stage& stage);
};
void questions_and_answers(Stage& stage);
void mesh_averaging(Stage& stage);
void timers_and_stores(Stage& stage);
void bootstrap_calls_and_policy(Stage& stage);
void durable_life(Stage& stage);
void states_and_an_inbox(Stage& stage);

inline constexpr Scenario kScenarios[] = {
    {"requests, answers and gathering, with timeouts", questions_and_answers},
    {"mesh averaging", mesh_averaging},
    {"timers, stores, permits, queues, events, phases, metrics", timers_and_stores},
    {"bootstrap, calls of functions and components, policy", bootstrap_calls_and_policy},
    {"recording, snapshot, restore, replay", durable_life},
    {"what a state can hold, the inbox of other threads", states_and_an_inbox},
};

/// All that ships, the components of the scenarios, and ParkingModel and Clerk of these.
const Registry& scenario_registry();
/// A module's artifact, kept for the life of the program.
const ByteBuffer& compiled(const std::string& key, const Module& module);
const ByteBuffer& everything();

inline ByteBuffer bytes_of_value(const Value& value) {
  ByteBuffer bytes;
  require_rule(encode_value(value, bytes).has_value(), "a value encodes");
  return bytes;
}

/// An envelope with one fill.
struct Letter {
  ByteBuffer suffix;
  ByteBuffer payload;
  std::uint64_t hash = 0;
  std::int32_t kind = 0;
  std::uint64_t request_id = 0;
  std::uint64_t incarnation = 0;
  std::uint64_t sequence = 0;
  std::vector<ByteBuffer> source_addresses = {};
  bool reports = false;
  ByteBuffer bytes() const;
};

}  // namespace bb::test
