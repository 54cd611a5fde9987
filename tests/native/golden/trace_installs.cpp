// Installs: the cases of the reference, which it describes by name only, and every model of the benchmarks.

#include "golden/trace_vectors.h"
#include "ir/metadata.h"
#include "ir/model.h"

namespace bb::golden {
namespace {

constexpr std::string_view kInstalls = "traces/install_errors.json";
constexpr std::string_view kModel = "models/chain.compiled.onnx";
constexpr std::string_view kRecorded = "models/chain.recorded.onnx";
constexpr std::string_view kTarget = "Chain#a695258292f51e27";

using onnx::ModelProto;

void set_metadata(ModelProto& model, std::string key, std::string value) {
  for (auto& entry : *model.mutable_metadata_props())
    if (entry.key() == key) return entry.set_value(value);
  auto* entry = model.add_metadata_props();
  entry->set_key(std::move(key));
  entry->set_value(std::move(value));
}

void add_binding(ModelProto& model, std::string_view target, std::string value) {
  set_metadata(model, "ai.bytesandbrains.binding." + std::string(target) + ".s", std::move(value));
}

void add_second_target(ModelProto& model) {
  onnx::FunctionProto second = model.functions(0);
  second.set_name("Second");
  *model.add_functions() = std::move(second);
}

struct Case {
  std::string_view name;
  void (*edit)(ModelProto& model);
};
constexpr auto unchanged = [](ModelProto&) {};
constexpr Case kCases[] = {
    {"ok short name", unchanged},
    {"ok full name", unchanged},
    {"empty targets", unchanged},
    {"not compiled", unchanged},  // the recorded model
    {"unknown target", unchanged},
    {"wrong version", [](ModelProto& model) { set_metadata(model, std::string(ir::key::kCompiled), "v2"); }},
    {"bad binding value", [](ModelProto& model) { add_binding(model, kTarget, "Model"); }},
    {"bad binding key", [](ModelProto& model) { set_metadata(model, "ai.bytesandbrains.binding.nodot", "Model|StubModel|-1"); }},
    {"unregistered concrete", [](ModelProto& model) { add_binding(model, kTarget, "Model|NoSuchType|-1"); }},
    {"slot binding conflict",
     [](ModelProto& model) {
       add_second_target(model);
       add_binding(model, kTarget, "Model|StubModel|0");
       add_binding(model, "Second", "Model|MyModel|0");
     }},
    {"same target twice", unchanged},
    {"shared slot with other slot id",
     [](ModelProto& model) {
       add_second_target(model);
       add_binding(model, kTarget, "Model|StubModel|0");
       add_binding(model, "Second", "Model|StubModel|7");
     }},
    {"config type mismatch", [](ModelProto& model) { add_binding(model, kTarget, "Model|StubModel|0"); }},
};

// The kind, and the one name that each error is about; of an unknown target also the known ones.
std::string reference_line(Checker& check, const Json& result) {
  if (result.is_string()) return "install ok";
  Fields fields(check, result);
  fields.skip("display", "diagnostic text is nobody's contract");
  if (fields.has("note")) fields.skip("note", "prose");
  const std::string debug = fields.text("error");
  if (debug.starts_with("UnknownTarget")) return "install " + show_reference_error(debug);
  std::string line = "install " + debug.substr(0, debug.find(' '));
  const std::size_t open = debug.find('"');
  if (open != std::string::npos) line += " " + debug.substr(open + 1, debug.find('"', open + 1) - open - 1);
  return line;
}

std::string line_of(const std::expected<std::unique_ptr<Node>, InstallError>& node) {
  if (node) return "install ok";
  const InstallError& error = node.error();
  using Kind = InstallError::Kind;
  if (error.kind == Kind::incompatible_compiled_version)
    return "install IncompatibleCompiledVersion " + std::string(error.detail.contains("got v2, expected v1") ? "v2" : "?");
  std::string line = "install " + std::string(InstallError::kind_name(error.kind));
  const bool named = error.kind != Kind::empty_targets && error.kind != Kind::not_compiled;
  if (error.kind == Kind::unknown_target || error.kind == Kind::unresolved_ops) return "install " + show_error(error);
  return named ? line + " " + error.target : line;
}

std::expected<std::unique_ptr<Node>, InstallError> install(const Registry& registry, Bytes artifact,
                                                           std::vector<std::string> targets,
                                                           std::map<std::string, Config> config = {}) {
  InstallOptions options;
  options.peer = PeerId::from(1);
  options.addresses = {Address::p2p(options.peer)};
  options.artifacts = {artifact};
  options.targets = std::move(targets);
  options.config = std::move(config);
  return Node::install(registry, std::move(options));
}

void check_case(Checker& check, Differences& differences, const Registry& registry, const Json& json, int at, Bytes recorded,
                const ModelProto& compiled) {
  Fields fields(check, json);
  const std::string name = fields.text("case");
  check.enter(std::string(kInstalls), name);
  const Case* found = nullptr;
  for (const Case& known : kCases)
    if (known.name == name) found = &known;
  if (!check.expect(found != nullptr, "the case is known")) return;
  std::vector<std::string> targets;
  if (fields.has("targets")) {
    for (const Json& target : fields.list("targets"))
      if (check.expect(target.is_string(), "a target is a text")) targets.push_back(target.get<std::string>());
  } else {
    targets.emplace_back("Chain");
  }
  std::map<std::string, Config> config;
  if (name == "config type mismatch") config["s"].set("unknown", std::int64_t{1});
  ModelProto model = compiled;
  found->edit(model);
  const std::string text = model.SerializeAsString();
  const auto node = install(registry, name == "not compiled" ? recorded : as_bytes(text), std::move(targets), std::move(config));
  differences.judge(check, "install_errors", at, {reference_line(check, fields.get("result"))}, {line_of(node)});
}

}  // namespace

void check_installs(Checker& check, Differences& differences, std::span<const VectorFile> files, const Registry& registry) {
  check.enter(std::string(kInstalls), "file");
  const VectorFile* cases = find_file(files, kInstalls);
  const VectorFile* compiled = find_file(files, kModel);
  const VectorFile* recorded = find_file(files, kRecorded);
  if (!check.expect(cases && compiled && recorded, "the cases and their models are there")) return;
  const std::string_view text = as_text(cases->content);
  const Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  const auto model = ir::load_model(compiled->content);
  if (!check.expect(json.is_object() && model.has_value() && model->functions_size() > 0, "they can be read")) return;
  Fields fields(check, json);
  int at = 0;
  for (const Json& one : fields.list("install_cases"))
    check_case(check, differences, registry, one, at++, recorded->content, *model);
  check.enter(std::string(kInstalls), "file");
  check.same("number of cases", std::size(kCases), static_cast<std::uint64_t>(at));

  for (const VectorFile& file : files) {
    if (!file.name.starts_with("bench-models/") || !file.name.ends_with(".onnx")) continue;
    check.enter(std::string(file.name), "install");
    const auto bench = ir::load_model(file.content);
    if (!check.expect(bench.has_value() && bench->functions_size() > 0, "is a model")) continue;
    differences.judge(check, file.name, -1, {"install ok"},
                      {line_of(install(registry, file.content, {bench->functions(0).name()}))});
  }
}

}  // namespace bb::golden
