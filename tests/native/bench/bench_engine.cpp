// The workloads of the reference's table (docs/performance.md), natively and as WebAssembly from one source.
//   bench_engine <folder of bench-models> [--json] [--rows KEY,...]   nanoseconds per unit
//   bench_engine <folder of bench-models> --count KEY                 one repetition within `bench_counted`; prints its units
//   bench_engine --calibrate                                         what this machine's nanosecond is worth
#include "bench/calibration.h"
#include "bench/workbench.h"
#include "ops/registry.h"

namespace bb::bench {

extern "C" {
[[gnu::noinline]] void bench_counted(Counted call, void* context) {
  call(context);
  asm volatile("");  // the call above is no tail call, so this function is on the stack while it runs
}
}

namespace {

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> parts;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    parts.emplace_back(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return parts;
}

int run(int argc, char** argv) {
  require(argc >= 2, "usage: bench_engine --calibrate | <folder of bench-models> [--json] [--rows KEY,...] [--count KEY]");
  if (std::string_view(argv[1]) == "--calibrate") {
    const Calibration calibration = calibrate();
    std::printf("{\"map\":%.3f,\"alloc\":%.3f,\"dispatch\":%.3f,\"copy\":%.6f}\n", calibration.map_ns, calibration.alloc_ns,
                calibration.dispatch_ns, calibration.copy_ns);
    return 0;
  }
  bool json = false, count = false;
  std::vector<std::string> keys;
  for (int i = 2; i < argc; ++i) {
    const std::string_view option = argv[i];
    const bool has_value = option == "--rows" || option == "--count";
    require(has_value ? i + 1 < argc : option == "--json", "unknown option, or one without its value");
    if (!has_value) {
      json = true;
      continue;
    }
    count = count || option == "--count";
    keys = split(argv[++i]);
  }
  Measure measure(keys, count);
  Workbench bench(argv[1], measure);
  bench.registry = ops::builtin_registry();
  measure_hot_path(bench);
  measure_waiting(bench);
  measure_tensors(bench);
  measure_setup(bench);
  const std::vector<Row>& rows = measure.rows();
  require(keys.empty() || rows.size() == keys.size(), "a key is not that of a workload");
  std::printf(json ? "{\"rows\":[" : "");
  for (std::size_t i = 0; i < rows.size(); ++i)
    std::printf(json ? "%s{\"key\":\"%s\",\"ns\":%.3f}" : "%s%s: %.1f\n", json && i > 0 ? "," : "", rows[i].key.c_str(),
                rows[i].ns);
  std::printf(json ? "]}\n" : "");
  return 0;
}

}  // namespace
}  // namespace bb::bench

int main(int argc, char** argv) { return bb::bench::run(argc, argv); }
