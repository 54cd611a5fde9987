// The state machine: graphs and components that install put there, executions, the frontier, parked ops, and the poll that moves
// them. Sans IO: what the host pushes waits in `ingress_`, what leaves is in the steps of a poll. One thread.
//
// No state is lost for want of memory: before anything is taken from a queue, room is made for all that its handling may add.
// Without it the poll stops there, keeps the queue as it is and says `more`.
#pragma once

#include <algorithm>
#include <deque>

#include "bb/limits.h"
#include "bb/step.h"
#include "bb/telemetry.h"
#include "op/op_context_builder.h"
#include "op/services.h"
#include "runtime/state.h"
#include "wire/envelope_view.h"

namespace bb::runtime {

/// A component bound at a slot.
struct Instance {
  std::string slot;
  const ComponentClass* type = nullptr;
  std::unique_ptr<Component> component;
  LinkedGraph* service = nullptr;  // its bootstrap and what peers may call, if it has any
  Activation* holder = nullptr;    // has the slot to itself
  std::uint32_t parked = 0;        // ops of other executions that wait for a completion
  std::uint32_t waiting = 0;       // ops queued behind the holder
};

/// What happened to a pushed frame.
struct Received {
  enum class Kind : std::uint8_t { accepted, duplicate, refused, malformed };
  Kind kind = Kind::accepted;
  Error error;             // refused: busy, blocked, silenced, queue_full, budget_exceeded, no_memory, unauthenticated
  EnvelopeError envelope;  // malformed
};

struct PollResult {
  std::span<const Step> steps;
  std::uint64_t next_wakeup_ns = framework::Scheduler::kNever;
  bool more = false;  // runnable work remains: poll again with the same time
};

using framework::InfraEvent;

/// What values are made of and charged to: it outlives them all.
struct Stock {
  explicit Stock(const Limits& limits) : memory_(limits.memory_bytes_max), ingress_bytes_(limits.ingress_bytes_max) {}
  Memory memory_;
  ByteBudget ingress_bytes_;
};

class Engine final : private op::Runtime, private Stock, private State {
 public:
  explicit Engine(const EngineConfig& config);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Install (node/install.cpp), before the first poll.
  std::uint32_t intern(std::string_view name);
  /// A name that comes after install; there is an end to them. Errors: over_cap.
  Result<std::uint32_t> intern_later(std::string_view name);
  /// The names so far are the installed graphs'.
  void end_install() { installed_names_ = static_cast<std::uint32_t>(names_.size()); }
  std::uint32_t add_instance(Instance instance);
  void set_service(std::uint32_t component, LinkedGraph& graph) { instances_[component].service = &graph; }
  LinkedGraph& add_graph(std::unique_ptr<LinkedGraph> graph);
  /// Errors: duplicate, when another receive already has the site; no_memory.
  Status register_receives(LinkedGraph& graph);
  /// Wires event sources and lifecycle phases of a target. Errors: no_memory, over_cap.
  Status register_sources(LinkedGraph& graph);
  /// `target` starts once the body is done; a target that no body names starts with the first poll.
  void register_bootstrap(LinkedGraph& graph, std::uint32_t op, LinkedGraph* target);

  // What the host pushes.
  Received receive(std::uint32_t peer, Bytes frame);
  /// Whether a frame with this outcome left anything behind, if only in a counter.
  static bool changes_node(const Received& received);
  /// What a frame left behind that was not accepted; for a replay, which does not have it.
  void repeat_refusal(std::uint32_t peer, Received::Kind kind);
  /// nullptr when there are too many executions, or no memory for this one; `prepare_failure` tells which.
  Activation* prepare(LinkedGraph& graph);
  Code prepare_failure() const { return executions_ >= config_.limits.executions_max ? Code::queue_full : Code::no_memory; }
  /// Queues an execution made by `prepare` that starts from the values present. Destroys it unless it returns `ok`: queue_full, no_memory.
  Code submit(Activation* activation);
  void discard(Activation* activation);
  /// Errors: unknown_command (counted as late), type_mismatch, too_many_inputs, oversize_payload, no_memory, busy.
  Status complete(CommandId command, std::span<Value> outputs);
  Status complete_failed(CommandId command, OpError error);
  /// The transport could not deliver a request. Errors: no_memory, busy.
  Status send_failed(std::uint64_t request_id, std::uint32_t peer, std::string_view reason);
  /// Queues prepared activations, one per body, as jobs: all or none. Errors: no_memory.
  Status enqueue_bootstrap(std::span<const Bootstrap::Job> jobs);
  /// Errors: over_cap, no_memory.
  Status fire_lifecycle(std::string_view phase);
  /// Errors: over_cap, no_memory.
  Status subscribe(std::string_view event, LinkedGraph& graph, std::uint32_t value);
  /// What a restore does to the state that it has put in place.
  void set_host_clock(std::uint64_t now_ns);
  void set_incarnation(std::uint64_t incarnation) { peers_.set_incarnation(incarnation); }
  /// Another life than the one that the state is of.
  void begin_life(std::uint64_t incarnation) {
    set_incarnation(incarnation);
    requests_.begin_life(incarnation);
  }
  void fail_pending(std::string_view reason, std::string_view detail);
  void forget_links();
  void suspended(std::uint64_t gap_ns) { gap_ns_ = gap_ns > UINT64_MAX - gap_ns_ ? UINT64_MAX : gap_ns_ + gap_ns; }

