// layer: compiler
// From a module to an artifact: which component fills which slot, a few options, and every way that it can be wrong.
//
//   auto artifact = bb::Compiler(registry).bind("model", "Mlp").bind("data", "Dataset").compile(Round());
#pragma once

#include "bb/artifact.h"
#include "bb/module.h"

namespace onnx {
class ModelProto;
}

namespace bb {

/// What is wrong and where. `code` is stable (`UnboundSlot`, `CrossClassDataflow`, ...; engine/compiler/README.md lists them);
/// `fields` are the values that the code names, in the order of that list.
struct CompileError {
  std::string code;
  std::string pass;
  std::string function;
  std::string node;
  std::string module_instance;
  std::string message;
  std::vector<std::pair<std::string, std::string>> fields;

  /// The value of a field; empty when there is none.
  std::string_view field(std::string_view name) const {
    for (const auto& [known, value] : fields)
      if (known == name) return value;
    return {};
  }
};

class Compiler {
 public:
  /// A text says why the stage refuses the program.
  using Stage = std::function<std::expected<void, std::string>(onnx::ModelProto&)>;
  /// `recorded`: before any pass. `final`: the compiled model, after its functions have their names; names must stay.
  enum class Hook : std::uint8_t { recorded, final };

  /// The registry must outlive the compiler.
  explicit Compiler(const Registry& registry) : registry_(registry) {}

  /// The component class that fills a slot.
  Compiler& bind(std::string slot, std::string type_name);
  /// `slot` is the same component as `other`, which is bound.
  Compiler& alias(std::string slot, std::string other);
  /// What one network hop may take, in nanoseconds; 100 ms unless said.
  Compiler& per_hop_budget_ns(std::uint64_t budget_ns);
  /// Values whose type stays open may meet ports of a specific type; the op then checks when it runs.
  Compiler& permissive_types(bool permissive);
  /// Stages run in the order given; what they leave is verified again.
  Compiler& stage(std::string name, Stage stage, Hook hook = Hook::final);

  std::expected<Artifact, CompileError> compile(const Module& module) const;
  /// `recorded` as `record` gives it.
  std::expected<Artifact, CompileError> compile_recorded(Bytes recorded) const;
  std::expected<Artifact, CompileError> compile_recorded(const onnx::ModelProto& recorded) const;
  /// The model before compilation.
  std::expected<ByteBuffer, CompileError> record(const Module& module) const;

 private:
  struct NamedStage {
    std::string name;
    Stage run;
    Hook hook;
  };

  const Registry& registry_;
  std::vector<std::pair<std::string, std::string>> bindings_;
  std::vector<std::pair<std::string, std::string>> aliases_;
  std::vector<NamedStage> stages_;
  std::uint64_t per_hop_budget_ns_ = 100'000'000;
  bool permissive_types_ = false;
};

}  // namespace bb
