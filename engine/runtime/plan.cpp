// The plan of an execution, by worklists over the linked tables.
#include "runtime/plan.h"

#include <algorithm>
#include <new>

#include "base/heap_sort.h"
#include "runtime/linked_graph.h"

namespace bb::runtime {
namespace {

class Planner {
 public:
  Planner(const LinkedGraph& graph, const PlanStart& start, Plan& plan)
      : graph_(graph), start_(start), plan_(plan), op_count_(static_cast<std::uint32_t>(graph.ops.size())) {}

  bool make() {
    if (!has_value_.try_resize(graph_.value_count) || !live_.try_resize(op_count_) || !plan_.member.try_resize(op_count_) ||
        !work_.try_reserve(op_count_))
      return false;
    find_live();
    if (start_.mode == PlanStart::Mode::one) {
      add(start_.op);
      add_forward();
      add_backward_closure();
      add_fed_ops();
    } else if (start_.mode == PlanStart::Mode::whole || start_.seeds.empty()) {
      for (std::uint32_t op = 0; op < op_count_; ++op)
        if (live_[op] && graph_.facts[op].receive_ancestry == 0) plan_.member[op] = 1;
    } else {
      for (const std::uint32_t seed : start_.seeds)
        for (const std::uint32_t op : graph_.consumers_of(seed)) add(op);
      add_forward();
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
    const OpDeclaration* declaration = graph_.facts[op].declaration;
    return declaration && position < declaration->inputs.size() && declaration->inputs[position].optional;
  }
  // Whether the inputs an op needs all satisfy `has`; where it needs none of those it is wired to, one that starts it must.
  template <class Has>
  bool fed(std::uint32_t op, Has has) const {
    const auto inputs = inputs_of(op);
    bool wired = false, any = false, all = true;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i] == kNone) continue;
      wired = true;
      if (has(inputs[i])) {
        any = true;
      } else if (!is_optional(op, i)) {
        all = false;
      }
    }
    return graph_.facts[op].any_ready ? any : all && (any || !wired);
  }
  // Whether all of them do, needed or not.
  template <class Has>
  bool fed_whole(std::uint32_t op, Has has) const {
    const auto inputs = inputs_of(op);
    if (graph_.facts[op].any_ready) return fed(op, has);
    return std::all_of(inputs.begin(), inputs.end(), [&](std::uint32_t value) { return value == kNone || has(value); });
  }
  void mark(Array<std::uint8_t>& values, std::uint32_t op) const {
    for (const std::uint32_t value : outputs_of(op))
      if (value != kNone) values[value] = 1;
  }

  // Nullary ops, and ops whose required inputs are seeds or come from live ops. Sources run only when they are what starts.
  void find_live() {
    for (const std::uint32_t seed : start_.seeds) has_value_[seed] = 1;
    if (start_.mode == PlanStart::Mode::one) {
      live_[start_.op] = 1;
      mark(has_value_, start_.op);
    }
    bool grown = true;
    while (grown) {  // one pass when nodes are in topological order, as the compiler leaves them
      grown = false;
      for (std::uint32_t op = 0; op < op_count_; ++op) {
        if (live_[op] || graph_.facts[op].is_source) continue;
        if (!fed(op, [this](std::uint32_t value) { return has_value_[value] != 0; })) continue;
        live_[op] = 1;
        grown = true;
        mark(has_value_, op);
      }
    }
  }

  void add(std::uint32_t op) {
    if (!live_[op] || plan_.member[op]) return;
    plan_.member[op] = 1;
    work_.push_reserved(op);  // each op once, and there is room for all
  }

  void add_forward() {
    for (std::uint32_t next = 0; next < work_.size(); ++next)
      for (const std::uint32_t value : outputs_of(work_[next]))
        if (value != kNone)
          for (const std::uint32_t op : graph_.consumers_of(value)) add(op);
  }

  void add_backward_closure() {
    for (std::uint32_t next = 0; next < work_.size(); ++next) {
      const std::uint32_t op = work_[next];
      for (const std::uint32_t value : inputs_of(op))
        if (value != kNone && graph_.producer[value] != kNone) add(graph_.producer[value]);
      for (const auto& [from, to] : graph_.effect_edges)
        if (to == op) add(from);
    }
  }

  // Ops that nobody pulls but that the plan feeds anyway: an output of a loss, say.
  void add_fed_ops() {
    Array<std::uint8_t>& produced = has_value_;  // liveness is settled
    std::fill(produced.begin(), produced.end(), std::uint8_t{0});
    for (const std::uint32_t seed : start_.seeds) produced[seed] = 1;
    for (std::uint32_t op = 0; op < op_count_; ++op)
      if (plan_.member[op]) mark(produced, op);
    bool grown = true;
    while (grown) {
      grown = false;
      for (std::uint32_t op = 0; op < op_count_; ++op) {
        if (plan_.member[op] || !live_[op] || nullary(op)) continue;
        if (!fed_whole(op, [&](std::uint32_t value) { return produced[value] != 0; })) continue;
        plan_.member[op] = 1;
        mark(produced, op);
        grown = true;
      }
    }
  }

