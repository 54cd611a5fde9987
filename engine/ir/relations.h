// The type solver: values start at a bound of the lattice and are narrowed by relations until nothing changes (spec A §9.6, D §4.5).
#pragma once

#include <expected>
#include <map>
#include <string>
#include <vector>

#include "bb/registry.h"

namespace bb::ir {

struct SolverError {
  enum class Kind : std::uint8_t { constraint_failed, port_out_of_range } kind;
  std::string op;
  std::string detail;
};

class TypeSolver {
 public:
  explicit TypeSolver(const TypeTree& tree) : any_(tree.find("any")) {}

  /// The number of a value; a new name starts at `any`.
  std::uint32_t value(std::string_view name);
  /// Narrows to `type`. False when the value already has an unrelated type.
  bool narrow(std::uint32_t value, const TypeNode& type);
  const TypeNode& type(std::uint32_t value) const { return *types_[value]; }
  const TypeNode* type(std::string_view name) const;

  /// `op` names the node in errors. Fewer than two values relate nothing.
  void relate(std::string op, std::vector<std::uint32_t> values);
  /// The relations that a declaration has, over the values of one node ("" is an absent port).
  std::expected<void, SolverError> relate(const OpDeclaration& op, const std::string& label, const std::vector<std::string>& inputs,
                                          const std::vector<std::string>& outputs);
  /// Runs all relations to a fixpoint, in the order they were added.
  std::expected<void, SolverError> solve();

 private:
  struct Relation {
    std::string op;
    std::vector<std::uint32_t> values;
    bool queued = false;
  };
  std::expected<bool, SolverError> apply(const Relation& relation);

  const TypeNode* any_;
  std::map<std::string, std::uint32_t, std::less<>> numbers_;
  std::vector<std::string> names_;
  std::vector<const TypeNode*> types_;
  std::vector<std::vector<std::uint32_t>> relations_of_;
  std::vector<Relation> relations_;
};

}  // namespace bb::ir
