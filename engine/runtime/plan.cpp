// The plan of an execution, by worklists over the linked tables.
#include "runtime/plan.h"

#include <algorithm>

#include "runtime/linked_graph.h"

namespace bb::runtime {
namespace {

class Planner {
 public:
  Planner(const LinkedGraph& graph, std::span<const std::uint32_t> seeds)
      : graph_(graph), seeds_(seeds), has_value_(graph.value_count), live_(graph.ops.size()), in_plan_(graph.ops.size()) {}

  Plan make() {
    find_live();
    if (seeds_.empty()) {
      for (std::uint32_t op = 0; op < live_.size(); ++op)
        if (live_[op] && graph_.facts[op].receive_ancestry == 0) in_plan_[op] = 1;
    } else {
      add_forward_of_seeds();
      add_backward_closure();
      add_fed_ops();
    }
    return tabulate();
  }

 private:
  std::span<const std::uint32_t> inputs_of(std::uint32_t op) const {
    return {graph_.inputs.data() + graph_.ops[op].in_begin, graph_.ops[op].in_count};
  }
  std::span<const std::uint32_t> outputs_of(std::uint32_t op) const {
    return {graph_.outputs.data() + graph_.ops[op].out_begin, graph_.ops[op].out_count};
  }
  bool nullary(std::uint32_t op) const {
    const auto inputs = inputs_of(op);
    return std::all_of(inputs.begin(), inputs.end(), [](std::uint32_t value) { return value == kNone; });
  }
  bool is_optional(std::uint32_t op, std::size_t position) const {
    const OpDeclaration& declaration = *graph_.facts[op].declaration;
    return position < declaration.inputs.size() && declaration.inputs[position].optional;
  }
  // Whether the inputs an op needs all satisfy `has`.
  template <class Has>
  bool fed(std::uint32_t op, Has has) const {
    const auto inputs = inputs_of(op);
    bool any = false, all = true;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i] == kNone) continue;
      if (has(inputs[i])) {
        any = true;
      } else if (!is_optional(op, i)) {
        all = false;
      }
    }
    return graph_.facts[op].any_ready ? any : all;
  }

  // Nullary ops, and ops whose required inputs are seeds or come from live ops.
  void find_live() {
    for (const std::uint32_t seed : seeds_) has_value_[seed] = 1;
    bool grown = true;
    while (grown) {  // one pass when nodes are in topological order, as the compiler leaves them
      grown = false;
      for (std::uint32_t op = 0; op < live_.size(); ++op) {
        if (live_[op] || graph_.facts[op].is_recv) continue;
        if (!fed(op, [this](std::uint32_t value) { return has_value_[value] != 0; })) continue;
        live_[op] = 1;
        grown = true;
        for (const std::uint32_t value : outputs_of(op))
          if (value != kNone) has_value_[value] = 1;
      }
    }
  }

  void add(std::uint32_t op) {
    if (!live_[op] || in_plan_[op]) return;
    in_plan_[op] = 1;
    work_.push_back(op);
  }

  void add_forward_of_seeds() {
    for (const std::uint32_t seed : seeds_)
      for (const std::uint32_t op : graph_.consumers_of(seed)) add(op);
    for (std::size_t next = 0; next < work_.size(); ++next)
      for (const std::uint32_t value : outputs_of(work_[next]))
        if (value != kNone)
          for (const std::uint32_t op : graph_.consumers_of(value)) add(op);
  }

  void add_backward_closure() {
    std::vector<std::uint32_t> effect_previous(live_.size(), kNone);
    for (const auto& [from, to] : graph_.effect_edges) effect_previous[to] = from;
    for (std::size_t next = 0; next < work_.size(); ++next) {
      const std::uint32_t op = work_[next];
      for (const std::uint32_t value : inputs_of(op))
        if (value != kNone && graph_.producer[value] != kNone) add(graph_.producer[value]);
      if (effect_previous[op] != kNone) add(effect_previous[op]);
    }
  }

  // Ops that nobody pulls but that the plan feeds anyway: an output of a loss, say.
  void add_fed_ops() {
    std::vector<std::uint8_t> produced(graph_.value_count);
    for (const std::uint32_t seed : seeds_) produced[seed] = 1;
    const auto mark = [&](std::uint32_t op) {
      for (const std::uint32_t value : outputs_of(op))
        if (value != kNone) produced[value] = 1;
    };
    for (std::uint32_t op = 0; op < in_plan_.size(); ++op)
      if (in_plan_[op]) mark(op);
    bool grown = true;
    while (grown) {
      grown = false;
      for (std::uint32_t op = 0; op < live_.size(); ++op) {
        if (in_plan_[op] || !live_[op] || nullary(op)) continue;
        if (!fed(op, [&](std::uint32_t value) { return produced[value] != 0; })) continue;
        in_plan_[op] = 1;
        mark(op);
        grown = true;
      }
    }
  }

  Plan tabulate() {
    Plan plan;
    const auto count = static_cast<std::uint32_t>(in_plan_.size());
    plan.missing.assign(count, 0);
    plan.effect_next.assign(count, kNone);
    plan.seeds.assign(seeds_.begin(), seeds_.end());
    std::vector<std::uint8_t> arrives(graph_.value_count);
    for (std::uint32_t op = 0; op < count; ++op)
      if (in_plan_[op])
        for (const std::uint32_t value : outputs_of(op))
          if (value != kNone) arrives[value] = 1;
    for (const std::uint32_t seed : seeds_) arrives[seed] = 0;
    for (std::uint32_t value = 0; value < graph_.value_count; ++value)
      if (arrives[value])
        for (const std::uint32_t op : graph_.consumers_of(value))
          if (in_plan_[op]) ++plan.missing[op];
    for (std::uint32_t op = 0; op < count; ++op)
      if (in_plan_[op] && graph_.facts[op].any_ready)
        plan.missing[op] = any_present(op) ? 0 : std::min<std::uint16_t>(plan.missing[op], 1);
    chain_effects(plan);
    for (std::uint32_t op = 0; op < count; ++op) {
      if (!in_plan_[op]) continue;
      ++plan.op_count;
      if (plan.missing[op] == 0) plan.ready.push_back(op);
    }
    return plan;
  }
  bool any_present(std::uint32_t op) const {
    const auto inputs = inputs_of(op);
    return std::any_of(inputs.begin(), inputs.end(), [this](std::uint32_t value) {
      return value != kNone && std::binary_search(seeds_.begin(), seeds_.end(), value);
    });
  }

  // Members of the plan on one slot run in recorded order; non-members impose nothing.
  void chain_effects(Plan& plan) {
    struct Last {
      std::uint32_t component, op;
      std::uint16_t ops;
    };
    std::vector<Last> last;
    for (std::uint32_t op = 0; op < in_plan_.size(); ++op) {
      const std::uint32_t component = graph_.ops[op].component;
      if (!in_plan_[op] || component == kNone) continue;
      const auto found = std::find_if(last.begin(), last.end(), [&](const Last& l) { return l.component == component; });
      if (found == last.end()) {
        last.push_back({component, op, 1});
      } else {
        plan.effect_next[found->op] = op;
        ++plan.missing[op];
        found->op = op;
        ++found->ops;
      }
    }
    for (const Last& slot : last)
      if (slot.ops >= 2) plan.exclusive.push_back({slot.component, slot.ops});
  }

  const LinkedGraph& graph_;
  std::span<const std::uint32_t> seeds_;
  std::vector<std::uint8_t> has_value_;
  std::vector<std::uint8_t> live_;
  std::vector<std::uint8_t> in_plan_;
  std::vector<std::uint32_t> work_;
};

}  // namespace

