// The workloads of the hot path, on the very models that the reference was measured with: op dispatch, inbound envelope, send.
//   bench_engine <folder of bench-models> [--json]
// Prints nanoseconds per unit, the median of 15 repetitions, beside the calibration loops that tell what this machine's
// nanosecond is worth (docs/benchmarks.md). The same source runs natively and as WebAssembly.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "bb/node.h"
#include "bench/calibration.h"
#include "ops/syscalls/syscalls.h"
#include "ops/wire/wire_ops.h"
#include "wire/envelope_writer.h"

namespace {

using namespace bb;
using Clock = std::chrono::steady_clock;

struct Row {
  std::string name;
  double ns = 0;
};

// One repetition warms up; `reset` runs between repetitions, untimed.
template <class Work, class Reset>
double median_ns(double units, Work work, Reset reset) {
  std::vector<double> runs;
  for (int i = 0; i < 16; ++i) {
    const auto start = Clock::now();
    work();
    const double ns = std::chrono::duration<double, std::nano>(Clock::now() - start).count();
    reset();
    if (i > 0) runs.push_back(ns / units);
  }
  std::nth_element(runs.begin(), runs.begin() + 7, runs.end());
  return runs[7];
}
template <class Work>
double median_ns(double units, Work work) {
  return median_ns(units, work, [] {});
}

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "bench_engine: %s\n", what);
  std::exit(1);
}

class Bench {
 public:
  explicit Bench(std::string folder) : folder_(std::move(folder)) {
    require(ops::add_syscall_ops(registry_).has_value() && ops::add_wire_ops(registry_).has_value(), "ops");
  }

  std::vector<Row> run() {
    idle();
    chain(8, StepMask::all(), "op dispatch in a chain of 1000, a step per op");
    chain(8, StepMask{}, "op dispatch in a chain of 1000, steps masked");
    chain(1024, StepMask::all(), "op dispatch in a chain of 1000, 1 KiB payload");
    fan_out();
    diamonds();
    inbound(1);
    inbound(64);
    decode();
    send(1, 1024);
    send(16, 64);
    encode();
    events(1);
    events(64);
    return rows_;
  }

 private:
  std::unique_ptr<Node> install(const std::string& model, StepMask mask = StepMask::all()) {
    std::ifstream file(folder_ + "/" + model + ".onnx", std::ios::binary);
    const ByteBuffer bytes{std::istreambuf_iterator<char>(file), {}};
    require(!bytes.empty(), ("cannot read " + folder_ + "/" + model + ".onnx").c_str());
    Limits limits;
    limits.ingress_max = 8192;
    auto node = Node::install(registry_, {.peer = PeerId::from(1),
                                          .addresses = {Address::p2p(PeerId::from(1))},
                                          .artifacts = {bytes},
                                          .targets = {model},
                                          .config = {},
                                          .limits = limits,
                                          .seed = 1,
                                          .incarnation = 1,
                                          .mask = mask});
    if (!node) require(false, node.error().text().c_str());
    return std::move(*node);
  }
  std::size_t poll(Node& node) {
    const Poll result = node.poll(now_ += 1000, UINT32_MAX);
    require(!result.more, "a poll left work");
    return result.steps.size();
  }
  Value payload(Node& node, std::size_t size) {
    const ByteBuffer content(size, 7);
    return *Value::bytes(node.memory(), content);
  }
  void row(std::string name, double ns) { rows_.push_back({std::move(name), ns}); }

  void idle() {
    auto node = install("idle");
    row("idle poll", median_ns(10'000, [&] {
          for (int i = 0; i < 10'000; ++i) poll(*node);
        }));
  }

  void chain(std::size_t bytes, StepMask mask, std::string name) {
    auto node = install("chain1000", mask);
    row(std::move(name), median_ns(1000, [&] {
          require(node->deliver_event("chain1000", "x", payload(*node, bytes)).has_value(), "deliver_event");
          require(poll(*node) == (mask.ops ? 1001u : 1u), "steps of the chain");
        }));
  }

  void fan_out() {
    auto node = install("fanout100");
    row("op dispatch, fan-out 1 to 100 and join", median_ns(20 * 102, [&] {
          for (int i = 0; i < 20; ++i) {
            require(node->deliver_event("fanout100", "x", payload(*node, 8)).has_value(), "deliver_event");
            require(poll(*node) == 103, "steps of the fan-out");
          }
        }));
  }

  void diamonds() {
    auto node = install("diamond250");
    row("op dispatch, 250 stacked diamonds", median_ns(750, [&] {
          require(node->deliver_event("diamond250", "x", payload(*node, 8)).has_value(), "deliver_event");
          require(poll(*node) == 751, "steps of the diamonds");
        }));
  }

