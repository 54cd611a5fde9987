// layer: compiler
// Writing programs: a Module records ops into a Graph, on typed handles; slots name the components that a program needs.
//
// A Graph remembers its first error and ignores what follows; compiling the module then answers with that error. Handles are
// only good in the graph, and in the module body, that made them.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "bb/bytes.h"
#include "bb/registry.h"

namespace bb {

namespace compiler {
class Recorder;
struct OpCall;
}  // namespace compiler

/// Why something could not be recorded. `code` is stable: UnknownPort, PortUnwired, DuplicatePort, ForeignHandle, ...
struct RecordError {
  std::string code;
  std::string message;
  std::string node;  // the module instance, and the op where there is one
};

/// Types by name, for `Graph::input<type::Peers>("servers")`.
namespace type {
struct Any {
  static constexpr std::string_view id = "any";
};
struct Tensor {
  static constexpr std::string_view id = "tensor";
};
struct TensorF32 {
  static constexpr std::string_view id = "tensor.f32";
};
struct TensorI64 {
  static constexpr std::string_view id = "tensor.i64";
};
struct ScalarF32 {
  static constexpr std::string_view id = "scalar.f32";
};
struct U64 {
  static constexpr std::string_view id = "u64";
};
struct Trigger {
  static constexpr std::string_view id = "trigger";
};
struct ByteString {
  static constexpr std::string_view id = "bytes";
};
struct Peer {
  static constexpr std::string_view id = "peer_id";
};
struct Peers {
  static constexpr std::string_view id = "peer_id_vec";
};
struct Addresses {
  static constexpr std::string_view id = "address_vec";
};
struct Request {
  static constexpr std::string_view id = "wire_req_id";
};
struct Composite {
  static constexpr std::string_view id = "composite";
};
struct FedAvgMetadata {
  static constexpr std::string_view id = "fedavg_meta";
};
}  // namespace type

/// A value of a graph. A default-constructed one stands for "not wired" where a port is optional.
class Output {
 public:
  Output() = default;
  bool valid() const { return id_ != UINT32_MAX; }
  /// Its TypeNode id; empty when not valid.
  std::string_view type() const { return type_ ? std::string_view(type_->id) : std::string_view(); }

 private:
  friend class Graph;
  const compiler::Recorder* recorder_ = nullptr;
  const TypeNode* type_ = nullptr;
  std::uint32_t id_ = UINT32_MAX;
};

struct TensorLiteral {
  std::vector<std::int64_t> dims;
  std::vector<float> data;
};
using Attribute = std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>, std::vector<float>, TensorLiteral>;

struct NetOptions {
  /// The receiving site as `<target>/<port>`, instead of `<this module's partition of the peers' class>/<port>`. Without a
  /// slash, or for several fields, it is the target, and each field's name is the port.
  std::string to;
  /// Instead of the compiler's budget per hop.
  std::uint64_t deadline_ns = 0;
};
struct NetOut {
  Output value;   // what the receivers get
  Output sender;  // who they got it from
  Output handle;  // for `Graph::await_response`
};
struct NetOutRecord {
  std::map<std::string, Output, std::less<>> values;
  Output sender;
  Output handle;
  /// Not valid when there is no such field.
  Output operator[](std::string_view field) const {
    const auto at = values.find(field);
    return at == values.end() ? Output() : at->second;
  }
};
struct NetIn {
  Output value;
  Output sender;
};

using Inputs = std::vector<std::pair<std::string, Output>>;
class Module;
class Graph;

/// The ports of a called module.
class CallOutputs {
 public:
  /// An unknown port is an error of the graph.
  Output operator[](std::string_view port) const;

 private:
  friend class Graph;
  Graph* graph_ = nullptr;
  std::string module_;
  std::map<std::string, Output, std::less<>> ports_;
};

/// One op, for `Graph::record`. Inputs by formal position.
struct Op {
  std::string domain;
  std::string op_type;
  std::string slot;
  std::vector<Output> inputs;
  std::vector<std::pair<std::string, std::int64_t>> parameters;
  std::vector<std::pair<std::string, Attribute>> attributes;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<std::string> output_types;
  std::uint32_t output_count = 0;
};

class Graph {
 public:
  explicit Graph(compiler::Recorder& recorder) : recorder_(recorder) {}

  Output input(std::string_view name, std::string_view type = "any");
  template <class T>
  Output input(std::string_view name) {
    return input(name, T::id);
  }
  void output(std::string_view name, Output value);
  Output lookup_output(std::string_view name);

  /// Sends `value` to every peer. The name of the peers' input is their class.
  NetOut net_out(std::string_view port, Output peers, Output value, const NetOptions& options = {});
  /// Sends all fields in one envelope.
  NetOutRecord net_out(const Inputs& fields, Output peers, const NetOptions& options = {});
  /// Receives what separately compiled modules send to `<own partition>/<port>`.
  NetIn net_in(std::string_view port, std::string_view type = "any");
  template <class T>
  NetIn net_in(std::string_view port) {
    return net_in(port, T::id);
  }
  /// The answer to a request; the compiler's budget for two hops when no timeout is given.
  Output await_response(Output handle, std::string_view type, std::uint64_t timeout_ns = 0);
  /// Answers the request that started this execution.
  void reply(Output value, Output sender);
  /// What `record` records runs on that class of peers.
  void on(std::string_view peer_class, const std::function<void()>& record);

