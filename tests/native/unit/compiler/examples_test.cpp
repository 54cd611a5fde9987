// The worked examples, node by node: names, inputs, outputs, attributes, metadata, site keys and model rows.
#include <catch2/catch_test_macros.hpp>

#include "example_modules.h"

using namespace bb;
using namespace bb::test;

namespace {

constexpr const char* kCpu = "bytesandbrains::backends::cpu::CpuBackend";

Compiler quickstart_compiler(const Registry& registry) {
  Compiler compiler(registry);
  compiler.bind("data_source", "StubLoader").bind("model", "StubModel");
  return compiler;
}
Compiler network_compiler(const Registry& registry) {
  Compiler compiler(registry);
  compiler.bind("loader", "StubLoader").bind("model", "StubModel").bind("aggregator", "StubAggregator");
  return compiler;
}
Compiler mesh_compiler(const Registry& registry) {
  Compiler compiler(registry);
  compiler.bind("model", "Mlp").bind("data", "StubLoader").bind("aggregator", "FedAvg").bind("backend", kCpu);
  return compiler;
}
std::string type_of(const onnx::FunctionProto& function, std::string_view value) {
  for (const auto& info : function.value_info())
    if (info.name() == value) return info.type().denotation();
  return "undeclared";
}
std::vector<std::string> node_names(const onnx::FunctionProto& function) {
  std::vector<std::string> names;
  for (const auto& node : function.node()) names.push_back(node.name());
  return names;
}

}  // namespace

TEST_CASE("quickstart compiles to one target") {
  const Registry registry = compiler_registry();
  const onnx::ModelProto model = compiled(quickstart_compiler(registry), Quickstart());
  REQUIRE(model.functions_size() == 1);
  const auto& function = function_of(model, "Quickstart");
  CHECK(dump(function) ==
        "()→(prediction)\n"
        "NextBatch()→(v0, v1) [~required_trait=DataSourceRuntime, ~slot_id=0, ~slot=data_source, ~module_instance=Quickstart, "
        "~home_class=@self]\n"
        "Forward(v0)→(v2) [~required_trait=ModelRuntime, ~slot_id=1, ~slot=model, ~module_instance=Quickstart, ~home_class=@self]\n"
        "PassThrough(v2)→(prediction) [~module_instance=Quickstart, ~home_class=@self]\n");
  CHECK(node_names(function) ==
        std::vector<std::string>{"Quickstart/NextBatch.0", "Quickstart/Forward.1", "Quickstart/PassThrough.2"});
  for (const char* value : {"v0", "v1", "v2", "prediction"}) CHECK(type_of(function, value) == "ai.bytesandbrains.tensor.f32");
  CHECK(dump_rows(model) ==
        "~compiled = v1\n"
        "~ir_version = 1\n"
        "~binding.Quickstart#*.data_source = DataSource|StubLoader|0\n"
        "~binding.Quickstart#*.model = Model|StubModel|1\n"
        "~io.Quickstart#* = in:;out:prediction:~tensor.f32\n");
  CHECK(model.ir_version() == 10);
  REQUIRE(model.opset_import_size() == 3);
  CHECK(model.opset_import(2).domain() == "ai.bytesandbrains.syscall");
  CHECK(model.opset_import(2).version() == 1);
}

TEST_CASE("the multi-target network records four functions") {
  const Registry registry = compiler_registry();
  const auto recorded = network_compiler(registry).record(FedNetwork());
  REQUIRE(recorded);
  const onnx::ModelProto model = model_of(*recorded);
  REQUIRE(model.functions_size() == 4);
  CHECK(
      dump(model.functions(0)) ==
      "(sink_peers)→(prediction_port)\n"
      "LoaderLeaf()→(v2) [~module_instance=FedNetwork]\n"
      "TrainerLeaf(v2)→(v4) [~module_instance=FedNetwork]\n"
      "Send(v4, sink_peers)→(prediction_port, v5) [~wire.peers_index=1, ~wire.ports=prediction_port, ~module_instance=FedNetwork]\n"
      "SinkLeaf(prediction_port, prediction_port)→() [~module_instance=FedNetwork]\n");
  CHECK(
      dump(model.functions(1)) ==
      "()→(batch)\n"
      "NextBatch()→(v0, v1) [~required_trait=DataSourceRuntime, ~slot_id=0, ~slot=loader, ~module_instance=FedNetwork_LoaderLeaf]\n"
      "PassThrough(v0)→(batch) [~module_instance=FedNetwork_LoaderLeaf]\n");
  CHECK(model.functions(2).attribute(0) == "__slot_1");
  CHECK(dump(model.functions(3)) ==
        "(contribution, metadata)→()\n"
        "Contribute(contribution, metadata)→(v6) [~required_trait=AggregatorRuntime, ~slot_id=2, ~slot=aggregator, "
        "~module_instance=FedNetwork_SinkLeaf]\n");
  CHECK(model.functions(1).domain() == "ai.bytesandbrains.module");
  CHECK(*ir::find_metadata(model.functions(0), ir::key::kModulePhase) == "body");
}