  PollResult poll(std::uint64_t now_ns, std::uint32_t ops);

  bool polling() const { return polling_; }
  /// Within a poll, or between the halves of one that found no memory.
  bool busy() const { return polling_ || stalled(); }
  bool stalled() const { return next_part_ < kParts; }
  /// Polls that stopped for want of memory, each time.
  std::uint64_t stalls() const { return stalls_; }
  bool idle() const {
    return ingress_.empty() && frontier_.empty() && gated_starts_.empty() && gated_ops_.empty() && !bootstrap_.pending() &&
           bus_.empty() && !routing_ && phases_.empty();
  }
  void set_mask(StepMask mask) { mask_ = mask; }
  /// Room for so many steps that are made between two polls, as far as the limit goes.
  bool reserve_told(std::uint64_t more) {
    return more == 0 ||
           later_.try_reserve(std::min<std::uint64_t>(later_.size() + more, config_.limits.ingress_max + std::uint64_t{1}));
  }
  void set_span_hook(SpanHook hook) { hook_ = hook; }
  void echo(const LinkedGraph& graph, const LinkedGraph::InputPort& port, ExecId exec, const Value& value);
  /// Whether the echo of a delivered event can be kept.
  bool reserve_echo() { return !mask_.events || later_.try_reserve(later_.size() + std::uint64_t{1}); }

  const EngineConfig& config() const { return config_; }
  const PeerId& self() const { return config_.self; }
  const Limits& limits() const { return config_.limits; }
  std::uint64_t incarnation() const { return peers_.incarnation(); }
  std::uint64_t now_ns() const { return timers_.now_ns(); }
  std::uint64_t journal_sequence() const { return journal_sequence_; }
  void count_input() { ++journal_sequence_; }
  /// The steps of the last poll; its result is void.
  Array<Step> take_steps() { return std::move(steps_); }
  Memory& memory() { return memory_; }
  ByteBudget& ingress_bytes() { return ingress_bytes_; }
  framework::PeerTable& peers() { return peers_; }
  const framework::PeerTable& peers() const { return peers_; }
  framework::Outbound& outbound() { return outbound_; }
  framework::Requests& requests() { return requests_; }
  framework::Governor& governor() { return governor_; }
  framework::RttTracker& round_trips() { return rtt_; }
  Bootstrap& bootstrap() { return bootstrap_; }
  const std::deque<Instance>& instances() const { return instances_; }
  const std::vector<std::unique_ptr<LinkedGraph>>& graphs() const { return graphs_; }
  const std::deque<std::string>& names() const { return names_; }
  std::uint32_t installed_names() const { return installed_names_; }
  bool gate_closed() const { return gate_closed_; }
  const Counters& counters() const { return counters_; }
  std::uint64_t metric(std::uint32_t name) const { return metrics_.value(name); }
  bool echo_app_events() const { return config_.echo_app_events; }
  std::uint32_t frontier_size() const { return frontier_.size() + gated_ops_.size(); }
  std::uint32_t parked_count() const { return parked_.size(); }
  std::uint32_t ingress_size() const { return ingress_.size() + gated_starts_.size(); }
  std::uint32_t executions() const { return executions_; }
  std::uint32_t timer_count() const { return timers_.size() + deadlines_.size(); }
  std::uint32_t bus_size() const { return bus_.size(); }

 private:
  friend class StateCodec;  // runtime/state_codec.h
  friend class StateLoader;
  friend class Explainer;  // runtime/waits.h

  struct ReceiveAt {
    LinkedGraph* graph = nullptr;
    std::uint32_t receive = 0;
  };
  static bool infra_event(std::string_view name, framework::EventKind& kind);

