// What nodes cost in memory: one that idles, one that is sent 16 MiB of nothing, and ten thousand that talk to each other.
//   bb_bench_memory <folder of bench-models> [--nodes COUNT --envelopes COUNT]      prints JSON; without --nodes the first two only
#include "bb/compiler.h"
#include "bench/allocations.h"
#include "bench/workbench.h"
#include "ops/registry.h"
#include "support/attestation.h"
#include "support/bare_envelope.h"

namespace bb::bench {
namespace {

class TenOps final : public Module {
 public:
  TenOps() : Module("TenOps") {}
  void body(Graph& g) const override {
    Output value = g.input("x");
    for (int i = 0; i < 10; ++i) value = g.pass_through(value);
    g.output("y", value);
  }
};

void idle_node(Workbench& bench) {
  const auto artifact = Compiler(bench.registry).compile(TenOps());
  require(artifact.has_value(), "compile");
  constexpr std::uint64_t kSizes[] = {0, 64, 256, 1'024, 4'096};
  const auto install = [&] {
    auto node = Node::install(bench.registry, {.peer = PeerId::from(1),
                                               .addresses = {Address::p2p(PeerId::from(1))},
                                               .artifacts = {artifact->bytes()},
                                               .targets = {"TenOps"},
                                               .seed = 1,
                                               .incarnation = 1});
    require(node.has_value(), "install");
    return std::move(*node);
  };
  (void)install();  // what the program does once does not count
  std::vector<Allocations> before;
  before.reserve(std::size(kSizes) + 1);
  before.push_back(allocations());
  for (const std::uint64_t size : kSizes) before.push_back(allocations_from(size));
  const auto node = install();
  const Allocations installed = allocations();
  std::printf("\"idle_node\":{\"bytes\":%llu,\"blocks\":%llu,\"values\":%llu,\"from_size\":{",
              static_cast<unsigned long long>(installed.bytes - before[0].bytes),
              static_cast<unsigned long long>(installed.blocks - before[0].blocks),
              static_cast<unsigned long long>(node->stats().memory_bytes));
  for (std::size_t i = 0; i < std::size(kSizes); ++i) {
    const Allocations now = allocations_from(kSizes[i]);
    std::printf("%s\"%llu\":[%llu,%llu]", i > 0 ? "," : "", static_cast<unsigned long long>(kSizes[i]),
                static_cast<unsigned long long>(now.blocks - before[i + 1].blocks),
                static_cast<unsigned long long>(now.bytes - before[i + 1].bytes));
  }
  const Allocations ran_before = allocations();
  bench.deliver(*node, "TenOps", "x", 8);
  (void)node->poll(1000, UINT32_MAX);
  (void)node->poll(2000, UINT32_MAX);
  std::printf("},\"after_an_event\":%llu}",
              static_cast<unsigned long long>(allocations().bytes - ran_before.bytes + installed.bytes - before[0].bytes));
}

// An envelope in and an envelope out per poll.
void warm_polls(Workbench& bench) {
  const ByteBuffer sender = bench.model("send1"), receiver = bench.model("recv_bare");
  auto installed = Node::install(bench.registry, {.peer = PeerId::from(1),
                                                  .addresses = {Address::p2p(PeerId::from(1))},
                                                  .artifacts = {receiver, sender},
                                                  .targets = {"recv_bare", "send1"},
                                                  .seed = 1,
                                                  .incarnation = 1});
  require(installed.has_value(), "install");
  Node& node = **installed;
  const PeerId other = PeerId::from(2);
  const Address address = Address::p2p(other);
  require(node.add_peer(other, {&address, 1}).has_value(), "add_peer");
  const PeerHandle from = bench.sender(node);
  const ByteBuffer frame = test::BareEnvelope().bytes();
  const std::uint8_t content[] = {7, 7, 7, 7, 7, 7, 7, 7};
  constexpr int kPolls = 10'000;
  std::uint64_t now = 0, made = 0;
  for (int i = -kPolls; i < kPolls; ++i) {
    if (i == 0) made = allocations().made;
    bench.receive(node, from, frame);
    NamedValue inputs[] = {{"x", *Value::bytes(node.memory(), content)}, {"peers", *Value::peers(node.memory(), {&other, 1})}};
    require(node.invoke("send1", inputs).has_value(), "invoke");
    require(node.poll(now += 1'000'000).steps.size() == 2, "an event and an envelope");
  }
  std::printf("\"warm\":{\"polls\":%d,\"allocations\":%llu}", kPolls, static_cast<unsigned long long>(allocations().made - made));
}

// `12 00`, a fill with nothing in it, as often as an envelope may be long: refused for what it says, before anything is kept of it.
void hostile_envelope(Workbench& bench) {
  const auto node = bench.install("recv_bare");
  const PeerHandle peer = bench.sender(*node);
  ByteBuffer frame(EnvelopeCaps{}.total_bytes_max);
  for (std::size_t i = 0; i < frame.size(); i += 2) frame[i] = 0x12, frame[i + 1] = 0x00;
  const Limits limits;
  double best_ns = 1e18;
  std::uint64_t most = 0;
  for (std::uint32_t i = 0; i < limits.malformed_frames_max - 1; ++i) {  // one more, and the peer is not listened to
    const std::uint64_t before = allocations().bytes;
    reset_peak();
    const auto start = std::chrono::steady_clock::now();
    const ReceiveStatus status = node->receive(peer, frame);
    const double ns = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
    require(status.kind == ReceiveStatus::Kind::malformed, "the hostile envelope was not refused as malformed");
    most = std::max(most, std::max(allocations().peak, before) - before);
    best_ns = std::min(best_ns, ns);
  }
  std::printf("\"hostile_envelope\":{\"bytes\":%zu,\"memory\":%llu,\"ns\":%.0f}", frame.size(),
              static_cast<unsigned long long>(most), best_ns);
}

#ifndef __EMSCRIPTEN__

std::uint64_t peak_resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::strtoull(line.c_str() + 6, nullptr, 10);
  require(false, "no VmHWM in /proc/self/status");
  return 0;
}

// A ring: each node sends to the next, what arrives starts an execution there.
void many_nodes(Workbench& bench, std::uint64_t count, std::uint64_t envelopes) {
  const ByteBuffer sender = bench.model("send1"), receiver = bench.model("recv_bare");
  struct Member {
    std::unique_ptr<Node> node;
    PeerHandle previous;
  };
  const auto id = [&](std::uint64_t i) { return PeerId::from(1'000 + i % count); };
  std::vector<Member> ring(count);
  const std::uint64_t before = allocations().bytes;
  for (std::uint64_t i = 0; i < count; ++i) {
    auto node = Node::install(bench.registry, {.peer = id(i),
                                               .addresses = {Address::p2p(id(i))},
                                               .artifacts = {receiver, sender},
                                               .targets = {"recv_bare", "send1"},
                                               .seed = i,
                                               .incarnation = 1});
    require(node.has_value(), "install");
    ring[i].node = std::move(*node);
    const Address next = Address::p2p(id(i + 1));
    require(ring[i].node->add_peer(id(i + 1), {&next, 1}).has_value(), "add_peer");
    const auto previous = ring[i].node->admit(PeerAttestation::of(id(i + count - 1)));
    require(previous.has_value(), "admit");
    ring[i].previous = *previous;
  }
  const std::uint64_t installed = allocations().bytes - before;
  const auto start = std::chrono::steady_clock::now();
  std::uint64_t sent = 0, arrived = 0, now = 0;
  ByteBuffer frame;
  while (sent < envelopes) {
    now += 1'000'000;
    for (std::uint64_t i = 0; i < count && sent < envelopes; ++i) {
      Node& node = *ring[i].node;
      const PeerId to = id(i + 1);
      NamedValue inputs[] = {{"x", bench.payload(node, 8)}, {"peers", *Value::peers(node.memory(), {&to, 1})}};
      require(node.invoke("send1", inputs).has_value(), "invoke");
      for (const Step& step : node.poll(now, UINT32_MAX).steps) {
        arrived += std::holds_alternative<AppEvent>(step);
        const auto* send = std::get_if<SendEnvelope>(&step);
        if (!send) continue;
        ++sent;
        frame = send->bytes();
        Member& next = ring[(i + 1) % count];
        bench.receive(*next.node, next.previous, frame);
      }
    }
  }
  for (Member& member : ring)
    for (const Step& step : member.node->poll(now + 1, UINT32_MAX).steps) arrived += std::holds_alternative<AppEvent>(step);
  const double ns = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
  require(arrived == sent, "not every envelope arrived");
  std::printf(
      ",\"many_nodes\":{\"nodes\":%llu,\"envelopes\":%llu,\"installed_bytes\":%llu,\"bytes\":%llu,\"peak_rss_kib\":%llu,"
      "\"ns_per_envelope\":%.1f}",
      static_cast<unsigned long long>(count), static_cast<unsigned long long>(sent), static_cast<unsigned long long>(installed),
      static_cast<unsigned long long>(allocations().bytes - before), static_cast<unsigned long long>(peak_resident_kib()),
      ns / static_cast<double>(sent));
}

#endif

int run(int argc, char** argv) {
  require(argc >= 2, "usage: bb_bench_memory <folder of bench-models> [--nodes COUNT --envelopes COUNT]");
  std::uint64_t nodes = 0, envelopes = 0;
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string_view option = argv[i];
    require(option == "--nodes" || option == "--envelopes", "unknown option");
    (option == "--nodes" ? nodes : envelopes) = std::strtoull(argv[i + 1], nullptr, 10);
  }
  Measure measure({}, false);
  Workbench bench(argv[1], measure);
  bench.registry = ops::builtin_registry();
  std::printf("{");
  idle_node(bench);
  std::printf(",");
  hostile_envelope(bench);
  std::printf(",");
  warm_polls(bench);
#ifndef __EMSCRIPTEN__
  if (nodes > 0) many_nodes(bench, nodes, envelopes);
#else
  require(nodes == 0 && envelopes == 0, "many nodes are measured natively");
#endif
  std::printf("}\n");
  return 0;
}

}  // namespace
}  // namespace bb::bench

int main(int argc, char** argv) { return bb::bench::run(argc, argv); }
