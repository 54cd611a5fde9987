// Linking, in the order values, ops, consumers, ancestry, effects.
#include "runtime/linker.h"

#include <algorithm>
#include <map>

#include "base/heap_sort.h"
#include "ir/content_hash.h"
#include "ir/metadata.h"
#include "ir/value_info.h"
#include "op/prepare.h"

namespace bb::runtime {
namespace {

constexpr std::size_t kPortsMax = 60'000;  // arrivals are counted in 16 bits

class Linker {
 public:
  /// The graph that a node calls; nullptr when there is none.
  using Callee = std::function<LinkedGraph*(const onnx::NodeProto&)>;

  Linker(Engine& engine, const Registry& registry, const FunctionToLink& source, std::uint32_t index, Callee callee)
      : engine_(engine), registry_(registry), function_(*source.function), source_(source), callee_(std::move(callee)) {
    graph_->kind = source.kind;
    graph_->index = index;
    graph_->name = function_.name();
    graph_->base_name = source.base_name;
    graph_->base_name_index = engine_.intern(source.base_name);
    graph_->body_hash = fnv1a64(ir::deterministic_bytes(function_));
  }

  // Peers address local sites by number, so the order is part of the contract: node outputs, then inputs (spec A §1.3).
  void number_outputs(std::uint64_t& next_site) {
    for (int i = 0; i < function_.node_size(); ++i) {
      for (const std::string& name : function_.node(i).output()) {
        if (name.empty()) continue;
        if (values_.contains(name)) {
          problem(LinkProblem::Kind::duplicate_value, i, "`" + name + "` is written twice");
        } else {
          add_value(name, static_cast<std::uint32_t>(i), next_site);
        }
      }
    }
  }
  void number_inputs(std::uint64_t& next_site) {
    for (const std::string& name : function_.input())
      if (!name.empty() && !values_.contains(name)) add_value(name, kNone, next_site);
    graph_->value_count = static_cast<std::uint32_t>(sites_.size());
  }

  /// After every function it calls. False when there are problems.
  bool link() {
    for (int i = 0; i < function_.node_size(); ++i) link_node(i);
    if (!problems_.empty()) return false;
    link_ports();
    link_consumers();
    link_ancestry();
    link_effects();
    link_uses();
    return true;
  }

  const onnx::FunctionProto& function() const { return function_; }
  LinkedGraph& graph() { return *graph_; }
  std::unique_ptr<LinkedGraph> take() { return std::move(graph_); }
  std::vector<LinkProblem>& problems() { return problems_; }
  bool done = false;
  bool open = false;  // its calls are being linked

 private:
  void problem(LinkProblem::Kind kind, int node, std::string detail) {
    const onnx::NodeProto& proto = function_.node(node);
    problems_.push_back({.kind = kind,
                         .function = function_.name(),
                         .node = proto.name().empty() ? "#" + std::to_string(node) : proto.name(),
                         .domain = proto.domain(),
                         .op_type = proto.op_type(),
                         .detail = std::move(detail)});
  }

  void add_value(const std::string& name, std::uint32_t producer, std::uint64_t& next_site) {
    const auto value = static_cast<std::uint32_t>(sites_.size());
    values_.emplace(name, value);
    sites_.push_back(SiteId{next_site++});
    graph_->value_names.push_back(name);
    graph_->producer.push_back(producer);
  }
  std::uint32_t value_of(const std::string& name) const {
    const auto found = name.empty() ? values_.end() : values_.find(name);
    return found == values_.end() ? kNone : found->second;
  }

