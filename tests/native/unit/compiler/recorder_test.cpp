// What each recording call writes, and what each refuses.
#include <catch2/catch_test_macros.hpp>

#include "fixture.h"

using namespace bb;
using namespace bb::test;

namespace {

/// The nodes that a body records, one per line, without the module instance.
std::string nodes(const Recorded::Body& body) {
  const Registry registry = compiler_registry();
  const auto recorded = Compiler(registry).record(Recorded("M", body));
  if (!recorded) return recorded.error().code + ": " + recorded.error().message;
  std::string text;
  const onnx::ModelProto model = model_of(*recorded);
  for (const auto& node : model.functions(0).node()) {
    std::string line = dump(node);
    for (const std::string_view instance : {", ~module_instance=M", "~module_instance=M"})
      if (const std::size_t at = line.find(instance); at != std::string::npos) line.erase(at, instance.size());
    text += line + "\n";
  }
  return text;
}

std::string refused(const Recorded::Body& body) {
  const Registry registry = compiler_registry();
  const auto recorded = Compiler(registry).record(Recorded("M", body));
  return recorded ? "" : recorded.error().code;
}

const std::string kModelSlot = "[~required_trait=ModelRuntime, ~slot_id=0, ~slot=model]\n";
Output tensor(Graph& g) { return g.input<type::TensorF32>("x"); }

}  // namespace

TEST_CASE("model methods record their op with the slot's name") {
  const ModelSlot model{"model"};
  CHECK(nodes([&](Graph& g) { model.forward(g, tensor(g)); }) == "Forward(x)→(v0) " + kModelSlot);
  CHECK(nodes([&](Graph& g) { model.backward(g, tensor(g)); }) == "Backward(x)→(v0) " + kModelSlot);
  CHECK(nodes([&](Graph& g) { model.compute_loss(g, tensor(g), g.input<type::TensorF32>("y")); }) ==
        "ComputeLoss(x, y)→(v0) " + kModelSlot);
  CHECK(nodes([&](Graph& g) { model.apply_delta(g, tensor(g)); }) == "ApplyDelta(x)→(v0) " + kModelSlot);
  CHECK(nodes([&](Graph& g) { model.load_parameters(g, tensor(g)); }) == "LoadParameters(x)→(v0) " + kModelSlot);
  CHECK(nodes([&](Graph& g) { model.params(g); }) == "Params()→(v0) " + kModelSlot);
  CHECK(nodes([&](Graph& g) { model.train(g, 20); }) == "Train()→(v0) {steps=20} " + kModelSlot);
  CHECK(nodes([&](Graph& g) { model.train(g, 3, g.input<type::Trigger>("go")); }) == "Train(go)→(v0) {steps=3} " + kModelSlot);
}

TEST_CASE("data source and aggregator methods record their op") {
  const DataSourceSlot data{"data"};
  const std::string data_slot = "[~required_trait=DataSourceRuntime, ~slot_id=0, ~slot=data]\n";
  CHECK(nodes([&](Graph& g) { data.next_batch(g); }) == "NextBatch()→(v0, v1) " + data_slot);
  CHECK(nodes([&](Graph& g) { data.reset(g, g.input<type::Trigger>("go")); }) == "Reset(go)→(v0) " + data_slot);
  CHECK(nodes([&](Graph& g) { data.on_data_loaded(g); }) == "OnDataLoaded()→(v0) " + data_slot);
  const AggregatorSlot aggregator{"agg"};
  const std::string slot = "[~required_trait=AggregatorRuntime, ~slot_id=0, ~slot=agg]\n";
  CHECK(nodes([&](Graph& g) { aggregator.contribute(g, tensor(g)); }) == "Contribute(x)→(v0) " + slot);
  CHECK(nodes([&](Graph& g) { aggregator.contribute(g, tensor(g), g.input("m")); }) == "Contribute(x, m)→(v0) " + slot);
  CHECK(nodes([&](Graph& g) { aggregator.contribute(g, tensor(g), {}, g.input<type::Peer>("p")); }) ==
        "Contribute(x, -, p)→(v0) " + slot);
  CHECK(nodes([&](Graph& g) { aggregator.aggregate(g, g.input<type::Trigger>("go")); }) == "Aggregate(go)→(v0, v1) " + slot);
}