  // op::Runtime
  Result<CommandId> open_command(OpContext& ctx, std::uint64_t deadline_ns) override;
  Component* sibling(ComponentRef from, std::string_view slot, ComponentRef& found) override;
  bool room_to_report(std::uint64_t destinations) override;
  void peer_unresolved(const PeerId& peer, const OpContext& ctx) override;
  void peer_denied(std::uint32_t peer, const framework::Verdict& verdict) override;
  void request_evicted(const framework::RequestOutcome& outcome) override;
  void complete_later(CommandId command, Value value) override;
  Status wake_after(CommandId command, std::uint64_t delay_ns) override;
  Status tick(OpRef op, std::uint64_t period_ns) override;
  void publish(std::uint32_t topic, Value value) override;
  bool ask_to_back_off(std::uint32_t peer, framework::BackoffCause cause, std::uint64_t min_backoff_ns) override;

  // engine.cpp
  bool plan(Activation* activation, PlanStart::Mode mode, std::uint32_t op = kNone);
  void link(Activation* activation);
  void unlink(Activation* activation);

  // dispatch.cpp
  bool has_room(std::uint64_t ready, std::uint64_t events, std::uint64_t steps) const;
  bool make_room(std::uint64_t ready, std::uint64_t events, std::uint64_t steps);
  bool make_room_with_callers(const Activation* activation, std::uint64_t ready, std::uint64_t events);
  static std::uint64_t ready_with_callers(const Activation* activation, std::uint64_t ready);
  bool is_crowded(const Activation* activation, std::uint64_t ready);
  bool room_to_start(const Activation* activation);
  bool room_to_finish(const Activation* activation, std::uint32_t op);
  bool start(Activation* activation);
  void begin(Activation* activation);
  bool take_slots(Activation* activation);
  bool begin_waiting();
  bool run_next();
  void enqueue(Activation* activation, std::uint32_t op);
  bool run_frontier();
  void dispatch(Activation* activation, std::uint32_t op);
  Outcome run_component(const LinkedOp& linked);
  void finish_op(Activation* activation, std::uint32_t op);
  void write_outputs(Activation* activation, const LinkedGraph& graph, const LinkedOp& linked, std::uint32_t op);
  void finish_effects(Activation* activation, std::uint32_t op);
  void arrive(Activation* activation, std::uint32_t value);
  void surface(Activation* activation, std::uint32_t value);
  void fail_op(Activation* activation, std::uint32_t op, OpError error);
  void leave_slot(Activation* activation, std::uint32_t component);
  void release_slot(std::uint32_t component);
  void let_go(Activation* activation) {
    BB_ASSERT(activation->live > 0);
    if (--activation->live == 0) end(activation);
  }
  void end(Activation* activation);
  void enter_call(Activation* activation, std::uint32_t op);
  void park(Activation* activation, std::uint32_t op);

  // completion.cpp
  bool apply_completion(CommandId command);
  void fail_later(CommandId command, OpError error);
  std::string_view kept_reason(const OpError& error);
  Parked take_parked(CommandId command);
  void forget(CommandId command);
  void abandon(CommandId command);
  /// Errors: empty_list (too few answers), no_memory.
  Status gather(const framework::RequestOutcome& outcome);
  void expire(const framework::Timer& timer);
  bool is_still(const framework::RequestOutcome& outcome) const;
  void request_ended(const framework::RequestOutcome& outcome, OpError error);

  // deliver.cpp
  void count(Received::Kind kind);
  Received deliver(std::uint32_t peer, Bytes frame);
  bool deliver_response(std::uint32_t peer);
  void deliver_fill(std::uint32_t peer, std::uint32_t index);
  void deliver_call(std::uint32_t peer, std::uint32_t index, const Address& address);
  const ReceiveAt* receive_of(std::uint32_t peer, std::uint32_t index);
  Activation* activation_for(LinkedGraph& graph, std::uint32_t payload);
  bool is_repeated(const PeerId& source, std::uint32_t index);
  void charge(Value& value, std::uint64_t bytes);
  Status room_for_starts(const framework::PeerRecord& record, std::uint32_t fills) const;
  void tell_lost_advice(std::uint32_t peer);
  void receive_failed(WireReceiveFailed failure);

  // policy.cpp
  enum class Judged : std::uint8_t { heard, ends_silence, blocked, silenced };
  Judged judge_frame(std::uint32_t peer);
  void end_silence(std::uint32_t peer) { backpressure_.record_recovery(peers_.at(peer).pressure); }
  void note_malformed(std::uint32_t peer);
  void note_success(std::uint32_t peer);
  void note_failure(std::uint32_t peer);
  void note_transition(std::uint32_t peer, framework::HealthTransition transition);
  void note_silence(const framework::PhiTransition& transition);
  void tell_blocked(std::uint32_t peer, const framework::Verdict& verdict);
  void note_drained(Activation* activation);
  void check_pressure(std::uint32_t peer);
  void read_notice(std::uint32_t peer);

