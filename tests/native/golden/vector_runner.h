// Compares the engine with the vectors that the reference printed (tests/vectors): peer ids, addresses, values, envelopes.
// Plain C++ without a test framework and without file access, so that native and WebAssembly tests run the same code.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bb/bytes.h"

namespace bb::golden {

/// One vector file: its path below the vector directory, with `/`, and its content.
struct VectorFile {
  std::string_view name;
  Bytes content;
};

struct VectorReport {
  std::uint64_t checks = 0;
  std::uint64_t failed = 0;
  std::vector<std::string> failures;  // the first kFailuresKept texts
  std::uint64_t excused = 0;          // comparisons that a row of `known_differences` decided
};

inline constexpr std::size_t kFailuresKept = 100;

/// A place where the reference does one thing and this engine another, on purpose.
struct KnownDifference {
  std::string_view file;
  std::string_view field;
  std::string_view subject;  // a type name; "*" for every case of the field
  std::string_view reason;
};

/// Every excuse there is; nothing else is excused.
std::span<const KnownDifference> known_differences();

/// Runs every case of every file. A missing file, a field that nobody compares and too few checks are failures.
VectorReport run_vectors(std::span<const VectorFile> files);

/// Plays every trace, installs what `install_errors.json` describes and the models of the benchmarks.
VectorReport run_traces(std::span<const VectorFile> files);

/// The counts in one line, then one line a failure.
std::string report_text(const VectorReport& report, std::string_view what = "vectors");

}  // namespace bb::golden
