// The reading half of a node's state. What is read is hostile: every index is checked, every op is in one place at most, and counts that
// the engine keeps are counted anew.
#include <algorithm>

#include "bb/value_state.h"
#include "runtime/state_codec.h"

namespace bb::runtime {

class StateLoader {
 public:
  StateLoader(StateReader& in, StateCodec::Loaded& loaded)
      : in_(in), loaded_(loaded), engine_(loaded.engine_), state_(loaded.state_) {}

  Status load() {
    BB_CHECK(clocks());
    BB_CHECK(framework());
    BB_CHECK(names());
    BB_CHECK(bootstrap());
    BB_CHECK(executions());
    BB_CHECK(link_bootstrap());
    BB_CHECK(queues());
    BB_CHECK(commands());
    BB_CHECK(phases());
    BB_CHECK(count_live());
    BB_CHECK(steps());
    return counters();
  }

 private:
  Status invalid() { return fail(Code::invalid_value, in_.position()); }
  Status require(bool holds) {
    if (!in_.ok()) return in_.status();
    return holds ? Status{} : invalid();
  }

  Status clocks() {
    state_.next_exec_ = in_.number();
    state_.next_command_ = in_.number();
    state_.host_ns_ = in_.number();
    state_.clock_offset_ns_ = static_cast<std::int64_t>(in_.fixed_u64());
    state_.gap_ns_ = in_.number();
    state_.journal_sequence_ = in_.number();
    return load_random(in_, state_.op_random_);
  }

  Status framework() {
    Memory& memory = engine_.memory();
    BB_CHECK(state_.timers_.load(in_));
    BB_CHECK(state_.deadlines_.load(in_));
    BB_CHECK(require(state_.timers_.now_ns() == state_.host_ns_ - static_cast<std::uint64_t>(state_.clock_offset_ns_) &&
                     state_.deadlines_.now_ns() == state_.timers_.now_ns()));
    BB_CHECK(state_.peers_.load(in_));
    BB_CHECK(state_.outbound_.load(
        in_, memory, [this](std::uint32_t peer) { return state_.peers_.live(peer) ? &state_.peers_.at(peer).outbound : nullptr; }));
    state_.requests_.use_scheduler(&state_.deadlines_);
    BB_CHECK(state_.requests_.load(in_, memory));
    BB_CHECK(state_.rtt_.load(in_, state_.deadlines_));
    BB_CHECK(state_.governor_.load(in_));
    BB_CHECK(state_.backpressure_.load(in_));
    BB_CHECK(state_.permits_.load(in_));
    BB_CHECK(state_.queues_.load(in_, memory));
    BB_CHECK(state_.held_.load(in_, memory));
    BB_CHECK(state_.records_.load(in_, memory));
    BB_CHECK(state_.metrics_.load(in_));
    BB_CHECK(state_.bus_.load(in_, memory));
    if (in_.flag()) {
      state_.routing_.emplace();
      state_.routing_->kind.v = in_.number();
      BB_CHECK(load_value(in_, memory, state_.routing_->payload));
      state_.routed_ = in_.number_u32();
    }
    BB_CHECK(in_.status());
    return state_.payloads_.load(in_);
  }

