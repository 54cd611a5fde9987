// The writing half of a node's state. Order and meaning of every field are in docs/snapshot-format.md.
#include "bb/value_state.h"
#include "runtime/state_codec.h"

namespace bb::runtime {
namespace {

class Saver {
 public:
  Saver(const Engine& engine, const State& state, StateWriter& out, Unsaveable& where)
      : engine_(engine), state_(state), out_(out), where_(where) {}

  Status save() {
    clocks();
    BB_CHECK(framework());
    names();
    bootstrap();
    BB_CHECK(executions());
    queues();
    BB_CHECK(commands());
    BB_CHECK(steps());
    counters();
    return out_.complete() ? Status{} : fail(Code::no_memory);
  }

 private:
  void clocks() {
    out_.number(state_.next_exec_);
    out_.number(state_.next_command_);
    out_.number(state_.host_ns_);
    out_.fixed_u64(static_cast<std::uint64_t>(state_.clock_offset_ns_));
    out_.number(state_.gap_ns_);
    out_.number(state_.journal_sequence_);
    save_random(out_, state_.op_random_);
  }

  // A primitive that answers false lacks memory, or holds a value that cannot be saved.
  Status whole(bool saved, std::string_view what) {
    if (saved || !out_.complete()) return {};
    where_ = {.graph = {}, .value = std::string(what)};
    return fail(Code::not_encodable);
  }

  Status framework() {
    BB_CHECK(whole(state_.timers_.save(out_), "timers"));
    BB_CHECK(whole(state_.deadlines_.save(out_), "deadlines"));
    state_.peers_.save(out_);
    BB_CHECK(
        whole(state_.outbound_.save(out_, [this](std::uint32_t peer) -> const auto& { return state_.peers_.at(peer).outbound; }),
              "outbound"));
    BB_CHECK(whole(state_.requests_.save(out_), "requests"));
    state_.rtt_.save(out_);
    state_.governor_.save(out_);
    state_.backpressure_.save(out_);
    BB_CHECK(whole(state_.permits_.save(out_), "permits"));
    BB_CHECK(whole(state_.queues_.save(out_), "queues"));
    BB_CHECK(whole(state_.held_.save(out_), "held values"));
    BB_CHECK(whole(state_.records_.save(out_), "records"));
    BB_CHECK(whole(state_.metrics_.save(out_), "metrics"));
    BB_CHECK(whole(state_.bus_.save(out_), "events"));
    out_.flag(state_.routing_.has_value());
    if (state_.routing_) {
      out_.number(state_.routing_->kind.v);
      BB_CHECK(whole(save_value(out_, state_.routing_->payload), "events"));
      out_.number(state_.routed_);
    }
    state_.payloads_.save(out_);
    return {};
  }

  void names() {
    const auto& names = engine_.names();
    out_.number(names.size() - engine_.installed_names());
    for (std::size_t i = engine_.installed_names(); i < names.size(); ++i) out_.text(names[i]);
  }

  void bootstrap() {
    const Bootstrap& bootstrap = state_.bootstrap_;
    for (const Bootstrap::Body& body : bootstrap.bodies) {
      out_.flag(body.done);
      out_.flag(body.skipped);
    }
    out_.number(bootstrap.jobs().size());
    for (std::uint32_t i = 0; i < bootstrap.jobs().size(); ++i) {
      out_.number(bootstrap.jobs().at(i).activation->exec.v);
      out_.number(bootstrap.jobs().at(i).body);
    }
    out_.flag(bootstrap.current != nullptr);
    if (bootstrap.current) {
      out_.number(bootstrap.current->exec.v);
      out_.number(bootstrap.current_body);
      out_.flag(bootstrap.announced);
    }
    out_.flag(engine_.gate_closed());
    out_.number(state_.started_.size());
    for (const std::uint32_t started : state_.started_) out_.number(started);
    out_.flag(state_.modules_due_);
  }

  Status executions() {
    out_.number(state_.executions_);
    for (const Activation* activation = state_.first_; activation; activation = activation->next) BB_CHECK(execution(*activation));
    return {};
  }

