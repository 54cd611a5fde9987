// Sets up an OpContext: by the runtime for each dispatch, by `call_dependency` for a sibling, by tests for a component alone.
#pragma once

#include "bb/component.h"

namespace bb {

class OpContextBuilder {
 public:
  /// What stays the same over a node's life.
  struct Node {
    Memory* memory = nullptr;
    RandomStream* random = nullptr;
    const PeerId* self = nullptr;
    op::Services* services = nullptr;
    OpError* error = nullptr;
  };
  struct Op {
    Value* values = nullptr;
    const std::uint32_t* inputs = nullptr;
    const std::uint32_t* outputs = nullptr;
    const std::uint8_t* sole_reader = nullptr;
    const std::int64_t* parameters = nullptr;
    const OpState* state = nullptr;
    std::uint32_t input_count = 0;
    std::uint32_t output_count = 0;
    ComponentRef component;
    OpRef op;
  };

  static void bind_node(OpContext& ctx, const Node& node) {
    ctx.memory_ = node.memory;
    ctx.random_ = node.random;
    ctx.self_ = node.self;
    ctx.services_ = node.services;
    ctx.error_ = node.error;
  }
  static void bind_execution(OpContext& ctx, ExecId exec, const Inbound* inbound, std::uint64_t now_ns, std::uint64_t start_ns) {
    ctx.exec_ = exec;
    ctx.inbound_ = inbound;
    ctx.now_ns_ = now_ns;
    ctx.start_ns_ = start_ns;
  }
  static void bind_op(OpContext& ctx, const Op& op) {
    ctx.values_ = op.values;
    ctx.inputs_ = op.inputs;
    ctx.outputs_ = op.outputs;
    ctx.sole_reader_ = op.sole_reader;
    ctx.parameters_ = op.parameters;
    ctx.state_ = op.state;
    ctx.input_count_ = op.input_count;
    ctx.output_count_ = op.output_count;
    ctx.component_ = op.component;
    ctx.op_ = op.op;
    ctx.command_ = {};
  }
  static CommandId command(const OpContext& ctx) { return ctx.command_; }
  static std::uint64_t deadline_ns(const OpContext& ctx) { return ctx.deadline_ns_; }
  static ComponentRef component(const OpContext& ctx) { return ctx.component_; }
  static std::uint32_t depth(const OpContext& ctx) { return ctx.depth_; }
  static void set_depth(OpContext& ctx, std::uint32_t depth) { ctx.depth_ = depth; }
};

}  // namespace bb
