// layer: ir
// A compiled program: plain ModelProto bytes, and what a host needs to know of them: targets and the ports of each.
#pragma once

#include <string>
#include <vector>

#include "bb/bytes.h"
#include "bb/error.h"

namespace bb {

struct PortTable {
  struct Entry {
    std::string name;
    std::string type;  // TypeNode id; of a type that is not built in, its denotation; "any" when the port takes any value
  };
  std::vector<Entry> inputs;
  std::vector<Entry> outputs;
};

class Artifact {
 public:
  /// Errors: those of reading a model (over_cap, malformed, invalid_utf8, ...), bad_version (not compiled, or by an
  /// incompatible compiler), bad_argument (a port table that does not read).
  static Result<Artifact> from(Bytes bytes);

  const ByteBuffer& bytes() const { return bytes_; }
  /// Base names, in the order of the artifact: `Round`, `Round_servers`.
  std::vector<std::string> targets() const;
  /// The function of a target (`Round` → `Round#0123456789abcdef`); empty when there is none. Full names are found, too.
  std::string_view function_of(std::string_view target) const;
  /// nullptr when there is no such target.
  const PortTable* ports(std::string_view target) const;

 private:
  struct Target {
    std::string base;
    std::string function;
    PortTable ports;
  };
  const Target* find(std::string_view target) const;

  ByteBuffer bytes_;
  std::vector<Target> targets_;
};

}  // namespace bb
