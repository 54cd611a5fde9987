// Linking, in the order values, ops, consumers, ancestry, effects.
#include "runtime/linker.h"

#include <algorithm>
#include <map>

#include "base/heap_sort.h"
#include "ir/metadata.h"
#include "ir/value_info.h"
#include "op/prepare.h"

namespace bb::runtime {
namespace {

constexpr std::size_t kPortsMax = 60'000;  // arrivals are counted in 16 bits

class Linker {
 public:
  Linker(Engine& engine, const Registry& registry, const onnx::FunctionProto& function, const SlotResolver& slots,
         const LinkOptions& options)
      : engine_(engine), registry_(registry), function_(function), slots_(slots), options_(options) {}

  std::expected<std::unique_ptr<LinkedGraph>, std::vector<LinkProblem>> link() {
    graph_->index = options_.graph_index;
    graph_->name = function_.name();
    graph_->base_name = options_.base_name;
    graph_->base_name_index = engine_.intern(options_.base_name);
    number_values();
    for (int i = 0; i < function_.node_size(); ++i) link_node(i);
    if (!problems_.empty()) return std::unexpected(std::move(problems_));
    link_ports();
    link_consumers();
    link_ancestry();
    link_effects();
    return std::move(graph_);
  }

 private:
  void problem(LinkProblem::Kind kind, int node, std::string detail) {
    const onnx::NodeProto& proto = function_.node(node);
    problems_.push_back({.kind = kind,
                         .node = proto.name().empty() ? "#" + std::to_string(node) : proto.name(),
                         .domain = proto.domain(),
                         .op_type = proto.op_type(),
                         .detail = std::move(detail)});
  }

  std::uint32_t add_value(const std::string& name, std::uint32_t producer) {
    const auto value = static_cast<std::uint32_t>(sites_.size());
    values_.emplace(name, value);
    sites_.push_back(SiteId{(*options_.next_site)++});
    graph_->producer.push_back(producer);
    return value;
  }

  // Peers address local sites by number, so the order is part of the contract: node outputs, then inputs (spec A §1.3).
  void number_values() {
    for (int i = 0; i < function_.node_size(); ++i) {
      for (const std::string& name : function_.node(i).output()) {
        if (name.empty()) continue;
        if (values_.contains(name)) {
          problem(LinkProblem::Kind::duplicate_value, i, "`" + name + "` is written twice");
        } else {
          add_value(name, static_cast<std::uint32_t>(i));
        }
      }
    }
    for (const std::string& name : function_.input())
      if (!name.empty() && !values_.contains(name)) add_value(name, kNone);
    graph_->value_count = static_cast<std::uint32_t>(sites_.size());
  }

  void link_node(int index) {
    const onnx::NodeProto& node = function_.node(index);
    LinkedOp op;
    LinkedGraph::OpFacts facts{.node = node.name(), .declaration = nullptr};
    const OpDeclaration* declaration = registry_.find_op(node.domain(), node.op_type());
    op.in_begin = static_cast<std::uint32_t>(graph_->inputs.size());
    op.out_begin = static_cast<std::uint32_t>(graph_->outputs.size());
    op.parameter_begin = static_cast<std::uint32_t>(graph_->parameters.size());
    facts.is_recv = ir::is_recv(node);
    if (!declaration) {
      problem(LinkProblem::Kind::unresolved_op, index, "no such op is registered");
    } else {
      facts.declaration = declaration;
      facts.any_ready = declaration->readiness == Readiness::any;
      resolve(index, *declaration, op);
      link_inputs(index, *declaration);
      link_parameters(node, *declaration);
      prepare_state(index, *declaration, op);
      link_outputs(index, *declaration);
    }
    if (const onnx::AttributeProto* deadline = ir::find_attribute(node, ir::attribute::kDeadline))
      facts.deadline_ns = deadline->i() > 0 ? static_cast<std::uint64_t>(deadline->i()) : 0;
    op.in_count = static_cast<std::uint16_t>(graph_->inputs.size() - op.in_begin);
    op.out_count = static_cast<std::uint16_t>(graph_->outputs.size() - op.out_begin);
    graph_->ops.push_back(op);
    graph_->facts.push_back(std::move(facts));
    if (ir::is_recv(node)) add_receive(index);
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
        slots_(ir::metadata_or(node, ir::key::kSlot), slot_id ? static_cast<std::int64_t>(*slot_id) : -1, declaration.role);
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
      const auto found = values_.find(name);
      if (found == values_.end()) problem(LinkProblem::Kind::dangling_input, index, "nothing produces `" + name + "`");
      graph_->inputs.push_back(found == values_.end() ? kNone : found->second);
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
    PrepareContext context{.memory = engine_.memory(), .registry = registry_, .problem = {}};
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
      const auto found = values_.find(name);
      const bool named = found != values_.end();
      graph_->outputs.push_back(named ? found->second : kNone);
      graph_->output_sites.push_back(named ? sites_[found->second] : SiteId{});
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
    for (const std::string& name : function_.output()) {
      const auto found = values_.find(name);
      if (found == values_.end()) continue;
      const std::uint32_t producer = graph_->producer[found->second];
      // A Send's port names what the other side sees; here it is a placeholder, and no event.
      if (producer != kNone && ir::is_send(function_.node(static_cast<int>(producer)))) continue;
      graph_->event_topic[found->second] = engine_.intern(name);
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

  // Which Recvs an op is downstream of: effect edges pull only between ops of the same answer.
  void link_ancestry() {
    const auto count = static_cast<std::uint32_t>(graph_->ops.size());
    std::vector<std::vector<std::uint32_t>> of_op(count);
    for (std::uint32_t op = 0; op < count; ++op)
      if (graph_->facts[op].is_recv) of_op[op].push_back(op);
    bool changed = !graph_->receives.empty();
    while (changed) {
      changed = false;
      for (std::uint32_t op = 0; op < count; ++op) {
        if (graph_->facts[op].is_recv) continue;
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
    for (std::uint32_t op = 0; op < graph_->ops.size(); ++op) {
      const std::uint32_t component = graph_->ops[op].component;
      if (component == kNone) continue;
      const auto [slot, fresh] = last.try_emplace(component, op);
      if (fresh) continue;
      if (graph_->facts[slot->second].receive_ancestry == graph_->facts[op].receive_ancestry)
        graph_->effect_edges.emplace_back(slot->second, op);
      slot->second = op;
    }
  }

  Engine& engine_;
  const Registry& registry_;
  const onnx::FunctionProto& function_;
  const SlotResolver& slots_;
  const LinkOptions& options_;
  std::unique_ptr<LinkedGraph> graph_ = std::make_unique<LinkedGraph>();
  std::map<std::string, std::uint32_t, std::less<>> values_;
  std::vector<SiteId> sites_;
  std::vector<LinkProblem> problems_;
};

}  // namespace

std::expected<std::unique_ptr<LinkedGraph>, std::vector<LinkProblem>> link_function(Engine& engine, const Registry& registry,
                                                                                    const onnx::FunctionProto& function,
                                                                                    const SlotResolver& slots,
                                                                                    const LinkOptions& options) {
  return Linker(engine, registry, function, slots, options).link();
}

}  // namespace bb::runtime