Plan make_plan(const LinkedGraph& graph, std::span<const std::uint32_t> seeds) { return Planner(graph, seeds).make(); }

Plan* PlanCache::acquire(const LinkedGraph& graph, std::span<const std::uint32_t> seeds, std::uint32_t plans_max) {
  const auto same = [&](const Plan& plan) { return std::equal(plan.seeds.begin(), plan.seeds.end(), seeds.begin(), seeds.end()); };
  ++clock_;
  Plan* found = latest_ && same(*latest_) ? latest_ : nullptr;
  if (!found) {
    for (const auto& plan : plans_)
      if (same(*plan)) found = plan.get();
  }
  if (!found) {
    if (plans_.size() >= plans_max) {
      auto oldest = plans_.end();
      for (auto plan = plans_.begin(); plan != plans_.end(); ++plan)
        if ((*plan)->users == 0 && (oldest == plans_.end() || (*plan)->last_use < (*oldest)->last_use)) oldest = plan;
      if (oldest != plans_.end()) {
        if (latest_ == oldest->get()) latest_ = nullptr;
        plans_.erase(oldest);
      }
    }
    auto plan = std::make_unique<Plan>(make_plan(graph, seeds));
    plan->cached = plans_.size() < plans_max;
    found = plan.get();
    // A plan that finds no room lives as long as its executions, which are bounded themselves.
    if (found->cached) {
      plans_.push_back(std::move(plan));
    } else {
      (void)plan.release();
    }
  }
  if (found->cached) latest_ = found;
  found->last_use = clock_;
  ++found->users;
  return found;
}

void PlanCache::release(Plan* plan) {
  if (--plan->users == 0 && !plan->cached) delete plan;
}

}  // namespace bb::runtime
