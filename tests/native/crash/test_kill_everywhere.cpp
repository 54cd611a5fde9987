// A node whose outputs wait for its journal is killed at every poll, and its disk fails at every write in every way: nothing that was
// acknowledged is lost, and nothing takes effect twice at those who hear of it.
#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <map>

#include "bb/compiler.h"
#include "ops/registry.h"
#include "support/attestation.h"
#include "support/components.h"
#include "support/modules.h"
#include "support/network.h"

using namespace bb;

namespace {

using test::Ask;

struct Push final : Module {
  Push() : Module("Push") {}
  AggregatorSlot aggregator{"aggregator"};
  void body(Graph& g) const override {
    const NetOut out = g.net_out("part", g.input<type::Peers>("servers"), g.input<type::TensorF32>("x"));
    g.on("servers", [&] { aggregator.contribute(g, out.value); });
  }
};
struct Wait final : Module {
  Wait() : Module("Wait") {}
  void body(Graph& g) const override {
    const auto slept = g.record({.domain = std::string(domain::kSyscall),
                                 .op_type = "Sleep",
                                 .inputs = {g.input<type::Trigger>("go")},
                                 .attributes = {{"duration_ns", std::int64_t{3'000'000}}}});
    g.output("slept", slept.empty() ? Output() : slept[0]);
  }
};

enum class DiskFault : std::uint8_t { none, refused, torn, dropped };

// One node with a disk; the other one never fails.
class Pair {
 public:
  explicit Pair(const Module& module, std::string client, std::string server, std::uint64_t mortal)
      : client_(std::move(client)), server_(std::move(server)), mortal_(mortal) {
    test::add_test_components(registry_);
    Compiler compiler(registry_);
    if (module.name() == "Push") compiler.bind("aggregator", "CountingAggregator");
    const auto artifact = compiler.compile(module);
    INFO((artifact ? std::string() : artifact.error().message));
    REQUIRE(artifact);
    artifact_.assign(artifact->bytes().begin(), artifact->bytes().end());
    for (const std::uint64_t peer : {1, 2}) {
      nodes_[peer - 1] = install(peer);
      for (const std::uint64_t other : {1, 2}) {
        const Address address = Address::p2p(PeerId::from(other));
        if (other != peer) REQUIRE(nodes_[peer - 1]->add_peer(PeerId::from(other), {&address, 1}));
        REQUIRE(nodes_[peer - 1]->admit(PeerAttestation::of(PeerId::from(other))));
      }
    }
    REQUIRE(commit());
  }

  /// The poll after which the mortal node dies, and the write that fails; a fault kills it too.
  std::uint64_t kill_at = UINT64_MAX;
  std::uint64_t fault_at = UINT64_MAX;
  DiskFault fault = DiskFault::none;
  std::size_t torn_bytes = 0;
  std::uint64_t polls = 0, writes = 0, kills = 0;
  std::size_t fault_size = 0;           // of the part that the fault was about
  std::map<std::uint64_t, int> events;  // by execution

  Node& node(std::uint64_t peer) { return *nodes_[peer - 1]; }

  // Calls until it is durable: what was lost before that is the caller's to repeat.
  template <class Call>
  void call(const Call& begin) {
    for (bool durable = false; !durable;) {
      begin(node(1));
      durable = mortal_ != 1 || commit();
    }
  }

  void run(std::uint64_t rounds) {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      now_ns_ += 1'000'000;
      for (const std::uint64_t peer : {1, 2}) poll(peer);
      deliver();
    }
  }

 private:
  struct Frame {
    std::uint64_t to = 0;
    ByteBuffer bytes;
  };

  std::unique_ptr<Node> install(std::uint64_t peer) {
    auto made = Node::install(registry_, {.peer = PeerId::from(peer),
                                          .addresses = {Address::p2p(PeerId::from(peer))},
                                          .artifacts = {artifact_},
                                          .targets = {peer == 1 ? client_ : server_},
                                          .limits = {.ops_per_poll = 2},
                                          .seed = peer,
                                          .incarnation = 1,
                                          .durability = peer == mortal_ ? Durability::gated : Durability::none,
                                          .mask = StepMask::all()});
    INFO((made ? std::string() : made.error().text()));
    REQUIRE(made);
    return std::move(*made);
  }

  void see(std::uint64_t peer, const Poll& poll) {
    for (const Step& step : poll.steps) {
      if (const auto* send = std::get_if<SendEnvelope>(&step)) frames_.push_back({3 - peer, send->bytes()});
      if (const auto* event = std::get_if<AppEvent>(&step))
        if (peer == 1) ++events[event->exec.v];
    }
  }

