// Every error that compiling can answer with: its code, its fields, and where it points.
#include <catch2/catch_test_macros.hpp>

#include "example_modules.h"
#include "ir/content_hash.h"
#include "ir/value_info.h"

using namespace bb;
using namespace bb::test;

namespace {

constexpr const char* kCpu = "bytesandbrains::backends::cpu::CpuBackend";

CompileError error_of(const Compiler& compiler, const Module& module) {
  const auto artifact = compiler.compile(module);
  REQUIRE_FALSE(artifact);
  return artifact.error();
}

/// The error of Quickstart after a change to its recorded model.
CompileError changed(const std::function<void(onnx::ModelProto&)>& change) {
  const Registry registry = compiler_registry();
  Compiler compiler(registry);
  compiler.bind("data_source", "StubLoader").bind("model", "StubModel");
  compiler.stage(
      "change",
      [&](onnx::ModelProto& model) -> std::expected<void, std::string> {
        change(model);
        return {};
      },
      Compiler::Hook::recorded);
  return error_of(compiler, Quickstart());
}

onnx::FunctionProto& root(onnx::ModelProto& model) { return *model.mutable_functions(0); }

void add_call(onnx::FunctionProto& function, std::string_view callee, std::vector<std::string> inputs = {},
              std::vector<std::string> outputs = {}) {
  auto* node = function.add_node();
  node->set_domain(std::string(domain::kModule));
  node->set_op_type(std::string(callee));
  for (auto& input : inputs) node->add_input(std::move(input));
  for (auto& output : outputs) node->add_output(std::move(output));
}

void add_function(onnx::ModelProto& model, std::string name, std::vector<std::string> inputs = {}) {
  auto* function = model.add_functions();
  function->set_name(std::move(name));
  function->set_domain(std::string(domain::kModule));
  auto* node = function->add_node();
  node->set_domain(std::string(domain::kSyscall));
  node->set_op_type("GateDispatch");
  node->add_output("t");
  for (auto& input : inputs) {
    node->add_input(input);
    function->add_input(std::move(input));
  }
}

}  // namespace

TEST_CASE("an error carries its pass, function, node and module instance") {
  const Registry registry = compiler_registry();
  const CompileError error =
      error_of(Compiler(registry).bind("loader", "StubLoader").bind("aggregator", "StubAggregator"), FedNetwork());
  CHECK(error.code == "UnboundSlot");
  CHECK(error.pass == "resolve_slots");
  CHECK(error.function == "TrainerLeaf");
  CHECK(error.node == "FedNetwork_TrainerLeaf/Forward.3");
  CHECK(error.module_instance == "FedNetwork_TrainerLeaf");
  CHECK(error.field("role") == "Model");
  CHECK(error.field("slot") == "model");
  CHECK(error.field("source") == "DirectPlaceholder");
  CHECK(error.field("none").empty());
}

TEST_CASE("bindings: unknown, twice, unbound, ambiguous, of the wrong role or without the method") {
  const Registry registry = compiler_registry();
  const Quickstart quickstart;
  CHECK(error_code(Compiler(registry).bind("a", "None"), quickstart) == "UnregisteredConcrete");
  CHECK(error_code(Compiler(registry).bind("a", "StubModel").bind("a", "StubModel"), quickstart) == "DuplicateBinding");
  CHECK(error_code(Compiler(registry).bind("a", "StubModel").alias("a", "a"), quickstart) == "DuplicateBinding");
  CHECK(error_code(Compiler(registry).bind("a.b", "StubModel"), quickstart) == "InvalidName");
  const CompileError alias = error_of(Compiler(registry).alias("a", "b"), quickstart);
  CHECK(alias.code == "UnboundSlot");
  CHECK(alias.field("source") == "Alias");
  const CompileError ambiguous =
      error_of(Compiler(registry).bind("data_source", "StubLoader").bind("a", "StubModel").bind("b", "DoubleModel"), quickstart);
  CHECK(ambiguous.code == "AmbiguousRoleBinding");
  CHECK(ambiguous.field("slot_names") == "a,b");
  const CompileError role =
      error_of(Compiler(registry).bind("data_source", "StubLoader").bind("model", "StubAggregator"), quickstart);
  CHECK(role.code == "RoleMismatch");
  CHECK(role.field("component") == "StubAggregator");
  const Recorded relu("M", [](Graph& g) { g.output("y", BackendSlot("compute").relu(g, g.input<type::TensorF32>("x"))); });
  const CompileError method = error_of(Compiler(registry).bind("compute", "SmallBackend"), relu);
  CHECK(method.code == "RoleMethodFailed");
  CHECK(method.field("op_type") == "Relu");
  CHECK(method.field("slot") == "compute");
}