  void link_node(int index) {
    const onnx::NodeProto& node = function_.node(index);
    LinkedOp op;
    LinkedGraph::OpFacts facts{.node = node.name(), .declaration = nullptr};
    const OpDeclaration* declaration = registry_.find_op(node.domain(), node.op_type());
    op.in_begin = static_cast<std::uint32_t>(graph_->inputs.size());
    op.out_begin = static_cast<std::uint32_t>(graph_->outputs.size());
    op.parameter_begin = static_cast<std::uint32_t>(graph_->parameters.size());
    facts.is_source = ir::is_recv(node);
    if (declaration) {
      facts.declaration = declaration;
      facts.any_ready = declaration->readiness == Readiness::any;
      resolve(index, *declaration, op);
      link_inputs(index, *declaration);
      link_parameters(node, *declaration);
      prepare_state(index, *declaration, op);
      link_outputs(index, *declaration);
      facts.is_source |= link_source(index, *declaration, op);
    } else if (LinkedGraph* const callee = callee_(node)) {
      op.call = static_cast<std::uint32_t>(graph_->calls.size());
      link_call(index, *callee);
    } else {
      problem(LinkProblem::Kind::unresolved_op, index, "no such op is registered");
    }
    if (const onnx::AttributeProto* deadline = ir::find_attribute(node, ir::attribute::kDeadline))
      facts.deadline_ns = deadline->i() > 0 ? static_cast<std::uint64_t>(deadline->i()) : 0;
    op.in_count = static_cast<std::uint16_t>(graph_->inputs.size() - op.in_begin);
    op.out_count = static_cast<std::uint16_t>(graph_->outputs.size() - op.out_begin);
    graph_->ops.push_back(op);
    graph_->facts.push_back(std::move(facts));
    if (ir::is_recv(node)) add_receive(index);
  }

  // Formals and actuals pair by position, as far as the shorter list goes.
  void link_call(int index, LinkedGraph& callee) {
    const onnx::NodeProto& node = function_.node(index);
    const onnx::FunctionProto& body = *callee_of(*source_.artifact, node);
    if (node.input_size() > body.input_size() || node.output_size() > body.output_size())
      return problem(LinkProblem::Kind::too_many_ports, index, "more values than `" + body.name() + "` has ports");
    const auto inner = [&](const std::string& name) {
      const auto found = std::find(callee.value_names.begin(), callee.value_names.end(), name);
      return found == callee.value_names.end() ? kNone : static_cast<std::uint32_t>(found - callee.value_names.begin());
    };
    LinkedGraph::Call call{.callee = &callee, .formals = {}, .forwards = {}};
    for (int i = 0; i < node.input_size(); ++i) {
      const std::uint32_t value = value_of(node.input(i));
      if (value == kNone && !node.input(i).empty())
        problem(LinkProblem::Kind::dangling_input, index, "nothing produces `" + node.input(i) + "`");
      graph_->inputs.push_back(value);
      call.formals.push_back(inner(body.input(i)));
    }
    for (int i = 0; i < node.output_size(); ++i) {
      const std::uint32_t outer = value_of(node.output(i));
      graph_->outputs.push_back(outer);
      graph_->output_sites.push_back(outer == kNone ? SiteId{} : sites_[outer]);
      if (outer == kNone) continue;
      const std::uint32_t from = inner(body.output(i));
      if (from == kNone) {
        problem(LinkProblem::Kind::dangling_input, index, "`" + body.name() + "` does not produce `" + body.output(i) + "`");
      } else {
        call.forwards.push_back({from, outer});
      }
    }
    graph_->calls.push_back(std::move(call));
  }

  // Ops that no value starts. Where they take one after all, or in the body of a call, they are ops like others.
  bool link_source(int index, const OpDeclaration& declaration, const LinkedOp& op) {
    const onnx::NodeProto& node = function_.node(index);
    const auto name_of = [&](std::string_view attribute) {
      const onnx::AttributeProto* found = ir::find_attribute(node, attribute);
      return engine_.intern(found ? std::string_view(found->s()) : std::string_view());
    };
    LinkedGraph::Source source{.op = static_cast<std::uint32_t>(index), .name = kNone};
    const bool nullary =
        std::all_of(graph_->inputs.begin() + op.in_begin, graph_->inputs.end(), [](std::uint32_t value) { return value == kNone; });
    using Kind = LinkedGraph::Source::Kind;
    if (graph_->kind != LinkedGraph::Kind::target) return false;
    switch (declaration.source) {
      case OpSource::none: return false;
      case OpSource::event:
        source.kind = Kind::event;
        source.name = name_of("kind");
        break;
      case OpSource::lifecycle:
        source.kind = Kind::lifecycle;
        source.name = name_of("phase");
        break;
      case OpSource::interval:
      case OpSource::pulse:
        if (!nullary) return false;
        source.kind = declaration.source == OpSource::pulse ? Kind::pulse : Kind::interval;
        break;
    }
    graph_->sources.push_back(source);
    return true;
  }