  // signals.cpp
  void publish_infra(InfraEvent event, Value value = {});
  bool route_bus();
  bool run_phases();
  bool start_modules();
  bool start_from_op(LinkedGraph& graph, std::uint32_t op);
  bool start_from_value(LinkedGraph& graph, std::uint32_t value, const Value& content);
  bool run_or_hold(Activation* activation);
  bool mature(const framework::Timer& timer);

  // bootstrap.cpp
  enum class Began : std::uint8_t { started, nothing, stalled };  // stalled: no memory
  Began begin_bootstrap();
  void bootstrap_ended();
  bool close_gate();
  bool open_gate();

  // poll.cpp
  bool has_nothing_to_do(std::uint32_t part) const;
  bool finish_part(std::uint32_t part);
  bool run_part(std::uint32_t part);
  bool advance_clock(std::uint64_t now_ns);
  std::uint64_t host_time(std::uint64_t at_ns) const;
  bool run_timers();
  bool drain_ingress();
  bool drain_completions();
  bool expire_deadlines();
  bool drain_outbound();
  bool write_tail();
  /// A step is far larger than most of what it can be, so it is made where it stays.
  template <class S>
  void emit(bool wanted, S&& step) {
    if (!wanted) return;
    // Room that was made is not asked for again.
    if (steps_.size() == steps_.capacity() && !steps_.try_reserve(steps_.size() + std::uint64_t{1})) [[unlikely]] {
      ++counters_.steps_dropped;
      return;
    }
    steps_.push_reserved(std::in_place_type<std::remove_cvref_t<S>>, std::forward<S>(step));
  }
  /// Between polls: the step comes first in the next one. Past the limit it is counted instead.
  template <class S>
  void emit_later(bool wanted, S&& step) {
    if (!wanted) return;
    if (polling_) return emit(true, std::forward<S>(step));
    if (later_.size() >= config_.limits.ingress_max || !reserve_told(later_.size() < later_.capacity() ? 0 : 1)) {
      ++counters_.steps_dropped;
      return;
    }
    later_.push_reserved(std::forward<S>(step));
  }
  void enter_span(std::string_view name, OpRef op = {}, ExecId exec = {}) {
    if (hook_.enter) [[unlikely]]
      hook_.enter(hook_.context, {name, op, exec});
  }
  void exit_span(std::string_view name, OpRef op = {}, ExecId exec = {}) {
    if (hook_.exit) [[unlikely]]
      hook_.exit(hook_.context, {name, op, exec});
  }

  EngineConfig config_;
  StepMask mask_;
  SpanHook hook_;

  // What install made; it does not change afterwards.
  static constexpr std::uint32_t kLaterNamesMax = 1'024;
  std::deque<std::string> names_;
  std::uint32_t installed_names_ = 0;
  std::deque<Instance> instances_;
  std::vector<std::unique_ptr<LinkedGraph>> graphs_;
  FlatMap<ReceiveAt> receives_;

  // Scratch of one poll or one receive; capacities are kept.
  op::Services services_;
  OpContext ctx_;
  OpError error_;
  bool polling_ = false;
  static constexpr std::uint32_t kParts = 14;
  std::uint32_t next_part_ = kParts;  // of the poll under way
  std::uint64_t poll_ns_ = 0;
  bool crowded_ = false;     // what was asked for last would make too many ops ready
  bool relieving_ = false;   // ops that are ready run, so that the part at hand can go on
  bool postponed_ = false;   // a part of the poll waits for the next one's budget
  bool starts_due_ = false;  // a slot is free and executions wait for one
  std::uint32_t budget_ = 0;
  std::uint32_t ops_run_ = 0;
  std::uint64_t polls_ = 0;
  std::uint64_t stalls_ = 0;
  Array<Step> steps_;
  Array<PeerResolveFailed> unresolved_;
  wire::EnvelopeView view_;
  Array<Activation*> opened_;
  Array<std::uint32_t> seeds_;
  Array<std::uint64_t> payload_keys_;
  std::uint64_t charged_ = 0;
  std::uint32_t receive_errors_ = 0, decode_failures_ = 0;  // of the frame at hand, to be published
  bool out_of_memory_ = false;
};

}  // namespace bb::runtime