  void poll(std::uint64_t peer) {
    for (bool more = true; more;) {
      const Poll poll = node(peer).poll(now_ns_);
      see(peer, poll);
      more = poll.more;
      if (peer != mortal_) continue;
      if (polls++ == kill_at) return kill();
      const bool withheld = poll.uncommitted > 0 && poll.steps.empty();
      if (!commit()) return;
      if (withheld && !more) see(peer, node(peer).poll(now_ns_));
    }
  }

  // False when the write failed and the node is another.
  bool commit() {
    const auto part = node(mortal_).journal();
    REQUIRE(part);
    const Bytes bytes{part->bytes.data(), part->bytes.size()};
    if (writes++ == fault_at && fault != DiskFault::none) {
      fault_size = bytes.size();
      if (fault == DiskFault::torn) append(bytes.first(std::min(torn_bytes, bytes.size())));
      kill();
      return false;
    }
    append(bytes);
    REQUIRE(node(mortal_).committed(part->sequence));
    return true;
  }
  void append(Bytes bytes) { journal_.insert(journal_.end(), bytes.begin(), bytes.end()); }

  void kill() {
    ++kills;
    nodes_[mortal_ - 1].reset();
    auto next = install(mortal_);
    if (!snapshot_.empty()) REQUIRE(next->restore(snapshot_, {.same_incarnation = true}));
    const auto replayed = next->replay(journal_, [&](const Poll& poll) { see(mortal_, poll); });
    INFO((replayed ? std::string() : replayed.error().text()));
    REQUIRE(replayed);
    next->reincarnate();
    const auto snapshot = next->snapshot();
    REQUIRE(snapshot);
    snapshot_.assign(snapshot->begin(), snapshot->end());
    journal_.clear();
    nodes_[mortal_ - 1] = std::move(next);
  }

  // A frame is acknowledged once it is durable; until then the sender's transport repeats it.
  void deliver() {
    std::vector<Frame> frames;
    frames.swap(frames_);
    for (const Frame& frame : frames) {
      for (bool durable = false; !durable;) {
        const auto from = node(frame.to).handle_of(PeerId::from(3 - frame.to));
        REQUIRE(from);
        const auto kind = node(frame.to).receive(*from, frame.bytes).kind;
        REQUIRE((kind == ReceiveStatus::Kind::accepted || kind == ReceiveStatus::Kind::duplicate));
        durable = frame.to != mortal_ || commit();
      }
    }
  }

  Registry registry_ = ops::builtin_registry();
  ByteBuffer artifact_, journal_, snapshot_;
  std::string client_, server_;
  std::uint64_t mortal_;
  std::unique_ptr<Node> nodes_[2];
  std::vector<Frame> frames_;
  std::uint64_t now_ns_ = 0;
};

struct Faults {
  std::uint64_t kill_at = UINT64_MAX, fault_at = UINT64_MAX;
  DiskFault fault = DiskFault::none;
  std::size_t torn_bytes = 0;
};

// What a run says of itself, so that a sweep knows where it ends; and what became of its effects.
struct Ran {
  std::uint64_t polls = 0, writes = 0;
  std::size_t fault_size = 0;
  std::uint64_t kills = 0, effects = 0, lost = 0, duplicated = 0;
};

struct Total {
  std::uint64_t runs = 0, kills = 0, effects = 0, lost = 0, duplicated = 0;

  void add(const Ran& ran) {
    ++runs;
    kills += ran.kills;
    effects += ran.effects;
    lost += ran.lost;
    duplicated += ran.duplicated;
  }
  void check(const char* what) const {
    std::printf("%s: %llu runs, %llu kills, %llu effects, %llu lost, %llu duplicated\n", what,
                static_cast<unsigned long long>(runs), static_cast<unsigned long long>(kills),
                static_cast<unsigned long long>(effects), static_cast<unsigned long long>(lost),
                static_cast<unsigned long long>(duplicated));
    CHECK(kills > 0);
    CHECK(lost == 0);
    CHECK(duplicated == 0);
  }
};

enum class Scenario : std::uint8_t { ask, push, wait };