TEST_CASE("the multi-target network compiles to two targets joined by one site") {
  const Registry registry = compiler_registry();
  const onnx::ModelProto model = compiled(network_compiler(registry), FedNetwork());
  REQUIRE(model.functions_size() == 2);
  const auto& source = function_of(model, "FedNetwork");
  CHECK(dump(source) ==
        "(sink_peers)→()\n"
        "NextBatch()→(v0#inl0, v1#inl0) [~required_trait=DataSourceRuntime, ~slot_id=0, ~slot=loader, "
        "~module_instance=FedNetwork_LoaderLeaf, ~home_class=@self]\n"
        "PassThrough(v0#inl0)→(v2) [~module_instance=FedNetwork_LoaderLeaf, ~home_class=@self]\n"
        "Forward(v2)→(v3#inl1) [~required_trait=ModelRuntime, ~slot_id=1, ~slot=model, ~module_instance=FedNetwork_TrainerLeaf, "
        "~home_class=@self]\n"
        "PassThrough(v3#inl1)→(v4) [~module_instance=FedNetwork_TrainerLeaf, ~home_class=@self]\n"
        "Send(v4, sink_peers)→(prediction_port__send_sentinel_4, v5) {deadline_ns=100000000, ~dest_suffix.v4=e20190ce34e89ad441b4} "
        "[~wire.peers_index=1, ~module_instance=FedNetwork, ~home_class=@self, ~wire.wire_id=0, ~wire_transport=data, "
        "~batch_group_id=0]\n");
  const auto& sink = function_of(model, "FedNetwork_sink_peers");
  CHECK(dump(sink) ==
        "()→()\n"
        "Recv()→(prediction_port__recv_0, prediction_port__recv_0__sender) [~home_class=sink_peers, "
        "~synthesized_from_send=prediction_port, ~wire.wire_id=0, ~wire_transport=data, ~module_instance=FedNetwork, "
        "~batch_group_id=0, ~wire.site_id=10434335560298676660]\n"
        "Contribute(prediction_port__recv_0, prediction_port__recv_0)→(v6#inl2) [~required_trait=AggregatorRuntime, ~slot_id=2, "
        "~slot=aggregator, ~module_instance=FedNetwork_SinkLeaf, ~home_class=sink_peers]\n");
  CHECK(type_of(sink, "prediction_port__recv_0") == "ai.bytesandbrains.tensor.f32");
  CHECK(type_of(sink, "prediction_port__recv_0__sender") == "bb.peer_id");
  CHECK(type_of(sink, "v6#inl2") == "bb.trigger");
  CHECK(type_of(source, "sink_peers") == "bb.peer_id_vec");
  CHECK(dump_rows(model) ==
        "~compiled = v1\n"
        "~ir_version = 1\n"
        "~binding.FedNetwork#*.loader = DataSource|StubLoader|0\n"
        "~binding.FedNetwork#*.model = Model|StubModel|1\n"
        "~io.FedNetwork#* = in:sink_peers:bb.peer_id_vec;out:\n"
        "~binding.FedNetwork_sink_peers#*.aggregator = Aggregator|StubAggregator|2\n"
        "~io.FedNetwork_sink_peers#* = in:;out:\n"
        "~wire_site.FedNetwork_sink_peers#*.prediction_port = 10434335560298676660\n");
}

