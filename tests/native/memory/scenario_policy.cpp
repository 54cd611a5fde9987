// Scenario 4: bodies that run before others, functions that call functions, components that peers call, and peers that are too much.
#include "bb/compiler.h"
#include "framework/backpressure.h"
#include "ir/metadata.h"
#include "ir/model.h"
#include "memory/scenarios.h"
#include "scenario/one_node.h"
#include "wire/carriers.h"
#include "wire/envelope_view.h"

namespace bb::test {
namespace {

struct Booted final : Module {
  Booted() : Module("Booted") {}
  ModelSlot clerk{"clerk"};
  void body(Graph& g) const override {
    g.output("started", syscall(g, "Pulse"));
    const NetIn note = g.net_in<type::ByteString>("note");
    g.output("note_out", note.value);
    syscall(g, "Sleep", {note.value}, {{"duration_ns", number(10)}});
    g.output("y", g.pass_through(g.input<type::TensorF32>("x")));
    g.output("never", clerk.forward(g, g.input<type::TensorF32>("clerk_x")));
    const NetOut out = g.net_out("line", g.input<type::Peers>("friends"), g.input<type::TensorF32>("said"));
    g.on("friends", [&] { g.output("heard", out.value); });
  }
  void bootstrap(Graph& g) const override {
    const Output seed = g.input<type::TensorF32>("seed");
    const Output answer = syscall(g, "BootstrapOutput", {syscall(g, "BootstrapDispatch", {seed})});
    syscall(g, "AppEmit", {answer}, {{"name", text("booted")}});
    syscall(g, "AppEmit", {seed}, {{"name", text("seeded")}});
  }
};

struct Plain final : Module {
  Plain() : Module("Plain") {}
  void body(Graph& g) const override { g.output("z", g.pass_through(g.input<type::TensorF32>("x"))); }
  void bootstrap(Graph& g) const override { syscall(g, "AppNotify", {}, {{"name", text("plain")}}); }
};

struct Inner final : Module {
  Inner() : Module("Inner") {}
  ModelSlot model{"slow"};
  void body(Graph& g) const override {
    const Output x = g.input<type::TensorF32>("x");
    g.output("p", model.params(g));
    g.output("y", g.pass_through(x));
  }
};

// Inner as a function of its own, called twice by `Outer` between two uses of the same slot.
const ByteBuffer& calls() {
  static const ByteBuffer made = [] {
    auto model = ir::load_model(compiled("inner", Inner()));
    require_rule(model.has_value(), "the compiled module can be read");
    const onnx::FunctionProto inner = model->functions(0);
    onnx::FunctionProto outer = inner;
    outer.set_name("Outer");
    outer.clear_node();
    outer.clear_output();
    const onnx::NodeProto* params = nullptr;
    for (const onnx::NodeProto& node : inner.node())
      if (node.op_type() == "Params") params = &node;
    require_rule(params != nullptr, "the module has its op");
    const auto direct = [&](const std::string& output) {
      onnx::NodeProto* node = outer.add_node();
      *node = *params;
      node->set_name("direct_" + output);
      node->set_output(0, output);
      outer.add_output(output);
    };
    direct("before");
    for (const char* prefix : {"one_", "two_"}) {
      onnx::NodeProto* call = outer.add_node();
      call->set_op_type(inner.name());
      call->set_domain(inner.domain().empty() ? std::string("ai.bytesandbrains.module") : inner.domain());
      call->set_name(std::string(prefix) + "call");
      call->add_input(inner.input(0));
      for (const std::string& port : inner.output()) {
        call->add_output(prefix + port);
        outer.add_output(prefix + port);
      }
    }
    direct("behind");
    *model->add_functions() = outer;
    auto* binding = model->add_metadata_props();
    binding->set_key(std::string(ir::key::kBindingPrefix) + "Outer.slow");
    binding->set_value("Model|ParkingModel|0");
    const std::string text = model->SerializeAsString();
    return ByteBuffer(text.begin(), text.end());
  }();
  return made;
}

std::uint64_t site_of(Stage& stage, std::string_view target) {
  for (const auto& each : stage.node(1).inspect().targets)
    if (each.base_name == target && !each.sites.empty()) return each.sites[0];
  return 0;
}

template <class Call>
void tell(Stage& stage, Call call, Stage::Keeps keeps = Stage::Keeps::everything) {
  (void)stage.call(
      1,
      [&](Node& node) {
        const Faults::Window window;
        return call(node);
      },
      keeps);
}

}  // namespace

void bootstrap_calls_and_policy(Stage& stage) {
  const ByteBuffer& booted = compiled("booted", Booted());
  const ByteBuffer& plain = compiled("plain", Plain());
  Limits limits;
  limits.ingress_max = 8;
  limits.peer_share_percent = 100;
  limits.notices_before_silent = 2;
  limits.notice_interval_ns = 1'000;
  limits.malformed_frames_max = 3;
  limits.failures_before_down = 2;
  limits.backoff_base_ns = 1'000;
  limits.peers_max = 40;
  stage.install(1, {.artifacts = {booted, plain, calls()},
                    .targets = {"Booted", "Booted_friends", "Plain", "Outer"},
                    .limits = limits,
                    .credit_required = true});
  for (const std::uint64_t other : {1, 2, 3, 4}) stage.know(1, other);

  // Work waits for the bootstraps, and goes on after them.
  for (int i = 0; i < 2; ++i)
    (void)stage.call(1, [](Node& node) {
      NamedValue inputs[] = {{"x", tensor(node, {1}, {1})}};
      const Faults::Window window;
      return node.invoke("Outer", inputs);
    });
  tell(stage, [](Node& node) { return node.bootstrap(); });
  stage.run();
  (void)stage.call(1, [](Node& node) {
    NamedValue seed[] = {{"seed", tensor(node, {1}, {4})}};
    const BootstrapRequest requests[] = {{"Booted", seed}, {"Plain__bootstrap", {}}};
    const Faults::Window window;
    return node.bootstrap(requests);
  });
  (void)stage.call(1, [](Node& node) {
    NamedValue inputs[] = {{"x", tensor(node, {1}, {2})}};
    const Faults::Window window;
    return node.invoke("Plain", inputs);
  });
  stage.run();
  std::size_t ended = 0;
  const auto end_parked = [&] {
    for (; ended < stage.suspended.size(); ++ended) {
      const CommandId command = stage.suspended[ended];
      tell(stage, [&](Node& node) { return node.complete(command, {}); }, Stage::Keeps::all_but_counters);
      stage.run();
    }
  };
  end_parked();
  tell(stage, [](Node& node) {
    const std::string_view slots[] = {"clerk"};
    return node.bootstrap_slots(slots);
  });
  stage.run();
  end_parked();

  // A component's method, and a frame too many.
  const std::uint8_t text[] = {1, 2, 3};
  Memory memory;
  Letter letter{.suffix = {}, .payload = bytes_of_value(*Value::bytes(memory, text)), .hash = carrier_hash(Carrier::bytes)};
  letter.incarnation = 3;
  std::uint32_t clerk = 0;
  for (const auto& slot : stage.node(1).inspect().slots)
    if (slot.name == "clerk") clerk = slot.component.v;
  for (const char* method : {"echo", "count", "nothing"}) {
    letter.suffix = Address().with(ComponentRef{clerk}).with(Address::Op{method}).to_bytes();
    ++letter.sequence;
    (void)stage.deliver(1, 2, letter.bytes());
  }
  stage.run();
  letter.suffix = Address().with(SiteId{site_of(stage, "Booted")}).to_bytes();
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 9; ++i) {
      ++letter.sequence;
      (void)stage.deliver(1, 3, letter.bytes());
      stage.now_ns += 100;
    }
    stage.advance(5'000);
    stage.run();
  }
  // The other way round: a peer asks for patience, and one that talks nonsense.
  std::uint8_t notice[framework::BackoffNotice::kBytes];
  framework::BackoffNotice{.min_backoff_ns = 5'000, .cause = framework::BackoffCause::queue_full}.encode(notice);
  Letter asks{.suffix = Address::p2p(PeerId::from(2)).to_bytes(),
              .payload = ByteBuffer(notice, notice + sizeof notice),
              .hash = wire::kBackoffNoticeHash};
  for (int i = 0; i < 3; ++i) (void)stage.deliver(1, 2, asks.bytes());
  asks.payload = {1};
  (void)stage.deliver(1, 2, asks.bytes());
  for (int i = 0; i < 4; ++i) (void)stage.deliver(1, 4, ByteBuffer{0xff});
  stage.run();

  // Who may, and who is known how.
  tell(stage, [](Node& node) { return node.block_peer(PeerId::from(2)); });
  tell(stage, [](Node& node) { return node.block_peer(PeerId::from(21)); });
  ++letter.sequence;
  (void)stage.deliver(1, 2, letter.bytes());
  for (const std::vector<std::uint64_t>& friends : {std::vector<std::uint64_t>{2, 3}, {1, 3}}) {
    (void)stage.call(1, [&](Node& node) {
      NamedValue inputs[] = {{"friends", peers(node, friends)}, {"said", tensor(node, {1}, {1})}};
      const Faults::Window window;
      return node.invoke("Booted", inputs);
    });
    stage.run();
  }
  tell(stage, [](Node& node) { return node.unblock_peer(PeerId::from(2)); });
  tell(stage, [](Node& node) {
    const PeerId listed[] = {PeerId::from(2), PeerId::from(31), PeerId::from(32)};
    return node.set_allowlist(listed);
  });
  tell(stage, [](Node& node) { return node.clear_allowlist(); });
  for (std::uint64_t i = 0; i < 20; ++i)
    tell(stage, [&](Node& node) {
      const Address address = Address::p2p(PeerId::from(100 + i));
      return node.add_peer(PeerId::from(100 + i), {&address, 1});
    });
  const Address way = Address::p2p(PeerId::from(55));
  tell(stage, [&](Node& node) { return node.register_address(PeerId::from(100), way); });
  tell(stage, [&](Node& node) { return node.forget_address(PeerId::from(100), way); });
  tell(stage, [&](Node& node) { return node.observe_address(PeerId::from(100), way); });
  tell(stage, [&](Node& node) { return node.grant(*node.handle_of(PeerId::from(3)), 1'000'000); });
  tell(stage, [&](Node& node) { return node.link_up(*node.handle_of(PeerId::from(3)), 1); });
  tell(stage, [&](Node& node) { return node.link_down(*node.handle_of(PeerId::from(3)), 2); });
  stage.run();
  tell(stage, [](Node& node) { return node.drop_peer(PeerId::from(101)); });
  tell(stage, [](Node& node) { return node.retire(*node.handle_of(PeerId::from(4))); });
  tell(stage, [](Node& node) { return node.set_mask(StepMask::all()); });
  stage.finish();
}

}  // namespace bb::test
