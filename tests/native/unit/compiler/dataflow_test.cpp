// How values, calls, classes and requests come out of compilation: one test per way that this went wrong in the reference.
#include <set>

#include <catch2/catch_test_macros.hpp>

#include "bb/hash.h"
#include "compiler/program.h"
#include "fixture.h"

using namespace bb;
using namespace bb::test;

namespace {

constexpr const char* kCpu = "bytesandbrains::backends::cpu::CpuBackend";

Compiler all_bound(const Registry& registry) {
  Compiler compiler(registry);
  compiler.bind("model", "StubModel")
      .bind("data", "StubLoader")
      .bind("aggregator", "FedAvg")
      .bind("backend", kCpu)
      .bind("view", "ConstantView");
  return compiler;
}
std::string ops(const onnx::FunctionProto& function) {
  std::string text;
  for (const auto& node : function.node()) text += (text.empty() ? "" : " ") + node.op_type();
  return text;
}
const onnx::NodeProto& node_of(const onnx::FunctionProto& function, std::string_view op_type) {
  for (const auto& node : function.node())
    if (node.op_type() == op_type) return node;
  FAIL("no " << op_type);
  return function.node(0);
}
std::string suffix_of(std::string_view site) {
  std::uint8_t bytes[8];
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(fnv1a64(site) >> (56 - 8 * i));
  return "e201" + to_hex(bytes);
}
std::string type_of(const onnx::FunctionProto& function, std::string_view value) {
  for (const auto& info : function.value_info())
    if (info.name() == value) return info.type().denotation();
  return "undeclared";
}

}  // namespace

TEST_CASE("only an awaited Send is a request, and waiting lasts two hops unless said") {
  const Registry registry = compiler_registry();
  const Recorded module("M", [](Graph& g) {
    const Output peers = g.input<type::Peers>("servers");
    const Output x = ModelSlot("model").params(g);
    const NetOut ask = g.net_out("question", peers, x);
    g.output("answer", g.await_response(ask.handle, "tensor.f32"));
    g.net_out("statement", peers, x);
    g.on("servers", [&] { g.reply(ModelSlot("model").forward(g, ask.value), ask.sender); });
  });
  const onnx::ModelProto model = compiled(all_bound(registry).per_hop_budget_ns(7), module);
  const auto& client = function_of(model, "M");
  CHECK(ops(client) == "Params Send AwaitResponse PassThrough Send");
  CHECK(ir::metadata_or(client.node(1), ir::key::kRequest) == "1");
  CHECK_FALSE(ir::find_metadata(client.node(4), ir::key::kRequest));
  CHECK(ir::find_attribute(client.node(1), "deadline_ns")->i() == 7);
  CHECK(ir::find_attribute(client.node(2), "deadline_ns")->i() == 14);
  CHECK(client.node(1).output(1) == client.node(2).input(0));
  const auto& server = function_of(model, "M_servers");
  CHECK(ops(server) == "Recv Forward Reply");
  CHECK(server.node(2).input(1) == server.node(0).output(1));
  CHECK(ir::metadata_or(client.node(4), ir::key::kWireId) == "1");
}

TEST_CASE("answers go back to the class that asked") {
  const Registry registry = compiler_registry();
  const Recorded module("M", [](Graph& g) {
    const NetOut up = g.net_out("up", g.input<type::Peers>("servers"), ModelSlot("model").params(g));
    g.on("servers", [&] {
      const NetOut down = g.net_out("down", up.sender, ModelSlot("model").forward(g, up.value));
      g.on("@self", [&] { g.output("result", down.value); });
    });
  });
  const onnx::ModelProto model = compiled(all_bound(registry), module);
  CHECK(ops(function_of(model, "M")) == "Params Send Recv PassThrough");
  CHECK(ops(function_of(model, "M_servers")) == "Recv Forward Send");
  const auto& down = node_of(function_of(model, "M_servers"), "Send");
  CHECK(dump(down).find("~dest_suffix.v2=" + suffix_of("M/down")) != std::string::npos);
  CHECK(ir::metadata_or(down, ir::key::kBatchGroupId) == "1");
  CHECK(function_of(model, "M").output_size() == 1);
}