  Status execution(const Activation& activation) {
    const LinkedGraph& graph = *activation.graph;
    out_.number(activation.exec.v);
    out_.number(graph.index);
    out_.byte(static_cast<std::uint8_t>(activation.stage));
    out_.byte(static_cast<std::uint8_t>((activation.from_envelope ? 1 : 0) | (activation.bootstrap ? 2 : 0) |
                                        (activation.holds_slots ? 4 : 0) | (activation.failed ? 8 : 0) |
                                        (activation.parent ? 16 : 0) | (activation.peer != UINT32_MAX ? 32 : 0)));
    if (activation.parent) {
      out_.number(activation.parent->exec.v);
      out_.number(activation.call_op);
      out_.number(activation.owed);
    }
    if (activation.peer != UINT32_MAX) {
      out_.number(activation.peer);
      out_.number(activation.peer_generation);
    }
    out_.number(activation.start_ns);
    if (activation.from_envelope) {
      if (!save_value(out_, activation.inbound.source)) return refuse(graph, UINT32_MAX);
      out_.number(activation.inbound.request_id);
      out_.number(activation.inbound.arrival_ns);
      out_.number(activation.inbound.remaining_ns);
    }
    BB_CHECK(values(activation));
    return plan(activation);
  }

  Status values(const Activation& activation) {
    const LinkedGraph& graph = *activation.graph;
    std::uint32_t present = 0;
    for (std::uint32_t i = 0; i < graph.value_count; ++i) present += activation.values()[i].present();
    out_.number(present);
    for (std::uint32_t i = 0; i < graph.value_count; ++i) {
      const Value& value = activation.values()[i];
      if (!value.present()) continue;
      out_.number(i);
      BB_TRY(charge, charge_of(value));
      out_.number(charge);
      if (!save_value(out_, value)) return refuse(graph, i);
    }
    return {};
  }

  // Where values share a block, its charge is the first one's.
  Result<std::uint64_t> charge_of(const Value& value) {
    if (value.charged_bytes() == 0 || charged_.find(value.block_identity())) return 0;
    if (!charged_.try_insert(value.block_identity(), true)) return fail(Code::no_memory);
    return value.charged_bytes();
  }

  // A prepared bootstrap has its plan already; what an execution starts from makes the same plan again.
  Status plan(const Activation& activation) {
    const Plan& plan = *activation.plan;
    out_.byte(static_cast<std::uint8_t>(plan.mode));
    if (plan.mode == PlanStart::Mode::one) out_.number(plan.op);
    out_.number(plan.seeds.size());
    for (const std::uint32_t seed : plan.seeds) out_.number(seed);
    for (std::uint32_t op = 0; op < activation.graph->ops.size(); ++op)
      if (plan.member[op]) out_.number(activation.missing()[op]);
    for (std::uint32_t i = 0; i < plan.exclusive.size(); ++i) out_.number(activation.slot_ops()[i]);
    return {};
  }

  Status refuse(const LinkedGraph& graph, std::uint32_t value) {
    if (!out_.complete()) return fail(Code::no_memory);
    where_ = {.graph = graph.base_name, .value = value < graph.value_names.size() ? graph.value_names[value] : "inbound.source"};
    return fail(Code::not_encodable);
  }

  void queued(const Queued& entry) {
    out_.number(entry.activation->exec.v);
    out_.number(entry.op);
  }
  void queues() {
    out_.number(state_.ingress_.size());
    for (std::uint32_t i = 0; i < state_.ingress_.size(); ++i) {
      const Ingress& entry = state_.ingress_.at(i);
      out_.byte(static_cast<std::uint8_t>(entry.kind));
      out_.number(entry.kind == Ingress::Kind::start ? entry.activation->exec.v : entry.command.v);
    }
    for (const auto* ring : {&state_.gated_starts_, &state_.waiting_starts_}) {
      out_.number(ring->size());
      for (std::uint32_t i = 0; i < ring->size(); ++i) out_.number(ring->at(i)->exec.v);
    }
    for (const auto* ring : {&state_.frontier_, &state_.gated_ops_}) {
      out_.number(ring->size());
      for (std::uint32_t i = 0; i < ring->size(); ++i) queued(ring->at(i));
    }
    out_.number(state_.waiting_ops_.size());
    for (const Queued& entry : state_.waiting_ops_) queued(entry);
  }