TEST_CASE("peer selector, index and codec methods record their op with its own metadata") {
  const PeerSelectorSlot view{"view"};
  const std::string slot = "[~required_trait=PeerSelectorRuntime, ~slot_id=0, ~slot=view, ~peer_class=@self]\n";
  CHECK(nodes([&](Graph& g) { view.sample(g, 2); }) == "Sample()→(v0) {n=2} " + slot);
  CHECK(nodes([&](Graph& g) { view.current_view(g); }) == "CurrentView()→(v0) " + slot);
  CHECK(nodes([&](Graph& g) { view.select(g, 1, 3, g.input<type::ByteString>("key")); }) ==
        "Select(key)→(v0) {mode=1, n=3} " + slot);
  CHECK(nodes([&](Graph& g) { PeerSelectorSlot("v", "clients").sample(g, 1); }).find("~peer_class=clients") != std::string::npos);
  const IndexSlot index{"index"};
  const std::string index_slot = "[~required_trait=IndexRuntime, ~slot_id=0, ~slot=index";
  CHECK(nodes([&](Graph& g) { index.add(g, tensor(g)); }) == "Add(x)→(v0) " + index_slot + "]\n");
  CHECK(nodes([&](Graph& g) { index.search(g, tensor(g), 5); }) == "Search(x)→(v0) {k=5} " + index_slot + "]\n");
  CHECK(nodes([&](Graph& g) { index.remove(g, g.input<type::U64>("id")); }) == "Remove(id)→(v0) " + index_slot + "]\n");
  CHECK(nodes([&](Graph& g) { index.train(g, tensor(g)); }) == "Train(x)→(v0) " + index_slot + ", ~index.port=samples]\n");
  const CodecSlot codec{"codec"};
  const std::string codec_slot = "[~required_trait=CodecRuntime, ~slot_id=0, ~slot=codec, ~codec.port=";
  CHECK(nodes([&](Graph& g) { codec.train(g, tensor(g)); }) == "Train(x)→(v0) " + codec_slot + "in]\n");
  CHECK(nodes([&](Graph& g) { codec.encode(g, tensor(g)); }) == "Encode(x)→(v0) " + codec_slot + "out]\n");
  CHECK(nodes([&](Graph& g) { codec.decode(g, g.input<type::ByteString>("b")); }) == "Decode(b)→(v0) " + codec_slot + "in]\n");
}

TEST_CASE("backend methods record tensor ops") {
  const BackendSlot backend{"compute"};
  const std::string slot = "[~required_trait=BackendRuntime, ~slot_id=0, ~slot=compute]\n";
  const auto binary = [&](auto method) {
    return nodes([&](Graph& g) { (backend.*method)(g, tensor(g), g.input<type::TensorF32>("y")); });
  };
  CHECK(binary(&BackendSlot::add) == "Add(x, y)→(v0) " + slot);
  CHECK(binary(&BackendSlot::sub) == "Sub(x, y)→(v0) " + slot);
  CHECK(binary(&BackendSlot::mul) == "Mul(x, y)→(v0) " + slot);
  CHECK(binary(&BackendSlot::matmul) == "MatMul(x, y)→(v0) " + slot);
  CHECK(nodes([&](Graph& g) { backend.relu(g, tensor(g)); }) == "Relu(x)→(v0) " + slot);
  CHECK(nodes([&](Graph& g) { backend.constant(g, {{2}, {1, 2}}); }) == "Constant()→(v0) {value=tensor[2]} " + slot);
  CHECK(nodes([&](Graph& g) { backend.record(g, "Identity", {tensor(g)}); }) == "Identity(x)→(v0) " + slot);
}

