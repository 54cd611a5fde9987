// layer: ir
// The type lattice that ports are declared with: 29 built-in nodes and the framework's own, open to more (spec A §9).
#pragma once

#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bb/error.h"

namespace bb {

/// Identity is the object's address. Concrete nodes are leaves that may type a value, abstract ones are bounds.
struct TypeNode {
  std::string id;
  const TypeNode* parent = nullptr;
  bool concrete = false;
  std::uint32_t wire_hash = 0;  // an assigned number, never sent
  std::string denotation;
  std::string foreign_name;
  /// Type hashes that a fill for a port of this type may carry; empty on abstract nodes, which accept any decodable type.
  std::vector<std::uint64_t> accepted_hashes;
};

/// A tree of type nodes. `TypeTree::builtin()` has the 29 nodes of the reference and those the framework adds.
class TypeTree {
 public:
  TypeTree() = default;
  TypeTree(TypeTree&&) = default;
  TypeTree& operator=(TypeTree&&) = default;
  // A copy would have other identities, and parents in the original.
  TypeTree(const TypeTree&) = delete;
  TypeTree& operator=(const TypeTree&) = delete;

  static TypeTree builtin();
  /// Errors: duplicate id or denotation (`duplicate`), unknown parent (`unknown_type`).
  Result<const TypeNode*> add(TypeNode node, std::string_view parent_id);
  const TypeNode* find(std::string_view id) const;
  const TypeNode* find_denotation(std::string_view denotation) const;
  static bool is_subtype(const TypeNode& child, const TypeNode& parent);
  const std::deque<TypeNode>& nodes() const { return nodes_; }

 private:
  std::deque<TypeNode> nodes_;  // a deque: addresses are identities
};

}  // namespace bb
