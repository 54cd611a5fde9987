// Frames and answers from other threads: all of them arrive, in order, once; what is refused is told; nobody waits for ever.
#include "bb/inbox.h"

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <thread>

#include "bb/compiler.h"
#include "ops/registry.h"
#include "support/attestation.h"
#include "support/modules.h"
#include "support/network.h"

using namespace bb;

namespace {

using test::Ask;

constexpr std::uint32_t kThreads = 4, kPerThread = 500;

struct Asking {
  Registry registry = ops::builtin_registry();
  std::unique_ptr<Node> node;
  PeerHandle server;

  explicit Asking(Limits limits = {}, Durability durability = Durability::none) {
    const auto compiled = Compiler(registry).compile(Ask());
    REQUIRE(compiled);
    auto made = Node::install(registry, {.peer = PeerId::from(1),
                                         .addresses = {Address::p2p(PeerId::from(1))},
                                         .artifacts = {compiled->bytes()},
                                         .targets = {"Ask"},
                                         .limits = limits,
                                         .seed = 7,
                                         .incarnation = 1,
                                         .durability = durability,
                                         .mask = StepMask::all()});
    REQUIRE(made);
    node = std::move(*made);
    const Address address = Address::p2p(PeerId::from(2));
    REQUIRE(node->add_peer(PeerId::from(2), {&address, 1}));
    server = *node->admit(PeerAttestation::of(PeerId::from(2)));
  }
  // An op that waits for its answer.
  CommandId ask() {
    NamedValue inputs[] = {{"servers", test::peers(*node, {2})}, {"x", test::tensor(*node, {1}, {1})}};
    REQUIRE(node->invoke("Ask", inputs));
    CommandId waiting;
    for (const Step& step : node->poll(0).steps)
      if (const auto* suspended = std::get_if<AsyncSuspended>(&step)) waiting = suspended->command;
    REQUIRE(waiting.valid());
    return waiting;
  }
  // The first value of the answers' tensors, in order; and the reasons of failures.
  std::vector<float> answers;
  std::vector<std::string> failures;
  void run() {
    for (bool more = true; more;) {
      const Poll poll = node->poll(0);
      more = poll.more;
      for (const Step& step : poll.steps) {
        if (const auto* event = std::get_if<AppEvent>(&step)) {
          ByteBuffer bytes;
          REQUIRE(encode_value(event->value, bytes));
          answers.push_back(test::floats(bytes).at(0));
        } else if (const auto* failed = std::get_if<OpFailed>(&step)) {
          failures.push_back(std::string(failed->error.reason) + ": " + failed->error.detail);
        }
      }
    }
  }
};

struct Answer {
  std::uint64_t hash = 0;
  ByteBuffer bytes;

  Answer(Node& node, float number) {
    const Value value = test::tensor(node, {1}, {number});
    hash = value.type_hash();
    REQUIRE(encode_value(value, bytes));
  }
  EncodedOutput output() const { return {hash, bytes}; }
};

}  // namespace

