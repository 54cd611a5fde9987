// Scopes, names and ports of the recorder: what opens, closes and connects modules.
#include "compiler/recorder.h"

#include <algorithm>

#include "base/utf8.h"
#include "ir/content_hash.h"
#include "ir/metadata.h"
#include "ir/value_info.h"

namespace bb::compiler {
namespace {

namespace key = ir::key;

constexpr std::string_view kBootstrapSuffix = "__bootstrap";

bool is_minted(std::string_view name) {
  return name.size() > 1 && name[0] == 'v' &&
         std::all_of(name.begin() + 1, name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Names become parts of metadata keys and values; each separator that those use is refused. `@` starts built-in classes.
bool is_name(std::string_view name) {
  if (name.empty() || name.front() == '@' || !is_utf8(as_bytes(name))) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7f && std::string_view(".#|/:,;\"").find(c) == std::string_view::npos;
  });
}

/// A function without the names that depend on when it was recorded.
std::string canonical(const onnx::FunctionProto& function) {
  std::map<std::string, std::string, std::less<>> numbers;
  const auto number = [&](std::string& name) {
    if (name.empty()) return;
    name = numbers.try_emplace(name, std::to_string(numbers.size())).first->second;
  };
  onnx::FunctionProto copy;
  for (const auto& port : function.input()) copy.add_input(port);
  for (const auto& port : function.output()) copy.add_output(port);
  for (std::string port : function.input()) number(port);
  for (const auto& node : function.node()) {
    onnx::NodeProto& same = *copy.add_node();
    same = node;
    same.clear_name();
    ir::erase_metadata(same, key::kModuleInstance);
    for (auto& name : *same.mutable_input()) number(name);
    for (auto& name : *same.mutable_output()) number(name);
  }
  for (std::string port : function.output()) {
    number(port);
    copy.add_attribute(port);
  }
  return ir::deterministic_bytes(copy);
}

std::string listed(const auto& ports) {
  std::string text;
  for (const auto& port : ports) text += (text.empty() ? "" : ", ") + std::string(port);
  return text.empty() ? "none" : text;
}

}  // namespace

std::string Recorder::instance() const {
  std::string text;
  for (const Scope& scope : scopes_) text += (text.empty() ? "" : "_") + scope.function->module;
  return text;
}

RecordError Recorder::error(std::string code, std::string message) const {
  return {std::move(code), std::move(message), instance()};
}

std::unexpected<RecordError> Recorder::wrong(std::string code, std::string message) const {
  return std::unexpected(error(std::move(code), std::move(message)));
}

Recorded<void> Recorder::check_open() const {
  if (scopes_.empty()) return wrong("InvalidState", "nothing is being recorded");
  return {};
}

Recorded<void> Recorder::check_name(std::string_view what, std::string_view name) const {
  if (name.size() > limits_.name_bytes_max) return wrong("OverLimit", std::string(what) + " name is too long");
  if (!is_name(name)) {
    return wrong("InvalidName", std::string(what) + " name '" + (is_utf8(as_bytes(name)) ? std::string(name) : std::string("?")) +
                                    "' must be non-empty UTF-8 without space, leading @, or any of . # | / : , ; \"");
  }
  return {};
}

Recorded<void> Recorder::check_port(std::string_view name) const {
  BB_CHECK(check_name("port", name));
  for (const std::string_view reserved : {"__recv_", "__send_", "__sender", "__sent"})
    if (name.find(reserved) != std::string_view::npos)
      return wrong("InvalidName", "port name '" + std::string(name) + "' is reserved");
  if (is_minted(name)) return wrong("InvalidName", "port name '" + std::string(name) + "' is reserved for unnamed values");
  if (top().names.size() >= limits_.ports_max) return wrong("OverLimit", "too many ports");
  return {};
}

Recorded<void> Recorder::claim_port(std::string_view name) {
  BB_CHECK(check_port(name));
  if (!top().names.emplace(name).second)
    return wrong("DuplicatePort", "port '" + std::string(name) + "' is declared twice in '" + top().function->module + "'");
  return {};
}

const NamedValue* Recorder::find_output(std::string_view name) const {
  for (const NamedValue& output : top().outputs)
    if (output.name == name) return &output;
  return nullptr;
}

Recorded<const TypeNode*> Recorder::find_type(std::string_view id) const {
  const TypeNode* type = registry_.types.find(id);
  if (!type) return wrong("UnknownType", "no type '" + std::string(id) + "'");
  return type;
}

Recorded<std::string> Recorder::use(ValueId value) {
  if (value >= values_.size()) return wrong("ForeignHandle", "a value that is not of this graph");
  ValueEntry& entry = values_[value];
  if (scopes_.empty() || entry.scope != top().id)
    return wrong("ForeignHandle", "value '" + entry.name + "' belongs to another module body");
  if (entry.send_node >= 0) {
    top().function->proto.mutable_node(entry.send_node)->add_output(entry.name);
    declare(entry.name, *entry.type);
    entry.send_node = -1;
  }
  return entry.name;
}

ValueId Recorder::add_value(std::string name, const TypeNode* type) {
  values_.push_back({top().id, std::move(name), type, -1});
  return static_cast<ValueId>(values_.size() - 1);
}

void Recorder::declare(const std::string& name, const TypeNode& type) {
  auto* info = top().function->proto.add_value_info();
  info->set_name(name);
  ir::set_type(*info, type);
}

Recorded<onnx::NodeProto*> Recorder::add_node(std::string_view domain, std::string_view op_type) {
  if (nodes_ >= limits_.nodes_max || values_.size() >= std::size_t{limits_.nodes_max} * 16)
    return wrong("OverLimit", "too many nodes");
  ++nodes_;
  const std::string path = instance();
  onnx::NodeProto* node = top().function->proto.add_node();
  node->set_domain(std::string(domain));
  node->set_op_type(std::string(op_type));
  node->set_name(path + "/" + std::string(op_type) + "." + std::to_string(next_node_++));
  return node;
}

Recorder::Scope& Recorder::push_scope(Function& function) {
  Scope scope;
  scope.id = next_scope_++;
  scope.function = &function;
  scope.next_value = next_value_;
  scope.next_node = next_node_;
  scopes_.push_back(std::move(scope));
  return top();
}

Recorded<void> Recorder::begin_root(std::string_view name) {
  if (state_ != State::idle) return wrong("InvalidState", "a root module was recorded already");
  BB_CHECK(check_name("module", name));
  if (name.ends_with(kBootstrapSuffix)) return wrong("InvalidName", "module names must not end in __bootstrap");
  auto& function = *functions_.emplace_back(std::make_unique<Function>());
  function.module = name;
  function.proto.set_name(std::string(name));
  ir::stamp_metadata(function.proto, key::kModulePhase, key::kPhaseBody);
  push_scope(function);
  state_ = State::body;
  return {};
}

Recorded<void> Recorder::end_root() {
  if (state_ != State::body || scopes_.size() != 1 || !top().classes.empty()) return wrong("InvalidState", "a scope is still open");
  if (top().function->proto.node_size() == 0)
    return wrong("EmptyModule", "module '" + top().function->module + "' records nothing");
  top().function->finished = true;
  scopes_.pop_back();
  body_functions_ = functions_.size();
  state_ = State::body_done;
  return {};
}

Recorded<void> Recorder::begin_bootstrap() {
  if (state_ != State::body_done) return wrong("InvalidState", "the bootstrap is recorded once, after the body");
  auto& function = *functions_.emplace_back(std::make_unique<Function>());
  function.module = functions_.front()->module + std::string(kBootstrapSuffix);
  function.bootstrap = true;
  function.proto.set_name(function.module);
  ir::stamp_metadata(function.proto, key::kModulePhase, key::kPhaseBootstrap);
  push_scope(function);
  state_ = State::bootstrap;
  return {};
}

Recorded<void> Recorder::end_bootstrap() {
  if (state_ != State::bootstrap || scopes_.size() != 1 || !top().classes.empty())
    return wrong("InvalidState", "a scope is still open");
  const bool empty = top().function->proto.node_size() == 0;
  top().function->finished = true;
  scopes_.pop_back();
  if (empty) functions_.resize(body_functions_);
  state_ = State::bootstrap_done;
  return {};
}

Recorded<void> Recorder::begin_module(std::string_view name, const std::vector<NamedValue>& actuals, bool bootstrap) {
  BB_CHECK(check_open());
  BB_CHECK(check_name("module", name));
  if (name.ends_with(kBootstrapSuffix)) return wrong("InvalidName", "module names must not end in __bootstrap");
  if (bootstrap && state_ != State::bootstrap) return wrong("InvalidState", "a child's bootstrap is called from a bootstrap");
  if (scopes_.size() >= limits_.depth_max) return wrong("OverLimit", "modules are nested too deep");
  if (instance().size() + name.size() > limits_.instance_bytes_max) return wrong("OverLimit", "module names are too long together");
  if (actuals.size() > limits_.ports_max) return wrong("OverLimit", "too many inputs");
  const std::string function_name = std::string(name) + std::string(bootstrap ? kBootstrapSuffix : "");
  if (functions_.front()->module == name && !bootstrap)
    return wrong("RecursiveModule", "module '" + std::string(name) + "' calls itself");
  std::map<std::string, ValueId, std::less<>> bound;
  for (const NamedValue& actual : actuals) {
    BB_CHECK(use(actual.value));
    if (!bound.emplace(actual.name, actual.value).second)
      return wrong("DuplicatePort", "input '" + actual.name + "' of '" + std::string(name) + "' is given twice");
  }
  Function* known = nullptr;
  for (const auto& function : functions_)
    if (function->proto.name() == function_name) known = function.get();
  if (known && !known->finished) return wrong("RecursiveModule", "module '" + std::string(name) + "' calls itself");
  std::unique_ptr<Function> repeat;
  if (!known && functions_.size() >= limits_.functions_max) return wrong("OverLimit", "too many modules");
  auto fresh = std::make_unique<Function>();
  fresh->module = function_name;
  fresh->bootstrap = bootstrap;
  fresh->proto.set_name(function_name);
  fresh->proto.set_domain(std::string(domain::kModule));
  if (bootstrap) ir::stamp_metadata(fresh->proto, key::kModulePhase, key::kPhaseBootstrap);
  Function& target = *fresh;
  if (known) {
    repeat = std::move(fresh);
  } else {
    functions_.push_back(std::move(fresh));
  }
  Scope& scope = push_scope(target);
  scope.repeat = std::move(repeat);
  scope.recorded = known;
  scope.actuals = std::move(bound);
  return {};
}

Recorded<std::vector<NamedValue>> Recorder::end_module() {
  if (scopes_.size() < 2 || !top().classes.empty()) return wrong("InvalidState", "no module, or a class, is open");
  const onnx::FunctionProto& done = top().function->proto;
  for (const auto& [name, value] : top().actuals) {
    if (std::find(done.input().begin(), done.input().end(), name) == done.input().end()) {
      return wrong("UnknownPort",
                   "module '" + top().function->module + "' has no input '" + name + "'; it has: " + listed(done.input()));
    }
  }
  if (done.node_size() == 0) return wrong("EmptyModule", "module '" + top().function->module + "' records nothing");
  if (top().recorded && canonical(done) != canonical(top().recorded->proto)) {
    return wrong("DuplicateModule", "two different modules are named '" + top().function->module + "'");
  }
  Scope scope = std::move(scopes_.back());
  scopes_.pop_back();
  scope.function->finished = true;
  if (scope.repeat) {
    next_value_ = scope.next_value;
    next_node_ = scope.next_node;
    nodes_ -= static_cast<std::uint32_t>(done.node_size());
  }
  auto added = add_node(domain::kModule, scope.function->proto.name());
  if (!added) return std::unexpected(added.error());
  for (const auto& formal : scope.function->proto.input()) {
    auto name = use(scope.actuals.find(formal)->second);
    if (!name) return std::unexpected(name.error());
    (*added)->add_input(*name);
  }
  std::vector<NamedValue> results;
  for (const NamedValue& port : scope.outputs) {
    const TypeNode* type = values_[port.value].type;
    const std::string name = mint();
    (*added)->add_output(name);
    declare(name, *type);
    results.push_back({port.name, add_value(name, type)});
  }
  if (!top().classes.empty()) ir::stamp_metadata(**added, key::kHomeClass, top().classes.back());
  ir::stamp_metadata(**added, key::kModuleInstance, instance());
  return results;
}

Recorded<void> Recorder::begin_on(std::string_view peer_class) {
  BB_CHECK(check_open());
  if (peer_class != ir::kSelfClass) BB_CHECK(check_name("class", peer_class));
  if (top().classes.size() >= limits_.depth_max) return wrong("OverLimit", "classes are nested too deep");
  top().classes.emplace_back(peer_class);
  return {};
}

Recorded<void> Recorder::end_on() {
  if (scopes_.empty() || top().classes.empty()) return wrong("InvalidState", "no class is open");
  top().classes.pop_back();
  return {};
}

Recorded<ValueId> Recorder::input(std::string_view name, std::string_view type_id) {
  BB_CHECK(check_open());
  BB_TRY(type, find_type(type_id));
  const TypeNode* bound = nullptr;
  if (scopes_.size() > 1) {
    const auto actual = top().actuals.find(name);
    if (actual == top().actuals.end())
      return wrong("PortUnwired", "input '" + std::string(name) + "' of module '" + top().function->module + "' is not wired");
    bound = values_[actual->second].type;
  }
  if (const auto port = top().inputs.find(name); port != top().inputs.end()) {
    if (!TypeTree::is_subtype(*values_[port->second].type, *type))
      return wrong("DuplicatePort", "port '" + std::string(name) + "' is declared twice in '" + top().function->module + "'");
    return port->second;
  }
  if (bound && !TypeTree::is_subtype(*bound, *type) && !TypeTree::is_subtype(*type, *bound)) {
    return wrong("TypeMismatch", "input '" + std::string(name) + "' of module '" + top().function->module + "' is " + type->id +
                                     ", but is given " + bound->id);
  }
  BB_CHECK(claim_port(name));
  if (bound && TypeTree::is_subtype(*bound, *type)) type = bound;
  top().function->proto.add_input(std::string(name));
  declare(std::string(name), *type);
  const ValueId value = add_value(std::string(name), type);
  top().inputs.emplace(name, value);
  return value;
}

Recorded<void> Recorder::output(std::string_view name, ValueId value) {
  BB_CHECK(check_open());
  BB_TRY(source, use(value));
  BB_CHECK(claim_port(name));
  const TypeNode* type = values_[value].type;
  BB_TRY(node, add_node(domain::kSyscall, ir::kPassThrough));
  node->add_input(source);
  node->add_output(std::string(name));
  if (!top().classes.empty()) ir::stamp_metadata(*node, key::kHomeClass, top().classes.back());
  ir::stamp_metadata(*node, key::kModuleInstance, instance());
  top().function->proto.add_output(std::string(name));
  declare(std::string(name), *type);
  top().outputs.push_back({std::string(name), add_value(std::string(name), type)});
  return {};
}

Recorded<ValueId> Recorder::lookup_output(std::string_view name) {
  BB_CHECK(check_open());
  if (const NamedValue* output = find_output(name)) return output->value;
  std::vector<std::string> known;
  for (const NamedValue& output : top().outputs) known.push_back(output.name);
  return wrong("MissingOutputPort",
               "module '" + top().function->module + "' has no output '" + std::string(name) + "'; it has: " + listed(known));
}

Recorded<onnx::ModelProto> Recorder::finish() {
  if (state_ != State::body_done && state_ != State::bootstrap_done) return wrong("InvalidState", "recording is not complete");
  state_ = State::finished;
  onnx::ModelProto model;
  model.set_ir_version(10);
  model.set_producer_name("bytesandbrains");
  model.set_producer_version("1");
  for (auto& function : functions_) *model.add_functions() = std::move(function->proto);
  write_opset_imports(model);
  ir::stamp_metadata(model, key::kIrVersion, "1");
  functions_.clear();
  return model;
}

std::int64_t opset_version(std::string_view domain) { return domain == domain::kOnnx || domain.empty() ? 17 : 1; }

void write_opset_imports(onnx::ModelProto& model) {
  std::set<std::string> all;
  const auto write = [](auto& message, const std::set<std::string>& domains) {
    message.clear_opset_import();
    for (const std::string& domain : domains) {
      auto* import = message.add_opset_import();
      import->set_domain(domain);
      import->set_version(opset_version(domain));
    }
  };
  for (auto& function : *model.mutable_functions()) {
    std::set<std::string> domains;
    for (const auto& node : function.node()) domains.insert(node.domain());
    all.insert(domains.begin(), domains.end());
    write(function, domains);
  }
  write(model, all);
}

}  // namespace bb::compiler
