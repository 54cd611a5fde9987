// Records modules as functions of a model. Values are numbers, so that every language records through the same calls; each call
// checks at once and answers with a typed error. `bb::Graph` and the bindings are shells around it.
//
// States: idle → body (begin_root) → idle (end_root) → bootstrap (begin_bootstrap) → idle (end_bootstrap) → finish.
// Inside body and bootstrap, modules and classes nest; a value is only good in the function that made it.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "bb/module.h"
#include "bb/registry.h"
#include "ir/metadata.h"

namespace bb::compiler {

using ValueId = std::uint32_t;
inline constexpr ValueId kNoValue = UINT32_MAX;
template <class T>
using Recorded = std::expected<T, RecordError>;

struct RecordLimits {
  std::uint32_t nodes_max = 1u << 16;
  std::uint32_t functions_max = 1024;
  std::uint32_t depth_max = 64;
  std::uint32_t name_bytes_max = 256;
  std::uint32_t instance_bytes_max = 2048;
  std::uint32_t ports_max = 4096;  // inputs or outputs of one node or function
  std::uint64_t attribute_bytes_max = 64ull << 20;
};

struct NamedValue {
  std::string name;
  ValueId value = kNoValue;
};

/// One op to record. Inputs by formal position, `kNoValue` where an optional one is absent.
struct OpCall {
  std::string domain;
  std::string op_type;
  std::string slot;  // role ops only
  std::vector<ValueId> inputs;
  std::vector<std::pair<std::string, std::int64_t>> parameters;
  std::vector<std::pair<std::string, Attribute>> attributes;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<std::string> output_types;  // by position; empty keeps what the declaration says
  std::uint32_t output_count = 0;         // of ops whose number of outputs the caller chooses
};

class Recorder {
 public:
  explicit Recorder(const Registry& registry, RecordLimits limits = {}) : registry_(registry), limits_(limits) {}
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  Recorded<void> begin_root(std::string_view name);
  Recorded<void> end_root();
  /// The setup program of the root module; kept only when it records a node.
  Recorded<void> begin_bootstrap();
  Recorded<void> end_bootstrap();
  /// A child's body is recorded once per name; a second recording must be equal, and leaves only the call. `actuals` by formal name.
  Recorded<void> begin_module(std::string_view name, const std::vector<NamedValue>& actuals, bool bootstrap = false);
  /// The child's ports as values of the caller.
  Recorded<std::vector<NamedValue>> end_module();
  /// What is recorded until `end_on` runs on that class of peers.
  Recorded<void> begin_on(std::string_view peer_class);
  Recorded<void> end_on();

  /// `type` is a TypeNode id; "any" takes the type of the caller's value, or of the consumers.
  Recorded<ValueId> input(std::string_view name, std::string_view type);
  Recorded<void> output(std::string_view name, ValueId value);
  /// A port that this function already has (`output`, `net_out`).
  Recorded<ValueId> lookup_output(std::string_view name);

  struct Sent {
    std::vector<ValueId> values;  // as the receiver sees them, one per field
    ValueId sender = kNoValue;
    ValueId handle = kNoValue;
  };
  /// One Send: all fields in one envelope to every peer.
  Recorded<Sent> net_out(const std::vector<NamedValue>& fields, ValueId peers, const NetOptions& options = {});
  struct Received {
    ValueId value = kNoValue;
    ValueId sender = kNoValue;
  };
  Recorded<Received> net_in(std::string_view port, std::string_view type);
  Recorded<std::vector<ValueId>> record(const OpCall& call);

  /// The recorded model; the recorder is spent.
  Recorded<onnx::ModelProto> finish();

  const TypeNode* type_of(ValueId value) const { return value < values_.size() ? values_[value].type : nullptr; }
  const Registry& registry() const { return registry_; }

 private:
  struct Function {
    onnx::FunctionProto proto;
    std::string module;  // the author's name
    bool finished = false;
    bool bootstrap = false;
  };
  struct ValueEntry {
    std::uint32_t scope = 0;
    std::string name;
    const TypeNode* type = nullptr;
    int send_node = -1;  // a Send's sender becomes an output of the Send on first use
  };
  struct Scope {
    std::uint32_t id = 0;
    Function* function = nullptr;
    std::unique_ptr<Function> repeat;    // a second recording, compared and dropped
    const Function* recorded = nullptr;  // what it must equal
    std::map<std::string, ValueId, std::less<>> actuals;
    std::map<std::string, ValueId, std::less<>> inputs;
    std::vector<NamedValue> outputs;           // in the order of the function's outputs
    std::set<std::string, std::less<>> names;  // of values that are named after ports
    std::vector<std::string> classes;
    std::uint32_t next_value = 0;
    std::uint32_t next_node = 0;
  };
  enum class State : std::uint8_t { idle, body, body_done, bootstrap, bootstrap_done, finished };

  RecordError error(std::string code, std::string message) const;
  std::unexpected<RecordError> wrong(std::string code, std::string message) const;
  Recorded<void> check_open() const;
  Recorded<void> check_name(std::string_view what, std::string_view name) const;
  Recorded<void> check_port(std::string_view name) const;
  Recorded<void> claim_port(std::string_view name);
  const NamedValue* find_output(std::string_view name) const;
  Recorded<const TypeNode*> find_type(std::string_view id) const;
  Recorded<std::string> use(ValueId value);
  ValueId add_value(std::string name, const TypeNode* type);
  std::string mint() { return "v" + std::to_string(next_value_++); }
  void declare(const std::string& name, const TypeNode& type);
  Recorded<onnx::NodeProto*> add_node(std::string_view domain, std::string_view op_type);
  Recorded<void> set_slot(onnx::NodeProto& node, const OpDeclaration& op, const std::string& slot);
  Recorded<void> set_attributes(onnx::NodeProto& node, const OpDeclaration& op, const OpCall& call);
  Recorded<void> check_inputs(const OpDeclaration& op, const OpCall& call) const;
  const TypeNode* output_type(const OpDeclaration& op, const OpCall& call, std::uint32_t position) const;
  Scope& push_scope(Function& function);
  Scope& top() { return scopes_.back(); }
  const Scope& top() const { return scopes_.back(); }
  std::string instance() const;

  const Registry& registry_;
  const RecordLimits limits_;
  State state_ = State::idle;
  std::vector<std::unique_ptr<Function>> functions_;
  std::size_t body_functions_ = 0;
  std::vector<Scope> scopes_;
  std::vector<ValueEntry> values_;
  std::map<std::string, std::pair<std::uint32_t, Role>, std::less<>> slots_;
  std::uint32_t next_scope_ = 0;
  std::uint32_t next_value_ = 0;
  std::uint32_t next_node_ = 0;
  std::uint32_t nodes_ = 0;
  std::uint64_t attribute_bytes_ = 0;
};

/// Domains with the opset version that is written for each: 17 for `ai.onnx`, else 1.
std::int64_t opset_version(std::string_view domain);
/// Writes the opset imports of all functions, and of the model.
void write_opset_imports(onnx::ModelProto& model);

}  // namespace bb::compiler
