// layer: ir
// What exists, as plain data: op declarations, component classes, types. The compiler checks against it, the linker takes
// dispatch pointers from it. A registry is a value that the composition root fills; nothing registers itself.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "bb/types.h"

namespace onnx {
class NodeProto;
}

namespace bb {

class OpContext;
class Component;
class Config;
enum class Outcome : std::uint8_t;

namespace domain {
inline constexpr std::string_view kSyscall = "ai.bytesandbrains.syscall";
inline constexpr std::string_view kWire = "ai.bytesandbrains.wire";
inline constexpr std::string_view kModule = "ai.bytesandbrains.module";
inline constexpr std::string_view kComposite = "ai.bytesandbrains.composite";
inline constexpr std::string_view kAddressBook = "ai.bytesandbrains.address_book";
inline constexpr std::string_view kOnnx = "ai.onnx";
inline constexpr std::string_view kRolePrefix = "ai.bytesandbrains.role.";
}  // namespace domain

enum class Role : std::uint8_t { none, index, aggregator, model, codec, data_source, peer_selector, backend, protocol };
constexpr std::uint32_t kRoleCount = 9;

/// `Backend`, `Index`, ... as in binding values; empty for `none`.
std::string_view role_name(Role role);
/// `BackendRuntime`, ... as in `required_trait` metadata.
std::string_view role_trait(Role role);
/// `ai.onnx`, `ai.bytesandbrains.role.index`, ...: where a role's ops live; empty for `protocol` and `none`.
std::string_view role_domain(Role role);
Role role_from_name(std::string_view name);
Role role_from_trait(std::string_view trait);

/// One formal port of an op. `type` is a TypeNode id; a role op's port may name a storage port instead ("$tensor").
struct Port {
  std::string name{};
  std::string type = "any";
  bool optional = false;
  bool variadic = false;  // the last input only: takes all remaining ones
};

/// A scalar that comes from an input port of that name when wired, else from the attribute, else is the default.
struct Parameter {
  std::string name{};
  std::int64_t default_value = 0;
  bool required = false;
};

/// When an op may run: when all its required inputs are there, or at the first of them.
enum class Readiness : std::uint8_t { all, any };

/// What starts an op that no value starts: an event on the node's bus (attribute `kind`), a lifecycle phase (attribute `phase`), a
/// timer, or the start of its module.
enum class OpSource : std::uint8_t { none, event, lifecycle, interval, pulse };

/// Which ports must agree in element type (spec A §9.6): inputs count from 0, outputs from kOutputPort.
inline constexpr std::uint32_t kOutputPort = 0x100;
struct TypeRelation {
  enum class Kind : std::uint8_t { same_type, elementwise, reduce_over } kind;
  std::vector<std::uint32_t> ports{};
};

/// Immutable state that an op prepares once per node at link time: parsed attributes, prebuilt values.
struct OpState {
  virtual ~OpState() = default;
};
class PrepareContext;
using OpFunction = Outcome (*)(OpContext&);
using PrepareFunction = Result<std::unique_ptr<OpState>> (*)(const onnx::NodeProto&, PrepareContext&);

struct OpDeclaration {
  std::string domain{};
  std::string op_type{};
  Role role = Role::none;  // dispatched to the component bound at the node's slot
  std::vector<Port> inputs{};
  std::vector<Port> outputs{};
  bool variadic_outputs = false;  // Tee, Unbundle, Split: outputs[0] describes each
  std::vector<Parameter> parameters{};
  std::vector<std::string> required_attributes{};
  Readiness readiness = Readiness::all;
  OpSource source = OpSource::none;
  std::vector<TypeRelation> relations{};
  bool same_type_as_input0 = false;  // output 0 has the type of input 0 (PassThrough, Gate, Any)
  OpFunction run = nullptr;          // nullptr for role ops
  PrepareFunction prepare = nullptr;
  std::uint16_t method = 0;  // role ops: position among the role's ops, set by `Registry::add`
};

struct Dependency {
  Role role = Role::none;
  std::string slot{};
  bool optional = false;  // a slot left unbound is then no error
};

/// A kind of component. `construct` is called once per slot and install.
struct ComponentClass {
  std::string type_name{};
  Role role = Role::none;
  std::vector<Dependency> depends{};
  /// Storage port ("tensor", "element", "vector", "sample", "in", "out", "metadata") to TypeNode id.
  std::map<std::string, std::string> storage{};
  /// Op types of the role that this class implements; empty means all. A backend lists what it supports.
  std::vector<std::string> supports{};
  bool ignores_metadata = false;  // an aggregator whose metadata is the unit type
  bool has_bootstrap = false;
  /// What peers may call by name (`/component/<n>/op/<name>`); `Component::serve` gets the position.
  std::vector<std::string> remote_methods{};
  /// Errors: bad_argument with a text that starts "config type mismatch:" for a config of the wrong shape.
  std::function<std::expected<std::unique_ptr<Component>, std::string>(const Config&)> construct{};
};

class Registry {
 public:
  Registry() : types(TypeTree::builtin()) {}
  /// Errors: `duplicate` (domain, op_type).
  Status add(OpDeclaration op);
  /// Errors: `duplicate` type_name.
  Status add(ComponentClass component);
  const OpDeclaration* find_op(std::string_view domain, std::string_view op_type) const;
  const ComponentClass* find_component(std::string_view type_name) const;
  const std::deque<OpDeclaration>& ops() const { return ops_; }
  /// Number of role ops declared for a role; methods are 0 up to this.
  std::uint32_t method_count(Role role) const { return method_counts_[static_cast<std::size_t>(role)]; }
  const OpDeclaration* method(Role role, std::uint16_t method) const;

  TypeTree types;

 private:
  std::deque<OpDeclaration> ops_;
  std::deque<ComponentClass> components_;
  std::map<std::pair<std::string, std::string>, std::uint32_t, std::less<>> op_index_;
  std::uint32_t method_counts_[kRoleCount] = {};
};

}  // namespace bb
