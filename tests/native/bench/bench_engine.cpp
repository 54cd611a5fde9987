// The workloads of the hot path, on the very models that the reference was measured with: op dispatch, inbound envelope, send.
//   bench_engine <folder of bench-models> [--json | TEXT]      TEXT: only workloads with it in their names
//   bench_engine --calibrate                                   loops that tell what this machine's nanosecond is worth
// Prints nanoseconds per unit, the median of repetitions over 150 ms after a warm-up (docs/benchmarks.md). The same source
// runs natively and as WebAssembly.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "bb/node.h"
#include "bench/calibration.h"
#include "ops/syscalls/syscalls.h"
#include "ops/wire/wire_ops.h"
#include "support/bare_envelope.h"

namespace {

using namespace bb;
using Clock = std::chrono::steady_clock;

struct Row {
  std::string name;
  double ns = 0;
};

#ifdef __EMSCRIPTEN__
constexpr double kWarmUpNs = 800e6;  // V8's optimising compiler works beside the program, on the same core when that is pinned
#else
constexpr double kWarmUpNs = 100e6;
#endif
constexpr double kMeasureNs = 150e6;
constexpr std::size_t kRunsMin = 15;

template <class Work>
double median_ns(double units, Work work) {
  std::vector<double> runs;
  const auto began = Clock::now();
  const auto since = [](Clock::time_point start) { return std::chrono::duration<double, std::nano>(Clock::now() - start).count(); };
  while (since(began) < kWarmUpNs) work();
  const auto measured = Clock::now();
  while (runs.size() < kRunsMin || since(measured) < kMeasureNs) {
    const auto start = Clock::now();
    work();
    runs.push_back(since(start) / units);
  }
  const auto middle = runs.begin() + static_cast<std::ptrdiff_t>(runs.size() / 2);
  std::nth_element(runs.begin(), middle, runs.end());
  return *middle;
}

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "bench_engine: %s\n", what);
  std::exit(1);
}

class Bench {
 public:
  Bench(std::string folder, std::string only) : folder_(std::move(folder)), only_(std::move(only)) {
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
  template <class Work>
  void row(std::string name, double units, Work work) {
    if (name.find(only_) != std::string::npos) rows_.push_back({std::move(name), median_ns(units, work)});
  }

  void idle() {
    auto node = install("idle");
    row("idle poll", 10'000, [&] {
      for (int i = 0; i < 10'000; ++i) poll(*node);
    });
  }

  void chain(std::size_t bytes, StepMask mask, std::string name) {
    auto node = install("chain1000", mask);
    row(std::move(name), 1000, [&] {
      require(node->deliver_event("chain1000", "x", payload(*node, bytes)).has_value(), "deliver_event");
      require(poll(*node) == (mask.ops ? 1001u : 1u), "steps of the chain");
    });
  }

  void fan_out() {
    auto node = install("fanout100");
    row("op dispatch, fan-out 1 to 100 and join", 20 * 102, [&] {
      for (int i = 0; i < 20; ++i) {
        require(node->deliver_event("fanout100", "x", payload(*node, 8)).has_value(), "deliver_event");
        require(poll(*node) == 103, "steps of the fan-out");
      }
    });
  }

  void diamonds() {
    auto node = install("diamond250");
    row("op dispatch, 250 stacked diamonds", 750, [&] {
      require(node->deliver_event("diamond250", "x", payload(*node, 8)).has_value(), "deliver_event");
      require(poll(*node) == 751, "steps of the diamonds");
    });
  }

  void inbound(int batch) {
    auto node = install("recv_bare");
    const auto peer = node->admit(UnverifiedPeer::claim(PeerId::from(2)));
    require(peer.has_value(), "admit");
    const ByteBuffer bytes = test::BareEnvelope().bytes();
    require(bytes.size() == 61, "the envelope is not 61 bytes");
    row("inbound envelope to one op, batch " + std::to_string(batch), 1024, [&] {
      for (int i = 0; i < 1024; i += batch) {
        for (int k = 0; k < batch; ++k) require(node->receive(*peer, bytes).kind == ReceiveStatus::Kind::accepted, "receive");
        require(poll(*node) == 2u * static_cast<std::size_t>(batch), "steps of the envelopes");
      }
    });
  }

  void decode() {
    const ByteBuffer bytes = test::BareEnvelope().bytes();
    wire::EnvelopeView view;
    row("envelope decode", 10'000, [&] {
      for (int i = 0; i < 10'000; ++i) require(view.parse(bytes, {}).has_value(), "parse");
    });
  }

  void send(int fan, int invokes) {
    auto node = install("send1");
    std::vector<PeerId> ids;
    for (int i = 0; i < fan; ++i) {
      ids.push_back(PeerId::from(100 + static_cast<std::uint64_t>(i)));
      const Address address = Address::p2p(ids.back());
      require(node->add_peer(ids.back(), {&address, 1}).has_value(), "add_peer");
    }
    row("send one envelope, fan " + std::to_string(fan), invokes * fan, [&] {
      for (int i = 0; i < invokes; ++i) {
        NamedValue inputs[] = {{"x", payload(*node, 8)}, {"peers", *Value::peers(node->memory(), ids)}};
        require(node->invoke("send1", inputs).has_value(), "invoke");
        const Poll result = node->poll(now_ += 1000, UINT32_MAX);
        std::size_t bytes = 0;
        for (const Step& step : result.steps)
          if (const auto* sent = std::get_if<SendEnvelope>(&step)) bytes += sent->bytes().size();
        require(bytes > 0, "nothing was sent");
      }
    });
  }

  void encode() {
    const test::BareEnvelope envelope;
    ByteBuffer bytes;
    row("envelope encode", 10'000, [&] {
      for (int i = 0; i < 10'000; ++i) {
        bytes.clear();
        wire::write_envelope(envelope.fields(), bytes);
      }
      require(bytes.size() == 61, "the envelope is not 61 bytes");
    });
  }

  void events(int batch) {
    auto node = install("ev1");
    row("event of 1 KiB in and out, batch " + std::to_string(batch), 2048, [&] {
      for (int i = 0; i < 2048; i += batch) {
        for (int k = 0; k < batch; ++k) require(node->deliver_event("ev1", "x", payload(*node, 1024)).has_value(), "deliver_event");
        require(poll(*node) == 2u * static_cast<std::size_t>(batch), "steps of the events");
      }
    });
  }

  std::string folder_;
  std::string only_;  // measured is what has this in its name
  Registry registry_;
  std::vector<Row> rows_;
  std::uint64_t now_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  require(argc >= 2, "usage: bench_engine --calibrate | <folder of bench-models> [--json | TEXT]");
  if (std::string_view(argv[1]) == "--calibrate") {
    const bench::Calibration calibration = bench::calibrate();
    std::printf("{\"map\":%.3f,\"alloc\":%.3f,\"dispatch\":%.3f,\"copy\":%.6f}\n", calibration.map_ns, calibration.alloc_ns,
                calibration.dispatch_ns, calibration.copy_ns);
    return 0;
  }
  const bool json = argc > 2 && std::string_view(argv[2]) == "--json";
  const std::vector<Row> rows = Bench(argv[1], argc > 2 && !json ? argv[2] : "").run();
  std::printf(json ? "{\"rows\":[" : "");
  for (std::size_t i = 0; i < rows.size(); ++i)
    std::printf(json ? "%s{\"name\":\"%s\",\"ns\":%.3f}" : "%s%s: %.1f ns\n", json && i > 0 ? "," : "", rows[i].name.c_str(),
                rows[i].ns);
  std::printf(json ? "]}\n" : "");
  return 0;
}