TEST_CASE("two received ports of one class stay apart") {
  const Registry registry = compiler_registry();
  const Recorded module("M", [](Graph& g) {
    const Output peers = g.input<type::Peers>("peers");
    const Output a = g.input<type::TensorF32>("a"), b = g.input<type::TensorF32>("b");
    const NetOut pa = g.net_out("pa", peers, a);
    const NetOut pb = g.net_out("pb", peers, b);
    g.output("difference", BackendSlot("backend").sub(g, pa.value, pb.value));
  });
  const auto model = compiled(all_bound(registry), module);
  const auto& sub = node_of(function_of(model, "M_peers"), "Sub");
  CHECK(sub.input(0) == "pa__recv_0");
  CHECK(sub.input(1) == "pb__recv_1");
  CHECK(function_of(model, "M_peers").output(0) == "difference");
  CHECK(function_of(model, "M_peers").input_size() == 0);
  CHECK(function_of(model, "M").input_size() == 3);
}

TEST_CASE("nodes without inputs run where they are read, or where they are told to") {
  const Registry registry = compiler_registry();
  const Recorded module("M", [](Graph& g) {
    const NetOut up = g.net_out("p", g.input<type::Peers>("peers"), ModelSlot("model").params(g));
    const Output own = ModelSlot("model").params(g);
    g.output("difference", BackendSlot("backend").sub(g, up.value, own));
    g.on("peers", [&] { g.output("extra", ModelSlot("model").params(g)); });
  });
  const auto model = compiled(all_bound(registry), module);
  CHECK(ops(function_of(model, "M")) == "Params Send");
  CHECK(ops(function_of(model, "M_peers")) == "Recv Params Sub PassThrough Params PassThrough");
}

TEST_CASE("gossip sends to its own class: both ends are in one partition") {
  const Registry registry = compiler_registry();
  const Recorded module("Gossip", [](Graph& g) {
    const Output peers = PeerSelectorSlot("view").sample(g, 2);
    const NetOut out = g.net_out("p", peers, ModelSlot("model").params(g));
    AggregatorSlot("aggregator").contribute(g, out.value, {}, out.sender);
  });
  const auto model = compiled(all_bound(registry), module);
  REQUIRE(model.functions_size() == 1);
  const auto& function = model.functions(0);
  CHECK(ops(function) == "Sample Params Send Recv Contribute");
  CHECK(ir::metadata_or(function.node(3), ir::key::kSiteId) == std::to_string(fnv1a64("Gossip/p")));
  CHECK(function.node(4).input(2) == "p__recv_0__sender");
}

TEST_CASE("a port that only starts something travels without content") {
  const Registry registry = compiler_registry();
  const Recorded module("M", [](Graph& g) {
    const Output peers = g.input<type::Peers>("peers");
    const NetOut go = g.net_out("go", peers, ModelSlot("model").params(g));
    AggregatorSlot("aggregator").aggregate(g, go.value);
    const Output tick = g.input<type::Trigger>("t");
    const NetOutRecord both = g.net_out({{"tick", tick}, {"data", ModelSlot("model").params(g)}}, peers);
    ModelSlot("model").load_parameters(g, both["data"]);
  });
  const auto model = compiled(all_bound(registry), module);
  const auto& self = function_of(model, "M");
  const auto& go = self.node(1);
  CHECK(ir::metadata_or(go, ir::key::kWireTransport) == "trigger_only");
  CHECK(ir::find_attribute(go, "ai.bytesandbrains.trigger_only.v0")->i() == 1);
  const auto& both = self.node(3);
  CHECK(ir::metadata_or(both, ir::key::kWireTransport) == "data");
  CHECK(ir::find_attribute(both, "ai.bytesandbrains.trigger_only.t")->i() == 1);
  CHECK_FALSE(ir::find_attribute(both, "ai.bytesandbrains.trigger_only.v4"));
  CHECK(type_of(function_of(model, "M_peers"), "go__recv_0") == "bb.trigger");
  CHECK(type_of(function_of(model, "M_peers"), "data__recv_1") == "ai.bytesandbrains.tensor.f32");
}

TEST_CASE("one value on two ports of a Send has a suffix for each") {
  const Registry registry = compiler_registry();
  const Recorded module("M", [](Graph& g) {
    const Output x = g.input<type::TensorF32>("x");
    g.net_out({{"a", x}, {"b", x}}, g.input<type::Peers>("peers"));
  });
  const auto model = compiled(all_bound(registry), module);
  const auto& send = node_of(model.functions(0), "Send");
  CHECK(send.input(0) == "x");
  CHECK(send.input(1) == "x#copy1");
  CHECK(to_hex(as_bytes(ir::find_attribute(send, "ai.bytesandbrains.dest_suffix.x")->s())) == suffix_of("M_peers/a"));
  CHECK(to_hex(as_bytes(ir::find_attribute(send, "ai.bytesandbrains.dest_suffix.x#copy1")->s())) == suffix_of("M_peers/b"));
}

