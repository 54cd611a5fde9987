// What exists, and what an artifact holds, as JSON.
#include "engine_binding.h"
#include "heap.h"
#include "ir/metadata.h"
#include "ir/model.h"

namespace bb::bindings {
namespace {

void write_ports(JsonWriter& json, std::string_view key, const std::vector<Port>& ports) {
  json.key(key).array();
  for (const Port& port : ports) {
    json.object().field("name", port.name).field("type", port.type);
    if (port.optional) json.flag("optional", true);
    if (port.variadic) json.flag("variadic", true);
    json.end_object();
  }
  json.end_array();
}

void write_entries(JsonWriter& json, std::string_view key, const std::vector<PortTable::Entry>& entries) {
  json.key(key).array();
  for (const PortTable::Entry& entry : entries) json.object().field("name", entry.name).field("type", entry.type).end_object();
  json.end_array();
}

void write_slots(JsonWriter& json, const onnx::ModelProto& model, std::string_view function) {
  const std::string prefix = ir::concat(ir::concat(ir::key::kBindingPrefix, function), ".");
  json.key("slots").array();
  for (const auto& entry : model.metadata_props()) {
    if (!entry.key().starts_with(prefix)) continue;
    const std::vector<std::string> parts = ir::split(entry.value(), '|');
    if (parts.size() < 2) continue;
    json.object()
        .field("slot", std::string_view(entry.key()).substr(prefix.size()))
        .field("role", parts[0])
        .field("typeName", parts[1])
        .end_object();
  }
  json.end_array();
}

}  // namespace

std::string EngineBinding::describe() const {
  JsonWriter json;
  json.object().key("roles").array();
  for (std::uint32_t i = 1; i < kRoleCount; ++i) {
    const auto role = static_cast<Role>(i);
    json.object().field("name", role_name(role)).field("domain", role_domain(role)).key("methods").array();
    for (std::uint16_t method = 0; method < registry_.method_count(role); ++method) {
      const OpDeclaration* const declaration = registry_.method(role, method);
      if (!declaration) continue;
      json.object().field("op", declaration->op_type).field("method", std::uint64_t{method});
      write_ports(json, "inputs", declaration->inputs);
      write_ports(json, "outputs", declaration->outputs);
      json.key("parameters").array();
      for (const Parameter& parameter : declaration->parameters) {
        json.object().field("name", parameter.name).key("default").number(parameter.default_value);
        json.end_object();
      }
      json.end_array().end_object();
    }
    json.end_array().end_object();
  }
  json.end_array().key("types").array();
  for (const TypeNode& type : registry_.types.nodes()) {
    json.object().field("id", type.id).flag("concrete", type.concrete).field("denotation", type.denotation);
    if (!type.accepted_hashes.empty()) json.key("hash").id(type.accepted_hashes.front());
    json.end_object();
  }
  json.end_array().end_object();
  return json.take();
}

std::string EngineBinding::describe_artifact(std::uint32_t at, std::uint32_t size) {
  const Bytes bytes = heap_bytes(at, size);
  const auto artifact = Artifact::from(bytes);
  if (!artifact) {
    fail(artifact.error(), "these bytes are no compiled artifact");
    return {};
  }
  const auto model = ir::load_model(bytes);
  if (!model) {
    fail(model.error().error, "these bytes are no model: " + model.error().where);
    return {};
  }
  JsonWriter json;
  json.object().key("targets").array();
  for (const std::string& target : artifact->targets()) {
    const std::string_view function = artifact->function_of(target);
    json.object().field("name", target).field("function", function);
    if (const PortTable* const ports = artifact->ports(target)) {
      write_entries(json, "inputs", ports->inputs);
      write_entries(json, "outputs", ports->outputs);
    }
    write_slots(json, *model, function);
    json.end_object();
  }
  json.end_array().end_object();
  return json.take();
}

}  // namespace bb::bindings
