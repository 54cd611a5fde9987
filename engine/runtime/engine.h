// The state machine: graphs and components that install put there, executions, the frontier, parked ops, and the poll that moves
// them. Sans IO: what the host pushes waits in `ingress_`, what leaves is in the steps of a poll. One thread.
#pragma once

#include <deque>

#include "base/ring.h"
#include "bb/limits.h"
#include "bb/step.h"
#include "op/op_context_builder.h"
#include "op/services.h"
#include "runtime/activation.h"
#include "wire/envelope_view.h"

namespace bb::runtime {

/// A component bound at a slot.
struct Instance {
  std::string slot;
  const ComponentClass* type = nullptr;
  std::unique_ptr<Component> component;
  Activation* holder = nullptr;  // has the slot to itself
  std::uint32_t parked = 0;      // ops of other executions that wait for a completion
  std::uint32_t waiting = 0;     // ops queued behind the holder
};

struct EngineConfig {
  PeerId self;
  Limits limits;
  std::uint64_t seed = 0;
  std::uint64_t incarnation = 0;  // 0: drawn from the seed
  bool credit_required = false;   // peers start with no outbound credit
  bool echo_app_events = false;
  StepMask mask;
};

/// What happened to a pushed frame.
struct Received {
  enum class Kind : std::uint8_t { accepted, duplicate, refused, malformed };
  Kind kind = Kind::accepted;
  Error error;             // refused: busy, queue_full, budget_exceeded, no_memory, unauthenticated
  EnvelopeError envelope;  // malformed
};

struct PollResult {
  std::span<const Step> steps;
  std::uint64_t next_wakeup_ns = framework::Scheduler::kNever;
  bool more = false;  // runnable work remains: poll again with the same time
};

struct Counters {
  std::uint64_t ops = 0;
  std::uint64_t envelopes_in = 0;
  std::uint64_t envelopes_out = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t malformed = 0;
  std::uint64_t refused = 0;
  std::uint64_t late_completions = 0;
  std::uint64_t unmatched_responses = 0;
  std::uint64_t backoff_notices = 0;
  std::uint64_t outbound_dropped = 0;
  std::uint64_t steps_dropped = 0;
};

class Engine final : private op::Runtime {
 public:
  explicit Engine(const EngineConfig& config);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Install (node/install.cpp), before the first poll.
  std::uint32_t intern(std::string_view name);
  std::uint32_t add_instance(Instance instance);
  LinkedGraph& add_graph(std::unique_ptr<LinkedGraph> graph);
  /// Errors: duplicate, when another receive already has the site.
  Status register_receives(LinkedGraph& graph);

  // What the host pushes.
  Received receive(std::uint32_t peer, Bytes frame);
  Result<Activation*> prepare(LinkedGraph& graph);
  /// Queues an execution made by `prepare` that starts from the values present. Destroys it on error: queue_full.
  Result<ExecId> submit(Activation* activation);
  void discard(Activation* activation);
  /// Errors: unknown_command (counted as late), type_mismatch, too_many_inputs, busy.
  Status complete(CommandId command, std::span<Value> outputs);
  Status complete_failed(CommandId command, OpError error);

  PollResult poll(std::uint64_t now_ns, std::uint32_t ops);

  bool busy() const { return polling_; }
  void set_mask(StepMask mask) { mask_ = mask; }
  StepMask mask() const { return mask_; }
  const PeerId& self() const { return config_.self; }
  const Limits& limits() const { return config_.limits; }
  std::uint64_t incarnation() const { return peers_.incarnation(); }
  Memory& memory() { return memory_; }
  ByteBudget& ingress_bytes() { return ingress_bytes_; }
  framework::PeerTable& peers() { return peers_; }
  framework::Outbound& outbound() { return outbound_; }
  framework::Scheduler& scheduler() { return scheduler_; }
  framework::Requests& requests() { return requests_; }
  const std::deque<Instance>& instances() const { return instances_; }
  const std::vector<std::unique_ptr<LinkedGraph>>& graphs() const { return graphs_; }
  const std::deque<std::string>& names() const { return names_; }
  const Counters& counters() const { return counters_; }
  bool echo_app_events() const { return config_.echo_app_events; }
  void echo(const LinkedGraph& graph, const LinkedGraph::InputPort& port, ExecId exec, const Value& value);
  std::uint32_t frontier_size() const { return frontier_.size(); }
  std::uint32_t parked_count() const { return parked_.size(); }
  std::uint32_t ingress_size() const { return ingress_.size(); }
  std::uint32_t executions() const { return executions_; }

