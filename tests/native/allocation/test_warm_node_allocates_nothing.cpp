// A warm node allocates nothing: counted by the program's own operator new and by the engine's allocator. A program of its own,
// because it replaces operator new.
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <new>

#include <catch2/catch_test_macros.hpp>

#include "bb/node.h"
#include "ops/syscalls/syscalls.h"
#include "ops/wire/wire_ops.h"
#include "support/attestation.h"
#include "support/bare_envelope.h"

namespace {

std::atomic<std::uint64_t> news{0};

void* counted(std::size_t size) {
  news.fetch_add(1, std::memory_order_relaxed);
  void* block = std::malloc(size ? size : 1);
  if (!block) std::abort();
  return block;
}

bb::ByteBuffer read_model(const std::string& name) {
  std::ifstream file(std::string(BB_TEST_VECTORS) + "/bench-models/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t) noexcept { std::free(block); }

using namespace bb;

TEST_CASE("a warm node allocates nothing in ten thousand polls with an envelope in and an envelope out") {
  Registry registry;
  REQUIRE(ops::add_syscall_ops(registry));
  REQUIRE(ops::add_wire_ops(registry));
  const ByteBuffer receiver = read_model("recv_bare.onnx"), sender = read_model("send1.onnx");
  auto installed = Node::install(registry, {.peer = PeerId::from(1),
                                            .addresses = {Address::p2p(PeerId::from(1))},
                                            .artifacts = {receiver, sender},
                                            .targets = {"recv_bare", "send1"},
                                            .config = {},
                                            .limits = {},
                                            .incarnation = 1});
  INFO((installed ? std::string() : installed.error().text()));
  REQUIRE(installed);
  Node& node = **installed;
  const PeerId other = PeerId::from(2);
  const Address address = Address::p2p(other);
  REQUIRE(node.add_peer(other, {&address, 1}));
  const auto handle = node.admit(PeerAttestation::of(other));
  REQUIRE(handle);

  const ByteBuffer frame = test::BareEnvelope().bytes();
  REQUIRE(frame.size() == 61);
  const std::uint8_t content[] = {7, 7, 7, 7, 7, 7, 7, 7};

  std::uint64_t now = 0, sent = 0, events = 0;
  const auto cycle = [&] {
    const bool received = node.receive(*handle, frame).kind == ReceiveStatus::Kind::accepted;
    NamedValue inputs[] = {{"x", *Value::bytes(node.memory(), content)}, {"peers", *Value::peers(node.memory(), {&other, 1})}};
    const bool invoked = node.invoke("send1", inputs).has_value();
    for (const Step& step : node.poll(now += 1'000'000).steps) {
      sent += std::holds_alternative<SendEnvelope>(step);
      events += std::holds_alternative<AppEvent>(step);
    }
    return received && invoked;
  };
  for (int i = 0; i < 1'000; ++i) REQUIRE(cycle());

  sent = events = 0;
  bool all = true;
  const std::uint64_t news_before = news.load();
  const std::uint64_t engine_before = node.stats().system_allocations;
  for (int i = 0; i < 10'000; ++i) all &= cycle();
  const std::uint64_t news_after = news.load();

  CHECK(all);
  CHECK(sent == 10'000);
  CHECK(events == 10'000);
  CHECK(news_after - news_before == 0);
  CHECK(node.stats().system_allocations - engine_before == 0);
}