TEST_CASE("framework helpers record syscalls, bundles and the address book") {
  CHECK(nodes([](Graph& g) { g.pass_through(tensor(g)); }) == "PassThrough(x)→(v0) []\n");
  CHECK(nodes([](Graph& g) { g.gate(tensor(g), g.input<type::Trigger>("go")); }) == "Gate(x, go)→(v0) []\n");
  CHECK(nodes([](Graph& g) { g.gate_dispatch({tensor(g), g.input("y")}); }) == "GateDispatch(x, y)→(v0) []\n");
  CHECK(nodes([](Graph& g) { g.any({tensor(g), g.input("y")}); }) == "Any(x, y)→(v0) []\n");
  CHECK(nodes([](Graph& g) { g.tee(tensor(g), 3); }) == "Tee(x)→(v0, v1, v2) {fanout=3} []\n");
  CHECK(nodes([](Graph& g) { g.bundle({tensor(g), g.input<type::Peer>("p")}); }) ==
        "Bundle(x, p)→(v0) {~composite.child_count=2, ~composite.child_types=~tensor.f32,bb.peer_id} []\n");
  CHECK(nodes([](Graph& g) { g.unbundle(g.input<type::Composite>("c"), {"tensor.f32", "peer_id"}); }) ==
        "Unbundle(c)→(v0, v1) {~composite.child_count=2, ~composite.child_types=~tensor.f32,bb.peer_id} []\n");
  CHECK(nodes([](Graph& g) { g.insert_many(g.input<type::Peer>("p"), g.input<type::Addresses>("a")); }) ==
        "InsertMany(p, a)→(v0) []\n");
  CHECK(nodes([](Graph& g) { g.lookup(g.input<type::Peer>("p")); }) == "Lookup(p)→(v0) []\n");
  const std::uint8_t bytes[] = {1, 0, 2};
  CHECK(nodes([&](Graph& g) { g.constant("bytes", bytes, 7, "seed"); }) ==
        "Constant()→(v0) {literal=010002, literal_type=7} [~bootstrap.seed=seed]\n");
  CHECK(nodes([](Graph& g) { g.constant({{3}, {1, 2, 3}}); }) == "Constant()→(v0) {value=tensor[3]} []\n");
}

TEST_CASE("network calls record Send and Recv, and a sender only where it is read") {
  CHECK(nodes([](Graph& g) { g.net_out("p", g.input<type::Peers>("to"), tensor(g)); }) ==
        "Send(x, to)→(p, v0) [~wire.peers_index=1, ~wire.ports=p]\n");
  CHECK(nodes([](Graph& g) {
          const NetOut out = g.net_out("p", g.input<type::Peers>("to"), tensor(g), {.to = "Other/q", .deadline_ns = 5});
          g.pass_through(out.sender);
        }) ==
        "Send(x, to)→(p, v0, p__sender) {deadline_ns=5} [~wire.peers_index=1, ~wire.ports=p, ~wire.to=Other/q]\n"
        "PassThrough(p__sender)→(v1) []\n");
  CHECK(nodes([](Graph& g) {
          const Output to = g.input<type::Peers>("to");
          const NetOut out = g.net_out("p", to, tensor(g), {.to = "Other", .deadline_ns = 0});
          g.await_response(out.handle, "tensor.f32", 9);
          const NetIn in = g.net_in<type::TensorF32>("q");
          g.reply(in.value, in.sender);
        }) ==
        "Send(x, to)→(p, v0) [~wire.peers_index=1, ~wire.ports=p, ~wire.to=Other]\n"
        "AwaitResponse(v0)→(v1) {deadline_ns=9} []\n"
        "Recv()→(q, q__sender) [~wire.ports=q]\n"
        "Reply(q, q__sender)→(v2) []\n");
  CHECK(nodes([](Graph& g) {
          const Output x = tensor(g);
          const NetOutRecord out = g.net_out({{"a", x}, {"x", g.pass_through(x)}}, g.input<type::Peers>("to"));
          CHECK(out["a"].type() == "tensor.f32");
          CHECK_FALSE(out["none"].valid());
          CHECK(g.lookup_output("x").valid());
        }) ==
        "PassThrough(x)→(v0) []\n"
        "Send(x, v0, to)→(a, x__sent, v1) [~wire.peers_index=2, ~wire.ports=a,x]\n");
}

TEST_CASE("on stamps the class, the innermost where they nest") {
  CHECK(nodes([](Graph& g) {
          const Output x = tensor(g);
          g.on("a", [&] {
            g.pass_through(x);
            g.on("b", [&] { g.pass_through(x); });
          });
          g.pass_through(x);
        }) ==
        "PassThrough(x)→(v0) [~home_class=a]\n"
        "PassThrough(x)→(v1) [~home_class=b]\n"
        "PassThrough(x)→(v2) []\n");
}

TEST_CASE("slots are told apart by name and numbered by first use, over body and bootstrap") {
  const Registry registry = compiler_registry();
  const auto recorded = Compiler(registry).record(Recorded(
      "M",
      [](Graph& g) {
        ModelSlot("b").params(g);
        ModelSlot("a").params(g);
        ModelSlot("b").params(g);
      },
      [](Graph& g) {
        DataSourceSlot("c").on_data_loaded(g);
        ModelSlot("a").params(g);
      }));
  REQUIRE(recorded);
  const onnx::ModelProto model = model_of(*recorded);
  REQUIRE(model.functions_size() == 2);
  std::string ids, names;
  for (const auto& function : model.functions()) {
    for (const auto& node : function.node()) {
      ids += *ir::find_metadata(node, ir::key::kSlotId);
      names += node.name() + " " + node.output(0) + " ";
    }
  }
  CHECK(ids == "01021");
  CHECK(names == "M/Params.0 v0 M/Params.1 v1 M/Params.2 v2 M__bootstrap/OnDataLoaded.3 v3 M__bootstrap/Params.4 v4 ");
  CHECK(*ir::find_metadata(model.functions(1), ir::key::kModulePhase) == "bootstrap");
}

