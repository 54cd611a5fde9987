// Linking: a FunctionProto becomes a LinkedGraph. Every name is resolved inside its own function, every op to a function or an
// instance; what cannot be resolved is listed, and nothing is half linked.
#pragma once

#include <expected>
#include <functional>

#include "ir/model.h"
#include "runtime/engine.h"

namespace bb::runtime {

struct LinkProblem {
  enum class Kind : std::uint8_t { unresolved_op, dangling_input, missing_input, too_many_ports, duplicate_value, bad_attribute };
  Kind kind = Kind::unresolved_op;
  std::string node;  // its name, or its position
  std::string domain;
  std::string op_type;
  std::string detail;
};

/// Finds the instance for a node's slot: by name, else by id; kNone when there is none.
using SlotResolver = std::function<std::uint32_t(std::string_view slot, std::int64_t slot_id, Role role)>;

struct LinkOptions {
  std::string base_name;
  std::uint32_t graph_index = 0;
  std::uint64_t* next_site = nullptr;  // local site numbers, continued from graph to graph
};

std::expected<std::unique_ptr<LinkedGraph>, std::vector<LinkProblem>> link_function(Engine& engine, const Registry& registry,
                                                                                    const onnx::FunctionProto& function,
                                                                                    const SlotResolver& slots,
                                                                                    const LinkOptions& options);

}  // namespace bb::runtime