TEST_CASE("three separately compiled modules meet at the sites that they name") {
  const Registry registry = compiler_registry();
  Compiler client(registry), server(registry), reduce(registry);
  client.bind("model", "StubModel").bind("data", "StubLoader");
  server.bind("view", "ConstantView").bind("model", "StubModel");
  reduce.bind("aggregator", "FedAvg").bind("backend", kCpu);
  const onnx::ModelProto client_model = compiled(client, ClientLogic());
  CHECK(
      dump(client_model.functions(0)) ==
      "()→()\n"
      "Recv()→(server_params, server_params__sender) [~module_instance=ClientLogic, ~home_class=@self, "
      "~wire.site_id=8492802422851971193]\n"
      "LoadParameters(server_params)→(v0) [~required_trait=ModelRuntime, ~slot_id=0, ~slot=model, ~module_instance=ClientLogic, "
      "~home_class=@self]\n"
      "NextBatch()→(v1, v2) [~required_trait=DataSourceRuntime, ~slot_id=1, ~slot=data, ~module_instance=ClientLogic, "
      "~home_class=@self]\n"
      "Forward(v1)→(v3) [~required_trait=ModelRuntime, ~slot_id=0, ~slot=model, ~module_instance=ClientLogic, ~home_class=@self]\n"
      "Params()→(v4) [~required_trait=ModelRuntime, ~slot_id=0, ~slot=model, ~module_instance=ClientLogic, ~home_class=@self]\n"
      "Send(v4, server_params__sender)→(updated_params, v5) {deadline_ns=100000000, ~dest_suffix.v4=e201940613b27f6b8e85} "
      "[~wire.peers_index=1, ~module_instance=ClientLogic, ~home_class=@self, ~wire.wire_id=0, ~wire_transport=data]\n");
  CHECK(std::uint64_t{0x75dc7ece89ab2879} == 8492802422851971193u);
  const onnx::ModelProto server_model = compiled(server, ServerLogic());
  CHECK(dump(server_model.functions(0)) ==
        "()→()\n"
        "Sample()→(v0) {n=2} [~required_trait=PeerSelectorRuntime, ~slot_id=0, ~slot=view, ~peer_class=@self, "
        "~module_instance=ServerLogic, ~home_class=@self]\n"
        "Params()→(v1) [~required_trait=ModelRuntime, ~slot_id=1, ~slot=model, ~module_instance=ServerLogic, ~home_class=@self]\n"
        "Send(v1, v0)→(server_params, v2) {deadline_ns=100000000, ~dest_suffix.v1=e20175dc7ece89ab2879} [~wire.peers_index=1, "
        "~module_instance=ServerLogic, ~home_class=@self, ~wire.wire_id=0, ~wire_transport=data, ~batch_group_id=0]\n");
  const onnx::ModelProto reduce_model = compiled(reduce, ServerReduce());
  CHECK(dump(reduce_model.functions(0)) ==
        "()→()\n"
        "Recv()→(received_params, received_params__sender) [~module_instance=ServerReduce, ~home_class=@self, "
        "~wire.site_id=10666234424836460165]\n"
        "Contribute(received_params, -, received_params__sender)→(v0) [~required_trait=AggregatorRuntime, ~slot_id=0, "
        "~slot=aggregator, ~module_instance=ServerReduce, ~home_class=@self]\n");
  CHECK(dump_rows(reduce_model) ==
        "~compiled = v1\n"
        "~ir_version = 1\n"
        "~binding.ServerReduce#*.aggregator = Aggregator|FedAvg|0\n"
        "~binding.ServerReduce#*.backend = Backend|bytesandbrains::backends::cpu::CpuBackend|-1\n"
        "~io.ServerReduce#* = in:;out:\n"
        "~wire_site.ServerReduce#*.received_params = 10666234424836460165\n");
}

TEST_CASE("the single-node round has both halves in one artifact") {
  const Registry registry = compiler_registry();
  Compiler compiler(registry);
  compiler.bind("model", "StubModel").bind("data", "StubLoader").bind("aggregator", "FedAvg").bind("backend", kCpu);
  const auto recorded = compiler.record(FederatedRound());
  REQUIRE(recorded);
  CHECK(model_of(*recorded).functions_size() == 3);
  const onnx::ModelProto model = compiled(compiler, FederatedRound());
  REQUIRE(model.functions_size() == 2);
  const auto& client = function_of(model, "FederatedRound");
  REQUIRE(client.node_size() == 5);
  CHECK(dump(client.node(4)) ==
        "Send(v4, server_peers)→(params_port__send_sentinel_4, v5) {deadline_ns=100000000, ~dest_suffix.v4=e20121e4c052684c563c} "
        "[~wire.peers_index=1, ~module_instance=FederatedRound, ~home_class=@self, ~wire.wire_id=0, ~wire_transport=data, "
        "~batch_group_id=0]");
  const auto& server = function_of(model, "FederatedRound_server_peers");
  REQUIRE(server.node_size() == 2);
  CHECK(*ir::find_metadata(server.node(0), ir::key::kSiteId) == std::to_string(0x21e4c052684c563cULL));
  CHECK(dump(server.node(1)).starts_with("Contribute(params_port__recv_0)→(v6#inl1) "));
  CHECK(dump_rows(model) ==
        "~compiled = v1\n"
        "~ir_version = 1\n"
        "~binding.FederatedRound#*.model = Model|StubModel|1\n"
        "~binding.FederatedRound#*.data = DataSource|StubLoader|0\n"
        "~io.FederatedRound#* = in:server_peers:bb.peer_id_vec;out:\n"
        "~binding.FederatedRound_server_peers#*.aggregator = Aggregator|FedAvg|2\n"
        "~binding.FederatedRound_server_peers#*.backend = Backend|bytesandbrains::backends::cpu::CpuBackend|-1\n"
        "~io.FederatedRound_server_peers#* = in:;out:\n"
        "~wire_site.FederatedRound_server_peers#*.params_port = 2442288358111335996\n");
}

