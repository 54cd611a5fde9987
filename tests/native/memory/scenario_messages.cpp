// Scenarios 1 and 2: what nodes ask of one another, and a mesh that learns.
#include "bb/compiler.h"
#include "framework/backpressure.h"
#include "memory/scenarios.h"
#include "scenario/one_node.h"
#include "support/modules.h"
#include "wire/carriers.h"
#include "wire/envelope_view.h"

namespace bb::test {
namespace {

constexpr std::uint64_t kTimeoutNs = 50'000'000;
const ByteBuffer kResponseSuffix = {0xe4, 0x01, 0x08, 'r', 'e', 's', 'p', 'o', 'n', 's', 'e'};

struct Survey final : Module {
  explicit Survey(bool late) : Module(late ? "LateSurvey" : "Survey"), late_(late) {}
  void body(Graph& g) const override {
    const Output x = g.input<type::TensorF32>("x");
    const NetOut out = g.net_out("question", g.input<type::Peers>("people"), x);
    Output handle = out.handle;
    if (late_) handle = g.gate(handle, syscall(g, "Sleep", {x}, {{"duration_ns", number(1'000'000)}}));
    g.output("answers", g.record({.domain = std::string(domain::kWire),
                                  .op_type = "GatherResponses",
                                  .inputs = {handle},
                                  .parameters = {{"quorum", 2}, {"timeout_ns", std::int64_t{kTimeoutNs}}}})[0]);
    g.on("people", [&] { g.reply(g.pass_through(out.value), out.sender); });
  }