  void resolve(int index, const OpDeclaration& declaration, LinkedOp& op) {
    const onnx::NodeProto& node = function_.node(index);
    if (declaration.role == Role::none) {
      op.run = declaration.run;
      if (!op.run && !ir::is_recv(node)) problem(LinkProblem::Kind::unresolved_op, index, "the op cannot be run");
      return;
    }
    op.method = declaration.method;
    const auto slot_id = ir::metadata_number(node, ir::key::kSlotId);
    op.component =
        source_.slots(ir::metadata_or(node, ir::key::kSlot), slot_id ? static_cast<std::int64_t>(*slot_id) : -1, declaration.role);
    if (op.component == kNone) {
      problem(LinkProblem::Kind::unresolved_op, index, "no component is bound at its slot");
      return;
    }
    const ComponentClass& type = *engine_.instances()[op.component].type;
    if (!type.supports.empty() && std::find(type.supports.begin(), type.supports.end(), node.op_type()) == type.supports.end())
      problem(LinkProblem::Kind::unresolved_op, index, "`" + type.type_name + "` does not support the op");
  }

  void link_inputs(int index, const OpDeclaration& declaration) {
    const onnx::NodeProto& node = function_.node(index);
    const bool variadic = !declaration.inputs.empty() && declaration.inputs.back().variadic;
    const auto formal = declaration.inputs.size();
    const auto given = static_cast<std::size_t>(node.input_size());
    if ((given > formal && !variadic) || given > kPortsMax)
      return problem(LinkProblem::Kind::too_many_ports, index, std::to_string(given) + " inputs for " + std::to_string(formal));
    const std::size_t count = variadic ? given : formal;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string name = i < given ? node.input(static_cast<int>(i)) : std::string();
      if (name.empty()) {
        if (i < formal && !declaration.inputs[i].optional && !declaration.inputs[i].variadic)
          problem(LinkProblem::Kind::missing_input, index, "input `" + declaration.inputs[i].name + "` is not wired");
        graph_->inputs.push_back(kNone);
        continue;
      }
      const std::uint32_t value = value_of(name);
      if (value == kNone) problem(LinkProblem::Kind::dangling_input, index, "nothing produces `" + name + "`");
      graph_->inputs.push_back(value);
    }
  }

  void link_parameters(const onnx::NodeProto& node, const OpDeclaration& declaration) {
    for (const Parameter& parameter : declaration.parameters) {
      const onnx::AttributeProto* attribute = ir::find_attribute(node, parameter.name);
      graph_->parameters.push_back(attribute ? attribute->i() : parameter.default_value);
    }
  }

  void prepare_state(int index, const OpDeclaration& declaration, LinkedOp& op) {
    if (!declaration.prepare) return;
    PrepareContext context{.memory = engine_.memory(),
                           .registry = registry_,
                           .intern = [this](std::string_view name) { return engine_.intern(name); },
                           .problem = {}};
    auto state = declaration.prepare(function_.node(index), context);
    if (!state) {
      problem(LinkProblem::Kind::bad_attribute, index,
              context.problem.empty() ? std::string(code_name(state.error().code)) : context.problem);
      return;
    }
    op.state = state->get();
    graph_->states.push_back(std::move(*state));
  }

  void link_outputs(int index, const OpDeclaration& declaration) {
    const onnx::NodeProto& node = function_.node(index);
    if ((static_cast<std::size_t>(node.output_size()) > declaration.outputs.size() && !declaration.variadic_outputs) ||
        static_cast<std::size_t>(node.output_size()) > kPortsMax)
      return problem(LinkProblem::Kind::too_many_ports, index, std::to_string(node.output_size()) + " outputs");
    for (const std::string& name : node.output()) {
      const std::uint32_t value = value_of(name);
      graph_->outputs.push_back(value);
      graph_->output_sites.push_back(value == kNone ? SiteId{} : sites_[value]);
    }
  }

  const TypeNode* type_of(const std::string& name) const {
    const onnx::ValueInfoProto* info = ir::find_value_info(function_, name);
    const TypeNode* type = info ? ir::type_of(*info, registry_.types) : nullptr;
    return type ? type : registry_.types.find("any");
  }

  void add_receive(int index) {
    const onnx::NodeProto& node = function_.node(index);
    if (node.output_size() == 0 || node.output(0).empty()) return;
    LinkedGraph::Receive receive;
    receive.payload = values_.find(node.output(0))->second;
    if (node.output_size() > 1 && !node.output(1).empty()) receive.sender = values_.find(node.output(1))->second;
    const auto key = ir::metadata_number(node, ir::key::kSiteId);
    receive.site = key ? *key : sites_[receive.payload].v;
    receive.type = type_of(node.output(0));
    graph_->receives.push_back(receive);
  }