TEST_CASE("a child is recorded once, and called as often as one likes") {
  const Registry registry = compiler_registry();
  const Recorded child("Child", [](Graph& g) { g.output("y", ModelSlot("model").forward(g, g.input("x"))); });
  const Recorded other("Other", [](Graph& g) { g.output("z", g.pass_through(g.input("x"))); });
  const auto recorded = Compiler(registry).record(Recorded("M", [&](Graph& g) {
    const Output x = g.input<type::TensorF32>("x");
    const auto a = g.call(child, {{"x", x}});
    const auto b = g.call(child, {{"x", a["y"]}});
    const auto c = g.call(other, {{"x", b["y"]}});
    const auto d = g.call(child, {{"x", c["z"]}});
    CHECK(d["y"].type() == "tensor");
    g.output("out", d["y"]);
  }));
  REQUIRE(recorded);
  const onnx::ModelProto model = model_of(*recorded);
  REQUIRE(model.functions_size() == 3);
  CHECK(model.functions(1).node_size() == 2);
  CHECK(dump(model.functions(0)) ==
        "(x)→(out)\n"
        "Child(x)→(v1) [~module_instance=M]\n"
        "Child(v1)→(v2) [~module_instance=M]\n"
        "Other(v2)→(v4) [~module_instance=M]\n"
        "Child(v4)→(v5) [~module_instance=M]\n"
        "PassThrough(v5)→(out) [~module_instance=M]\n");
}

TEST_CASE("call inputs follow the child's formals, whatever order they are given in") {
  const Recorded child("Sub", [](Graph& g) {
    const Output a = g.input("a");
    g.output("y", BackendSlot("compute").sub(g, a, g.input("b")));
  });
  CHECK(nodes([&](Graph& g) {
          const Output p = g.input<type::TensorF32>("p"), q = g.input<type::TensorF32>("q");
          g.call(child, {{"b", q}, {"a", p}});
        }) == "Sub(p, q)→(v1) []\n");
}

TEST_CASE("handles keep their types") {
  const Registry registry = compiler_registry();
  const auto recorded = Compiler(registry).record(Recorded("M", [](Graph& g) {
    CHECK(g.input<type::Peers>("peers").type() == "peer_id_vec");
    const Output open = g.input("open");
    CHECK(open.type() == "any");
    CHECK(g.pass_through(g.input<type::TensorF32>("x")).type() == "tensor.f32");
    CHECK(g.net_in<type::U64>("n").sender.type() == "peer_id");
    CHECK(AggregatorSlot("a").contribute(g, open).type() == "trigger");
    CHECK(IndexSlot("i").search(g, open, 1).type() == "search_results");
    CHECK(g.unbundle(g.bundle({open}), {"u64"})[0].type() == "u64");
    CHECK(Output().type().empty());
  }));
  CHECK(recorded);
}

