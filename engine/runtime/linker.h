// Linking: FunctionProtos become LinkedGraphs. Every value name is resolved inside its own function, every op to a function or an
// instance, every call to a function of the same artifact; what cannot be resolved is listed, and nothing is half linked.
#pragma once

#include <expected>
#include <functional>

#include "ir/model.h"
#include "runtime/engine.h"

namespace bb::runtime {

struct LinkProblem {
  enum class Kind : std::uint8_t {
    unresolved_op,
    dangling_input,
    missing_input,
    too_many_ports,
    duplicate_value,
    bad_attribute,
    recursive_call,
    too_deep,
  };
  Kind kind = Kind::unresolved_op;
  std::string function;
  std::string node;  // its name, or its position
  std::string domain;
  std::string op_type;
  std::string detail;
};

/// Finds the instance for a node's slot: by name, else by id; kNone when there is none.
using SlotResolver = std::function<std::uint32_t(std::string_view slot, std::int64_t slot_id, Role role)>;

struct FunctionToLink {
  const onnx::FunctionProto* function = nullptr;
  const onnx::ModelProto* artifact = nullptr;  // where the functions it calls are
  std::string base_name;
  LinkedGraph::Kind kind = LinkedGraph::Kind::target;
  SlotResolver slots;
};

/// The function that a node calls, or nullptr when it calls none or the artifact lacks it.
const onnx::FunctionProto* callee_of(const onnx::ModelProto& artifact, const onnx::NodeProto& node);

/// Links all of the functions, which must include every one that another of them calls; their order is that of the graphs.
std::expected<std::vector<std::unique_ptr<LinkedGraph>>, std::vector<LinkProblem>> link_functions(
    Engine& engine, const Registry& registry, std::span<const FunctionToLink> functions);

/// The graph of a component's entry points besides its ops: one op per remote method, then its bootstrap. nullptr when it has none.
std::unique_ptr<LinkedGraph> make_service_graph(const Instance& instance, std::uint32_t component, std::uint32_t graph_index,
                                                const Registry& registry);

}  // namespace bb::runtime
