// Splits entry functions by class: each partition has exactly the inputs, outputs, types, slots and opsets that it uses (spec D §4.8,
// §4.18, W-23).
#include "compiler/program.h"
#include "compiler/recorder.h"
#include "ir/value_info.h"

namespace bb::compiler {
namespace {

namespace key = ir::key;

class Partitioner {
 public:
  Partitioner(Program& program, onnx::FunctionProto& function)
      : program_(program), function_(function), types_(program.types[function.name()]) {
    for (const auto& node : function.node()) {
      classes_.emplace(ir::metadata_or(node, key::kHomeClass, ir::kSelfClass));
      for (const auto& input : node.input()) read_.insert(input);
    }
  }

  PassResult run() {
    const bool bootstrap = function_.name() != program_.module;
    for (const std::string& peer_class : classes_) {
      Partition part;
      part.peer_class = peer_class;
      part.base = partition_base(program_.module, peer_class);
      part.bootstrap = bootstrap;
      for (const Partition& other : program_.partitions) {
        if (other.bootstrap == bootstrap && other.base == part.base) {
          return program_.wrong("DuplicateTarget", &function_, nullptr,
                                "classes '" + other.peer_class + "' and '" + peer_class + "' are both '" + part.base + "'",
                                {{"target", part.base}, {"class_a", other.peer_class}, {"class_b", peer_class}});
        }
      }
      BB_CHECK(fill(part));
      program_.partitions.push_back(std::move(part));
    }
    return {};
  }

 private:
  PassResult fill(Partition& part) {
    onnx::FunctionProto& to = part.function;
    to.set_name(part.base);
    std::set<std::string, std::less<>> made, used;
    for (const auto& node : function_.node()) {
      if (ir::metadata_or(node, key::kHomeClass, ir::kSelfClass) != part.peer_class) continue;
      *to.add_node() = node;
      made.insert(node.output().begin(), node.output().end());
      used.insert(node.input().begin(), node.input().end());
    }
    for (const auto& input : function_.input()) {
      // An input that nothing reads stays with the part that the host drives.
      const bool here = used.contains(input) || (part.peer_class == ir::kSelfClass && !read_.contains(input));
      if (!here) continue;
      to.add_input(input);
      made.insert(input);
    }
    for (const auto& name : used) {
      if (!name.empty() && !made.contains(name))
        return program_.wrong("Internal", &function_, nullptr, "'" + part.base + "' reads '" + name + "', which it does not have",
                              {{"detail", name}});
    }
    for (const auto& output : function_.output())
      if (made.contains(output)) to.add_output(output);
    std::set<std::string> slots;
    for (const auto& node : to.node()) {
      const std::string* id = ir::find_metadata(node, key::kSlotId);
      if (id && slots.insert(*id).second) to.add_attribute("__slot_" + *id);
    }
    const auto type = [&](const std::string& name) {
      const auto at = types_.find(name);
      if (name.empty() || at == types_.end() || !at->second) return;
      auto* info = to.add_value_info();
      info->set_name(name);
      ir::set_type(*info, *at->second);
    };
    for (const auto& input : to.input()) type(input);
    for (const auto& node : to.node())
      for (const auto& output : node.output()) type(output);
    ir::stamp_metadata(to, key::kModulePhase, part.bootstrap ? key::kPhaseBootstrap : key::kPhaseBody);
    return {};
  }

  Program& program_;
  onnx::FunctionProto& function_;
  TypeMap& types_;
  std::set<std::string, std::less<>> classes_;
  std::set<std::string, std::less<>> read_;
};

}  // namespace

PassResult partition(Program& program) {
  onnx::ModelProto rest;
  for (auto& function : *program.model.mutable_functions()) {
    if (program.is_entry(function)) {
      BB_CHECK(Partitioner(program, function).run());
    } else {
      *rest.add_functions() = std::move(function);
    }
  }
  program.model.mutable_functions()->Swap(rest.mutable_functions());
  return {};
}

}  // namespace bb::compiler