TEST_CASE("recording refuses bad names and ports where they are given") {
  for (const char* name :
       {"", "a.b", "a#b", "a|b", "a/b", "a:b", "a,b", "a b", "@self", "v7", "x__recv_0", "x__send_1", "x__sender", "\xff"})
    CHECK(refused([&](Graph& g) { g.input(name); }) == "InvalidName");
  CHECK(refused([](Graph& g) { g.input(std::string(257, 'a')); }) == "OverLimit");
  CHECK(refused([](Graph& g) { g.pass_through(g.input("vx")); }).empty());
  CHECK(refused([](Graph& g) { g.input("x", "no.such"); }) == "UnknownType");
  CHECK(refused([](Graph& g) { g.output("x", g.input("x")); }) == "DuplicatePort");
  CHECK(refused([](Graph& g) {
          const Output x = tensor(g);
          g.output("y", x);
          g.output("y", x);
        }) == "DuplicatePort");
  CHECK(refused([](Graph& g) {
          const Output x = tensor(g), to = g.input<type::Peers>("to");
          g.net_out("p", to, x);
          g.net_out("p", to, x);
        }) == "DuplicatePort");
  CHECK(refused([](Graph& g) {
          const Output x = tensor(g);
          g.net_out({{"p", x}, {"p", x}}, g.input<type::Peers>("to"));
        }) == "DuplicatePort");
  CHECK(refused([](Graph& g) { g.lookup_output("y"); }) == "MissingOutputPort");
  CHECK(refused([](Graph& g) { ModelSlot("a.b").params(g); }) == "InvalidName");
  CHECK(refused([](Graph& g) { g.on("a b", [] {}); }) == "InvalidName");
  CHECK(refused([](Graph& g) { g.net_out("p", g.input<type::Peers>("to"), tensor(g), {.to = "a/b/c", .deadline_ns = 0}); }) ==
        "InvalidName");
  CHECK(refused([](Graph& g) {
          const Output x = tensor(g);
          g.net_out({{"p", x}, {"q", x}}, g.input<type::Peers>("to"), {.to = "a/b", .deadline_ns = 0});
        }) == "InvalidName");
  CHECK(refused([](Graph& g) { g.net_out("p", tensor(g), g.input("y")); }) == "TypeMismatch");
  CHECK(refused([](Graph& g) { g.net_out(Inputs{}, g.input<type::Peers>("to")); }) == "EmptyList");
}

TEST_CASE("recording refuses ops that do not fit their declaration") {
  CHECK(refused([](Graph& g) { ModelSlot("m").record(g, "Fly"); }) == "UnknownOp");
  CHECK(refused([](Graph& g) { ModelSlot("m").record(g, "Params", {tensor(g)}); }) == "TooManyInputs");
  CHECK(refused([](Graph& g) { ModelSlot("m").record(g, "Forward"); }) == "MissingInput");
  CHECK(refused([](Graph& g) { ModelSlot("m").record(g, "Forward", {Output()}); }) == "MissingInput");
  CHECK(refused([](Graph& g) { ModelSlot("m").record(g, "Train", {}, {{"stops", 1}}); }) == "UnknownParameter");
  CHECK(refused([](Graph& g) { ModelSlot("m").record(g, "Train", {}, {{"steps", 1}}, {{"steps", std::int64_t{1}}}); }) ==
        "DuplicateAttribute");
  CHECK(refused([](Graph& g) { PeerSelectorSlot("v").record(g, "Sample"); }) == "MissingParameter");
  CHECK(refused([](Graph& g) { BackendSlot("b").record(g, "Constant"); }) == "MissingAttribute");
  CHECK(refused([](Graph& g) { BackendSlot("b").constant(g, {{2}, {1, 2, 3}}); }) == "InvalidArgument");
  CHECK(refused([](Graph& g) { BackendSlot("b").constant(g, {{-1}, {}}); }) == "InvalidArgument");
  CHECK(refused([](Graph& g) { g.bundle({}); }) == "EmptyList");
  CHECK(refused([](Graph& g) { g.unbundle(g.input("c"), {}); }) == "EmptyList");
  CHECK(refused([](Graph& g) { g.unbundle(g.input("c"), {"no.such"}); }) == "UnknownType");
  CHECK(refused([](Graph& g) { g.any({tensor(g), Output()}); }) == "MissingInput");
  CHECK(refused([](Graph& g) {
          ModelSlot("s").params(g);
          DataSourceSlot("s").next_batch(g);
        }) == "SlotRoleConflict");
  CHECK(refused([](Graph& g) {
          Op op;
          op.domain = domain::kSyscall;
          op.op_type = "PassThrough";
          op.slot = "model";
          op.inputs = {tensor(g)};
          g.record(op);
        }) == "InvalidArgument");
  CHECK(refused([](Graph&) {}) == "EmptyModule");
}

TEST_CASE("handles are only good where they were made") {
  const Recorded child("Child", [](Graph& g) { g.output("y", g.pass_through(g.input("x"))); });
  CHECK(refused([](Graph& g) { g.output("y", Output()); }) == "ForeignHandle");
  CHECK(refused([&](Graph& g) {
          Output inner;
          const Recorded leaky("Leaky", [&](Graph& inside) {
            inner = inside.pass_through(inside.input("x"));
            inside.output("y", inner);
          });
          g.call(leaky, {{"x", tensor(g)}});
          g.pass_through(inner);
        }) == "ForeignHandle");
  CHECK(refused([&](Graph& g) {
          const Output outer = tensor(g);
          const Recorded capturing("Capturing", [&](Graph& inside) { inside.pass_through(outer); });
          g.call(capturing, {});
        }) == "ForeignHandle");
  const Registry registry = compiler_registry();
  Output foreign;
  REQUIRE(Compiler(registry).record(Recorded("A", [&](Graph& g) { foreign = g.pass_through(g.input("x")); })));
  CHECK(refused([&](Graph& g) { g.pass_through(foreign); }) == "ForeignHandle");
}