 private:
  bool late_;
};

struct Inbox final : Module {
  Inbox() : Module("Inbox") {}
  void body(Graph& g) const override {
    const NetIn note = g.net_in<type::ByteString>("note");
    g.output("note_out", note.value);
    g.output("from", g.lookup(note.sender));
    g.output("open_out", g.net_in("open").value);
    g.output("stored", g.insert_many(note.sender, g.input<type::Addresses>("addresses")));
  }
};

void ask(Stage& stage, std::string_view target, std::string_view port, std::vector<std::uint64_t> servers, float number) {
  (void)stage.call(1, [&](Node& node) {
    NamedValue inputs[] = {{port, peers(node, servers)}, {"x", tensor(node, {2}, {number, 2})}};
    const Faults::Window window;
    return node.invoke(target, inputs);
  });
}

std::uint64_t newest_request(const Stage& stage) { return stage.requests.empty() ? 1 : stage.requests.back(); }

}  // namespace

void questions_and_answers(Stage& stage) {
  const ByteBuffer& ask_artifact = compiled("ask", Ask());
  const ByteBuffer& survey = compiled("survey", Survey(false));
  const ByteBuffer& late = compiled("late", Survey(true));
  const ByteBuffer& inbox = compiled("inbox", Inbox());
  Limits limits;
  limits.requests_max = 24;
  stage.install(
      1, {.artifacts = {ask_artifact, survey, late, inbox}, .targets = {"Ask", "Survey", "LateSurvey", "Inbox"}, .limits = limits});
  for (const std::uint64_t peer : {2, 3})
    stage.install(peer,
                  {.artifacts = {ask_artifact, survey, late}, .targets = {"Ask_servers", "Survey_people", "LateSurvey_people"}});
  stage.introduce();
  for (const std::vector<std::uint64_t>& servers : {std::vector<std::uint64_t>{2}, {2, 3}, {9, 3}}) {
    ask(stage, "Ask", "servers", servers, 1);
    stage.run();
    stage.advance(3'000'000);
  }
  ask(stage, "Survey", "people", {2, 3}, 2);
  stage.run();
  ask(stage, "LateSurvey", "people", {2, 3}, 3);
  stage.run();
  stage.advance(2'000'000);
  stage.run();
  // To many whom nobody knows: more steps than there is room made for.
  std::vector<std::uint64_t> strangers;
  for (std::uint64_t i = 0; i < 40; ++i) strangers.push_back(1'000 + i);
  ask(stage, "Ask", "servers", strangers, 4);
  stage.run();
  // Answers that the test writes: with reports, of a wrong type, that cannot be read, for nobody.
  stage.hold = true;
  for (int kind = 0; kind < 3; ++kind) {
    ask(stage, "Ask", "servers", {2}, 5);
    stage.run();
    Memory memory;
    Letter letter{.suffix = kResponseSuffix,
                  .payload = bytes_of_value(kind == 1 ? Value::number(Carrier::u64, 4) : *Value::tensor_f32(memory, {}, {{1.0f}})),
                  .hash = carrier_hash(kind == 1 ? Carrier::u64 : Carrier::tensor),
                  .kind = static_cast<std::int32_t>(wire::CorrelationKind::response),
                  .request_id = newest_request(stage),
                  .incarnation = 9,
                  .sequence = static_cast<std::uint64_t>(kind + 1),
                  .reports = true};
    if (kind == 2) letter.payload = {1};
    (void)stage.deliver(1, 2, letter.bytes());
    stage.run();
    stage.advance(1'000'000);
  }
  ask(stage, "Survey", "people", {2, 3}, 6);
  ask(stage, "Ask", "servers", {3}, 7);
  stage.run();
  (void)stage.call(1, [&](Node& node) -> Status {
    const auto handle = node.handle_of(PeerId::from(3));
    const std::uint64_t request = newest_request(stage);
    const Faults::Window window;
    return node.send_failed(request, *handle, "nak");
  });
  stage.run();
  stage.advance(4 * kTimeoutNs);
  stage.run();
  // More requests at once than may wait.
  for (int i = 0; i < 14; ++i) ask(stage, "Ask", "servers", {2, 3}, 8);
  stage.run();
  stage.advance(4 * kTimeoutNs);
  stage.run();
  stage.hold = false;

  // What comes in: numbered, twice, unnumbered, broken, to nobody, of a wrong type.
  const std::vector<std::uint64_t> sites = stage.node(1).inspect().targets[3].sites;
  Memory memory;
  const std::uint8_t text[] = {1, 2, 3};
  Letter note{.suffix = Address().with(SiteId{sites.at(0)}).to_bytes(),
              .payload = bytes_of_value(*Value::bytes(memory, text)),
              .hash = carrier_hash(Carrier::bytes),
              .incarnation = 5,
              .sequence = 1,
              .source_addresses = {Address::p2p(PeerId::from(77)).to_bytes(), Address::p2p(PeerId::from(78)).to_bytes()}};
  const ByteBuffer numbered = note.bytes();
  (void)stage.deliver(1, 2, numbered);
  (void)stage.deliver(1, 2, numbered);
  note.incarnation = note.sequence = 0;
  note.request_id = 17;
  (void)stage.deliver(1, 3, note.bytes());
  (void)stage.deliver(1, 3, note.bytes());
  note.suffix = Address().with(SiteId{sites.at(1)}).to_bytes();
  std::vector<Value> children;
  children.push_back(Value::trigger());
  children.push_back(*Value::bytes(memory, text));
  note.payload = bytes_of_value(*Value::composite(memory, children));
  note.hash = carrier_hash(Carrier::composite);
  (void)stage.deliver(1, 3, note.bytes());
  const std::pair<std::uint64_t, float> found[] = {{1, 0.5f}, {2, 0.25f}};
  note.payload = bytes_of_value(*Value::search_results(memory, found));
  note.hash = carrier_hash(Carrier::search_results);
  (void)stage.deliver(1, 2, note.bytes());
  note.payload = {9, 9};
  (void)stage.deliver(1, 3, note.bytes());
  note.suffix = Address().with(SiteId{1}).to_bytes();
  (void)stage.deliver(1, 3, note.bytes());
  note.suffix = {0xff};
  (void)stage.deliver(1, 3, note.bytes());
  (void)stage.deliver(1, 3, ByteBuffer{0xff, 0xff});
  stage.run();
  (void)stage.call(1, [&](Node& node) {
    const Address address = Address::p2p(PeerId::from(4));
    NamedValue inputs[] = {{"addresses", *Value::addresses(node.memory(), {&address, 1})}};
    const Faults::Window window;
    return node.invoke("Inbox", inputs);
  });
  stage.finish();
}

namespace {

struct RandomMesh final : Module {
  RandomMesh() : Module("Mesh") {}
  ModelSlot model{"model"};
  AggregatorSlot aggregator{"aggregator"};
  PeerSelectorSlot random{"random", "peers"};
  void body(Graph& g) const override {
    const Output meta = g.input<type::FedAvgMetadata>("meta");
    g.output("loss", model.train(g, 2));
    const Output params = model.params(g);
    aggregator.contribute(g, params, meta);
    const NetOutRecord up = g.net_out({{"params", params}, {"meta", meta}}, random.sample(g, 1));
    g.on("peers", [&] {
      aggregator.contribute(g, up["params"], up["meta"], up.sender);
      g.output("received", up.sender);
    });
  }
};
struct Merge final : Module {
  Merge() : Module("Merge") {}
  ModelSlot model{"model"};
  AggregatorSlot aggregator{"aggregator"};
  PeerSelectorSlot view{"view", "@self"};
  BackendSlot backend{"backend"};
  void body(Graph& g) const override {
    const Output go = g.input<type::Trigger>("go");
    const Aggregate merged = aggregator.aggregate(g, go);
    model.load_parameters(g, merged.params);
    g.output("merged", merged.metadata);
    g.output("view_now", view.current_view(g));
    const Output x = g.input<type::TensorF32>("x");
    g.output("sum", backend.relu(g, backend.matmul(g, backend.add(g, x, x), backend.mul(g, x, x))));
  }
};

}  // namespace

void mesh_averaging(Stage& stage) {
  const ByteBuffer& mesh = compiled("mesh", RandomMesh());
  const ByteBuffer& merge = compiled("merge", Merge());
  for (const std::uint64_t peer : {1, 2}) {
    ByteBuffer images, labels;
    RandomStream random(peer);
    for (int i = 0; i < 8; ++i) {
      images.push_back(static_cast<std::uint8_t>(random.below(256)));
      images.push_back(static_cast<std::uint8_t>(random.below(256)));
      labels.push_back(static_cast<std::uint8_t>(random.below(3)));
    }
    const std::vector<ByteBuffer> view{PeerId::from(1).to_bytes(), PeerId::from(2).to_bytes()};
    stage.install(peer, {.artifacts = {mesh, merge},
                         .targets = {"Mesh", "Mesh_peers", "Merge"},
                         .config = {{"data", Config().set("images", images).set("labels", labels).set("features", std::int64_t{2})},
                                    {"model", Config().set("layers", std::string("2-4-3")).set("seed", std::int64_t{1})},
                                    {"view", Config().set("peers", view)}},
                         .limits = {.ops_per_poll = 3},
                         .seed = peer});
  }
  stage.introduce();
  for (std::uint64_t round = 0; round < 2; ++round) {
    for (const std::uint64_t peer : {1, 2})
      (void)stage.call(peer, [&](Node& node) {
        NamedValue inputs[] = {{"meta", *Value::fed_avg_meta(node.memory(), {8, round})}};
        const Faults::Window window;
        return node.invoke("Mesh", inputs);
      });
    stage.run();
    for (const std::uint64_t peer : {1, 2})
      (void)stage.call(peer, [&](Node& node) {
        NamedValue inputs[] = {{"go", Value::trigger()}, {"x", tensor(node, {2, 2}, {1, 2, 3, 4})}};
        const Faults::Window window;
        return node.invoke("Merge", inputs);
      });
    stage.run();
  }
  stage.finish();
}

}  // namespace bb::test