  void link_ports() {
    for (const std::string& name : function_.input())
      graph_->input_ports.push_back(
          {.name = name, .value = values_.find(name)->second, .name_index = engine_.intern(name), .type = type_of(name)});
    graph_->event_topic.assign(graph_->value_count, kNone);
    if (graph_->kind == LinkedGraph::Kind::bootstrap) return;  // nobody sees its outputs
    for (const std::string& name : function_.output()) {
      const std::uint32_t value = value_of(name);
      if (value == kNone) continue;
      const std::uint32_t producer = graph_->producer[value];
      // A Send's port names what the other side sees; here it is a placeholder, and no event.
      if (producer != kNone && ir::is_send(function_.node(static_cast<int>(producer)))) continue;
      graph_->event_topic[value] = engine_.intern(name);
      if (producer != kNone) graph_->ops[producer].has_events = true;
    }
  }

  void link_consumers() {
    std::vector<std::vector<std::uint32_t>> rows(graph_->value_count);
    std::vector<std::uint32_t> reads(graph_->value_count);
    for (std::uint32_t op = 0; op < graph_->ops.size(); ++op) {
      const LinkedOp& linked = graph_->ops[op];
      for (std::uint32_t i = 0; i < linked.in_count; ++i) {
        const std::uint32_t value = graph_->inputs[linked.in_begin + i];
        if (value == kNone) continue;
        ++reads[value];
        if (rows[value].empty() || rows[value].back() != op) rows[value].push_back(op);
      }
    }
    graph_->consumer_begin.push_back(0);
    for (const auto& row : rows) {
      graph_->consumers.insert(graph_->consumers.end(), row.begin(), row.end());
      graph_->consumer_begin.push_back(static_cast<std::uint32_t>(graph_->consumers.size()));
    }
    graph_->sole_reader.reserve(graph_->inputs.size());
    for (const std::uint32_t value : graph_->inputs) graph_->sole_reader.push_back(value != kNone && reads[value] == 1);
  }

  bool is_recv(std::uint32_t op) const { return ir::is_recv(function_.node(static_cast<int>(op))); }

  // Which Recvs an op is downstream of: effect edges pull only between ops of the same answer.
  void link_ancestry() {
    const auto count = static_cast<std::uint32_t>(graph_->ops.size());
    std::vector<std::vector<std::uint32_t>> of_op(count);
    for (std::uint32_t op = 0; op < count; ++op)
      if (is_recv(op)) of_op[op].push_back(op);
    bool changed = !graph_->receives.empty();
    while (changed) {
      changed = false;
      for (std::uint32_t op = 0; op < count; ++op) {
        if (is_recv(op)) continue;
        std::vector<std::uint32_t> merged = of_op[op];
        for (std::uint32_t i = 0; i < graph_->ops[op].in_count; ++i) {
          const std::uint32_t value = graph_->inputs[graph_->ops[op].in_begin + i];
          if (value == kNone || graph_->producer[value] == kNone) continue;
          const auto& above = of_op[graph_->producer[value]];
          merged.insert(merged.end(), above.begin(), above.end());
        }
        heap_sort(merged.begin(), merged.end());
        merged.erase(std::unique(merged.begin(), merged.end()), merged.end());
        if (merged == of_op[op]) continue;
        of_op[op] = std::move(merged);
        changed = true;
      }
    }
    std::map<std::vector<std::uint32_t>, std::uint32_t> numbers{{{}, 0}};
    for (std::uint32_t op = 0; op < count; ++op)
      graph_->facts[op].receive_ancestry = numbers.try_emplace(of_op[op], static_cast<std::uint32_t>(numbers.size())).first->second;
  }

  void link_effects() {
    std::map<std::uint32_t, std::uint32_t> last;
    const auto use = [&](std::uint32_t component, std::uint32_t op) {
      const auto [slot, fresh] = last.try_emplace(component, op);
      if (fresh) return;
      if (graph_->facts[slot->second].receive_ancestry == graph_->facts[op].receive_ancestry)
        graph_->effect_edges.emplace_back(slot->second, op);
      slot->second = op;
    };
    for (std::uint32_t op = 0; op < graph_->ops.size(); ++op) {
      const LinkedOp& linked = graph_->ops[op];
      if (linked.component != kNone) use(linked.component, op);
      if (linked.call == kNone) continue;
      for (const LinkedGraph::Use& inner : graph_->calls[linked.call].callee->uses) use(inner.component, op);
    }
  }

