// layer: runtime
// Why something in a node does not go on.
#pragma once

#include <string>
#include <vector>

#include "bb/ids.h"
#include "bb/peer_id.h"

namespace bb {

/// Why something does not go on. Times are the engine's.
struct Wait {
  enum class Kind : std::uint8_t {
    completion,  // an op whose component, or the host, has not answered
    answer,      // an op that awaits answers of peers
    timer,       // an op that sleeps
    permit,      // an op in line for a named permit
    queue,       // an op in line for a value of a named queue
    inputs,      // an op whose inputs are not there yet
    slot,        // an op or an execution, because another execution has the component to itself
    bootstrap,   // an execution, until the running bootstrap is done
    credit,      // envelopes for a peer that may not leave yet
  };
  struct Peer {
    PeerId id;
    std::string_view link;  // `up`, `down`, `unknown`
    std::uint64_t link_since_ns = 0;
    std::uint16_t link_code = 0;  // the transport's reason for `down`
    std::uint32_t queued = 0;     // envelopes that have not left
  };
  Kind kind = Kind::completion;
  std::string target;  // base name
  std::string op;      // the node's name; empty for a whole execution
  ExecId exec;
  CommandId command;                 // of a parked op
  std::vector<std::string> missing;  // inputs: the values; slot: the slot; completion: its component's slot
  std::vector<Peer> peers;           // whom it waits for
  std::uint64_t since_ns = 0;
  std::uint64_t deadline_ns = 0;  // 0: none

  /// `completion`, ...
  static std::string_view kind_name(Kind kind);
  /// One sentence.
  std::string text() const;
};

}  // namespace bb