TEST_CASE("a slot left at its default name takes the only component of its role") {
  const Registry registry = compiler_registry();
  const Recorded module("M", [](Graph& g) { g.output("p", ModelSlot().params(g)); });
  const onnx::ModelProto model = compiled(Compiler(registry).bind("net", "StubModel"), module);
  CHECK(*ir::find_metadata(model.functions(0).node(0), ir::key::kSlot) == "net");
  const Recorded named("M", [](Graph& g) { g.output("p", ModelSlot("trainer").params(g)); });
  CHECK(error_code(Compiler(registry).bind("net", "StubModel"), named) == "UnboundSlot");
}

TEST_CASE("dependencies: unbound, of another role, optional, and through an alias") {
  const Registry registry = compiler_registry();
  const Recorded app("CountingApp", [](Graph& g) {
    g.output("found", IndexSlot("primary_index").search(g, g.input<type::TensorF32>("query"), 5));
  });
  const CompileError unbound = error_of(Compiler(registry).bind("primary_index", "CountingIndex"), app);
  CHECK(unbound.code == "UnboundDependency");
  CHECK(unbound.field("component") == "CountingIndex");
  CHECK(unbound.field("bound_at_slot") == "primary_index");
  CHECK(unbound.field("required_role") == "Backend");
  CHECK(unbound.field("required_slot") == "compute");
  const CompileError mismatch =
      error_of(Compiler(registry).bind("primary_index", "CountingIndex").bind("compute", "StubModel"), app);
  CHECK(mismatch.code == "DependencyRoleMismatch");
  CHECK(mismatch.field("provided_role") == "ModelRuntime");
  CHECK(error_code(Compiler(registry).bind("compute", kCpu), app) == "UnboundSlot");
  const std::string rows =
      dump_rows(compiled(Compiler(registry).bind("primary_index", "CountingIndex").bind("compute", kCpu), app));
  CHECK(rows.find("~binding.CountingApp#*.primary_index = Index|CountingIndex|0\n") != std::string::npos);
  CHECK(rows.find("~binding.CountingApp#*.compute = Backend|bytesandbrains::backends::cpu::CpuBackend|-1\n") != std::string::npos);

  const Recorded train("M", [](Graph& g) { g.output("loss", ModelSlot("model").train(g, 2)); });
  CHECK(error_code(Compiler(registry).bind("model", "Mlp"), train).empty());
  const std::string aliased =
      dump_rows(compiled(Compiler(registry).bind("model", "Mlp").bind("loader", "StubLoader").alias("data", "loader"), train));
  CHECK(aliased.find("~binding.M#*.loader = DataSource|StubLoader|-1\n") != std::string::npos);
  CHECK(aliased.find("~alias.M#*.data = loader\n") != std::string::npos);
}

TEST_CASE("two slots that are one component share its name and id") {
  const Registry registry = compiler_registry();
  const Recorded module("M", [](Graph& g) {
    g.output("a", ModelSlot("first").params(g));
    g.output("b", ModelSlot("second").params(g));
  });
  const onnx::ModelProto model = compiled(Compiler(registry).bind("first", "StubModel").alias("second", "first"), module);
  const auto& function = model.functions(0);
  for (const int node : {0, 2}) {
    CHECK(*ir::find_metadata(function.node(node), ir::key::kSlot) == "first");
    CHECK(*ir::find_metadata(function.node(node), ir::key::kSlotId) == "0");
  }
  CHECK(function.attribute_size() == 1);
}

