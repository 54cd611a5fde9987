// What the compiler tests share: a small registry, the modules of the worked examples, and a one-line-per-node dump.
#pragma once

#include <string>

#include "bb/compiler.h"
#include "compiler/recorder.h"
#include "ir/metadata.h"
#include "ir/model.h"

namespace bb::test {

/// Ops of the framework and of the roles, and component classes whose storage is tensor.f32.
Registry compiler_registry();

/// `<op>(<inputs>)→(<outputs>) {<attributes>} [<metadata>]` per node; `~` stands for `ai.bytesandbrains.`.
std::string dump(const onnx::NodeProto& node);
std::string dump(const onnx::FunctionProto& function);
/// Metadata of the model, one row per line, with the content hashes replaced by `*`.
std::string dump_rows(const onnx::ModelProto& model);

onnx::ModelProto model_of(Bytes bytes);
onnx::ModelProto compiled(const Compiler& compiler, const Module& module);
/// The function of a target's base name, or a function by its full name.
const onnx::FunctionProto& function_of(const onnx::ModelProto& model, std::string_view base);
std::string error_code(const Compiler& compiler, const Module& module);

/// A module from a lambda.
class Recorded : public Module {
 public:
  using Body = std::function<void(Graph&)>;
  Recorded(std::string name, Body body, Body bootstrap = {})
      : Module(std::move(name)), body_(std::move(body)), bootstrap_(std::move(bootstrap)) {}
  void body(Graph& g) const override { body_(g); }
  void bootstrap(Graph& g) const override {
    if (bootstrap_) bootstrap_(g);
  }

 private:
  Body body_;
  Body bootstrap_;
};

}  // namespace bb::test
