// The scripted runs of the reference (traces/*.json), played on this engine and compared step by step. Where ours must differ, a row of
// traces/differences.json says exactly how and why; a row that nothing needs is a failure, as is a difference without a row.
#pragma once

#include "golden/trace_script.h"

namespace bb::golden {

/// `traces/differences.json`.
class Differences {
 public:
  Differences(Checker& check, const Json& file);

  /// What a trace is played with besides its own files.
  struct Adaptation {
    Limits limits;
    std::string model;  // the given one, or one with attributes set that the reference does not read
  };
  Adaptation adapt(Checker& check, std::string_view trace, Bytes model);
  /// Compares one element of a script; -1 is the install.
  void judge(Checker& check, std::string_view trace, int at, const Lines& reference, const Lines& ours);
  /// Rows and reasons that nothing has needed are failures.
  void finish(Checker& check) const;

 private:
  struct Row {
    std::string trace;
    int at = 0;
    std::vector<std::string> reasons;
    Lines lines;  // `-` of the reference, `+` of this engine, ` ` of both
    bool used = false;
  };
  struct Adapted {
    std::string trace;
    std::string why;
    Json with;
    bool used = false;
  };
  std::vector<Row> rows_;
  std::vector<Adapted> adapted_;
  std::map<std::string, bool> reasons_;  // and whether a row uses it
};

/// The lines as a row of the table holds them.
Lines difference_of(const Lines& reference, const Lines& ours);

/// `traces/install_errors.json`, and an install of every model of the benchmarks.
void check_installs(Checker& check, Differences& differences, std::span<const VectorFile> files, const Registry& registry);
/// What ships, and the stub components and ops of the traces.
Registry trace_registry();

}  // namespace bb::golden
