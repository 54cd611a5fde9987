// Declarations against the numbers that dispatch uses.
#include <catch2/catch_test_macros.hpp>

#include "bb/roles.h"
#include "ops/registry.h"
#include "ops/roles.h"

using namespace bb;

namespace {

std::string text(const std::vector<Port>& ports) {
  std::string text;
  for (const Port& port : ports) {
    if (!text.empty()) text += ' ';
    text += port.name + (port.optional ? "?" : "") + (port.variadic ? "*" : "") + ":" + port.type;
  }
  return text;
}

std::string signature(const OpDeclaration& op) {
  std::string line = op.op_type + "(" + text(op.inputs) + ")";
  for (const Parameter& parameter : op.parameters) line += " " + parameter.name + "=" + std::to_string(parameter.default_value);
  return line + " -> " + text(op.outputs);
}

}  // namespace

TEST_CASE("every role op has its method number, ports and parameters") {
  Registry registry;
  ops::add_role_ops(registry);
  const auto check = [&](Role role, auto method, std::string_view expected) {
    const auto* op = registry.method(role, static_cast<std::uint16_t>(method));
    REQUIRE(op);
    CHECK(signature(*op) == expected);
    CHECK(op->domain == role_domain(role));
    CHECK(registry.find_op(op->domain, op->op_type) == op);
  };
  check(Role::model, ModelMethod::forward, "Forward(input:$tensor) -> output:$tensor");
  check(Role::model, ModelMethod::backward, "Backward(grad:any) -> ack:trigger");
  check(Role::model, ModelMethod::compute_loss, "ComputeLoss(input:$tensor target:$tensor) -> loss:scalar.f32");
  check(Role::model, ModelMethod::apply_delta, "ApplyDelta(delta:$tensor) -> ack:trigger");
  check(Role::model, ModelMethod::load_parameters, "LoadParameters(params:$tensor) -> ack:trigger");
  check(Role::model, ModelMethod::params, "Params() -> params:$tensor");
  check(Role::model, ModelMethod::train, "Train(trigger?:trigger) steps=1 -> loss:scalar.f32");
  check(Role::data_source, DataSourceMethod::next_batch, "NextBatch() -> batch:$sample labels:$sample");
  check(Role::data_source, DataSourceMethod::reset, "Reset(trigger:trigger) -> ack:trigger");
  check(Role::data_source, DataSourceMethod::on_data_loaded, "OnDataLoaded() -> ack:trigger");
  check(Role::aggregator, AggregatorMethod::contribute,
        "Contribute(contribution:$element metadata?:$metadata source?:peer_id) -> ack:trigger");
  check(Role::aggregator, AggregatorMethod::aggregate, "Aggregate(trigger:trigger) -> params:$element metadata:$metadata");
  check(Role::peer_selector, PeerSelectorMethod::sample, "Sample() n=1 -> peers:peer_id_vec");
  check(Role::peer_selector, PeerSelectorMethod::current_view, "CurrentView() -> peers:peer_id_vec");
  check(Role::peer_selector, PeerSelectorMethod::select, "Select(key?:bytes) mode=0 n=1 -> peers:peer_id_vec");
  check(Role::index, IndexMethod::add, "Add(vec:$vector) -> id:u64");
  check(Role::index, IndexMethod::search, "Search(query:$vector) k=10 -> results:search_results");
  check(Role::index, IndexMethod::remove, "Remove(id:u64) -> ack:trigger");
  check(Role::index, IndexMethod::train, "Train(samples:any) -> ack:trigger");
  check(Role::codec, CodecMethod::train, "Train(samples:any) -> ack:trigger");
  check(Role::codec, CodecMethod::encode, "Encode(input:$in) -> output:$out");
  check(Role::codec, CodecMethod::decode, "Decode(encoded:$out) -> output:$in");
  CHECK(registry.method_count(Role::model) == 7);
  CHECK(registry.method_count(Role::data_source) == 3);
  CHECK(registry.method_count(Role::aggregator) == 2);
  CHECK(registry.method_count(Role::peer_selector) == 3);
  CHECK(registry.method_count(Role::index) == 4);
  CHECK(registry.method_count(Role::codec) == 3);
}

TEST_CASE("backend ops are numbered as BackendMethod says") {
  using Method = ops::BackendMethod;
  Registry registry;
  ops::add_role_ops(registry);
  const auto name = [&](Method method) {
    const auto* op = registry.method(Role::backend, static_cast<std::uint16_t>(method));
    REQUIRE(op);
    return op->op_type;
  };
  CHECK(registry.method_count(Role::backend) == static_cast<std::uint32_t>(Method::scatter) + 1);
  CHECK(name(Method::add) == "Add");
  CHECK(name(Method::log) == "Log");
  CHECK(name(Method::matmul) == "MatMul");
  CHECK(name(Method::reduce_min) == "ReduceMin");
  CHECK(name(Method::reshape) == "Reshape");
  CHECK(name(Method::cast) == "Cast");
  CHECK(name(Method::less) == "Less");
  CHECK(name(Method::where) == "Where");
  CHECK(name(Method::constant) == "Constant");
  CHECK(name(Method::gather) == "Gather");
  CHECK(name(Method::relu) == "Relu");
  CHECK(name(Method::gemm) == "Gemm");
  CHECK(name(Method::global_average_pool) == "GlobalAveragePool");
  CHECK(name(Method::conv) == "Conv");
  CHECK(name(Method::scatter) == "Scatter");
}

TEST_CASE("ports name types that exist, and storage ports that a role has") {
  const Registry registry = ops::builtin_registry();
  const std::map<Role, std::vector<std::string>> storage{
      {Role::backend, {"$tensor"}},   {Role::model, {"$tensor"}},
      {Role::index, {"$vector"}},     {Role::aggregator, {"$element", "$metadata"}},
      {Role::codec, {"$in", "$out"}}, {Role::data_source, {"$sample"}}};
  std::size_t ports = 0;
  for (const OpDeclaration& op : registry.ops()) {
    for (const auto* list : {&op.inputs, &op.outputs}) {
      for (const Port& port : *list) {
        INFO(op.op_type << " " << port.name << " " << port.type);
        ++ports;
        if (port.type.starts_with('$')) {
          const auto& names = storage.at(op.role);
          CHECK(std::ranges::find(names, port.type) != names.end());
        } else {
          CHECK(registry.types.find(port.type));
        }
      }
    }
  }
  CHECK(ports > 150);
}

TEST_CASE("the built-in registry has the components that ship, whose storage types and supported ops exist") {
  const Registry registry = ops::builtin_registry();
  for (const char* name :
       {"bytesandbrains::backends::cpu::CpuBackend", "Mlp", "FedAvg", "ConstantView", "RandomSelector", "Dataset"}) {
    const ComponentClass* type = registry.find_component(name);
    REQUIRE(type);
    CHECK(type->construct);
    for (const auto& [port, node] : type->storage) CHECK(registry.types.find(node));
    for (const std::string& op : type->supports) CHECK(registry.find_op(role_domain(type->role), op));
    for (const Dependency& dependency : type->depends) CHECK(dependency.optional);
  }
  CHECK(registry.find_component("Mlp")->depends.front().role == Role::data_source);
  CHECK(registry.find_component("FedAvg")->depends.front().slot == "backend");
  CHECK(registry.find_op(domain::kWire, "Send"));
  CHECK(registry.find_op(domain::kSyscall, "PassThrough"));
}