TEST_CASE("answers of many threads all arrive, each thread's in its order") {
  Asking asking;
  Inbox inbox({.entries_max = kThreads * kPerThread});
  std::vector<CommandId> commands;
  std::vector<Answer> answers;
  for (std::uint32_t i = 0; i < kThreads * kPerThread; ++i) {
    commands.push_back(asking.ask());
    answers.emplace_back(*asking.node, static_cast<float>(i));
  }
  std::atomic<std::uint32_t> woken = 0;
  inbox.set_waker([&] { ++woken; });
  std::vector<std::thread> threads;
  for (std::uint32_t thread = 0; thread < kThreads; ++thread)
    threads.emplace_back([&, thread] {
      for (std::uint32_t i = thread * kPerThread; i < (thread + 1) * kPerThread; ++i) {
        const EncodedOutput output = answers[i].output();
        if (!inbox.complete(commands[i], {&output, 1})) std::abort();
      }
    });
  std::uint32_t taken = 0;
  while (taken < kThreads * kPerThread) {
    const Inbox::Delivered delivered = inbox.deliver(*asking.node);
    CHECK(delivered.late == 0);
    taken += delivered.entries;
    asking.run();
    std::this_thread::yield();
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(woken > 0);
  CHECK(inbox.size() == 0);
  CHECK(inbox.refused() == 0);
  REQUIRE(asking.answers.size() == kThreads * kPerThread);
  std::vector<float> last(kThreads, -1);
  for (const float answer : asking.answers) {
    float& before = last[static_cast<std::uint32_t>(answer) / kPerThread];
    CHECK(answer > before);
    before = answer;
  }
  CHECK(asking.failures.empty());
}

TEST_CASE("frames of many threads reach the node, which judges them") {
  Asking asking;
  Inbox inbox;
  std::vector<std::thread> threads;
  for (std::uint32_t thread = 0; thread < kThreads; ++thread)
    threads.emplace_back([&] {
      const std::uint8_t garbage[] = {0xff, 0xff};
      for (std::uint32_t i = 0; i < 3; ++i)
        if (!inbox.receive(asking.server, garbage)) std::abort();
    });
  for (std::thread& thread : threads) thread.join();
  const Inbox::Delivered delivered = inbox.deliver(*asking.node);
  CHECK(delivered.entries == kThreads * 3);
  CHECK(delivered.refused == kThreads * 3);
  CHECK(asking.node->stats().malformed == kThreads * 3);
}

TEST_CASE("a handle that is dropped fails its op, from whatever thread") {
  Asking asking;
  Inbox inbox;
  const CommandId dropped = asking.ask(), failed = asking.ask(), answered = asking.ask();
  const Answer answer(*asking.node, 5);
  std::thread([&] {
    { const CompletionHandle handle(inbox, dropped); }
    CompletionHandle second(inbox, failed);
    if (!second.fail("no_luck", "none left")) std::abort();
    CompletionHandle third(inbox, answered);
    const EncodedOutput output = answer.output();
    if (!third.complete({&output, 1}) || third.fail("again", "").error().code != Code::closed) std::abort();
  }).join();
  CHECK(inbox.deliver(*asking.node).entries == 3);
  asking.run();
  CHECK(asking.failures == std::vector<std::string>{"dropped: completion handle dropped", "no_luck: none left"});
  CHECK(asking.answers == std::vector<float>{5});
  REQUIRE(inbox.complete_failed(answered, "late", ""));
  CHECK(inbox.deliver(*asking.node).late == 1);
}

TEST_CASE("an answer that cannot be read, or is of another type, fails its op") {
  Asking asking;
  Inbox inbox;
  const CommandId unreadable = asking.ask(), unknown = asking.ask();
  const Answer answer(*asking.node, 5);
  const EncodedOutput torn{answer.hash, Bytes(answer.bytes).first(3)}, nothing{12345, answer.bytes};
  REQUIRE(inbox.complete(unreadable, {&torn, 1}));
  REQUIRE(inbox.complete(unknown, {&nothing, 1}));
  CHECK(inbox.deliver(*asking.node).entries == 2);
  asking.run();
  CHECK(asking.failures ==
        std::vector<std::string>{"bad_completion: output 0: truncated", "bad_completion: output 0: unknown_type_hash"});
}

TEST_CASE("an inbox is bounded, says what it refuses, and can be closed") {
  Asking asking;
  Inbox inbox({.entries_max = 2, .bytes_max = 100});
  const ByteBuffer large(101), half(60);
  CHECK(inbox.receive(asking.server, large).error().code == Code::budget_exceeded);
  REQUIRE(inbox.receive(asking.server, half));
  CHECK(inbox.receive(asking.server, half).error().code == Code::budget_exceeded);
  REQUIRE(inbox.receive(asking.server, {}));
  CHECK(inbox.receive(asking.server, {}).error().code == Code::queue_full);
  CHECK(inbox.refused() == 3);
  CHECK(inbox.deliver(*asking.node).entries == 2);
  inbox.close();
  CHECK(inbox.receive(asking.server, {}).error().code == Code::closed);
}

TEST_CASE("what a busy node cannot take stays in the inbox, in order") {
  Limits limits;
  limits.journal_bytes_max = 200;
  Asking asking(limits, Durability::recorded);
  Inbox inbox;
  for (int i = 0; i < 5; ++i) {
    REQUIRE(asking.node->journal());
    const CommandId waiting = asking.ask();
    const Answer answer(*asking.node, static_cast<float>(i));
    const EncodedOutput output = answer.output();
    REQUIRE(inbox.complete(waiting, {&output, 1}));
  }
  int blocked = 0;
  for (int calls = 0; inbox.size() > 0; ++calls) {
    REQUIRE(calls < 10);
    REQUIRE(asking.node->journal());
    const Inbox::Delivered delivered = inbox.deliver(*asking.node);
    CHECK(delivered.blocked == (inbox.size() > 0));
    blocked += delivered.blocked;
    REQUIRE(asking.node->journal());
    asking.run();
  }
  CHECK(blocked > 0);
  CHECK(asking.answers == std::vector<float>{0, 1, 2, 3, 4});
}

TEST_CASE("a long reason is cut at the start of a character") {
  Asking asking;
  Inbox inbox;
  std::string detail(4'095, 'a');
  detail += "ü";
  REQUIRE(inbox.complete_failed(asking.ask(), "long", detail));
  (void)inbox.deliver(*asking.node);
  asking.run();
  REQUIRE(asking.failures.size() == 1);
  CHECK(asking.failures[0] == "long: " + std::string(4'095, 'a'));
}
