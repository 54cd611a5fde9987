// Scenario 6: what else a state can hold, the reference's snapshots, and the inbox of other threads.
#include "bb/compiler.h"
#include "bb/inbox.h"
#include "framework/event_bus.h"
#include "framework/requests.h"
#include "framework/rtt.h"
#include "memory/scenarios.h"
#include "scenario/one_node.h"
#include "support/version_1.h"
#include "wire/carriers.h"

namespace bb::test {
namespace {

constexpr std::uint64_t kTimeoutNs = 50'000'000;

struct Holding final : Module {
  Holding() : Module("Holding") {}
  ModelSlot slow{"slow"};
  void body(Graph& g) const override {
    const Output x = g.input<type::TensorF32>("x");
    const NetOut out = g.net_out("question", g.input<type::Peers>("people"), x);
    const Output late = g.gate(out.handle, syscall(g, "Sleep", {x}, {{"duration_ns", number(1'000'000)}}));
    g.output("answers", g.record({.domain = std::string(domain::kWire),
                                  .op_type = "GatherResponses",
                                  .inputs = {late},
                                  .parameters = {{"quorum", 2}, {"timeout_ns", std::int64_t{kTimeoutNs}}}})[0]);
    g.on("people", [&] { g.reply(g.pass_through(out.value), out.sender); });
    const Output kept = g.input<type::TensorF32>("kept");
    syscall(g, "Serialize.Enqueue", {g.bundle({kept, kept})}, {{"queue", text("pairs")}});
    const Output slept = syscall(g, "Sleep", {g.input<type::Trigger>("go")}, {{"duration_ns", number(2'000'000)}});
    g.output("woken", g.pass_through(slept));
    const Output both = g.input<type::TensorF32>("both");
    g.output("first", slow.forward(g, both));
    g.output("second", slow.forward(g, both));
    g.output("single", slow.forward(g, g.input<type::TensorF32>("alone")));
    g.output("noted", g.net_in<type::ByteString>("note").value);
    g.output("heard", syscall(g, "EventSource", {}, {{"kind", text("WireReceiveError")}}));
  }
  void bootstrap(Graph& g) const override {
    syscall(g, "Sleep", {syscall(g, "BootstrapDispatch")}, {{"duration_ns", number(3'000'000)}});
  }
};

template <class Act>
auto tell(Stage& stage, Act act, Stage::Keeps keeps = Stage::Keeps::everything) {
  return stage.call(
      1,
      [&](Node& node) {
        const Faults::Window window;
        return act(node);
      },
      keeps);
}

void give(Stage& stage, std::string_view input, bool is_tensor) {
  (void)stage.call(1, [&](Node& node) {
    NamedValue inputs[] = {{input, is_tensor ? tensor(node, {1}, {3}) : Value::trigger()}};
    const Faults::Window window;
    return node.invoke("Holding", inputs);
  });
}

void save_and_restore(Stage& stage) {
  const auto saved = tell(stage, [](Node& node) { return node.snapshot(); });
  require_rule(saved.has_value(), "a node can be saved once there is memory");
  stage.replace(9, stage.make(1));
  const auto restored = stage.call(9, [&](Node& node) {
    const Faults::Window window;
    return node.restore(*saved, {.same_incarnation = true});
  });
  require_rule(restored.has_value(), restored ? "" : restored.error().text());
  const auto again = stage.node(9).snapshot();
  require_rule(again && equal(*again, *saved), "a restored node is the saved one");
  stage.remove(9);
}

// What no node comes to between two calls.
void primitives_alone(Stage& stage) {
  framework::Scheduler timers({.timers_max = 64});
  framework::Requests requests({.requests_max = 4}, RandomStream(1), &timers);
  framework::RequestOutcome evicted;
  require_rule(requests.add({.request_id = 5, .peer = 2, .site = 3, .ttl_ns = 100}, evicted).has_value(), "a request is added");
  Value answer = Value::trigger();
  (void)requests.wait_many(5, CommandId{1}, 1);
  (void)requests.answer(5, 2, answer);
  StateWriter out;
  require_rule(timers.save(out) && requests.save(out), "requests are saved");
  (void)tell(stage, [&](Node& node) -> Status {
    StateReader in(out.view());
    framework::Scheduler fresh({.timers_max = 64});
    framework::Requests loaded({.requests_max = 4}, RandomStream(1), &fresh);
    BB_CHECK(fresh.load(in));
    return loaded.load(in, node.memory());
  });
  framework::EventBus bus({});
  require_rule(bus.subscribe(framework::EventKind::topic(1), {}).has_value(), "a topic has a subscriber");
  (void)tell(stage, [&](Node&) { return bus.publish(framework::EventKind::topic(1), Value::trigger()); });
}

// Times by the chain that a request belongs to, which models of the reference name.
void round_trips_of_chains(Stage& stage) {
  framework::Scheduler timers({.timers_max = 64});
  framework::RttTracker times({});
  const framework::ChainContext chain{.chain_id = 7, .hop = 1};
  for (std::uint64_t now_ns = 1'000; now_ns < 4'000; now_ns += 1'000) {
    timers.set_now(now_ns);
    (void)tell(stage, [&](Node&) -> Status {
      const auto observed = times.observe_round_trip(5, chain, 100, now_ns, timers);
      return observed ? Status{} : Status(std::unexpected(observed.error()));
    });
  }
  (void)tell(stage, [&](Node&) { return times.ingest_reported_outgoing(5, 6, 7, {}); });
  StateWriter out;
  require_rule(timers.save(out), "timers are saved");
  times.save(out);
  (void)tell(stage, [&](Node&) -> Status {
    StateReader in(out.view());
    framework::Scheduler fresh({.timers_max = 64});
    framework::RttTracker loaded({});
    BB_CHECK(fresh.load(in));
    return loaded.load(in, fresh);
  });
}

}  // namespace

void states_and_an_inbox(Stage& stage) {
  const ByteBuffer& artifact = compiled("holding", Holding());
  stage.install(1, {.artifacts = {artifact}, .targets = {"Holding"}, .echo_app_events = true, .durability = Durability::recorded});
  for (const std::uint64_t peer : {2, 3}) stage.install(peer, {.artifacts = {artifact}, .targets = {"Holding_people"}});
  stage.compares = false;  // a journal holds what was asked of the node, not what memory it had
  stage.introduce();
  // Answers that arrived and nobody has gathered; times of several rounds.
  for (int round = 0; round < 4; ++round) {
    (void)stage.call(1, [](Node& node) {
      NamedValue inputs[] = {{"people", peers(node, {2, 3})}, {"x", tensor(node, {1}, {1})}};
      const Faults::Window window;
      return node.invoke("Holding", inputs);
    });
    stage.run();
    if (round < 3) stage.advance(3'000'000), stage.run();
  }
  give(stage, "kept", true);
  give(stage, "both", true);
  stage.run();
  give(stage, "alone", true);
  give(stage, "go", false);
  stage.run();
  // A bootstrap that waits, and what comes to be ready or to start meanwhile.
  (void)tell(stage, [](Node& node) { return node.bootstrap(); });
  stage.run();
  stage.hold = true;
  Memory memory;
  Letter letter{.suffix = Address().with(SiteId{stage.node(1).inspect().targets[0].sites.at(0)}).to_bytes(),
                .payload = {1},
                .hash = carrier_hash(Carrier::tensor),
                .incarnation = 5,
                .sequence = 1};
  (void)stage.deliver(1, 2, letter.bytes());
  (void)stage.call(1, [](Node& node) {
    Value value = tensor(node, {1}, {5});
    const Faults::Window window;
    return node.deliver_event("Holding", "kept", std::move(value));
  });
  save_and_restore(stage);
  stage.advance(2'000'000);
  stage.run();
  save_and_restore(stage);
  stage.advance(2'000'000);
  stage.run();
  (void)tell(stage, [&](Node& node) {
    const auto peer = node.handle_of(PeerId::from(3));
    const Faults::Window window;
    return node.send_failed(4'711, *peer, "nak");
  });
  // The same payload under one request, of a peer that numbers nothing.
  const std::uint8_t word[] = {1, 2, 3};
  Letter note{
      .suffix = letter.suffix, .payload = bytes_of_value(*Value::bytes(memory, word)), .hash = carrier_hash(Carrier::bytes)};
  note.request_id = 17;
  for (int i = 0; i < 2; ++i) (void)stage.deliver(1, 3, note.bytes());
  // What other threads have pushed.
  Inbox inbox;
  const PeerHandle from = *stage.node(1).handle_of(PeerId::from(3));
  ++letter.sequence;
  const ByteBuffer frame = letter.bytes();
  const ByteBuffer wire = bytes_of_value(*Value::tensor_f32(memory, {}, {{1.0f}}));
  (void)tell(stage, [&](Node&) { return inbox.receive(from, frame); });
  for (const CommandId command : stage.suspended) {
    const EncodedOutput outputs[] = {{carrier_hash(Carrier::tensor), wire}};
    (void)tell(stage, [&](Node&) { return inbox.complete(command, outputs); });
  }
  for (int attempt = 0; inbox.size() > 0; ++attempt) {
    require_rule(attempt < 3, "an inbox is emptied once there is memory");
    (void)tell(
        stage,
        [&](Node& node) -> Status {
          const bool had = Faults::failed() > 0;
          const auto delivered = inbox.deliver(node);
          return delivered.blocked && Faults::failed() > 0 && !had ? Status(fail(Code::no_memory)) : Status{};
        },
        Stage::Keeps::nothing);
  }
  stage.run();
  save_and_restore(stage);
  const auto journal = tell(stage, [](Node& node) { return node.journal(); });
  require_rule(journal.has_value(), "the journal can be taken once there is memory");
  stage.replace(9, stage.make(1));
  const auto replayed = stage.call(
      9,
      [&](Node& node) {
        const Faults::Window window;
        return node.replay(journal->bytes);
      },
      Stage::Keeps::nothing);
  require_rule(stage.hit || replayed, "the journal is applied");
  stage.replace(9, stage.make(1));
  const ByteBuffer reference = snapshot_of_the_reference("counted", note.bytes());
  const auto restored = stage.call(9, [&](Node& node) {
    const Faults::Window window;
    return node.restore(reference);
  });
  require_rule(restored.has_value(), restored ? "" : "version 1: " + restored.error().text());
  stage.remove(9);
  round_trips_of_chains(stage);
  primitives_alone(stage);
}

}  // namespace bb::test
