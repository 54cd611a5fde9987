// Running bootstrap jobs: one at a time, everything else held back until the last is done.
#include "runtime/engine.h"

namespace bb::runtime {

// All of the jobs or none; their executions were prepared and belong to the engine from now on.
Status Engine::enqueue_bootstrap(std::span<const Bootstrap::Job> jobs) {
  const auto count = static_cast<std::uint32_t>(jobs.size());
  Ring<Bootstrap::Job>& queue = bootstrap_.jobs();
  if (!queue.try_reserve(count) ||
      !bootstrap_.finished.try_reserve(bootstrap_.finished.size() + std::uint64_t{queue.size()} + count + 1) ||
      !gated_ops_.try_reserve(frontier_.size()))
    return fail(Code::no_memory);
  for (const Bootstrap::Job& job : jobs) {
    const Bootstrap::Body& body = bootstrap_.bodies[job.body];
    job.activation->bootstrap = true;
    if (!plan(job.activation, body.op == kNone ? PlanStart::Mode::whole : PlanStart::Mode::one, body.op))
      return fail(Code::no_memory);
  }
  for (const Bootstrap::Job& job : jobs) {
    job.activation->live = 1;
    job.activation->stage = Activation::Stage::submitted;
    queue.push_reserved(job);
    bootstrap_.bodies[job.body].skipped = false;
  }
  return {};
}

// Starts the next job; without one the gate opens.
Engine::Began Engine::begin_bootstrap() {
  Ring<Bootstrap::Job>& queue = bootstrap_.jobs();
  if (bootstrap_.current) return Began::nothing;
  if (queue.empty()) return open_gate() ? Began::nothing : Began::stalled;
  Activation* const activation = queue.front().activation;
  if (!gate_closed_ && !close_gate()) return Began::stalled;
  if (!room_to_start(activation)) return Began::stalled;
  const Bootstrap::Job job = queue.pop();
  bootstrap_.current = activation;
  bootstrap_.current_body = job.body;
  bootstrap_.announced = false;
  begin(activation);
  return Began::started;
}

// Ops that are ready and belong to no bootstrap step aside, in their order.
bool Engine::close_gate() {
  if (!gated_ops_.try_reserve(frontier_.size())) return false;
  while (!frontier_.empty()) gated_ops_.push_reserved(frontier_.pop());
  gate_closed_ = true;
  return true;
}

bool Engine::open_gate() {
  if (!gate_closed_) return true;
  if (!frontier_.try_reserve(gated_ops_.size())) return false;
  while (!gated_ops_.empty()) frontier_.push_reserved(gated_ops_.pop());
  gate_closed_ = false;
  return true;
}

void Engine::bootstrap_ended() {
  Bootstrap::Body& body = bootstrap_.bodies[bootstrap_.current_body];
  body.done = true;
  modules_due_ = true;
  const std::string& name = body.op == kNone ? body.graph->base_name : body.graph->name;
  bootstrap_.finished.push_reserved(name);  // there is room for every job
  bootstrap_.current = nullptr;
  bootstrap_.current_body = kNone;
}

}  // namespace bb::runtime