  // How often a run touches each component, and how many ops one end can make ready.
  void link_uses() {
    std::map<std::uint32_t, std::uint32_t> uses, members;
    for (LinkedOp& op : graph_->ops) {
      for (std::uint32_t i = 0; i < op.out_count; ++i) {
        const std::uint32_t value = graph_->outputs[op.out_begin + i];
        if (value != kNone) op.fan_out += static_cast<std::uint32_t>(graph_->consumers_of(value).size());
      }
      if (op.component != kNone) {
        ++uses[op.component];
        ++members[op.component];
        ++op.fan_out;
      } else if (op.call != kNone) {
        const LinkedGraph& callee = *graph_->calls[op.call].callee;
        for (const LinkedGraph::Use& use : callee.uses) {
          uses[use.component] += use.ops;
          ++members[use.component];
          ++op.fan_out;
        }
        graph_->depth = std::max(graph_->depth, callee.depth + 1);
      }
    }
    for (const auto& [component, ops] : uses)
      graph_->uses.push_back({component, static_cast<std::uint16_t>(std::min<std::uint32_t>(ops, UINT16_MAX))});
    for (const auto& [component, ops] : members)
      if (ops >= 2 || uses[component] >= 2) ++graph_->exclusive_max;
  }

  Engine& engine_;
  const Registry& registry_;
  const onnx::FunctionProto& function_;
  const FunctionToLink& source_;
  Callee callee_;
  std::unique_ptr<LinkedGraph> graph_ = std::make_unique<LinkedGraph>();
  std::map<std::string, std::uint32_t, std::less<>> values_;
  std::vector<SiteId> sites_;
  std::vector<LinkProblem> problems_;
};

constexpr std::uint32_t kCallDepthMax = 64;  // an output that is passed up by every caller is passed on a stack

// Callees before callers, with a stack of its own: nesting is data.
class Linkage {
 public:
  Linkage(Engine& engine, const Registry& registry, std::span<const FunctionToLink> functions) {
    for (std::uint32_t i = 0; i < functions.size(); ++i)
      linkers_.push_back(std::make_unique<Linker>(engine, registry, functions[i], i,
                                                  [this, &source = functions[i]](const onnx::NodeProto& node) -> LinkedGraph* {
                                                    Linker* const callee = find(callee_of(*source.artifact, node));
                                                    return callee ? &callee->graph() : nullptr;
                                                  }));
    sources_ = functions;
  }

  std::expected<std::vector<std::unique_ptr<LinkedGraph>>, std::vector<LinkProblem>> link() {
    number();
    for (std::uint32_t i = 0; i < linkers_.size(); ++i)
      if (!link_with_callees(i)) return std::unexpected(std::move(problems_));
    if (!problems_.empty()) return std::unexpected(std::move(problems_));
    std::vector<std::unique_ptr<LinkedGraph>> graphs;
    for (auto& linker : linkers_) graphs.push_back(linker->take());
    return graphs;
  }

 private:
  Linker* find(const onnx::FunctionProto* function) {
    for (auto& linker : linkers_)
      if (function && &linker->function() == function) return linker.get();
    return nullptr;
  }

  // Formals of functions that only others call have no numbers in the reference; here they come after all it numbers.
  void number() {
    std::uint64_t next_site = 0;
    for (std::uint32_t i = 0; i < linkers_.size(); ++i) {
      linkers_[i]->number_outputs(next_site);
      if (sources_[i].kind != LinkedGraph::Kind::function) linkers_[i]->number_inputs(next_site);
    }
    for (std::uint32_t i = 0; i < linkers_.size(); ++i)
      if (sources_[i].kind == LinkedGraph::Kind::function) linkers_[i]->number_inputs(next_site);
  }