 private:
  struct Queued {
    Activation* activation = nullptr;
    std::uint32_t op = 0;
  };
  struct Ingress {
    enum class Kind : std::uint8_t { start, completion } kind = Kind::start;
    Activation* activation = nullptr;
    CommandId command;
  };
  struct Parked {
    Activation* activation = nullptr;
    std::uint32_t op = 0;
    framework::TimerId deadline;
    bool completed = false;  // the completion is in the ingress
  };
  struct ReceiveAt {
    LinkedGraph* graph = nullptr;
    std::uint32_t receive = 0;
  };
  struct Failure {
    CommandId command;
    OpError error;
  };

  // op::Runtime
  Result<CommandId> open_command(OpContext& ctx, std::uint64_t deadline_ns) override;
  Component* sibling(ComponentRef from, std::string_view slot, ComponentRef& found) override;
  void peer_unresolved(const PeerId& peer, OpRef op, ExecId exec) override;

  // dispatch.cpp
  void start(Activation* activation);
  void try_waiting_starts();
  bool take_slots(Activation* activation);
  void begin(Activation* activation);
  void enqueue(Activation* activation, std::uint32_t op);
  void run_frontier();
  void dispatch(Activation* activation, std::uint32_t op);
  void finish_op(Activation* activation, std::uint32_t op);
  void fail_op(Activation* activation, std::uint32_t op, OpError error);
  void leave_slot(Activation* activation, std::uint32_t component);
  void release_slot(std::uint32_t component);
  void let_go(Activation* activation);
  void surface(Activation* activation, std::uint32_t value);
  void park(Activation* activation, std::uint32_t op);

  // completion.cpp
  void apply_completion(CommandId command);
  void fail_parked(CommandId command, OpError error);
  void expire(const framework::Timer& timer);

  // deliver.cpp
  Received deliver(std::uint32_t peer, Bytes frame);
  bool deliver_response(std::uint32_t peer);
  void deliver_fill(std::uint32_t peer, std::uint32_t index);
  Activation* activation_for(const ReceiveAt& at);
  void receive_failed(WireReceiveFailed failure);

  // poll.cpp
  void drain_ingress();
  void drain_outbound();
  template <class S>
  void emit(bool wanted, S step) {
    if (wanted) steps_.emplace_back(std::move(step));
  }
  /// Between polls: the step comes first in the next one. Past the limit it is counted instead.
  template <class S>
  void emit_later(bool wanted, S step) {
    if (!wanted) return;
    if (later_.size() < config_.limits.ingress_max) {
      later_.emplace_back(std::move(step));
    } else {
      ++counters_.steps_dropped;
    }
  }

  EngineConfig config_;
  StepMask mask_;
  Memory memory_;
  ByteBudget ingress_bytes_;
  RandomStream op_random_;
  framework::Scheduler scheduler_;
  framework::PeerTable peers_;
  framework::Outbound outbound_;
  framework::Requests requests_;
  framework::PayloadWindow payloads_;
  op::Services services_;

  std::deque<std::string> names_;
  std::deque<Instance> instances_;
  std::vector<std::unique_ptr<LinkedGraph>> graphs_;
  FlatMap<ReceiveAt> receives_;

  Ring<Ingress> ingress_;
  Ring<Queued> frontier_;
  Ring<Activation*> waiting_starts_;
  std::deque<Queued> waiting_ops_;
  FlatMap<Parked> parked_;
  FlatMap<Failure> failures_;  // completions that failed, until the poll applies them
  std::uint32_t ingress_starts_ = 0;
  std::uint32_t executions_ = 0;
  std::uint64_t next_exec_ = 0;
  std::uint64_t next_command_ = 0;
  std::uint64_t next_site_ = 0;
  std::uint64_t host_ns_ = 0;         // the host's clock at the last poll
  std::uint64_t clock_shift_ns_ = 0;  // how much of it the engine slept through

  // Scratch of one poll or one receive; capacities are kept.
  OpContext ctx_;
  OpError error_;
  bool polling_ = false;
  std::uint32_t budget_ = 0;
  std::uint32_t ops_run_ = 0;
  std::vector<Step> steps_;
  std::vector<Step> later_;  // made between polls, first in the next
  std::vector<AppEvent> events_;
  std::vector<PeerResolveFailed> unresolved_;
  wire::EnvelopeView view_;
  std::vector<Activation*> opened_;
  std::vector<std::uint32_t> seeds_;
  std::uint64_t charged_ = 0;
  bool out_of_memory_ = false;
  Counters counters_;
};

}  // namespace bb::runtime