  Status commands() {
    Array<std::uint64_t> keys;
    if (!state_.parked_.sorted_keys(keys)) return fail(Code::no_memory);
    out_.number(keys.size());
    for (const std::uint64_t key : keys) {
      const Parked& parked = *state_.parked_.find(key);
      out_.number(key);
      queued({parked.activation, parked.op});
      out_.flag(parked.completed);
      out_.number(parked.since_ns);
      out_.number(parked.deadline_ns);
    }
    if (!state_.failures_.sorted_keys(keys)) return fail(Code::no_memory);
    out_.number(keys.size());
    for (const std::uint64_t key : keys) {
      const OpError& error = *state_.failures_.find(key);
      out_.number(key);
      out_.byte(static_cast<std::uint8_t>(error.kind));
      out_.text(error.reason);
      out_.text(error.detail);
    }
    out_.number(state_.completions_.size());
    for (std::uint32_t i = 0; i < state_.completions_.size(); ++i) out_.number(state_.completions_.at(i).v);
    if (!state_.intervals_.sorted_keys(keys)) return fail(Code::no_memory);
    out_.number(keys.size());
    for (const std::uint64_t key : keys) {
      const Interval& interval = *state_.intervals_.find(key);
      out_.number(key);
      out_.number(interval.next_ns);
      out_.number(interval.period_ns);
    }
    out_.number(state_.phases_.size());
    for (std::uint32_t i = 0; i < state_.phases_.size(); ++i) {
      out_.number(state_.phases_.at(i).name);
      out_.number(state_.phases_.at(i).started);
      out_.flag(state_.phases_.at(i).announced);
    }
    return {};
  }

  Status steps() {
    out_.number(state_.later_.size());
    for (const Step& step : state_.later_) {
      out_.byte(static_cast<std::uint8_t>(step.index()));
      BB_CHECK(std::visit([this](const auto& s) { return save_step(s); }, step));
    }
    return {};
  }
  void peer(const PeerId& id) {
    std::uint8_t bytes[PeerId::kBytesMax];
    out_.bytes({bytes, id.write(bytes)});
  }
  Status save_step(const AppEvent& event) {
    std::uint32_t graph = 0, topic = 0;
    while (graph < engine_.graphs().size() && engine_.graphs()[graph]->base_name.data() != event.target.data()) ++graph;
    while (topic < engine_.names().size() && engine_.names()[topic].data() != event.topic.data()) ++topic;
    BB_ASSERT(topic < engine_.names().size());
    out_.number(graph);
    out_.number(topic);
    out_.number(event.exec.v);
    return save_value(out_, event.value) ? Status{} : fail(out_.complete() ? Code::not_encodable : Code::no_memory);
  }
  Status save_step(const WireReceiveFailed& step) {
    peer(step.source);
    out_.number(step.fill);
    out_.number(step.actual_hash);
    out_.number(step.payload_size);
    out_.byte(static_cast<std::uint8_t>(step.kind));
    out_.number(step.expected_hash);
    out_.byte(static_cast<std::uint8_t>(step.error.code));
    out_.number(step.error.at);
    return {};
  }
  Status save_step(const WireDecodeFailed& step) {
    peer(step.source);
    out_.number(step.fill);
    out_.number(step.hash);
    out_.number(step.payload_size);
    out_.text(step.detail);
    return {};
  }
  Status save_step(const WireTimeout& step) {
    peer(step.peer);
    out_.number(step.request_id);
    out_.number(step.target_site);
    out_.number(step.started_ns);
    out_.number(step.waiter.v);
    return {};
  }
  Status save_step(const PeerChange& step) {
    peer(step.peer);
    out_.byte(static_cast<std::uint8_t>(step.kind));
    out_.byte(static_cast<std::uint8_t>(step.reason));
    out_.number(step.retry_ns);
    out_.real(step.phi);
    return {};
  }
  // Other steps are made by polls only.
  template <class S>
  Status save_step(const S&) {
    BB_ASSERT(false);
    return {};
  }

  void counters() {
    static_assert(sizeof(Counters) % sizeof(std::uint64_t) == 0);
    const auto* numbers = reinterpret_cast<const std::uint64_t*>(&state_.counters_);
    for (std::size_t i = 0; i < sizeof(Counters) / sizeof(std::uint64_t); ++i) out_.number(numbers[i]);
  }

  const Engine& engine_;
  const State& state_;
  StateWriter& out_;
  Unsaveable& where_;
  FlatMap<bool> charged_;
};

}  // namespace

Status StateCodec::save(const Engine& engine, StateWriter& out, Unsaveable& where) {
  return Saver(engine, engine, out, where).save();
}

}  // namespace bb::runtime
