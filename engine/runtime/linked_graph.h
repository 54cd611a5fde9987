// A function after linking: names are gone, values and ops are numbered, consumers are compressed rows. Immutable while the node
// lives, but for its cache of plans.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bb/component.h"
#include "bb/registry.h"
#include "runtime/plan.h"

namespace bb::runtime {

inline constexpr std::uint32_t kNone = UINT32_MAX;

/// Method numbers of service graphs: from here on those that peers may call, and a component's own bootstrap.
inline constexpr std::uint16_t kServiceMethods = 0x8000;
inline constexpr std::uint16_t kBootstrapMethod = UINT16_MAX;

/// What a dispatch touches, in one cache line.
struct LinkedOp {
  OpFunction run = nullptr;  // nullptr: `component` is called, or `call` is entered
  const OpState* state = nullptr;
  std::uint32_t component = kNone;  // instance index; the op's slot
  std::uint32_t call = kNone;       // into `calls`
  std::uint32_t in_begin = 0;       // into `inputs` and `sole_reader`
  std::uint32_t out_begin = 0;      // into `outputs` and `output_sites`
  std::uint32_t parameter_begin = 0;
  std::uint32_t fan_out = 0;  // the most ops that its end can make ready
  std::uint16_t in_count = 0;
  std::uint16_t out_count = 0;
  std::uint16_t method = 0;
  bool has_events = false;  // some output is a function output
};
static_assert(sizeof(LinkedOp) <= 64);

struct LinkedGraph {
  enum class Kind : std::uint8_t {
    target,     // the host invokes it, peers' fills start it, its outputs are events
    bootstrap,  // runs as a bootstrap job
    function,   // runs where it is called
    service,    // one op per entry point of a component: its bootstrap, its methods that peers may call
  };
  struct InputPort {
    std::string name;
    std::uint32_t value = kNone;
    std::uint32_t name_index = kNone;
    const TypeNode* type = nullptr;
  };
  /// The payload of a Recv: where fills of one site go.
  struct Receive {
    std::uint64_t site = 0;
    std::uint32_t payload = kNone;
    std::uint32_t sender = kNone;
    const TypeNode* type = nullptr;
  };
  /// A call of another function: which formal gets which of the op's inputs, which of its values go to which outputs.
  struct Call {
    LinkedGraph* callee = nullptr;
    std::vector<std::uint32_t> formals;  // per input of the op: the callee's value, or kNone
    struct Forward {
      std::uint32_t inner = kNone;
      std::uint32_t outer = kNone;
    };
    std::vector<Forward> forwards;  // sorted by `inner`
  };
  /// A component that a run of the function uses, directly or through calls.
  struct Use {
    std::uint32_t component = 0;
    std::uint16_t ops = 0;
  };
  /// What starts ops of the graph besides invocations and fills.
  struct Source {
    enum class Kind : std::uint8_t { event, lifecycle, interval, pulse } kind = Kind::event;
    std::uint32_t op = kNone;
    std::uint32_t name = kNone;  // event kind or phase: name index
  };

  Kind kind = Kind::target;
  std::uint32_t index = 0;  // position in install order: the high half of its OpRefs
  std::string name;         // with hash suffix
  std::string base_name;
  std::uint32_t base_name_index = kNone;
  std::uint32_t value_count = 0;
  std::uint32_t exclusive_max = 0;  // slots that a plan can need to have to itself
  std::uint32_t depth = 0;          // of the calls below it
  std::uint64_t body_hash = 0;      // of the function as it was installed

  std::vector<LinkedOp> ops;
  std::vector<std::uint32_t> inputs;      // value per formal position, kNone where absent
  std::vector<std::uint8_t> sole_reader;  // parallel: this op is the value's only reader, so it may take it
  std::vector<std::uint32_t> outputs;     // value per output, kNone where nothing is named
  std::vector<SiteId> output_sites;       // parallel
  std::vector<std::int64_t> parameters;
  std::vector<std::uint32_t> consumer_begin;  // value → range in `consumers`; value_count + 1 entries
  std::vector<std::uint32_t> consumers;       // ops, duplicates merged
  std::vector<std::uint32_t> event_topic;     // per value: topic name index of a function output, or kNone
  std::vector<InputPort> input_ports;
  std::vector<Receive> receives;
  std::vector<Call> calls;
  std::vector<Use> uses;
  std::vector<Source> sources;
  std::vector<std::unique_ptr<OpState>> states;

  // Off the hot path: for plans, errors and tools.
  struct OpFacts {
    std::string node;
    const OpDeclaration* declaration = nullptr;
    std::uint64_t deadline_ns = 0;
    bool is_source = false;  // never runs of itself: a Recv, or an entry of `sources`
    bool any_ready = false;
    std::uint32_t receive_ancestry = 0;  // equal numbers: downstream of the same set of Recvs
  };
  std::vector<OpFacts> facts;
  std::vector<std::string> value_names;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> effect_edges;  // consecutive ops on one slot, same ancestry
  std::vector<std::uint32_t> producer;                                // per value: op, or kNone for an input

  PlanCache plans;

  std::span<const std::uint32_t> consumers_of(std::uint32_t value) const {
    return {consumers.data() + consumer_begin[value], consumer_begin[value + 1] - consumer_begin[value]};
  }
  const InputPort* find_input(std::string_view port) const {
    for (const InputPort& candidate : input_ports)
      if (candidate.name == port) return &candidate;
    return nullptr;
  }
  std::uint32_t number_of(const InputPort& port) const { return static_cast<std::uint32_t>(&port - input_ports.data()); }
};

}  // namespace bb::runtime