  // 61 bytes: one destination, one fill of eight bytes for site 0, correlation present and empty.
  ByteBuffer envelope() {
    const ByteBuffer destination = Address::p2p(PeerId::from(1)).to_bytes();
    const ByteBuffer suffix = Address().with(SiteId{0}).to_bytes();
    const std::uint8_t content[16] = {8, 0, 0, 0, 0, 0, 0, 0, 7, 7, 7, 7, 7, 7, 7, 7};
    const Bytes destinations[] = {destination};
    const wire::FillFields fills[] = {
        {.suffix = suffix, .payload = content, .type_hash = carrier_hash(Carrier::bytes)}};
    ByteBuffer bytes;
    wire::write_envelope({.destinations = destinations, .fills = fills, .has_correlation = true, .reports = {}, .source_peer = {}, .source_addresses = {}}, bytes);
    require(bytes.size() == 61, "the envelope is not 61 bytes");
    return bytes;
  }

  void inbound(int batch) {
    auto node = install("recv_bare");
    const auto peer = node->admit(UnverifiedPeer::claim(PeerId::from(2)));
    require(peer.has_value(), "admit");
    const ByteBuffer bytes = envelope();
    row("inbound envelope to one op, batch " + std::to_string(batch), median_ns(1024, [&] {
          for (int i = 0; i < 1024; i += batch) {
            for (int k = 0; k < batch; ++k)
              require(node->receive(*peer, bytes).kind == ReceiveStatus::Kind::accepted, "receive");
            require(poll(*node) == 2u * static_cast<std::size_t>(batch), "steps of the envelopes");
          }
        }));
  }

  void decode() {
    const ByteBuffer bytes = envelope();
    wire::EnvelopeView view;
    row("envelope decode", median_ns(10'000, [&] {
          for (int i = 0; i < 10'000; ++i) require(view.parse(bytes, {}).has_value(), "parse");
        }));
  }

  void send(int fan, int invokes) {
    auto node = install("send1");
    std::vector<PeerId> ids;
    for (int i = 0; i < fan; ++i) {
      ids.push_back(PeerId::from(100 + static_cast<std::uint64_t>(i)));
      const Address address = Address::p2p(ids.back());
      require(node->add_peer(ids.back(), {&address, 1}).has_value(), "add_peer");
    }
    row("send one envelope, fan " + std::to_string(fan), median_ns(invokes * fan, [&] {
          for (int i = 0; i < invokes; ++i) {
            NamedValue inputs[] = {{"x", payload(*node, 8)}, {"peers", *Value::peers(node->memory(), ids)}};
            require(node->invoke("send1", inputs).has_value(), "invoke");
            const Poll result = node->poll(now_ += 1000, UINT32_MAX);
            std::size_t bytes = 0;
            for (const Step& step : result.steps)
              if (const auto* sent = std::get_if<SendEnvelope>(&step)) bytes += sent->bytes().size();
            require(bytes > 0, "nothing was sent");
          }
        }));
  }

  void encode() {
    const ByteBuffer destination = Address::p2p(PeerId::from(1)).to_bytes();
    const ByteBuffer suffix = Address().with(SiteId{0}).to_bytes();
    const std::uint8_t content[16] = {8, 0, 0, 0, 0, 0, 0, 0, 7, 7, 7, 7, 7, 7, 7, 7};
    const Bytes destinations[] = {destination};
    const wire::FillFields fills[] = {
        {.suffix = suffix, .payload = content, .type_hash = carrier_hash(Carrier::bytes)}};
    ByteBuffer bytes;
    row("envelope encode", median_ns(10'000, [&] {
          for (int i = 0; i < 10'000; ++i) {
            bytes.clear();
            wire::write_envelope({.destinations = destinations, .fills = fills, .has_correlation = true, .reports = {}, .source_peer = {}, .source_addresses = {}}, bytes);
          }
          require(bytes.size() == 61, "the envelope is not 61 bytes");
        }));
  }

  void events(int batch) {
    auto node = install("ev1");
    row("event of 1 KiB in and out, batch " + std::to_string(batch), median_ns(2048, [&] {
          for (int i = 0; i < 2048; i += batch) {
            for (int k = 0; k < batch; ++k)
              require(node->deliver_event("ev1", "x", payload(*node, 1024)).has_value(), "deliver_event");
            require(poll(*node) == 2u * static_cast<std::size_t>(batch), "steps of the events");
          }
        }));
  }

  std::string folder_;
  Registry registry_;
  std::vector<Row> rows_;
  std::uint64_t now_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  require(argc >= 2, "usage: bench_engine <folder of bench-models> [--json]");
  const bool json = argc > 2 && std::string_view(argv[2]) == "--json";
  const bench::Calibration calibration = bench::calibrate();
  const std::vector<Row> rows = Bench(argv[1]).run();
  std::printf(json ? "{\"calibration\":{\"map\":%.3f,\"alloc\":%.3f,\"dispatch\":%.3f,\"copy\":%.6f},\"rows\":[" :
                     "map %.1f ns, alloc %.1f ns, dispatch %.2f ns, copy %.3f ns\n",
              calibration.map_ns, calibration.alloc_ns, calibration.dispatch_ns, calibration.copy_ns);
  for (std::size_t i = 0; i < rows.size(); ++i)
    std::printf(json ? "%s{\"name\":\"%s\",\"ns\":%.3f}" : "%s%s: %.1f ns\n", json && i > 0 ? "," : "", rows[i].name.c_str(),
                rows[i].ns);
  std::printf(json ? "]}\n" : "");
  return 0;
}
