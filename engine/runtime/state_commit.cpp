// A loaded state takes the place of an engine's own. Nothing in here can fail.
#include "runtime/state_codec.h"

namespace bb::runtime {

StateCodec::Loaded::~Loaded() {
  while (state_.first_) {
    Activation* const activation = state_.first_;
    state_.first_ = activation->next;
    Activation::destroy(engine_.memory_, activation);
  }
}

void StateCodec::commit(Loaded& loaded) {
  Engine& engine = loaded.engine_;
  State& state = engine;
  std::swap(state, loaded.state_);  // what was there goes with `loaded`
  state.requests_.use_scheduler(&state.deadlines_);
  engine.names_.resize(engine.installed_names_);
  for (std::string& name : loaded.later_names_) engine.names_.push_back(std::move(name));
  for (const Loaded::Reason& reason : loaded.reasons_) {
    OpError& error = *state.failures_.find(reason.command);
    error.reason = reason.text;
    error.reason = engine.kept_reason(error);
  }
  for (std::uint32_t i = 0; i < state.later_.size(); ++i)
    if (AppEvent* event = std::get_if<AppEvent>(&state.later_[i])) event->topic = engine.names_[loaded.later_topics_[i]];
  for (Instance& instance : engine.instances_) {
    instance.holder = nullptr;
    instance.parked = instance.waiting = 0;
  }
  for (Activation* activation = state.first_; activation; activation = activation->next)
    for (std::uint32_t i = 0; activation->holds_slots && i < activation->plan->exclusive.size(); ++i)
      if (activation->slot_ops()[i] > 0) engine.instances_[activation->plan->exclusive[i].component].holder = activation;
  for (const Queued& entry : state.waiting_ops_) ++engine.instances_[entry.activation->graph->ops[entry.op].component].waiting;
  state.parked_.for_each([&](std::uint64_t, const Parked& parked) {
    const std::uint32_t component = parked.activation->graph->ops[parked.op].component;
    if (component != kNone && engine.instances_[component].holder != parked.activation->root) ++engine.instances_[component].parked;
  });
  // Whom the coming poll calls blocked is not said twice.
  for (const Step& step : state.later_) {
    const auto* change = std::get_if<PeerChange>(&step);
    if (!change || change->kind != PeerChange::Kind::blocked) continue;
    const std::uint32_t peer = state.peers_.find(change->peer);
    if (peer != framework::kNoPeer) state.peers_.at(peer).told_blocked_poll = engine.polls_ + 1;
  }
  engine.steps_.clear();
  engine.next_part_ = Engine::kParts;
  engine.starts_due_ = !state.waiting_starts_.empty();  // who cannot start goes on waiting
}

}  // namespace bb::runtime
