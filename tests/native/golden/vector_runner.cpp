// The table of known differences, the floors, and the order in which the files run.
#include "golden/vector_runner.h"

#include "golden/vector_check.h"

namespace bb::golden {
namespace {

constexpr KnownDifference kKnownDifferences[] = {
    {"values.json", "wire_decoder_registered", "*",
     "the reference can send these types but not read them; here every type that is sent can be read"},
    {"values.json", "runtime_type", "*",
     "types that the reference only knows as `any` have nodes of their own or are accepted by a concrete node"},
    {"values.json", "decoded_hash", "alloc::boxed::Box<bb_ops::backends::cpu::tensor::CpuTensor>",
     "one carrier holds every f32 tensor, and it is written as CpuTensor"},
    {"values.json", "decoded_hash", "alloc::boxed::Box<[f32]>",
     "one carrier holds every f32 tensor, and it is written as CpuTensor"},
    {"values.json", "decoded_payload", "alloc::boxed::Box<[f32]>",
     "a bare f32 list becomes a tensor of rank 1, and is written as CpuTensor"},
    {"values.json", "decoded_hash", "alloc::vec::Vec<bb_ir::ids::PeerId>",
     "one carrier holds every list of peers, and it is written as PeerIdVecValue"},
};

// Fewer comparisons than this mean that a file has lost its cases, and then a pass would say nothing.
constexpr std::uint64_t kAddressChecksMin = 1500;
constexpr std::uint64_t kValueChecksMin = 1000;
constexpr std::uint64_t kEnvelopeChecksMin = 3500;

template <class Run>
void run_file(Checker& check, std::span<const VectorFile> files, std::string_view name, std::uint64_t checks_min, Run run) {
  check.enter(std::string(name), "file");
  const VectorFile* file = find_file(files, name);
  if (!check.expect(file != nullptr, "is there")) return;
  const std::string_view text = as_text(file->content);
  const Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!check.expect(json.is_object(), "is a JSON object")) return;
  const std::uint64_t before = check.checks();
  run(json);
  const std::uint64_t done = check.checks() - before;
  check.enter(std::string(name), "file");
  check.expect(done >= checks_min,
               "only " + std::to_string(done) + " comparisons, at least " + std::to_string(checks_min) + " expected");
}

}  // namespace

std::span<const KnownDifference> known_differences() { return kKnownDifferences; }

VectorReport run_vectors(std::span<const VectorFile> files) {
  VectorReport report;
  Checker check(report);
  run_file(check, files, "addresses.json", kAddressChecksMin, [&](const Json& json) { check_addresses(check, json); });
  run_file(check, files, "values.json", kValueChecksMin, [&](const Json& json) { check_values(check, json); });
  run_file(check, files, "envelopes/envelopes.json", kEnvelopeChecksMin,
           [&](const Json& json) { check_envelopes(check, json, files); });
  return report;
}

std::string report_text(const VectorReport& report, std::string_view what) {
  std::string text = std::string(what) + ": " + std::to_string(report.checks) + " checks, " + std::to_string(report.failed) +
                     " failed, " + std::to_string(report.excused) + " known differences\n";
  for (const std::string& failure : report.failures) text += failure + "\n";
  if (report.failed > report.failures.size())
    text += "... and " + std::to_string(report.failed - report.failures.size()) + " more\n";
  return text;
}

}  // namespace bb::golden