TEST_CASE("the mesh sends parameters and sample count in one envelope and knows who sent them") {
  const Registry registry = compiler_registry();
  const onnx::ModelProto model = compiled(mesh_compiler(registry), Mesh());
  REQUIRE(model.functions_size() == 2);
  const auto& mesh = function_of(model, "Mesh");
  std::string ops;
  for (const auto& node : mesh.node()) ops += node.op_type() + " ";
  CHECK(ops == "NextBatch ComputeLoss Backward NextBatch ComputeLoss Backward PassThrough Params Contribute Send ");
  CHECK(
      dump(mesh.node(9)) ==
      "Send(v8, meta, peers)→(params__send_sentinel_9, meta__send_sentinel_9, v10) {deadline_ns=100000000, "
      "~dest_suffix.v8=e201f728722d769e958d, ~dest_suffix.meta=e201e5aba45a80018752} [~wire.peers_index=2, ~module_instance=Mesh, "
      "~home_class=@self, ~wire.wire_id=0, ~wire_transport=data, ~batch_group_id=0]");
  CHECK(dump(function_of(model, "Mesh_peers")) ==
        "()→(received)\n"
        "Recv()→(params__recv_0, params__recv_0__sender) [~home_class=peers, ~synthesized_from_send=params, ~wire.wire_id=0, "
        "~wire_transport=data, ~module_instance=Mesh, ~batch_group_id=0, ~wire.site_id=17809610266025825677]\n"
        "Recv()→(meta__recv_1, meta__recv_1__sender) [~home_class=peers, ~synthesized_from_send=meta, ~wire.wire_id=0, "
        "~wire_transport=data, ~module_instance=Mesh, ~batch_group_id=0, ~wire.site_id=16549501964304615250]\n"
        "Contribute(params__recv_0, meta__recv_1, params__recv_0__sender)→(v11) [~required_trait=AggregatorRuntime, ~slot_id=2, "
        "~slot=aggregator, ~home_class=peers, ~module_instance=Mesh]\n"
        "PassThrough(params__recv_0__sender)→(received) [~home_class=peers, ~module_instance=Mesh]\n");
  CHECK(17809610266025825677u == 0xf728722d769e958dULL);
  CHECK(16549501964304615250u == 0xe5aba45a80018752ULL);
  CHECK(dump_rows(model).find("~io.Mesh#* = in:peers:bb.peer_id_vec,meta:bb.fedavg_meta;out:loss:bb.f32\n") != std::string::npos);

  const onnx::ModelProto merge = compiled(mesh_compiler(registry), MeshMerge());
  CHECK(dump(merge.functions(0)) ==
        "(go)→(merged)\n"
        "Aggregate(go)→(v0, v1) [~required_trait=AggregatorRuntime, ~slot_id=0, ~slot=aggregator, ~module_instance=MeshMerge, "
        "~home_class=@self]\n"
        "LoadParameters(v0)→(v2) [~required_trait=ModelRuntime, ~slot_id=1, ~slot=model, ~module_instance=MeshMerge, "
        "~home_class=@self]\n"
        "PassThrough(v1)→(merged) [~module_instance=MeshMerge, ~home_class=@self]\n");
}

TEST_CASE("recording and compiling twice gives the same bytes, and a recorded model compiles like its module") {
  const Registry registry = compiler_registry();
  const Compiler compiler = mesh_compiler(registry);
  const auto first = compiler.compile(Mesh());
  const auto second = compiler.compile(Mesh());
  REQUIRE(first);
  REQUIRE(second);
  CHECK(first->bytes() == second->bytes());
  CHECK(first->targets() == std::vector<std::string>{"Mesh", "Mesh_peers"});
  const auto recorded = compiler.record(Mesh());
  REQUIRE(recorded);
  CHECK(*recorded == *compiler.record(Mesh()));
  const auto from_bytes = compiler.compile_recorded(*recorded);
  REQUIRE(from_bytes);
  CHECK(from_bytes->bytes() == first->bytes());
}