TEST_CASE("calls are checked against the child's ports") {
  const Recorded child("Child", [](Graph& g) { g.output("y", g.pass_through(g.input<type::TensorF32>("x"))); });
  const Recorded same_name("Child", [](Graph& g) { g.output("y", g.gate(g.input<type::TensorF32>("x"), g.input("x"))); });
  CHECK(refused([&](Graph& g) { g.call(child, {}); }) == "PortUnwired");
  CHECK(refused([&](Graph& g) { g.call(child, {{"x", tensor(g)}, {"z", g.input("z")}}); }) == "UnknownPort");
  CHECK(refused([&](Graph& g) {
          const Output x = tensor(g);
          g.call(child, {{"x", x}, {"x", x}});
        }) == "DuplicatePort");
  CHECK(refused([&](Graph& g) { g.call(child, {{"x", tensor(g)}})["out"]; }) == "UnknownPort");
  CHECK(refused([&](Graph& g) { g.call(child, {{"x", g.input<type::Peers>("p")}}); }) == "TypeMismatch");
  CHECK(refused([&](Graph& g) {
          const Output x = tensor(g);
          g.call(child, {{"x", x}});
          g.call(same_name, {{"x", x}});
        }) == "DuplicateModule");
  CHECK(refused([&](Graph& g) { g.call(Recorded("Empty", [](Graph&) {}), {}); }) == "EmptyModule");
  CHECK(refused([&](Graph& g) {
          g.call(Recorded("M", [](Graph& inside) { inside.pass_through(inside.input("x")); }), {{"x", tensor(g)}});
        }) == "RecursiveModule");
  CHECK(refused([&](Graph& g) { g.call(Recorded("x__bootstrap", [](Graph&) {}), {}); }) == "InvalidName");
  struct Endless : Module {
    Endless() : Module("Endless") {}
    void body(Graph& g) const override { g.call(*this, {}); }
  };
  CHECK(refused([&](Graph& g) { g.call(Endless(), {}); }) == "RecursiveModule");
  CHECK(refused([&](Graph& g) { g.call_bootstrap(child, {}); }) == "InvalidState");
}

TEST_CASE("endless recording and endless nesting end in a typed error") {
  CHECK(refused([](Graph& g) {
          const Output x = tensor(g);
          for (int i = 0; i < 70'000; ++i) g.pass_through(x);
        }) == "OverLimit");
  struct Deep : Module {
    explicit Deep(int depth) : Module("D" + std::to_string(depth)), depth_(depth) {}
    void body(Graph& g) const override { g.call(Deep(depth_ + 1), {}); }
    int depth_;
  };
  CHECK(refused([](Graph& g) { g.call(Deep(0), {}); }) == "OverLimit");
}

TEST_CASE("the recorder itself answers out-of-order calls with an error") {
  const Registry registry = compiler_registry();
  compiler::Recorder recorder(registry);
  CHECK(recorder.input("x", "any").error().code == "InvalidState");
  CHECK(recorder.finish().error().code == "InvalidState");
  CHECK(recorder.end_root().error().code == "InvalidState");
  CHECK(recorder.begin_module("A", {}).error().code == "InvalidState");
  REQUIRE(recorder.begin_root("M"));
  CHECK(recorder.begin_root("N").error().code == "InvalidState");
  CHECK(recorder.end_on().error().code == "InvalidState");
  CHECK(recorder.end_module().error().code == "InvalidState");
  CHECK(recorder.begin_bootstrap().error().code == "InvalidState");
  const auto x = recorder.input("x", "tensor.f32");
  REQUIRE(x);
  CHECK(*recorder.input("x", "tensor.f32") == *x);
  CHECK(recorder.output("y", 12345).error().code == "ForeignHandle");
  REQUIRE(recorder.begin_on("peers"));
  CHECK(recorder.end_root().error().code == "InvalidState");
  REQUIRE(recorder.end_on());
  REQUIRE(recorder.output("y", *x));
  REQUIRE(recorder.end_root());
  const auto model = recorder.finish();
  REQUIRE(model);
  CHECK(model->functions_size() == 1);
  CHECK(recorder.finish().error().code == "InvalidState");
}
