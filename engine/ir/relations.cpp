// All relations narrow the same way, since shapes are not modelled: every value takes the most specific type among them.
#include "ir/relations.h"

#include <deque>

namespace bb::ir {

std::uint32_t TypeSolver::value(std::string_view name) {
  if (const auto at = numbers_.find(name); at != numbers_.end()) return at->second;
  const auto number = static_cast<std::uint32_t>(types_.size());
  numbers_.emplace(name, number);
  names_.emplace_back(name);
  types_.push_back(any_);
  relations_of_.emplace_back();
  return number;
}

bool TypeSolver::narrow(std::uint32_t value, const TypeNode& type) {
  const TypeNode*& current = types_[value];
  if (TypeTree::is_subtype(*current, type)) return true;
  if (!TypeTree::is_subtype(type, *current)) return false;
  current = &type;
  return true;
}

const TypeNode* TypeSolver::type(std::string_view name) const {
  const auto at = numbers_.find(name);
  return at == numbers_.end() ? nullptr : types_[at->second];
}

void TypeSolver::relate(std::string op, std::vector<std::uint32_t> values) {
  if (values.size() < 2) return;
  const auto number = static_cast<std::uint32_t>(relations_.size());
  for (const std::uint32_t value : values) relations_of_[value].push_back(number);
  relations_.push_back({std::move(op), std::move(values)});
}

std::expected<void, SolverError> TypeSolver::relate(const OpDeclaration& op, const std::string& label,
                                                    const std::vector<std::string>& inputs,
                                                    const std::vector<std::string>& outputs) {
  for (const TypeRelation& relation : op.relations) {
    std::vector<std::uint32_t> values;
    for (const std::uint32_t port : relation.ports) {
      const bool output = port >= kOutputPort;
      const std::uint32_t index = output ? port - kOutputPort : port;
      const auto& names = output ? outputs : inputs;
      const auto& ports = output ? op.outputs : op.inputs;
      if (index < names.size() && !names[index].empty()) {
        values.push_back(value(names[index]));
      } else if (index >= ports.size() || !(ports[index].optional || ports[index].variadic || output)) {
        return std::unexpected(SolverError{SolverError::Kind::port_out_of_range, label,
                                           std::string(output ? "output " : "input ") + std::to_string(index) + " is not wired"});
      }
    }
    relate(label, std::move(values));
  }
  return {};
}

std::expected<bool, SolverError> TypeSolver::apply(const Relation& relation) {
  const TypeNode* pivot = types_[relation.values.front()];
  std::uint32_t pivot_value = relation.values.front();
  for (const std::uint32_t value : relation.values) {
    if (TypeTree::is_subtype(*types_[value], *pivot) && types_[value] != pivot) {
      pivot = types_[value];
      pivot_value = value;
    }
  }
  bool refined = false;
  for (const std::uint32_t value : relation.values) {
    if (types_[value] == pivot) continue;
    if (!TypeTree::is_subtype(*pivot, *types_[value])) {
      return std::unexpected(
          SolverError{SolverError::Kind::constraint_failed, relation.op,
                      "'" + names_[value] + "' is " + types_[value]->id + ", '" + names_[pivot_value] + "' is " + pivot->id});
    }
    types_[value] = pivot;
    refined = true;
  }
  return refined;
}

std::expected<void, SolverError> TypeSolver::solve() {
  std::deque<std::uint32_t> queue;
  for (std::uint32_t i = 0; i < relations_.size(); ++i) {
    relations_[i].queued = true;
    queue.push_back(i);
  }
  // A refinement moves a value strictly down the tree, so each relation runs at most (values × depth of the tree) times.
  while (!queue.empty()) {
    const std::uint32_t number = queue.front();
    queue.pop_front();
    relations_[number].queued = false;
    const auto refined = apply(relations_[number]);
    if (!refined) return std::unexpected(refined.error());
    if (!*refined) continue;
    for (const std::uint32_t value : relations_[number].values) {
      for (const std::uint32_t other : relations_of_[value]) {
        if (other == number || relations_[other].queued) continue;
        relations_[other].queued = true;
        queue.push_back(other);
      }
    }
  }
  return {};
}

}  // namespace bb::ir