TEST_CASE("slot metadata from outside is checked") {
  const auto with = [](auto change) {
    return changed([&](onnx::ModelProto& model) { change(*root(model).mutable_node(1)); }).code;
  };
  CHECK(with([](onnx::NodeProto& n) { ir::erase_metadata(n, ir::key::kRequiredTrait); }) == "MissingRequiredTraitMetadata");
  CHECK(with([](onnx::NodeProto& n) { ir::stamp_metadata(n, ir::key::kRequiredTrait, "FlyRuntime"); }) == "UnknownRoleRuntime");
  CHECK(with([](onnx::NodeProto& n) { ir::erase_metadata(n, ir::key::kSlotId); }) == "InvalidSlotId");
  CHECK(with([](onnx::NodeProto& n) { ir::stamp_metadata(n, ir::key::kSlotId, "x"); }) == "InvalidSlotId");
  CHECK(with([](onnx::NodeProto& n) { ir::stamp_metadata(n, ir::key::kSlotId, "4294967296"); }) == "InvalidSlotId");
  CHECK(with([](onnx::NodeProto& n) { ir::stamp_metadata(n, ir::key::kSlotId, "0"); }) == "InvalidSlotId");
  CHECK(with([](onnx::NodeProto& n) {
          ir::erase_metadata(n, ir::key::kSlotId);
          ir::erase_metadata(n, ir::key::kRequiredTrait);
        }) == "MalformedSlotMetadata");
}

