// The driver: records, runs the passes in order, then the user's stages, and hands out the artifact.
#include "bb/compiler.h"

#include "compiler/program.h"
#include "compiler/recorder.h"
#include "ir/content_hash.h"
#include "ir/model.h"

namespace bb {
namespace {

using compiler::PassResult;
using compiler::Program;

struct NamedPass {
  std::string_view name;
  PassResult (*run)(Program&);
};

constexpr NamedPass kPasses[] = {
    {"check_model", compiler::check_model},
    {"resolve_slots", compiler::resolve_slots},
    {"inline_functions", compiler::inline_functions},
    {"prepare_sends", compiler::prepare_sends},
    {"validate", compiler::validate},
    {"expand_ops", compiler::expand_ops},
    {"refine_types", compiler::refine_types},
    {"solve_types", compiler::solve_types},
    {"infer_classes", compiler::infer_classes},
    {"synthesize_recvs", compiler::synthesize_recvs},
    {"partition", compiler::partition},
    {"assign_sites", compiler::assign_sites},
    {"name_targets", compiler::name_targets},
};

CompileError from_record(const RecordError& error) {
  CompileError result;
  result.code = error.code;
  result.pass = "record";
  result.module_instance = error.node;
  result.message = error.message;
  return result;
}

CompileError internal(std::string_view pass, std::string message) {
  CompileError result;
  result.code = "Internal";
  result.pass = pass;
  result.message = "internal: " + message;
  result.fields = {{"detail", std::move(message)}};
  return result;
}

compiler::Recorded<onnx::ModelProto> record_model(const Module& module, const Registry& registry) {
  compiler::Recorder recorder(registry);
  Graph graph(recorder);
  BB_CHECK(recorder.begin_root(module.name()));
  module.body(graph);
  if (graph.error()) return std::unexpected(*graph.error());
  BB_CHECK(recorder.end_root());
  BB_CHECK(recorder.begin_bootstrap());
  module.bootstrap(graph);
  if (graph.error()) return std::unexpected(*graph.error());
  BB_CHECK(recorder.end_bootstrap());
  return recorder.finish();
}

}  // namespace

Compiler& Compiler::bind(std::string slot, std::string type_name) {
  bindings_.emplace_back(std::move(slot), std::move(type_name));
  return *this;
}

Compiler& Compiler::alias(std::string slot, std::string other) {
  aliases_.emplace_back(std::move(slot), std::move(other));
  return *this;
}

Compiler& Compiler::per_hop_budget_ns(std::uint64_t budget_ns) {
  per_hop_budget_ns_ = budget_ns;
  return *this;
}

Compiler& Compiler::permissive_types(bool permissive) {
  permissive_types_ = permissive;
  return *this;
}

Compiler& Compiler::stage(std::string name, Stage stage, Hook hook) {
  stages_.push_back({std::move(name), std::move(stage), hook});
  return *this;
}

std::expected<ByteBuffer, CompileError> Compiler::record(const Module& module) const {
  const auto model = record_model(module, registry_);
  if (!model) return std::unexpected(from_record(model.error()));
  const std::string bytes = ir::deterministic_bytes(*model);
  return ByteBuffer(bytes.begin(), bytes.end());
}

std::expected<Artifact, CompileError> Compiler::compile(const Module& module) const {
  const auto model = record_model(module, registry_);
  if (!model) return std::unexpected(from_record(model.error()));
  return compile_recorded(*model);
}

std::expected<Artifact, CompileError> Compiler::compile_recorded(Bytes recorded) const {
  const auto model = ir::load_model(recorded);
  if (model) return compile_recorded(*model);
  CompileError error = internal("load", std::string(code_name(model.error().error.code)) + " at byte " +
                                            std::to_string(model.error().error.at) + " in " + model.error().where);
  error.code = "MalformedModel";
  error.fields = {{"code", std::string(code_name(model.error().error.code))},
                  {"at", std::to_string(model.error().error.at)},
                  {"where", model.error().where}};
  return std::unexpected(std::move(error));
}

std::expected<Artifact, CompileError> Compiler::compile_recorded(const onnx::ModelProto& recorded) const {
  compiler::Options options;
  options.bindings = bindings_;
  options.aliases = aliases_;
  options.per_hop_budget_ns = per_hop_budget_ns_;
  options.permissive_types = permissive_types_;
  Program program{registry_, options, recorded, {}, {}, {}, {}, {}, {}, {}, 0, 0, {}};

  const auto run_stages = [&](Hook hook, onnx::ModelProto& model) -> PassResult {
    for (const NamedStage& stage : stages_) {
      if (stage.hook != hook) continue;
      program.pass = "stage " + stage.name;
      if (const auto status = stage.run(model); !status)
        return std::unexpected(internal(program.pass, "stage '" + stage.name + "': " + status.error()));
    }
    return {};
  };

  BB_CHECK(run_stages(Hook::recorded, program.model));
  for (const NamedPass& pass : kPasses) {
    program.pass = pass.name;
    BB_CHECK(pass.run(program));
  }
  program.pass = "check_complete";
  onnx::ModelProto compiled = compiler::merge(program);
  BB_CHECK(compiler::check_complete(program, compiled));
  BB_CHECK(run_stages(Hook::final, compiled));
  if (!stages_.empty()) BB_CHECK(compiler::check_complete(program, compiled));
  const std::string bytes = ir::deterministic_bytes(compiled);
  auto artifact = Artifact::from(as_bytes(bytes));
  if (!artifact)
    return std::unexpected(
        internal("artifact", "the compiled model does not load: " + std::string(code_name(artifact.error().code))));
  return std::move(*artifact);
}

}  // namespace bb