Ran run(Scenario scenario, const Faults& faults) {
  const auto begin = [&]() -> Pair {
    switch (scenario) {
      case Scenario::ask: return Pair(Ask(), "Ask", "Ask_servers", 1);
      case Scenario::push: return Pair(Push(), "Push", "Push_servers", 2);
      default: return Pair(Wait(), "Wait", "Wait", 1);
    }
  };
  Pair pair = begin();
  pair.kill_at = faults.kill_at;
  pair.fault_at = faults.fault_at;
  pair.fault = faults.fault;
  pair.torn_bytes = faults.torn_bytes;
  constexpr int kCalls = 3;
  for (int i = 0; i < kCalls; ++i) {
    pair.call([&](Node& node) {
      if (scenario == Scenario::wait) {
        NamedValue inputs[] = {{"go", Value::trigger()}};
        REQUIRE(node.invoke("Wait", inputs));
      } else {
        NamedValue inputs[] = {{"servers", test::peers(node, {2})}, {"x", test::tensor(node, {1}, {static_cast<float>(i)})}};
        REQUIRE(node.invoke(scenario == Scenario::ask ? "Ask" : "Push", inputs));
      }
    });
    pair.run(2);
  }
  pair.run(8);
  INFO("scenario " << static_cast<int>(scenario) << ", killed after poll " << faults.kill_at << ", write " << faults.fault_at);
  CHECK(pair.kills == std::uint64_t{pair.polls > faults.kill_at} + std::uint64_t{pair.writes > faults.fault_at});
  CHECK(pair.node(1).stats().executions == 0);
  CHECK(pair.node(2).stats().executions == 0);
  // Once each: what arrived at the aggregator; what was answered, and how often the server did so; what woke up.
  std::vector<std::uint64_t> times(kCalls);
  if (scenario == Scenario::push) {
    const auto* counting = static_cast<const test::CountingAggregator*>(pair.node(2).component("aggregator"));
    for (const auto& contribution : counting->contributions) {
      REQUIRE(contribution.data.size() == 1);
      const auto call = static_cast<std::size_t>(contribution.data[0]);
      REQUIRE(call < times.size());
      ++times[call];
    }
  } else {
    std::size_t call = 0;
    for (const auto& event : pair.events) {
      if (call == times.size()) times.push_back(1);  // an execution that nobody asked for
      times[call++] = event.second > 0 ? 1 : 0;
    }
  }
  Ran ran{.polls = pair.polls, .writes = pair.writes, .fault_size = pair.fault_size, .kills = pair.kills};
  for (std::size_t call = 0; call < times.size(); ++call) {
    ran.effects += times[call];
    ran.lost += times[call] == 0;
    ran.duplicated += call < kCalls ? (times[call] > 1 ? times[call] - 1 : 0) : times[call];
  }
  if (scenario == Scenario::ask) {
    const std::uint64_t ops = pair.node(2).stats().ops, once = std::uint64_t{kCalls} * 2;  // PassThrough and Reply
    ran.duplicated += ops > once ? ops - once : 0;
    ran.lost += ops < once ? once - ops : 0;
  }
  CHECK(ran.lost == 0);
  CHECK(ran.duplicated == 0);
  return ran;
}

}  // namespace

TEST_CASE("kill everywhere: after every poll of three scenarios", "[crash]") {
  Total total;
  for (const Scenario scenario : {Scenario::ask, Scenario::push, Scenario::wait}) {
    const std::uint64_t polls = run(scenario, {}).polls;
    CHECK(polls > 10);
    for (std::uint64_t at = 0; at < polls; ++at) total.add(run(scenario, {.kill_at = at}));
  }
  total.check("killed after every poll");
}

TEST_CASE("kill everywhere: every write fails, is torn in the middle, or is gone", "[crash]") {
  Total total;
  for (const Scenario scenario : {Scenario::ask, Scenario::push, Scenario::wait}) {
    const std::uint64_t writes = run(scenario, {}).writes;
    CHECK(writes > 10);
    for (const DiskFault fault : {DiskFault::refused, DiskFault::torn, DiskFault::dropped})
      for (std::uint64_t at = 1; at < writes; ++at) total.add(run(scenario, {.fault_at = at, .fault = fault, .torn_bytes = 20}));
  }
  total.check("every write failed");
}

TEST_CASE("kill everywhere: one write is torn at every byte", "[crash]") {
  Total total;
  const std::size_t size = run(Scenario::push, {.fault_at = 3, .fault = DiskFault::torn}).fault_size;
  REQUIRE(size > 0);
  for (std::size_t bytes = 0; bytes <= size; ++bytes)
    total.add(run(Scenario::push, {.fault_at = 3, .fault = DiskFault::torn, .torn_bytes = bytes}));
  total.check("a write torn at every byte");
}

TEST_CASE("kill everywhere: a kill after every poll, and after every write of what comes next", "[crash]") {
  Total total;
  for (const Scenario scenario : {Scenario::ask, Scenario::push, Scenario::wait}) {
    const Ran undisturbed = run(scenario, {});
    for (std::uint64_t at = 0; at < undisturbed.polls; at += 3)
      for (std::uint64_t write = 1; write < undisturbed.writes; write += 2)
        total.add(run(scenario, {.kill_at = at, .fault_at = write, .fault = DiskFault::torn, .torn_bytes = 20}));
  }
  total.check("killed twice");
}