TEST_CASE("the function table is checked before any pass relies on it") {
  CHECK(changed([](onnx::ModelProto& m) { m.clear_functions(); }).code == "EmptyFunctionTable");
  const CompileError version = changed([](onnx::ModelProto& m) { ir::stamp_metadata(m, ir::key::kIrVersion, "2"); });
  CHECK(version.code == "IrVersionMismatch");
  CHECK(version.field("expected") == "1");
  CHECK(version.field("got") == "2");
  CHECK(changed([](onnx::ModelProto& m) { root(m).mutable_node(0)->clear_op_type(); }).code == "Internal");
  CHECK(changed([](onnx::ModelProto& m) { add_function(m, "Quickstart"); }).code == "Internal");
  CHECK(changed([](onnx::ModelProto& m) { root(m).set_name("a#b"); }).code == "InvalidName");
  CHECK(changed([](onnx::ModelProto& m) {
          for (int i = 0; i < 65'537; ++i) *root(m).add_node() = root(m).node(0);
        }).code == "LimitExceeded");
}

TEST_CASE("calls from outside are checked") {
  CHECK(changed([](onnx::ModelProto& m) { add_call(root(m), "None"); }).code == "Internal");
  const CompileError gap = changed([](onnx::ModelProto& m) {
    add_function(m, "Quickstart__bootstrap");
    ir::stamp_metadata(*m.mutable_functions(1), ir::key::kModulePhase, ir::key::kPhaseBootstrap);
    add_call(*m.mutable_functions(1), "None");
  });
  CHECK(gap.code == "BootstrapCompositionGap");
  CHECK(gap.field("caller") == "Quickstart__bootstrap");
  CHECK(gap.field("target") == "None");
  const CompileError recursive = changed([](onnx::ModelProto& m) {
    add_function(m, "A");
    add_function(m, "B");
    add_call(root(m), "A");
    add_call(*m.mutable_functions(1), "B");
    add_call(*m.mutable_functions(2), "A");
  });
  CHECK(recursive.code == "RecursiveModule");
  CHECK(recursive.field("involves") == "A,B,A");
  const CompileError cycle = changed([](onnx::ModelProto& m) {
    add_function(m, "Quickstart__bootstrap");
    ir::stamp_metadata(*m.mutable_functions(1), ir::key::kModulePhase, ir::key::kPhaseBootstrap);
    add_call(*m.mutable_functions(1), "Quickstart__bootstrap");
  });
  CHECK(cycle.code == "BootstrapCompositionCycle");
  CHECK(changed([](onnx::ModelProto& m) {
          add_function(m, "A", {"x"});
          add_call(root(m), "A");
        }).code == "PortUnwired");
  CHECK(changed([](onnx::ModelProto& m) {
          add_function(m, "A");
          add_call(root(m), "A", {"v0"});
        }).code == "UnknownPort");
  CHECK(changed([](onnx::ModelProto& m) {
          add_function(m, "A");
          add_call(root(m), "A", {}, {"v9"});
        }).code == "UnknownPort");
  CHECK(changed([](onnx::ModelProto& m) {
          std::string caller = "Quickstart";
          for (int i = 0; i < 100; ++i) {
            add_function(m, "F" + std::to_string(i));
            add_call(*m.mutable_functions(i), "F" + std::to_string(i));
          }
        }).code == "LimitExceeded");
}

TEST_CASE("structure: unknown ops, open and doubled names, types, cycles, opsets") {
  const CompileError op = changed([](onnx::ModelProto& m) { root(m).mutable_node(1)->set_op_type("Fly"); });
  CHECK(op.code == "UnknownOp");
  CHECK(op.field("op_type") == "Fly");
  CHECK(op.field("node_name") == "Quickstart/Forward.1");
  CHECK(changed([](onnx::ModelProto& m) { root(m).mutable_node(2)->set_domain("org.example"); }).code == "UnknownOp");
  const CompileError dangling = changed([](onnx::ModelProto& m) { root(m).mutable_node(2)->set_input(0, "nowhere"); });
  CHECK(dangling.code == "DanglingInput");
  CHECK(dangling.field("input_name") == "nowhere");
  CHECK(changed([](onnx::ModelProto& m) { root(m).add_output("nowhere"); }).code == "DanglingInput");
  const CompileError doubled = changed([](onnx::ModelProto& m) { root(m).mutable_node(1)->set_output(0, "v1"); });
  CHECK(doubled.code == "DuplicateOutput");
  CHECK(doubled.field("node_a") == "Quickstart/NextBatch.0");
  CHECK(changed([](onnx::ModelProto& m) { root(m).add_input("v0"); }).code == "DuplicateOutput");
  CHECK(changed([](onnx::ModelProto& m) { root(m).add_input("x"); }).code == "MissingTypeInfo");
  CHECK(changed([](onnx::ModelProto& m) { root(m).mutable_node(1)->set_input(0, "v2"); }).code == "CyclicGraph");
  const CompileError cycle = changed([](onnx::ModelProto& m) { root(m).mutable_node(1)->set_input(0, "prediction"); });
  CHECK(cycle.code == "CyclicGraph");
  CHECK(cycle.field("involves") == "Quickstart/Forward.1,Quickstart/PassThrough.2");
  CHECK(changed([](onnx::ModelProto& m) { root(m).mutable_node(1)->add_input("v1"); }).code == "MalformedNode");
  CHECK(changed([](onnx::ModelProto& m) { root(m).mutable_node(1)->clear_input(); }).code == "MalformedNode");
  CHECK(changed([](onnx::ModelProto& m) { root(m).mutable_node(1)->add_output("v8"); }).code == "MalformedNode");
  const CompileError opset = changed([](onnx::ModelProto& m) {
    for (auto& import : *m.mutable_opset_import()) import.set_version(2);
    root(m).clear_opset_import();
  });
  CHECK(opset.code == "OpsetNotImported");
  CHECK(opset.field("version_used") == "2");
  CHECK(changed([](onnx::ModelProto& m) {
          m.mutable_opset_import()->DeleteSubrange(0, 1);
          root(m).clear_opset_import();
        }).code == "OpsetNotImported");
}

TEST_CASE("nodes that are out of order are put in order, not refused") {
  const Registry registry = compiler_registry();
  Compiler compiler(registry);
  compiler.bind("data_source", "StubLoader").bind("model", "StubModel");
  compiler.stage(
      "shuffle",
      [](onnx::ModelProto& model) -> std::expected<void, std::string> {
        root(model).mutable_node()->SwapElements(0, 2);
        return {};
      },
      Compiler::Hook::recorded);
  const onnx::ModelProto model = compiled(compiler, Quickstart());
  CHECK(model.functions(0).node(0).op_type() == "NextBatch");
  CHECK(model.functions(0).node(2).op_type() == "PassThrough");
}

TEST_CASE("literals, periods and parameters are checked") {
  const Registry registry = compiler_registry();
  const auto constant = [&](std::vector<std::pair<std::string, Attribute>> attributes, std::string_view op_type = "Constant") {
    const Recorded module("M", [&](Graph& g) {
      Op op;
      op.domain = domain::kSyscall;
      op.op_type = op_type;
      op.attributes = attributes;
      g.record(op);
    });
    const auto artifact = Compiler(registry).compile(module);
    return artifact ? std::string() : artifact.error().code + ": " + std::string(artifact.error().field("reason"));
  };
  CHECK(constant({}) == "ExpansionFailed: attribute 'value' or 'literal' is missing");
  CHECK(constant({{"value", std::int64_t{1}}}) == "ExpansionFailed: attribute 'value' is not a tensor");
  CHECK(constant({{"literal", std::int64_t{1}}}) == "ExpansionFailed: attribute 'literal' is not bytes");
  CHECK(constant({{"literal", std::string("x")}}) == "ExpansionFailed: attribute 'literal_type' is not an integer");
  CHECK(constant({{"literal", std::string("x")}, {"literal_type", std::int64_t{1}}}).empty());
  CHECK(constant({{"period_ns", std::int64_t{0}}}, "Interval") == "ExpansionFailed: attribute 'period_ns' must be at least 1");
  CHECK(constant({}, "Interval").empty());
  const Recorded interval("M", [](Graph& g) {
    Op op;
    op.domain = domain::kSyscall;
    op.op_type = "Interval";
    g.record(op);
  });
  CHECK(dump(compiled(Compiler(registry), interval).functions(0).node(0)).starts_with("Interval()→(v0) {period_ns=1000000000} "));
  const Recorded steps("M", [](Graph& g) { ModelSlot("model").record(g, "Train", {}, {}, {{"steps", std::string("two")}}); });
  CHECK(error_code(Compiler(registry).bind("model", "StubModel"), steps) == "ExpansionFailed");
}

TEST_CASE("types: constraints, ports, and values that stay open") {
  const Registry registry = compiler_registry();
  const Recorded mixed("M", [](Graph& g) {
    g.output("y", BackendSlot("compute").add(g, g.input<type::TensorF32>("a"), g.input("b", "tensor.f64")));
  });
  const CompileError add = error_of(Compiler(registry).bind("compute", kCpu), mixed);
  CHECK(add.code == "TypeConstraintFailed");
  CHECK(add.field("op") == "ai.onnx::Add");
  CHECK(add.pass == "solve_types");
  const Recorded port("M", [](Graph& g) { ModelSlot("model").load_parameters(g, g.input<type::Peers>("p")); });
  CHECK(error_code(Compiler(registry).bind("model", "StubModel"), port) == "TypeConstraintFailed");
  const Recorded models("M", [](Graph& g) { ModelSlot("b").load_parameters(g, ModelSlot("a").params(g)); });
  CHECK(error_code(Compiler(registry).bind("a", "StubModel").bind("b", "DoubleModel"), models) == "TypeConstraintFailed");
  CHECK(error_code(Compiler(registry).bind("a", "StubModel").bind("b", "StubModel"), models).empty());
  const CompileError open = error_of(Compiler(registry).bind("a", "OpenModel").bind("b", "StubModel"), models);
  CHECK(open.code == "UnresolvedType");
  CHECK(open.field("value") == "v0");
  CHECK(error_code(Compiler(registry).bind("a", "OpenModel").bind("b", "StubModel").permissive_types(true), models).empty());
  CHECK(error_code(Compiler(registry).bind("a", "StubModel").bind("b", "OpenModel"), models).empty());
}

TEST_CASE("classes: crossing without a Send, and peers without a class") {
  const Registry registry = compiler_registry();
  Compiler compiler(registry);
  compiler.bind("compute", kCpu).bind("model", "StubModel").bind("view", "ConstantView");
  const Recorded crossing("M", [](Graph& g) {
    const NetOut a = g.net_out("pa", g.input<type::Peers>("a"), ModelSlot("model").params(g));
    const NetOut b = g.net_out("pb", g.input<type::Peers>("b"), ModelSlot("model").params(g));
    g.output("y", BackendSlot("compute").sub(g, a.value, b.value));
  });
  const CompileError error = error_of(compiler, crossing);
  CHECK(error.code == "CrossClassDataflow");
  CHECK(error.field("home_a") == "a");
  CHECK(error.field("home_b") == "b");
  CHECK(error.field("node_name") == "M/Sub.4");
  const Recorded wrong_home("M", [](Graph& g) {
    const NetOut a = g.net_out("pa", g.input<type::Peers>("a"), ModelSlot("model").params(g));
    g.on("b", [&] { g.pass_through(a.value); });
  });
  CHECK(error_code(compiler, wrong_home) == "CrossClassDataflow");
  const Recorded far_peers("M", [](Graph& g) {
    Output peers;
    g.on("b", [&] { peers = PeerSelectorSlot("view", "c").sample(g, 1); });
    g.on("@self", [&] { g.net_out("p", peers, ModelSlot("model").params(g)); });
  });
  CHECK(error_code(compiler, far_peers) == "CrossClassDataflow");
  const Recorded no_class("M", [](Graph& g) {
    const std::uint8_t none[] = {0};
    const Output peers = g.constant("peer_id_vec", none, 1);
    g.net_out("p", peers, ModelSlot("model").params(g));
  });
  const CompileError unresolved = error_of(compiler, no_class);
  CHECK(unresolved.code == "UnresolvedPeerClass");
  CHECK(unresolved.field("peer_input") == "v0");
  const Recorded named("M", [](Graph& g) {
    const std::uint8_t none[] = {0};
    g.net_out("p", g.constant("peer_id_vec", none, 1), ModelSlot("model").params(g), {.to = "Other/p", .deadline_ns = 0});
  });
  CHECK(error_code(compiler, named).empty());
  const Recorded answered("M", [](Graph& g) {
    const NetIn in = g.net_in("q", "tensor.f32");
    g.net_out("p", in.sender, in.value);
  });
  CHECK(error_code(compiler, answered) == "UnresolvedPeerClass");
}

TEST_CASE("sites: two ports at one address, two classes of one name") {
  const Registry registry = compiler_registry();
  Compiler compiler(registry);
  compiler.bind("model", "StubModel").bind("view", "ConstantView");
  const Recorded twice("M", [](Graph& g) {
    const Output peers = PeerSelectorSlot("view").sample(g, 1);
    const NetOut out = g.net_out("p", peers, ModelSlot("model").params(g));
    g.output("a", out.value);
    const Recorded child("Child", [](Graph& inside) { inside.output("b", inside.net_in<type::TensorF32>("p").value); });
    g.output("c", g.call(child, {})["b"]);
  });
  const CompileError conflict = error_of(compiler, twice);
  CHECK(conflict.code == "SiteKeyConflict");
  CHECK(conflict.field("site") == "M/p");
  const Recorded classes("M", [](Graph& g) {
    const Output x = g.input<type::TensorF32>("x");
    g.on("peers", [&] { g.output("a", x); });
    g.on("M_peers", [&] { g.output("b", x); });
  });
  const CompileError target = error_of(compiler, classes);
  CHECK(target.code == "DuplicateTarget");
  CHECK(target.field("target") == "M_peers");
}

TEST_CASE("stages run where they are hooked, and what they break is noticed") {
  const Registry registry = compiler_registry();
  const auto compiler = [&](Compiler::Stage stage, Compiler::Hook hook = Compiler::Hook::final) {
    Compiler result(registry);
    result.bind("loader", "StubLoader").bind("model", "StubModel").bind("aggregator", "StubAggregator");
    result.stage("mine", std::move(stage), hook);
    return result;
  };
  using Status = std::expected<void, std::string>;
  const onnx::ModelProto plain = compiled(compiler([](onnx::ModelProto&) -> Status { return {}; }), FedNetwork());
  const onnx::ModelProto traced = compiled(compiler([](onnx::ModelProto& model) -> Status {
                                             for (auto& function : *model.mutable_functions())
                                               for (auto& node : *function.mutable_node())
                                                 if (ir::is_send(node)) ir::stamp_metadata(node, "example.tracing_id", "trace-0");
                                             return {};
                                           }),
                                           FedNetwork());
  CHECK(traced.functions(0).name() == plain.functions(0).name());
  CHECK(*ir::find_metadata(traced.functions(0).node(4), "example.tracing_id") == "trace-0");

  const CompileError refused =
      error_of(compiler([](onnx::ModelProto&) -> Status { return std::unexpected("not today"); }), FedNetwork());
  CHECK(refused.code == "Internal");
  CHECK(refused.pass == "stage mine");
  CHECK(refused.message.find("not today") != std::string::npos);

  const auto broken = [&](auto change) {
    return error_code(compiler([change](onnx::ModelProto& model) -> Status {
                        change(model);
                        return {};
                      }),
                      FedNetwork());
  };
  CHECK(broken([](onnx::ModelProto& m) { m.clear_functions(); }) == "RuntimeIncomplete");
  CHECK(broken([](onnx::ModelProto& m) { m.clear_metadata_props(); }) == "RuntimeIncomplete");
  CHECK(broken([](onnx::ModelProto& m) { m.mutable_functions(0)->set_name("Other"); }) == "RuntimeIncomplete");
  CHECK(broken([](onnx::ModelProto& m) { m.mutable_functions(0)->mutable_node(4)->clear_attribute(); }) == "RuntimeIncomplete");
  CHECK(broken([](onnx::ModelProto& m) { ir::erase_metadata(*m.mutable_functions(1)->mutable_node(0), ir::key::kSiteId); }) ==
        "RuntimeIncomplete");
  CHECK(broken([](onnx::ModelProto& m) { ir::erase_metadata(*m.mutable_functions(0)->mutable_node(4), ir::key::kPeersIndex); }) ==
        "RuntimeIncomplete");
  CHECK(broken([](onnx::ModelProto& m) { m.mutable_functions(0)->mutable_node()->SwapElements(0, 4); }) == "RuntimeIncomplete");
  CHECK(broken([](onnx::ModelProto& m) { m.mutable_functions(1)->mutable_node(0)->clear_name(); }) == "RuntimeIncomplete");
  CHECK(broken([](onnx::ModelProto& m) {
          add_call(*m.mutable_functions(0), "None");
          m.mutable_functions(0)->mutable_node(5)->set_name("c");
        }) == "Internal");
}

TEST_CASE("recorded bytes that are not a model are refused with the position") {
  const Registry registry = compiler_registry();
  const auto compiled = Compiler(registry).compile_recorded(as_bytes("\xca\x01\x05"));
  REQUIRE_FALSE(compiled);
  CHECK(compiled.error().code == "MalformedModel");
  CHECK(compiled.error().field("code") == "truncated");
  CHECK(compiled.error().field("at") == "0");
  CHECK(Compiler(registry).compile_recorded(Bytes{}).error().code == "EmptyFunctionTable");
}
