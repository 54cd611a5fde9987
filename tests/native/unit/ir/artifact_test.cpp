// Artifacts as a host sees them: targets, ports, and refusal of what is not one.
#include "bb/artifact.h"

#include <catch2/catch_test_macros.hpp>

#include "ir/content_hash.h"
#include "ir/metadata.h"

using namespace bb;

namespace {

onnx::ModelProto compiled_model(std::string_view io) {
  onnx::ModelProto model;
  auto* function = model.add_functions();
  function->set_name("Round#0123456789abcdef");
  auto* library = model.add_functions();
  library->set_name("Helper");
  ir::stamp_metadata(model, ir::key::kCompiled, "v1");
  ir::stamp_metadata(model, ir::concat(ir::key::kIoPrefix, function->name()), io);
  return model;
}

Result<Artifact> load(const onnx::ModelProto& model) { return Artifact::from(as_bytes(ir::deterministic_bytes(model))); }

}  // namespace

TEST_CASE("an artifact lists its targets and their ports") {
  const auto artifact = load(compiled_model("in:peers:bb.peer_id_vec,x:,y:demo.kind;out:loss:bb.f32"));
  REQUIRE(artifact);
  CHECK(artifact->targets() == std::vector<std::string>{"Round"});
  CHECK(artifact->function_of("Round") == "Round#0123456789abcdef");
  CHECK(artifact->function_of("Round#0123456789abcdef") == "Round#0123456789abcdef");
  CHECK(artifact->function_of("Helper").empty());
  const PortTable* ports = artifact->ports("Round");
  REQUIRE(ports);
  REQUIRE(ports->inputs.size() == 3);
  CHECK(ports->inputs[0].name == "peers");
  CHECK(ports->inputs[0].type == "peer_id_vec");
  CHECK(ports->inputs[1].type == "any");
  CHECK(ports->inputs[2].type == "demo.kind");
  REQUIRE(ports->outputs.size() == 1);
  CHECK(ports->outputs[0].type == "scalar.f32");
  CHECK(artifact->ports("Other") == nullptr);
  const auto again = Artifact::from(artifact->bytes());
  REQUIRE(again);
  CHECK(again->bytes() == artifact->bytes());
}

TEST_CASE("what is not an artifact is refused") {
  CHECK(Artifact::from(as_bytes("nonsense")).error().code == Code::malformed);
  CHECK(Artifact::from({}).error().code == Code::empty_list);
  onnx::ModelProto model = compiled_model("in:;out:");
  REQUIRE(load(model));
  ir::erase_metadata(model, ir::key::kCompiled);
  CHECK(load(model).error().code == Code::bad_version);
  ir::stamp_metadata(model, ir::key::kCompiled, "v2");
  CHECK(load(model).error().code == Code::bad_version);
  for (const char* bad : {"", "in:", "in:x;out:", "in::t;out:", "out:;in:", "in:x:t,;out:y"})
    CHECK(load(compiled_model(bad)).error().code == Code::bad_argument);
}
