// What happens around the running: snapshots of a node with 10,000 peers, and building, compiling and installing chains. Rows x and
// xi of the reference's table. A snapshot of ours is bytes already, and a restore begins with them: x_a and x_d are two rows there.
#include "bb/compiler.h"
#include "bench/workbench.h"

namespace bb::bench {
namespace {

void snapshots(Workbench& bench) {
  if (!bench.measure.wants_any("x_a", "x_d", "x_e")) return;
  const auto node = bench.install("idle");
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    const PeerId peer = PeerId::from(100 + i);
    const Address address = Address::p2p(peer);
    require(node->add_peer(peer, {&address, 1}).has_value(), "add_peer");
  }
  const auto saved = node->snapshot();
  require(saved.has_value(), "snapshot");
  std::unique_ptr<Node> fresh;
  const auto install = [&] { fresh = bench.install("idle"); };
  bench.measure.row("x_a", 1, [&] { require(node->snapshot().has_value(), "snapshot"); });
  bench.measure.row("x_d", 1, install, [&] { require(fresh->restore({saved->data(), saved->size()}).has_value(), "restore"); });
  bench.measure.row("x_e", 1, install, [&] {
    const auto bytes = node->snapshot();
    require(bytes.has_value() && fresh->restore({bytes->data(), bytes->size()}).has_value(), "snapshot and restore");
  });
  if (fresh) require(fresh->stats().peers >= 10'000, "peers of the restored node");
}

class Chain final : public Module {
 public:
  explicit Chain(int ops) : Module("Chain"), ops_(ops) {}
  void body(Graph& g) const override {
    Output value = g.input("x");
    for (int i = 0; i < ops_; ++i) value = g.pass_through(value);
    g.output("y", value);
  }

 private:
  int ops_;
};

void chains(Workbench& bench, const std::string& size, int ops) {
  const std::string build = "xi_a_" + size, compile = "xi_b_" + size, install = "xi_c_" + size;
  if (!bench.measure.wants_any(build, compile, install)) return;
  const Compiler compiler(bench.registry);
  const Chain chain(ops);
  const auto recorded = compiler.record(chain);
  require(recorded.has_value(), "record");
  const auto artifact = compiler.compile_recorded(Bytes(*recorded));
  require(artifact.has_value(), "compile");
  bench.measure.row(build, 1, [&] { require(compiler.record(chain).has_value(), "record"); });
  bench.measure.row(compile, 1, [&] { require(compiler.compile_recorded(Bytes(*recorded)).has_value(), "compile"); });
  std::unique_ptr<Node> node;
  bench.measure.row(install, 1, [&] { node.reset(); }, [&] { node = bench.install(artifact->bytes(), "Chain"); });
}

}  // namespace

void measure_setup(Workbench& bench) {
  snapshots(bench);
  chains(bench, "100", 100);
  chains(bench, "1000", 1000);
}

}  // namespace bb::bench