  bool tabulate() {
    Array<std::uint8_t>& arrives = has_value_;
    std::fill(arrives.begin(), arrives.end(), std::uint8_t{0});
    if (!plan_.missing.try_resize(op_count_) || !plan_.effect_next.try_resize(op_count_) || !plan_.seeds.try_append(start_.seeds))
      return false;
    std::fill(plan_.effect_next.begin(), plan_.effect_next.end(), kNone);
    plan_.mode = start_.mode;
    plan_.op = start_.op;
    for (std::uint32_t op = 0; op < op_count_; ++op)
      if (plan_.member[op]) mark(arrives, op);
    for (const std::uint32_t seed : start_.seeds) arrives[seed] = 0;
    for (std::uint32_t value = 0; value < graph_.value_count; ++value)
      if (arrives[value])
        for (const std::uint32_t op : graph_.consumers_of(value))
          if (plan_.member[op]) ++plan_.missing[op];
    for (std::uint32_t op = 0; op < op_count_; ++op)
      if (plan_.member[op] && graph_.facts[op].any_ready)
        plan_.missing[op] = any_present(op) ? 0 : std::min<std::uint16_t>(plan_.missing[op], 1);
    if (start_.mode == PlanStart::Mode::one) plan_.missing[start_.op] = 0;
    if (!chain_effects()) return false;
    for (std::uint32_t op = 0; op < op_count_; ++op) {
      if (!plan_.member[op]) continue;
      ++plan_.op_count;
      if (plan_.missing[op] == 0 && !plan_.ready.try_push(op)) return false;
    }
    return true;
  }
  bool any_present(std::uint32_t op) const {
    const auto inputs = inputs_of(op);
    return std::any_of(inputs.begin(), inputs.end(), [this](std::uint32_t value) {
      return value != kNone && std::binary_search(start_.seeds.begin(), start_.seeds.end(), value);
    });
  }

  // Members of the plan on one slot run in recorded order; non-members impose nothing.
  bool chain_effects() {
    for (std::uint32_t op = 0; op < op_count_; ++op) {
      if (!plan_.member[op]) continue;
      const LinkedOp& linked = graph_.ops[op];
      if (linked.component != kNone && !chain(op, {linked.component, 1})) return false;
      if (linked.call != kNone)
        for (const LinkedGraph::Use& use : graph_.calls[linked.call].callee->uses)
          if (!chain(op, use)) return false;
    }
    for (const Last& slot : last_)
      if (slot.ops >= 2 && !plan_.exclusive.try_push({slot.component, slot.members})) return false;
    heap_sort(plan_.call_effects.begin(), plan_.call_effects.end());
    return true;
  }
  bool chain(std::uint32_t op, const LinkedGraph::Use& use) {
    const auto found = std::find_if(last_.begin(), last_.end(), [&](const Last& l) { return l.component == use.component; });
    if (found == last_.end()) return last_.try_push({use.component, op, use.ops, 1});
    if (graph_.ops[found->op].call != kNone) {
      if (!plan_.call_effects.try_push({found->op, op})) return false;
    } else {
      plan_.effect_next[found->op] = op;
    }
    ++plan_.missing[op];
    found->op = op;
    found->ops = static_cast<std::uint16_t>(found->ops + use.ops);
    ++found->members;
    return true;
  }

  struct Last {
    std::uint32_t component, op;
    std::uint16_t ops;      // run on the slot
    std::uint16_t members;  // of the plan: a call is one
  };
  const LinkedGraph& graph_;
  const PlanStart& start_;
  Plan& plan_;
  std::uint32_t op_count_;
  Array<std::uint8_t> has_value_;
  Array<std::uint8_t> live_;
  Array<std::uint32_t> work_;
  Array<Last> last_;
};

Plan* new_plan() {
  void* block = allocate_block(sizeof(Plan));
  return block ? new (block) Plan() : nullptr;
}
void delete_plan(Plan* plan) {
  std::destroy_at(plan);
  release_block(plan);
}

}  // namespace

bool make_plan(const LinkedGraph& graph, const PlanStart& start, Plan& plan) { return Planner(graph, start, plan).make(); }

PlanCache::~PlanCache() {
  for (Plan* plan : plans_) delete_plan(plan);
}

Plan* PlanCache::acquire(const LinkedGraph& graph, const PlanStart& start, std::uint32_t plans_max) {
  const auto same = [&](const Plan& plan) {
    return plan.mode == start.mode && plan.op == start.op &&
           std::equal(plan.seeds.begin(), plan.seeds.end(), start.seeds.begin(), start.seeds.end());
  };
  Plan* found = latest_ && same(*latest_) ? latest_ : nullptr;
  if (!found) {
    for (Plan* plan : plans_)
      if (same(*plan)) found = plan;
    if (!found) found = add(graph, start, plans_max);
    if (!found) return nullptr;
  }
  if (found->cached) latest_ = found;
  found->last_use = ++clock_;
  ++found->users;
  return found;
}

Plan* PlanCache::add(const LinkedGraph& graph, const PlanStart& start, std::uint32_t plans_max) {
  Plan* plan = allocation_fails(AllocationSite::current()) ? nullptr : new_plan();
  if (!plan) return nullptr;
  if (!make_plan(graph, start, *plan)) {
    delete_plan(plan);
    return nullptr;
  }
  if (plans_.size() >= plans_max) {
    std::uint32_t oldest = kNone;
    for (std::uint32_t i = 0; i < plans_.size(); ++i)
      if (plans_[i]->users == 0 && (oldest == kNone || plans_[i]->last_use < plans_[oldest]->last_use)) oldest = i;
    if (oldest != kNone) {
      if (latest_ == plans_[oldest]) latest_ = nullptr;
      delete_plan(plans_[oldest]);
      plans_.erase_at(oldest);
    }
  }
  // A plan that finds no room lives as long as its executions, which are bounded themselves.
  plan->cached = plans_.size() < plans_max && plans_.try_push(plan);
  return plan;
}

void PlanCache::release(Plan* plan) {
  if (--plan->users == 0 && !plan->cached) delete_plan(plan);
}

}  // namespace bb::runtime