  // False when functions call each other in a circle; other problems are collected.
  bool link_with_callees(std::uint32_t first) {
    std::vector<Linker*> stack{linkers_[first].get()};
    while (!stack.empty()) {
      Linker& linker = *stack.back();
      if (linker.done) {
        stack.pop_back();
        continue;
      }
      Linker* pending = nullptr;
      for (const onnx::NodeProto& node : linker.function().node()) {
        Linker* const callee = find(callee_of(*source_of(linker).artifact, node));
        if (!callee || callee->done) continue;
        if (callee->open || callee == &linker) return recursive(stack, *callee);
        pending = callee;
        break;
      }
      linker.open = true;
      if (pending) {
        stack.push_back(pending);
        continue;
      }
      if (!linker.link()) problems_.insert(problems_.end(), linker.problems().begin(), linker.problems().end());
      if (linker.graph().depth > kCallDepthMax)
        problems_.push_back({.kind = LinkProblem::Kind::too_deep,
                             .function = linker.function().name(),
                             .node = {},
                             .domain = {},
                             .op_type = {},
                             .detail = "calls nest deeper than " + std::to_string(kCallDepthMax)});
      linker.open = false;
      linker.done = true;
      stack.pop_back();
    }
    return true;
  }
  const FunctionToLink& source_of(const Linker& linker) const {
    std::size_t at = 0;
    while (linkers_[at].get() != &linker) ++at;
    return sources_[at];
  }
  bool recursive(const std::vector<Linker*>& stack, const Linker& again) {
    std::string cycle;
    bool inside = false;
    for (const Linker* linker : stack) {
      inside |= linker == &again;
      if (inside) cycle += linker->function().name() + " → ";
    }
    problems_ = {{.kind = LinkProblem::Kind::recursive_call,
                  .function = again.function().name(),
                  .node = {},
                  .domain = {},
                  .op_type = {},
                  .detail = cycle + again.function().name()}};
    return false;
  }

  std::vector<std::unique_ptr<Linker>> linkers_;
  std::span<const FunctionToLink> sources_;
  std::vector<LinkProblem> problems_;
};

}  // namespace

const onnx::FunctionProto* callee_of(const onnx::ModelProto& artifact, const onnx::NodeProto& node) {
  if (node.domain() != domain::kModule) return nullptr;
  for (const onnx::FunctionProto& function : artifact.functions())
    // The reference leaves the domain of functions empty, though its calls name one (spec D, W-21).
    if (function.name() == node.op_type() && function.overload() == node.overload() &&
        (function.domain().empty() || function.domain() == node.domain()))
      return &function;
  return nullptr;
}

std::expected<std::vector<std::unique_ptr<LinkedGraph>>, std::vector<LinkProblem>> link_functions(
    Engine& engine, const Registry& registry, std::span<const FunctionToLink> functions) {
  return Linkage(engine, registry, functions).link();
}

std::unique_ptr<LinkedGraph> make_service_graph(const Instance& instance, std::uint32_t component, std::uint32_t graph_index,
                                                const Registry& registry) {
  const ComponentClass& type = *instance.type;
  if (type.remote_methods.empty() && !type.has_bootstrap) return nullptr;
  auto graph = std::make_unique<LinkedGraph>();
  graph->kind = LinkedGraph::Kind::service;
  graph->index = graph_index;
  graph->name = graph->base_name = instance.slot;
  graph->value_count = 2;  // payload and request id
  graph->value_names = {"payload", "correlation"};
  graph->producer = {kNone, kNone};
  graph->event_topic = {kNone, kNone};
  graph->input_ports = {{.name = "payload", .value = 0, .name_index = kNone, .type = registry.types.find("any")},
                        {.name = "correlation", .value = 1, .name_index = kNone, .type = registry.types.find("any")}};
  const auto add = [&](std::string name, std::uint16_t method, std::uint16_t inputs) {
    LinkedOp op{.component = component, .fan_out = 1, .in_count = inputs, .method = method};
    op.in_begin = static_cast<std::uint32_t>(graph->inputs.size());
    for (std::uint32_t i = 0; i < inputs; ++i) graph->inputs.push_back(i);
    graph->ops.push_back(op);
    graph->facts.push_back({.node = std::move(name), .declaration = nullptr, .is_source = true});
  };
  for (std::size_t i = 0; i < type.remote_methods.size(); ++i)
    add(type.remote_methods[i], static_cast<std::uint16_t>(kServiceMethods + i), 2);
  if (type.has_bootstrap) add("bootstrap", kBootstrapMethod, 0);
  graph->sole_reader.assign(graph->inputs.size(), type.remote_methods.size() == 1);
  graph->consumer_begin.assign(3, 0);  // whoever starts an op names it, so values need not lead to ops
  graph->uses = {{component, 1}};
  return graph;
}

}  // namespace bb::runtime
