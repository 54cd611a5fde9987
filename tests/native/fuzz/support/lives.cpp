// The installed node of the snapshot and journal targets, and its script.
#include "fuzz/support/lives.h"

#include "bb/compiler.h"
#include "fuzz/support/fuzz_target.h"
#include "fuzz/support/world.h"
#include "support/attestation.h"
#include "wire/envelope_writer.h"

namespace bb::fuzz {
namespace {

Output syscall(Graph& g, std::string op_type, std::vector<Output> inputs,
               std::vector<std::pair<std::string, Attribute>> attributes) {
  const auto outputs = g.record({.domain = std::string(domain::kSyscall),
                                 .op_type = std::move(op_type),
                                 .inputs = std::move(inputs),
                                 .attributes = std::move(attributes)});
  return outputs.empty() ? Output() : outputs.front();
}
Attribute text(std::string value) { return value; }
Attribute number(std::int64_t value) { return value; }

struct Life final : Module {
  Life() : Module("Life") {}
  ModelSlot model{"model"};
  void body(Graph& g) const override {
    const Output go = g.input<type::Trigger>("go");
    const Output x = g.input<type::TensorF32>("x");
    const NetOut out = g.net_out("question", g.input<type::Peers>("servers"), x);
    g.output("answer", g.await_response(out.handle, "tensor.f32", 50'000'000));
    const NetOut many = g.net_out("survey", g.input<type::Peers>("people"), x);
    g.output("answers", g.record({.domain = std::string(domain::kWire),
                                  .op_type = "GatherResponses",
                                  .inputs = {many.handle},
                                  .parameters = {{"quorum", 2}, {"timeout_ns", 60'000'000}}})[0]);
    g.output("y", model.forward(g, x));
    g.output("p", model.params(g));
    g.output("slept", syscall(g, "Sleep", {go}, {{"duration_ns", number(100)}, {"deadline_ns", number(900'000)}}));
    g.output("tick", syscall(g, "Interval", {go}, {{"period_ns", number(40'000'000)}}));
    g.output("got",
             syscall(g, "Limit.Acquire", {go}, {{"name", text("p")}, {"on_full", text("wait")}, {"lease_ns", number(1'000)}}));
    syscall(g, "Serialize.Enqueue", {x}, {{"queue", text("q")}});
    g.output("pulled",
             syscall(g, "Serialize.Dequeue", {g.input<type::Trigger>("pull")}, {{"queue", text("q")}, {"wait", number(1)}}));
    syscall(g, "Hold.Stash", {x}, {{"slot", text("h")}});
    syscall(g, "Record", {x}, {{"name", text("r")}});
    syscall(g, "IncrMetric", {x}, {{"name", text("m")}});
    syscall(g, "AppEmit", {x}, {{"name", text("news")}});
    g.output("news_heard", syscall(g, "EventSource", {}, {{"kind", text("news")}}));
    g.output("bye", syscall(g, "LifecyclePhase", {}, {{"phase", text("Shutdown")}}));
    g.output("noted", g.net_in<type::ByteString>("note").value);
    g.on("servers", [&] { g.reply(g.pass_through(out.value), out.sender); });
    g.on("people", [&] { g.reply(g.pass_through(many.value), many.sender); });
  }
  void bootstrap(Graph& g) const override {
    const Output answer = syscall(g, "BootstrapOutput", {syscall(g, "BootstrapDispatch", {}, {})}, {});
    syscall(g, "AppEmit", {answer}, {{"name", text("booted")}});
  }
};

const ByteBuffer& artifact() {
  static const ByteBuffer bytes = [] {
    const auto compiled = Compiler(registry()).bind("model", "ParkingModel").compile(Life());
    require(compiled.has_value(), compiled ? "" : compiled.error().code + ": " + compiled.error().message);
    return compiled->bytes();
  }();
  return bytes;
}

Limits limits() {
  Limits limits = small_limits();
  limits.timers_max = 24;
  limits.parked_ops_max = 16;
  limits.bus_max = 16;
  return limits;
}

Value tensor(Node& node, std::size_t numbers) {
  const std::uint64_t shape[] = {numbers};
  const std::vector<float> data(numbers, 2.5f);
  auto value = Value::tensor_f32(node.memory(), shape, data);
  return value ? std::move(*value) : Value();
}
Value peers(Node& node) {
  const PeerId list[] = {PeerId::from(2), PeerId::from(3), PeerId::from(9)};
  auto value = Value::peers(node.memory(), list);
  return value ? std::move(*value) : Value();
}

void give(Node& node, std::string_view input, Value value) {
  NamedValue inputs[] = {{input, std::move(value)}};
  (void)node.invoke("Life", inputs);
}

ByteBuffer frame(Node& node, std::uint64_t sequence) {
  const std::uint64_t site = node.inspect().targets.front().sites.empty() ? 1 : node.inspect().targets.front().sites.front();
  const ByteBuffer suffix = Address().with(SiteId{site}).to_bytes();
  const std::uint8_t payload[] = {3, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3};
  const wire::FillFields fills[] = {{.suffix = suffix, .payload = payload, .type_hash = carrier_hash(Carrier::bytes)}};
  ByteBuffer bytes;
  wire::write_envelope({.destinations = {},
                        .fills = fills,
                        .has_correlation = true,
                        .request_id = 5,
                        .reports = {},
                        .source_peer = {},
                        .source_addresses = {},
                        .incarnation = sequence == 0 ? 0u : 4u,
                        .sequence = sequence},
                       bytes);
  return bytes;
}

}  // namespace

std::unique_ptr<Node> new_node(Durability durability) {
  const PeerId self = PeerId::from(1);
  auto node = Node::install(registry(), {.peer = self,
                                         .addresses = {Address::p2p(self)},
                                         .artifacts = {artifact()},
                                         .targets = {"Life", "Life_servers"},
                                         .config = {},
                                         .limits = limits(),
                                         .seed = 3,
                                         .incarnation = 1,
                                         .durability = durability,
                                         .mask = StepMask::all()});
  require(node.has_value(), "the life's own model installs");
  return std::move(*node);
}

ByteBuffer snapshot_of(const Node& node) {
  const auto snapshot = node.snapshot();
  require(snapshot.has_value(), "a node can be saved");
  return {snapshot->begin(), snapshot->end()};
}

Lived live() {
  Lived lived;
  auto owner = new_node(Durability::recorded);
  Node& node = *owner;
  std::uint64_t now_ns = 1'000;
  std::vector<CommandId> commands;
  const auto poll = [&](std::uint32_t ops = 0) {
    const Poll result = node.poll(now_ns += 50, ops);
    for (const Step& step : result.steps)
      if (const auto* suspended = std::get_if<AsyncSuspended>(&step)) commands.push_back(suspended->command);
    lived.snapshots.push_back(snapshot_of(node));
  };
  for (const std::uint64_t other : {2, 3}) {
    const Address address = Address::p2p(PeerId::from(other));
    (void)node.add_peer(PeerId::from(other), {&address, 1});
    (void)node.admit(PeerAttestation::of(PeerId::from(other)));
  }
  give(node, "go", Value::trigger());
  poll(1);  // cut in the middle
  (void)node.bootstrap();
  give(node, "x", tensor(node, 2));
  poll();
  if (!commands.empty()) (void)node.complete(commands.front(), {});
  lived.snapshots.push_back(snapshot_of(node));
  poll();
  for (const char* input : {"go", "pull", "go", "pull"}) give(node, input, Value::trigger());
  poll();
  {
    NamedValue inputs[] = {{"servers", peers(node)}, {"people", peers(node)}, {"x", tensor(node, 3)}};
    (void)node.invoke("Life", inputs);
  }
  poll(2);
  poll();
  const auto two = node.handle_of(PeerId::from(2));
  for (const std::uint64_t sequence : {1, 2, 0})
    if (two) (void)node.receive(*two, frame(node, sequence));
  (void)node.fire_lifecycle("Shutdown");
  (void)node.subscribe_event("PeerDown", "Life", "go");
  (void)node.block_peer(PeerId::from(3));
  lived.snapshots.push_back(snapshot_of(node));
  poll();
  for (std::size_t i = 0; i < commands.size(); ++i)
    if (i % 2 == 1) (void)node.complete_failed(commands[i], {OpErrorKind::remote_failed, "scripted", "on purpose"});
  lived.snapshots.push_back(snapshot_of(node));
  now_ns += 70'000'000;
  poll();
  if (two) (void)node.send_failed(4711, *two, "nak");
  (void)node.unblock_peer(PeerId::from(3));
  (void)node.drop_peer(PeerId::from(3));
  poll();
  if (auto part = node.journal()) lived.journal.assign(part->bytes.begin(), part->bytes.end());
  return lived;
}

void stand(Node& node) {
  std::uint64_t now_ns = 0;
  std::uint32_t ops = 0;
  for (int round = 0; round < 40 && ops < 2'000; ++round) {
    const Poll result = node.poll(now_ns, 50);
    ops += 50;
    std::vector<CommandId> commands;
    for (const Step& step : result.steps) {
      if (const auto* suspended = std::get_if<AsyncSuspended>(&step)) commands.push_back(suspended->command);
      if (const auto* send = std::get_if<SendEnvelope>(&step)) (void)send->bytes();
      ByteBuffer encoded;
      if (const auto* event = std::get_if<AppEvent>(&step)) (void)encode_value(event->value, encoded);
    }
    for (std::size_t i = 0; i < commands.size(); ++i)
      (void)(i % 2 == 0 ? node.complete(commands[i], {}) : node.complete_failed(commands[i], {OpErrorKind::other, "ended", {}}));
    if (round % 4 == 0) {
      give(node, "x", tensor(node, 2));
      give(node, "go", Value::trigger());
      if (const auto two = node.handle_of(PeerId::from(2)))
        (void)node.receive(*two, frame(node, static_cast<std::uint64_t>(round)));
    }
    (void)node.inspect();
    if (!result.more) now_ns += round < 20 ? 10'000'000 : 10'000'000'000;
  }
  // What was parked before this host came: commands are numbered from 0.
  for (std::uint64_t command = 0; command < 40; ++command) (void)node.complete(CommandId{command}, {});
  (void)node.poll(now_ns, 1'000);
  (void)snapshot_of(node);
}

}  // namespace bb::fuzz