  /// `encoded` are the wire bytes of a value with that type hash.
  Output constant(std::string_view type, Bytes encoded, std::uint64_t type_hash, std::string_view label = {});
  Output constant(const TensorLiteral& tensor, std::string_view label = {});
  Output pass_through(Output value);
  /// `value`, once `trigger` is there.
  Output gate(Output value, Output trigger);
  /// A trigger, once all are there.
  Output gate_dispatch(const std::vector<Output>& values);
  /// The first that arrives.
  Output any(const std::vector<Output>& values);
  std::vector<Output> tee(Output value, std::uint32_t count);
  Output bundle(const std::vector<Output>& values);
  std::vector<Output> unbundle(Output composite, const std::vector<std::string>& types);
  Output insert_many(Output peer, Output addresses);
  Output lookup(Output peer);

  /// Calls a child module; `inputs` by the names of its formals.
  CallOutputs call(const Module& child, const Inputs& inputs);
  /// Runs a child's setup program as part of this one.
  CallOutputs call_bootstrap(const Module& child, const Inputs& inputs);
  /// Records any declared op. On an error the result has `output_count` or one invalid outputs.
  std::vector<Output> record(const Op& op);

  const std::optional<RecordError>& error() const { return error_; }
  /// Keeps the first.
  void fail(RecordError error);

 private:
  Output wrap(std::uint32_t value) const;
  std::uint32_t unwrap(Output output);
  Output first(const Op& op);
  CallOutputs call(const Module& child, const Inputs& inputs, bool bootstrap);

  compiler::Recorder& recorder_;
  std::optional<RecordError> error_;
};

/// A program, or part of one. The name is part of the addresses that peers use, so it is explicit.
class Module {
 public:
  explicit Module(std::string name) : name_(std::move(name)) {}
  virtual ~Module() = default;
  const std::string& name() const { return name_; }
  virtual void body(Graph& g) const = 0;
  /// Runs once, before the body may.
  virtual void bootstrap(Graph&) const {}

 private:
  std::string name_;
};

/// A named place for a component. Two slots of one name are one component.
class Slot {
 public:
  Slot(Role role, std::string name) : role_(role), name_(std::move(name)) {}
  Role role() const { return role_; }
  const std::string& name() const { return name_; }
  /// Any op of the role, in the role's domain.
  std::vector<Output> record(Graph& g, std::string_view op_type, std::vector<Output> inputs = {},
                             std::vector<std::pair<std::string, std::int64_t>> parameters = {},
                             std::vector<std::pair<std::string, Attribute>> attributes = {}) const;

 private:
  Role role_;
  std::string name_;
};

class ModelSlot : public Slot {
 public:
  explicit ModelSlot(std::string name = "model") : Slot(Role::model, std::move(name)) {}
  Output forward(Graph& g, Output input) const;
  Output backward(Graph& g, Output loss) const;
  Output compute_loss(Graph& g, Output input, Output target) const;
  Output apply_delta(Graph& g, Output delta) const;
  Output load_parameters(Graph& g, Output params) const;
  Output params(Graph& g) const;
  /// `steps` local steps on batches of the data source that the model depends on; the mean loss.
  Output train(Graph& g, std::int64_t steps, Output trigger = {}) const;
};

struct Batch {
  Output batch;
  Output labels;
};

class DataSourceSlot : public Slot {
 public:
  explicit DataSourceSlot(std::string name = "data_source") : Slot(Role::data_source, std::move(name)) {}
  Batch next_batch(Graph& g) const;
  Output reset(Graph& g, Output trigger) const;
  Output on_data_loaded(Graph& g) const;
};

struct Aggregate {
  Output params;
  Output metadata;
};

class AggregatorSlot : public Slot {
 public:
  explicit AggregatorSlot(std::string name = "aggregator") : Slot(Role::aggregator, std::move(name)) {}
  Output contribute(Graph& g, Output contribution, Output metadata = {}, Output source = {}) const;
  Aggregate aggregate(Graph& g, Output trigger) const;
};

class PeerSelectorSlot : public Slot {
 public:
  /// `peer_class`: where the selected peers run what is sent to them.
  explicit PeerSelectorSlot(std::string name = "peer_selector", std::string peer_class = "@self")
      : Slot(Role::peer_selector, std::move(name)), peer_class_(std::move(peer_class)) {}
  Output sample(Graph& g, std::int64_t n) const;
  Output current_view(Graph& g) const;
  Output select(Graph& g, std::int64_t mode, std::int64_t n, Output key = {}) const;

 private:
  std::string peer_class_;
};

class IndexSlot : public Slot {
 public:
  explicit IndexSlot(std::string name = "index") : Slot(Role::index, std::move(name)) {}
  Output add(Graph& g, Output vector) const;
  Output search(Graph& g, Output query, std::int64_t k) const;
  Output remove(Graph& g, Output id) const;
  Output train(Graph& g, Output samples) const;
};

class CodecSlot : public Slot {
 public:
  explicit CodecSlot(std::string name = "codec") : Slot(Role::codec, std::move(name)) {}
  Output train(Graph& g, Output samples) const;
  Output encode(Graph& g, Output value) const;
  Output decode(Graph& g, Output encoded) const;
};

class BackendSlot : public Slot {
 public:
  explicit BackendSlot(std::string name = "backend") : Slot(Role::backend, std::move(name)) {}
  Output add(Graph& g, Output a, Output b) const;
  Output sub(Graph& g, Output a, Output b) const;
  Output mul(Graph& g, Output a, Output b) const;
  Output matmul(Graph& g, Output a, Output b) const;
  Output relu(Graph& g, Output x) const;
  Output constant(Graph& g, const TensorLiteral& value) const;
};

}  // namespace bb