TEST_CASE("a child that sends is spliced in, and keeps its author's port names") {
  const Registry registry = compiler_registry();
  const Recorded child("Upload", [](Graph& g) {
    const NetOut out = g.net_out("weights", g.input<type::Peers>("to"), g.input("x"));
    g.on("servers", [&] { g.output("loaded", ModelSlot("model").load_parameters(g, out.value)); });
  });
  const Recorded module("M", [&](Graph& g) {
    const auto sent = g.call(child, {{"to", g.input<type::Peers>("servers")}, {"x", g.input<type::TensorF32>("w")}});
    g.output("done", sent["loaded"]);
  });
  const auto model = compiled(all_bound(registry), module);
  REQUIRE(model.functions_size() == 2);
  CHECK(to_hex(as_bytes(ir::find_attribute(node_of(function_of(model, "M"), "Send"), "ai.bytesandbrains.dest_suffix.w")->s())) ==
        suffix_of("M_servers/weights"));
  CHECK(ops(function_of(model, "M_servers")) == "Recv LoadParameters PassThrough PassThrough");
  CHECK(function_of(model, "M_servers").output(0) == "done");
}

TEST_CASE("a child that is called twice is spliced into both places, typed, and binds its slot on both partitions") {
  const Registry registry = compiler_registry();
  const Recorded child("Step", [](Graph& g) { g.output("y", ModelSlot("model").forward(g, g.input("x"))); });
  const Recorded module("M", [&](Graph& g) {
    const auto first = g.call(child, {{"x", g.input<type::TensorF32>("x")}});
    const NetOut out = g.net_out("p", g.input<type::Peers>("peers"), first["y"]);
    g.output("z", g.call(child, {{"x", out.value}})["y"]);
  });
  const auto model = compiled(all_bound(registry), module);
  REQUIRE(model.functions_size() == 2);
  CHECK(ops(function_of(model, "M")) == "Forward PassThrough Send");
  CHECK(ops(function_of(model, "M_peers")) == "Recv Forward PassThrough PassThrough");
  CHECK(type_of(function_of(model, "M_peers"), "z") == "ai.bytesandbrains.tensor.f32");
  CHECK(dump_rows(model).find("~binding.M_peers#*.model = Model|StubModel|0\n") != std::string::npos);
}

TEST_CASE("a chain of children called once or twice each has unique nodes and values") {
  const Registry registry = compiler_registry();
  const Recorded leaf("Leaf", [](Graph& g) { g.output("y", BackendSlot("backend").relu(g, g.input("x"))); });
  const Recorded middle("Middle", [&](Graph& g) {
    const auto a = g.call(leaf, {{"x", g.input("x")}});
    g.output("y", g.call(leaf, {{"x", a["y"]}})["y"]);
  });
  const Recorded module("M", [&](Graph& g) {
    const auto a = g.call(middle, {{"x", g.input<type::TensorF32>("x")}});
    const auto b = g.call(middle, {{"x", a["y"]}});
    g.net_out("p", g.input<type::Peers>("peers"), b["y"]);
  });
  const auto first = all_bound(registry).compile(module);
  REQUIRE(first);
  const auto model = model_of(first->bytes());
  CHECK(first->bytes() == all_bound(registry).compile(module)->bytes());
  REQUIRE(model.functions_size() == 1);
  std::set<std::string> nodes, values;
  int relus = 0;
  for (const auto& node : model.functions(0).node()) {
    relus += node.op_type() == "Relu";
    CHECK(nodes.insert(node.name()).second);
    for (const auto& value : node.output()) CHECK(values.insert(value).second);
  }
  CHECK(relus == 4);
}

TEST_CASE("values of the same name in two functions do not meet") {
  const Registry registry = compiler_registry();
  const std::uint8_t peer[] = {1};
  const Recorded module(
      "M", [](Graph& g) { g.output("p", ModelSlot("model").params(g)); },
      [&](Graph& g) {
        const Output server = g.constant("peer_id", peer, 0x6750d1de54e51ec5ULL, "server");
        g.insert_many(server, g.constant("address_vec", peer, 0x99f6119f618d070cULL));
      });
  const auto model = compiled(all_bound(registry), module);
  REQUIRE(model.functions_size() == 2);
  const auto& setup = function_of(model, "M__bootstrap");
  CHECK(ops(setup) == "Constant Constant InsertMany");
  CHECK(type_of(setup, setup.node(0).output(0)) == "bb.peer_id");
  CHECK(type_of(setup, setup.node(1).output(0)) == "ai.bytesandbrains.address_vec");
  CHECK(ir::metadata_or(setup, ir::key::kModulePhase) == "bootstrap");
  CHECK(dump_rows(model).find("~bootstrap_for.M__bootstrap = M\n") != std::string::npos);
}