  Status names() {
    const std::uint32_t count = in_.count(Engine::kLaterNamesMax);
    for (std::uint32_t i = 0; i < count; ++i) loaded_.later_names_.emplace_back(in_.text(4'096));
    name_count_ = engine_.installed_names() + count;
    return in_.status();
  }

  Status bootstrap() {
    Bootstrap& bootstrap = state_.bootstrap_;
    bootstrap.bodies = engine_.bootstrap().bodies;
    for (Bootstrap::Body& body : bootstrap.bodies) {
      body.done = in_.flag();
      body.skipped = in_.flag();
    }
    const std::uint32_t jobs = in_.count(engine_.limits().executions_max, 2);
    if (!jobs_.try_reserve(jobs) || !bootstrap.jobs().try_reserve(jobs) || !bootstrap.finished.try_reserve(jobs + std::uint64_t{1}))
      return fail(Code::no_memory);
    for (std::uint32_t i = 0; i < jobs; ++i) {
      const std::uint64_t exec = in_.number();
      const std::uint32_t body = in_.number_u32();
      BB_CHECK(require(body < bootstrap.bodies.size()));
      jobs_.push_reserved(JobAt{exec, body});
    }
    has_current_ = in_.flag();
    if (has_current_) {
      current_ = {in_.number(), in_.number_u32()};
      bootstrap.announced = in_.flag();
      BB_CHECK(require(current_.body < bootstrap.bodies.size()));
    }
    state_.gate_closed_ = in_.flag();
    const std::uint32_t graphs = in_.count(engine_.graphs().size());
    if (!state_.started_.try_resize(graphs)) return fail(Code::no_memory);
    for (std::uint32_t i = 0; i < graphs; ++i)
      state_.started_[i] = static_cast<std::uint32_t>(in_.number_to(engine_.graphs()[i]->sources.size()));
    state_.modules_due_ = in_.flag();
    return in_.status();
  }

  Status executions() {
    const std::uint32_t count = in_.count(engine_.limits().executions_max, 8);
    for (std::uint32_t i = 0; i < count; ++i) BB_CHECK(execution());
    return in_.status();
  }

  Status execution() {
    const std::uint64_t exec = in_.number();
    const std::uint64_t graph = in_.number_to(engine_.graphs().size() - 1);
    BB_CHECK(require(exec < state_.next_exec_ && (!state_.last_ || state_.last_->exec.v < exec)));
    if (!by_exec_.try_reserve(1)) return fail(Code::no_memory);
    Activation* const activation = Activation::create(engine_.memory(), *engine_.graphs()[graph], ExecId{exec});
    if (!activation) return fail(Code::no_memory);
    append(activation);
    by_exec_.insert_reserved(exec, activation);
    activation->stage = static_cast<Activation::Stage>(in_.number_to(static_cast<std::uint64_t>(Activation::Stage::running)));
    const auto flags = static_cast<std::uint8_t>(in_.number_to(63));
    activation->from_envelope = flags & 1;
    activation->bootstrap = flags & 2;
    activation->holds_slots = flags & 4;
    activation->failed = flags & 8;
    if (flags & 16) BB_CHECK(caller(*activation));
    if (flags & 32) {
      activation->peer = in_.number_u32();
      activation->peer_generation = static_cast<std::uint16_t>(in_.number_to(UINT16_MAX));
      BB_CHECK(require(activation->peer < state_.peers_.capacity()));
    }
    activation->start_ns = in_.number();
    if (activation->from_envelope) {
      BB_CHECK(load_value(in_, engine_.memory(), activation->inbound.source));
      activation->inbound.request_id = in_.number();
      activation->inbound.arrival_ns = in_.number();
      activation->inbound.remaining_ns = in_.number();
      BB_CHECK(require(activation->inbound.source.carrier() == Carrier::peer &&
                       activation->inbound.arrival_ns <= state_.timers_.now_ns()));
    }
    BB_CHECK(require(activation->start_ns <= state_.timers_.now_ns()));
    BB_CHECK(values(*activation));
    return plan(*activation);
  }

  void append(Activation* activation) {
    activation->previous = state_.last_;
    (state_.last_ ? state_.last_->next : state_.first_) = activation;
    state_.last_ = activation;
    ++state_.executions_;
  }

  // The caller was made before its body, so it has been read.
  Status caller(Activation& activation) {
    Activation* const* const parent = by_exec_.find(in_.number());
    activation.call_op = in_.number_u32();
    activation.owed = in_.number_u32();
    BB_CHECK(require(parent && activation.call_op < (*parent)->graph->ops.size()));
    const LinkedOp& call = (*parent)->graph->ops[activation.call_op];
    BB_CHECK(require(call.call != kNone && (*parent)->graph->calls[call.call].callee == activation.graph &&
                     activation.owed <= (*parent)->graph->calls[call.call].forwards.size() &&
                     activation.stage == Activation::Stage::running && !activation.holds_slots && !activation.bootstrap));
    activation.parent = *parent;
    activation.root = (*parent)->root;
    return take_place(**parent, activation.call_op);
  }

  // An op is queued, waiting, parked or called once at most.
  Status take_place(Activation& activation, std::uint32_t op) {
    BB_CHECK(require(op < activation.graph->ops.size() && activation.plan->member[op] && activation.missing()[op] == 0));
    const std::uint64_t key = (activation.exec.v << 20) ^ op;
    if (places_.find(key)) return invalid();
    if (!places_.try_insert(key, true)) return fail(Code::no_memory);
    ++activation.live;
    return {};
  }

  Status values(Activation& activation) {
    const std::uint32_t present = in_.count(activation.graph->value_count, 3);
    for (std::uint32_t i = 0; i < present; ++i) {
      const std::uint64_t at = in_.number();
      const std::uint64_t charged = in_.number();
      BB_CHECK(require(at < activation.graph->value_count && !activation.values()[at].present()));
      Value& value = activation.values()[at];
      BB_CHECK(load_value(in_, engine_.memory(), value));
      BB_CHECK(require(value.present()));
      if (charged == 0) continue;
      // Beyond the limit for as long as the state that is to be replaced has its charges, too.
      charged_ += std::min(charged, engine_.limits().ingress_bytes_max + 1);
      BB_CHECK(require(charged_ <= engine_.limits().ingress_bytes_max));
      engine_.ingress_bytes().charge(charged);
      if (!value.attach_charge(engine_.ingress_bytes(), charged)) engine_.ingress_bytes().release(charged);
    }
    return in_.status();
  }

  Status plan(Activation& activation) {
    LinkedGraph& graph = *activation.graph;
    PlanStart start;
    start.mode = static_cast<PlanStart::Mode>(in_.number_to(static_cast<std::uint64_t>(PlanStart::Mode::one)));
    if (start.mode == PlanStart::Mode::one) start.op = in_.number_u32();
    const std::uint32_t seeds = in_.count(graph.value_count);
    Array<std::uint32_t> seed_values;
    if (!seed_values.try_reserve(seeds)) return fail(Code::no_memory);
    for (std::uint32_t i = 0; i < seeds; ++i) {
      const std::uint32_t seed = in_.number_u32();
      BB_CHECK(require(seed < graph.value_count && (i == 0 || seed > seed_values.back())));
      seed_values.push_reserved(seed);
    }
    BB_CHECK(require(start.mode != PlanStart::Mode::one || start.op < graph.ops.size()));
    start.seeds = {seed_values.data(), seed_values.size()};
    Plan* const plan = graph.plans.acquire(graph, start, engine_.limits().plans_per_graph_max);
    if (!plan) return fail(Code::no_memory);
    activation.set_plan(plan);
    for (std::uint32_t op = 0; op < graph.ops.size(); ++op)
      if (plan->member[op]) activation.missing()[op] = static_cast<std::uint16_t>(in_.number_to(plan->missing[op]));
    for (std::uint32_t i = 0; i < plan->exclusive.size(); ++i)
      activation.slot_ops()[i] = static_cast<std::uint16_t>(in_.number_to(plan->exclusive[i].ops));
    return in_.status();
  }

  Activation* find(std::uint64_t exec) const {
    Activation* const* const found = by_exec_.find(exec);
    return found ? *found : nullptr;
  }

  // An execution that has not started is in one queue, and counts itself.
  Status claim(Activation* activation, Activation::Stage stage) {
    BB_CHECK(require(activation && activation->stage == stage && !activation->parent && activation->live == 0));
    activation->live = 1;
    return {};
  }

  Status link_bootstrap() {
    Bootstrap& bootstrap = state_.bootstrap_;
    for (const JobAt& job : jobs_) {
      Activation* const activation = find(job.exec);
      BB_CHECK(claim(activation, Activation::Stage::submitted));
      BB_CHECK(require(activation->bootstrap && activation->graph == bootstrap.bodies[job.body].graph));
      bootstrap.jobs().push_reserved({activation, job.body});
    }
    if (has_current_) {
      bootstrap.current = find(current_.exec);
      bootstrap.current_body = current_.body;
      BB_CHECK(require(bootstrap.current && bootstrap.current->bootstrap && !bootstrap.current->parent &&
                       bootstrap.current->stage == Activation::Stage::running &&
                       bootstrap.current->graph == bootstrap.bodies[current_.body].graph && state_.gate_closed_));
    }
    return {};
  }

  Status queues() {
    const Limits& limits = engine_.limits();
    const std::uint32_t inputs = in_.count(limits.ingress_max + std::uint64_t{limits.parked_ops_max}, 2);
    if (!state_.ingress_.try_reserve(inputs)) return fail(Code::no_memory);
    for (std::uint32_t i = 0; i < inputs; ++i) {
      const auto kind = static_cast<Ingress::Kind>(in_.number_to(1));
      const std::uint64_t id = in_.number();
      if (kind == Ingress::Kind::start) {
        Activation* const activation = find(id);
        BB_CHECK(claim(activation, Activation::Stage::submitted));
        state_.ingress_.push_reserved({kind, activation, {}});
        count_start(*activation);
      } else {
        state_.ingress_.push_reserved({kind, nullptr, CommandId{id}});
      }
    }
    BB_CHECK(starts(state_.gated_starts_, Activation::Stage::gated));
    BB_CHECK(starts(state_.waiting_starts_, Activation::Stage::waiting));
    BB_CHECK(ops(state_.frontier_));
    BB_CHECK(ops(state_.gated_ops_));
    const std::uint32_t waiting = in_.count(UINT32_MAX, 2);
    for (std::uint32_t i = 0; i < waiting; ++i) {
      Queued entry;
      BB_CHECK(queued(entry));
      BB_CHECK(require(entry.activation->graph->ops[entry.op].component != kNone));
      if (!state_.waiting_ops_.try_push(entry)) return fail(Code::no_memory);
    }
    return in_.status();
  }

  void count_start(Activation& activation) {
    ++state_.ingress_starts_;
    if (activation.peer == kNone) return;
    framework::PeerRecord& record = state_.peers_.at(activation.peer);
    if (record.generation == activation.peer_generation && record.ingress_starts++ == 0) ++state_.loaded_peers_;
  }

  Status starts(Ring<Activation*>& ring, Activation::Stage stage) {
    const std::uint32_t count = in_.count(engine_.limits().executions_max);
    if (!ring.try_reserve(count)) return fail(Code::no_memory);
    for (std::uint32_t i = 0; i < count; ++i) {
      Activation* const activation = find(in_.number());
      BB_CHECK(claim(activation, stage));
      if (stage == Activation::Stage::gated) count_start(*activation);
      ring.push_reserved(activation);
    }
    return in_.status();
  }

  Status queued(Queued& entry) {
    entry.activation = find(in_.number());
    entry.op = in_.number_u32();
    BB_CHECK(require(entry.activation && entry.activation->stage == Activation::Stage::running));
    return take_place(*entry.activation, entry.op);
  }

  Status ops(Ring<Queued>& ring) {
    const std::uint32_t count = in_.count(UINT32_MAX, 2);
    if (!ring.try_reserve(count)) return fail(Code::no_memory);
    for (std::uint32_t i = 0; i < count; ++i) {
      Queued entry;
      BB_CHECK(queued(entry));
      ring.push_reserved(entry);
    }
    return in_.status();
  }

  Status commands() {
    const std::uint32_t parked = in_.count(engine_.limits().parked_ops_max, 6);
    if (!state_.parked_.try_reserve(parked) || !state_.failures_.try_reserve(parked) || !state_.completions_.try_reserve(parked) ||
        !state_.ingress_.try_reserve(parked))
      return fail(Code::no_memory);
    std::uint64_t previous = 0;
    for (std::uint32_t i = 0; i < parked; ++i) {
      const std::uint64_t command = in_.number();
      Queued entry;
      BB_CHECK(queued(entry));
      Parked record{.activation = entry.activation, .op = entry.op, .completed = in_.flag(), .deadline = {}, .wake = {}};
      record.since_ns = in_.number();
      record.deadline_ns = in_.number();
      BB_CHECK(
          require(command < state_.next_command_ && (i == 0 || command > previous) && record.since_ns <= state_.timers_.now_ns()));
      previous = command;
      state_.parked_.insert_reserved(command, record);
    }
    BB_CHECK(timers());
    BB_CHECK(failures());
    return completions();
  }

  // Every timer has its owner, and no owner has two.
  Status timers() {
    bool owned = true;
    using Kind = framework::Timer::Kind;
    state_.deadlines_.for_each(Kind::command_deadline, [&](std::uint64_t key, framework::TimerId id, std::uint64_t at_ns) {
      Parked* const parked = state_.parked_.find(key);
      owned &= parked && !parked->deadline.valid() && parked->deadline_ns == at_ns;
      if (parked) parked->deadline = id;
    });
    state_.timers_.for_each(Kind::wake, [&](std::uint64_t key, framework::TimerId id, std::uint64_t) {
      Parked* const parked = state_.parked_.find(key);
      owned &= parked && !parked->wake.valid();
      if (parked) parked->wake = id;
    });
    for (const Kind kind : {Kind::request_expiry, Kind::silence, Kind::command_deadline})
      state_.timers_.for_each(kind, [&](std::uint64_t, framework::TimerId, std::uint64_t) { owned = false; });
    for (const Kind kind : {Kind::wake, Kind::interval})
      state_.deadlines_.for_each(kind, [&](std::uint64_t, framework::TimerId, std::uint64_t) { owned = false; });
    return require(owned);
  }

  Status failures() {
    const std::uint32_t count = in_.count(state_.parked_.size(), 4);
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint64_t command = in_.number();
      OpError error;
      error.kind = static_cast<OpErrorKind>(in_.number_to(static_cast<std::uint64_t>(OpErrorKind::cooldown)));
      const std::string_view reason = in_.text(4'096);
      error.detail = in_.text();
      const Parked* const parked = state_.parked_.find(command);
      BB_CHECK(require(parked && parked->completed && !state_.failures_.find(command)));
      state_.failures_.insert_reserved(command, std::move(error));
      loaded_.reasons_.push_back({command, std::string(reason)});
    }
    return in_.status();
  }

  // A completed command is in one of the two queues, and only a completed one.
  Status completions() {
    const std::uint32_t count = in_.count(state_.parked_.size());
    std::uint32_t completed = 0, queued = 0;
    for (std::uint32_t i = 0; i < count; ++i) state_.completions_.push_reserved(CommandId{in_.number()});
    FlatMap<bool> seen;
    const auto check = [&](CommandId command) -> Status {
      const Parked* const parked = state_.parked_.find(command.v);
      BB_CHECK(require(parked && parked->completed && !seen.find(command.v)));
      ++queued;
      return seen.try_insert(command.v, true) ? Status{} : fail(Code::no_memory);
    };
    for (std::uint32_t i = 0; i < count; ++i) BB_CHECK(check(state_.completions_.at(i)));
    for (std::uint32_t i = 0; i < state_.ingress_.size(); ++i)
      if (state_.ingress_.at(i).kind == Ingress::Kind::completion) BB_CHECK(check(state_.ingress_.at(i).command));
    state_.parked_.for_each([&](std::uint64_t, const Parked& parked) { completed += parked.completed; });
    BB_CHECK(require(completed == queued));
    return intervals();
  }

  Status intervals() {
    const std::uint32_t count = in_.count(engine_.limits().timers_max, 3);
    if (!state_.intervals_.try_reserve(count)) return fail(Code::no_memory);
    for (std::uint32_t i = 0; i < count; ++i) {
      const OpRef op{in_.number()};
      Interval interval;
      interval.next_ns = in_.number();
      interval.period_ns = in_.number();
      BB_CHECK(require(op.graph() < engine_.graphs().size() && op.op() < engine_.graphs()[op.graph()]->ops.size() &&
                       interval.period_ns > 0 && !state_.intervals_.find(op.v)));
      state_.intervals_.insert_reserved(op.v, interval);
    }
    bool owned = true;
    state_.timers_.for_each(framework::Timer::Kind::interval, [&](std::uint64_t key, framework::TimerId id, std::uint64_t at_ns) {
      Interval* const interval = state_.intervals_.find(key);
      owned &= interval && !interval->timer.valid() && interval->next_ns == at_ns;
      if (interval) interval->timer = id;
    });
    state_.intervals_.for_each([&](std::uint64_t, const Interval& interval) { owned &= interval.timer.valid(); });
    return require(owned);
  }

  Status phases() {
    const std::uint32_t count = in_.count(engine_.limits().phases_max, 3);
    if (!state_.phases_.try_reserve(count)) return fail(Code::no_memory);
    for (std::uint32_t i = 0; i < count; ++i) {
      Phase phase;
      phase.name = in_.number_u32();
      phase.started = in_.number_u32();
      phase.announced = in_.flag();
      BB_CHECK(require(phase.name < name_count_));
      state_.phases_.push_reserved(phase);
    }
    return in_.status();
  }

  // An execution that nothing can move would never end; one that holds slots holds them alone.
  Status count_live() {
    Array<Activation*> holders;
    if (!holders.try_resize(engine_.instances().size())) return fail(Code::no_memory);
    for (Activation* activation = state_.first_; activation; activation = activation->next) {
      BB_CHECK(require(activation->live > 0));
      const bool running = activation->stage == Activation::Stage::running;
      BB_CHECK(require(!activation->holds_slots || running));
      for (std::uint32_t i = 0; activation->holds_slots && i < activation->plan->exclusive.size(); ++i) {
        if (activation->slot_ops()[i] == 0) continue;
        Activation*& holder = holders[activation->plan->exclusive[i].component];
        BB_CHECK(require(!holder));
        holder = activation;
      }
    }
    for (const Queued& entry : state_.waiting_ops_)
      BB_CHECK(require(holders[entry.activation->graph->ops[entry.op].component] != nullptr));
    // Without a job or a running bootstrap nothing would ever open the gate.
    return require(!state_.gate_closed_ || state_.bootstrap_.pending() ||
                   (state_.gated_ops_.empty() && state_.gated_starts_.empty()));
  }

  Status peer(PeerId& id) {
    const Bytes bytes = in_.bytes(PeerId::kBytesMax);
    BB_CHECK(in_.status());
    return PeerId::read(bytes, id) ? Status{} : invalid();
  }

  Status event(AppEvent& event) {
    const std::uint32_t graph = in_.number_u32();
    const std::uint32_t topic = in_.number_u32();
    event.exec = ExecId{in_.number()};
    BB_CHECK(require(graph <= engine_.graphs().size() && topic < name_count_));
    if (graph < engine_.graphs().size()) event.target = engine_.graphs()[graph]->base_name;
    BB_CHECK(load_value(in_, engine_.memory(), event.value));
    return loaded_.later_topics_.try_push(topic) ? Status{} : fail(Code::no_memory);
  }

  Status steps() {
    const std::uint32_t later = in_.count(engine_.limits().ingress_max + std::uint64_t{4}, 2);
    for (std::uint32_t i = 0; i < later; ++i) {
      Step step;
      BB_CHECK(load_step(in_.byte(), step));
      if (loaded_.later_topics_.size() <= i && !loaded_.later_topics_.try_push(kNone)) return fail(Code::no_memory);
      if (!state_.later_.try_push(std::move(step))) return fail(Code::no_memory);
    }
    return in_.status();
  }

  template <class S>
  static constexpr std::uint8_t index_of() {
    return static_cast<std::uint8_t>(Step(std::in_place_type<S>).index());
  }

  Status load_step(std::uint8_t kind, Step& step) {
    static const std::uint8_t app_event = index_of<AppEvent>(), receive = index_of<WireReceiveFailed>(),
                              decode = index_of<WireDecodeFailed>(), timeout = index_of<WireTimeout>(),
                              change = index_of<PeerChange>();
    if (kind == app_event) return event(step.emplace<AppEvent>());
    if (kind == receive) {
      auto& s = step.emplace<WireReceiveFailed>();
      BB_CHECK(peer(s.source));
      s.fill = in_.number_u32();
      s.actual_hash = in_.number();
      s.payload_size = in_.number();
      s.kind = static_cast<WireReceiveFailed::Kind>(
          in_.number_to(static_cast<std::uint64_t>(WireReceiveFailed::Kind::allocation_failed)));
      s.expected_hash = in_.number();
      s.error.code = static_cast<Code>(in_.number_to(static_cast<std::uint64_t>(Code::bad_argument)));
      s.error.at = in_.number_u32();
    } else if (kind == decode) {
      auto& s = step.emplace<WireDecodeFailed>();
      BB_CHECK(peer(s.source));
      s.fill = in_.number_u32();
      s.hash = in_.number();
      s.payload_size = in_.number();
      s.detail = in_.text();
    } else if (kind == timeout) {
      auto& s = step.emplace<WireTimeout>();
      BB_CHECK(peer(s.peer));
      s.request_id = in_.number();
      s.target_site = in_.number();
      s.started_ns = in_.number();
      s.waiter = CommandId{in_.number()};
    } else if (kind == change) {
      auto& s = step.emplace<PeerChange>();
      BB_CHECK(peer(s.peer));
      s.kind = static_cast<PeerChange::Kind>(in_.number_to(static_cast<std::uint64_t>(PeerChange::Kind::silenced)));
      s.reason = static_cast<PeerChange::Reason>(in_.number_to(static_cast<std::uint64_t>(PeerChange::Reason::quarantined)));
      s.retry_ns = in_.number();
      s.phi = in_.real();
    } else {
      return invalid();
    }
    return in_.status();
  }

  Status counters() {
    auto* numbers = reinterpret_cast<std::uint64_t*>(&state_.counters_);
    for (std::size_t i = 0; i < sizeof(Counters) / sizeof(std::uint64_t); ++i) numbers[i] = in_.number();
    return in_.status();
  }

  struct JobAt {
    std::uint64_t exec = 0;
    std::uint32_t body = 0;
  };
  StateReader& in_;
  StateCodec::Loaded& loaded_;
  Engine& engine_;
  State& state_;
  FlatMap<Activation*> by_exec_;
  FlatMap<bool> places_;
  Array<JobAt> jobs_;
  JobAt current_;
  bool has_current_ = false;
  std::uint64_t charged_ = 0;
  std::size_t name_count_ = 0;
};

Status StateCodec::load(StateReader& in, Loaded& loaded) { return StateLoader(in, loaded).load(); }

}  // namespace bb::runtime
