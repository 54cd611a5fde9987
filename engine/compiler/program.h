// What the passes work on: the model, what is known of its values, and the partitions it becomes.
#pragma once

#include <map>
#include <set>

#include "bb/compiler.h"
#include "ir/metadata.h"

namespace bb::compiler {

using PassResult = std::expected<void, CompileError>;

struct Binding {
  std::string slot;
  const ComponentClass* component = nullptr;
};

struct Options {
  std::vector<std::pair<std::string, std::string>> bindings;  // slot, type name
  std::vector<std::pair<std::string, std::string>> aliases;   // slot, bound slot
  std::uint64_t per_hop_budget_ns = 100'000'000;
  bool permissive_types = false;
  std::uint32_t nodes_max = 1u << 16;
  std::uint32_t call_depth_max = 64;
};

using TypeMap = std::map<std::string, const TypeNode*, std::less<>>;

/// The part of an entry function that runs on one class of peers.
struct Partition {
  std::string base;  // `Round`, `Round_servers`
  std::string peer_class;
  bool bootstrap = false;
  onnx::FunctionProto function;  // its name is set by the naming pass: the target, or `<base>__bootstrap`
};

struct Program {
  const Registry& registry;
  const Options& options;
  onnx::ModelProto model;  // functions(0) is the root; emptied by the partition pass of its entry functions
  std::string module;      // the root's name
  std::vector<Binding> bindings;
  std::map<std::string, std::string, std::less<>> aliases;       // slot → bound slot, fully resolved
  std::map<std::string, TypeMap, std::less<>> types;             // by function name
  std::map<std::string, std::string, std::less<>> destinations;  // Send node name → class of its peers
  std::vector<Partition> partitions;
  std::map<std::string, std::uint32_t, std::less<>> batch_groups;  // "from|to" → id
  std::uint32_t next_wire_id = 0;
  std::uint32_t next_recv = 0;
  std::string pass;  // of the running pass, for errors

  bool is_entry(const onnx::FunctionProto& function) const;
  const onnx::FunctionProto* find_function(std::string_view name) const;
  const Binding* find_binding(std::string_view slot) const;
  /// nullptr for calls, and for the wire ops that the compiler knows itself when they are not declared.
  const OpDeclaration* declaration(const onnx::NodeProto& node) const;
  /// A declared port type, with storage ports looked up in the component bound at the node's slot.
  const TypeNode& port_type(const onnx::NodeProto& node, std::string_view declared) const;
  /// What a node asks of an input: `any` when it takes everything, which a trigger port does.
  const TypeNode& demanded_type(const onnx::NodeProto& node, int input) const;
  /// True when the node only waits for this input.
  bool is_trigger_input(const onnx::NodeProto& node, int input) const;
  const TypeNode& type(std::string_view id) const;

  std::unexpected<CompileError> wrong(std::string code, const onnx::FunctionProto* function, const onnx::NodeProto* node,
                                      std::string message, std::vector<std::pair<std::string, std::string>> fields = {}) const;
};

/// `<module>` on @self, else the class when it is the module's own, else `<module>_<class>`.
std::string partition_base(std::string_view module, std::string_view peer_class);

/// Positions of functions in post-order of their calls, from `start`. The calls are known to be sound.
std::vector<int> call_post_order(const onnx::ModelProto& model, const std::vector<int>& start);
int function_index(const onnx::ModelProto& model, std::string_view name);
/// A PassThrough that the compiler adds; imports its domain where the model states its imports.
void fill_pass_through(onnx::ModelProto& model, onnx::NodeProto& node, std::string name, std::string from, std::string to);

// The passes, in their order.
PassResult check_model(Program& program);       // table, version, names, calls, recursion
PassResult resolve_slots(Program& program);     // every slot to its binding; dependencies
PassResult inline_functions(Program& program);  // no call hides a wire op
PassResult prepare_sends(Program& program);     // deadlines; one name per payload
PassResult validate(Program& program);          // structure of every function
PassResult expand_ops(Program& program);        // defaults and literals
PassResult refine_types(Program& program);      // types from declarations and bound storage
PassResult solve_types(Program& program);       // relations, calls, demands; types written back
PassResult infer_classes(Program& program);     // a home for every node, a class for every Send's peers
PassResult synthesize_recvs(Program& program);  // a Recv per consumed port of a Send
PassResult partition(Program& program);         // one function per class
PassResult assign_sites(Program& program);      // site keys on Recv, suffixes on Send
PassResult name_targets(Program& program);      // content hash names
onnx::ModelProto merge(Program& program);       // functions, bindings, port tables, passport
PassResult check_complete(const Program& program, const onnx::ModelProto& compiled);  // what the linker relies on

}  // namespace bb::compiler
