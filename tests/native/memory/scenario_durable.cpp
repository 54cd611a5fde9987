// Scenario 5: a life that is written down, saved, and lived again.
#include "bb/compiler.h"
#include "memory/scenarios.h"
#include "scenario/one_node.h"
#include "wire/carriers.h"

namespace bb::test {
namespace {

struct Wired final : Module {
  Wired() : Module("Wired") {}
  ModelSlot slow{"slow"};
  void body(Graph& g) const override {
    const Output x = g.input<type::TensorF32>("said");
    const NetOut out = g.net_out("question", g.input<type::Peers>("servers"), x);
    g.output("answer", g.await_response(out.handle, "tensor.f32", 50'000'000));
    const NetOut many = g.net_out("survey", g.input<type::Peers>("people"), x);
    g.output("answers", g.record({.domain = std::string(domain::kWire),
                                  .op_type = "GatherResponses",
                                  .inputs = {many.handle},
                                  .parameters = {{"quorum", 3}, {"timeout_ns", 60'000'000}}})[0]);
    const Output pair = g.input<type::TensorF32>("pair");
    g.output("one", slow.forward(g, pair));
    g.output("two", slow.params(g));
    g.output("noted", g.net_in<type::ByteString>("note").value);
    g.on("servers", [&] { g.reply(g.pass_through(out.value), out.sender); });
    g.on("people", [&] { g.reply(g.pass_through(many.value), many.sender); });
  }
  void bootstrap(Graph& g) const override {
    const Output answer = syscall(g, "BootstrapOutput", {syscall(g, "BootstrapDispatch")});
    syscall(g, "AppEmit", {answer}, {{"name", text("booted")}});
  }
};

void give(Stage& stage, std::string_view target, std::string_view input, bool is_tensor) {
  (void)stage.call(1, [&](Node& node) {
    NamedValue inputs[] = {{input, is_tensor ? tensor(node, {2}, {1, 2}) : Value::trigger()}};
    const Faults::Window window;
    return node.invoke(target, inputs);
  });
}

// Saves the node, and gives a fresh one that state: both calls at the mercy of the allocator.
void save_and_restore(Stage& stage) {
  auto saved = stage.call(1, [](Node& node) {
    const Faults::Window window;
    return node.snapshot();
  });
  require_rule(saved.has_value(), "a node can be saved once there is memory");
  stage.replace(2, stage.make(1));
  const auto restored = stage.call(2, [&](Node& node) {
    const Faults::Window window;
    return node.restore(*saved, {.same_incarnation = true});
  });
  require_rule(restored.has_value(), restored ? "" : restored.error().text());
  const auto again = stage.node(2).snapshot();
  require_rule(again && equal(*again, *saved), "a restored node is the saved one");
  stage.remove(2);
}

}  // namespace

void durable_life(Stage& stage) {
  const ByteBuffer& wired = compiled("wired", Wired());
  stage.install(1, {.artifacts = {everything(), wired},
                    .targets = {"Everything", "Wired"},
                    .limits = {.ops_per_poll = 200},
                    .credit_required = true,
                    .echo_app_events = true,
                    .durability = Durability::gated});
  stage.compares = false;  // a journal holds what was asked of the node, not what memory it had
  ByteBuffer journal;
  const auto keep = [&] {
    auto part = stage.call(1, [](Node& node) {
      const Faults::Window window;
      return node.journal();
    });
    require_rule(part.has_value(), "the journal can be taken once there is memory");
    journal.insert(journal.end(), part->bytes.begin(), part->bytes.end());
    (void)stage.call(
        1,
        [&](Node& node) {
          const Faults::Window window;
          return node.committed(part->sequence);
        },
        Stage::Keeps::nothing);
  };
  const auto poll = [&] {
    for (int i = 0; i < 3; ++i) (void)stage.poll_once(1);
    keep();
    for (int i = 0; i < 3; ++i) (void)stage.poll_once(1);
  };
  for (const std::uint64_t other : {1, 2, 3}) stage.know(1, other);
  give(stage, "Everything", "go", false);
  (void)stage.call(1, [](Node& node) {
    const Faults::Window window;
    return node.bootstrap();
  });
  give(stage, "Wired", "pair", true);
  save_and_restore(stage);  // jobs, starts
  poll();
  give(stage, "Everything", "x", true);
  (void)stage.poll_once(1);
  save_and_restore(stage);  // the gate is closed
  for (const CommandId command : stage.suspended)
    (void)stage.call(
        1,
        [&](Node& node) {
          const Faults::Window window;
          return node.complete(command, {});
        },
        Stage::Keeps::all_but_counters);
  poll();
  for (const char* input : {"take", "take", "pull", "arm", "go"}) give(stage, "Everything", input, false);
  for (const char* input : {"x", "x", "slow_x", "slow_x"}) give(stage, "Everything", input, true);
  (void)stage.call(1, [](Node& node) {
    NamedValue inputs[] = {{"servers", peers(node, {2, 3})}, {"people", peers(node, {2, 3})}, {"said", tensor(node, {1}, {1})}};
    const Faults::Window window;
    return node.invoke("Wired", inputs);
  });
  for (const char* phase : {"Shutdown", "Later"})
    (void)stage.call(1, [&](Node& node) {
      const Faults::Window window;
      return node.fire_lifecycle(phase);
    });
  (void)stage.call(1, [](Node& node) {
    Value value = tensor(node, {1}, {5});
    const Faults::Window window;
    return node.deliver_event("Everything", "x", std::move(value));
  });
  (void)stage.deliver(1, 2, ByteBuffer{0xff});
  save_and_restore(stage);  // steps that are told later, phases
  for (int i = 0; i < 2; ++i) (void)stage.poll_once(1);
  save_and_restore(stage);  // parked ops, timers, stores, requests, letters that wait for credit
  for (std::size_t i = 0; i < stage.suspended.size(); ++i)
    (void)stage.call(
        1,
        [&](Node& node) {
          const CommandId command = stage.suspended[i];
          OpError error{OpErrorKind::remote_failed, "completion_failed", "broken"};
          const Faults::Window window;
          return node.complete_failed(command, std::move(error));
        },
        Stage::Keeps::all_but_counters);
  save_and_restore(stage);  // failures
  poll();
  stage.advance(70'000'000);
  poll();

  keep();

  // The same life again, from the start: in one piece, or an error that says why.
  stage.replace(2, stage.make(1));
  std::uint64_t applied = 0;
  // A node that lacked memory for an op has another life than its journal, and has said so.
  const bool lived_without = stage.hit;
  bool failed = false;
  const auto look = [&](const Poll& poll) {
    for (const Step& step : poll.steps)
      if (const auto* op = std::get_if<OpFailed>(&step))
        failed |= op->error.reason == "no_memory" || op->error.reason == "permits_limit";
  };
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto replayed = stage.call(
        2,
        [&](Node& node) {
          const Faults::Window window;
          return node.replay(journal, look);
        },
        Stage::Keeps::nothing);
    if (replayed) applied += replayed->inputs;
    if (replayed || stage.hit) break;
  }
  require_rule(stage.hit || applied > 20, "the journal is applied");
  if (!lived_without && !failed) {
    const auto lived = stage.node(1).snapshot(), again = stage.node(2).snapshot();
    require_rule(lived && again && equal(*lived, *again), "a life lived again is the same");
  }
  stage.node(2).reincarnate();
  stage.remove(2);
}

}  // namespace bb::test