TEST_CASE("setup programs may send, call children's setup, and run on classes") {
  const Registry registry = compiler_registry();
  const Recorded child(
      "Child", [](Graph& g) { g.output("y", g.pass_through(g.input("x"))); },
      [](Graph& g) { g.output("ready", ModelSlot("model").load_parameters(g, g.input("start"))); });
  const Recorded module(
      "M", [&](Graph& g) { g.output("y", g.call(child, {{"x", g.input<type::TensorF32>("x")}})["y"]); },
      [&](Graph& g) {
        const auto ready = g.call_bootstrap(child, {{"start", g.input<type::TensorF32>("start")}});
        const NetOut hello = g.net_out("hello", g.input<type::Peers>("servers"), ready["ready"]);
        g.on("servers", [&] { DataSourceSlot("data").reset(g, hello.value); });
      });
  const auto model = compiled(all_bound(registry), module);
  REQUIRE(model.functions_size() == 3);
  CHECK(ops(function_of(model, "M__bootstrap")) == "LoadParameters PassThrough Send");
  CHECK(ops(function_of(model, "M_servers__bootstrap")) == "Recv Reset");
  const std::string rows = dump_rows(model);
  CHECK(rows.find("~bootstrap_for.M_servers__bootstrap = M_servers\n") != std::string::npos);
  // What only the setup uses is bound for the target that it sets up, or for itself where there is none.
  CHECK(rows.find("~binding.M#*.model = Model|StubModel|0\n") != std::string::npos);
  CHECK(rows.find("~binding.M_servers__bootstrap.data = DataSource|StubLoader|1\n") != std::string::npos);
}

TEST_CASE("open inputs take what their readers ask for") {
  const Registry registry = compiler_registry();
  const Recorded module("M", [](Graph& g) {
    ModelSlot("model").load_parameters(g, g.pass_through(g.input("params")));
    AggregatorSlot("aggregator").aggregate(g, g.input("go"));
    g.output("echo", g.input("anything"));
    const Output peers = g.input("peers");
    g.net_out("p", peers, g.input("payload"));
    IndexSlot("index").add(g, g.net_in("vector").value);
  });
  Compiler compiler = all_bound(registry);
  compiler.bind("index", "CountingIndex").bind("compute", kCpu);
  const auto artifact = compiler.compile(module);
  REQUIRE(artifact);
  const PortTable* ports = artifact->ports("M");
  REQUIRE(ports);
  std::string types;
  for (const auto& input : ports->inputs) types += input.name + ":" + input.type + " ";
  CHECK(types == "params:tensor.f32 go:trigger anything:any peers:peer_id_vec payload:any ");
  CHECK(type_of(function_of(model_of(artifact->bytes()), "M"), "vector") == "ai.bytesandbrains.tensor.f32");
}

TEST_CASE("budgets saturate, and an author's own deadline stands") {
  const Registry registry = compiler_registry();
  const Recorded module("M", [](Graph& g) {
    const Output peers = g.input<type::Peers>("peers"), x = g.input<type::TensorF32>("x");
    g.net_out("a", peers, x);
    g.net_out("b", peers, x, {.to = "", .deadline_ns = 11});
  });
  const auto model = compiled(all_bound(registry).per_hop_budget_ns(UINT64_MAX), module);
  CHECK(ir::find_attribute(model.functions(0).node(0), "deadline_ns")->i() == INT64_MAX);
  CHECK(ir::find_attribute(model.functions(0).node(1), "deadline_ns")->i() == 11);
}

TEST_CASE("a class that carries the module's name is its own target") {
  CHECK(compiler::partition_base("M", "@self") == "M");
  CHECK(compiler::partition_base("M", "peers") == "M_peers");
  CHECK(compiler::partition_base("M", "M") == "M");
  CHECK(compiler::partition_base("M", "M_servers") == "M_servers");
  CHECK(compiler::partition_base("M", "Main") == "M_Main");
}
