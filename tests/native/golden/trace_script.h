// Plays a trace's script on a node of this engine: each element gives what the reference showed and what this engine shows.
#pragma once

#include <memory>

#include "golden/trace_lines.h"

namespace bb::golden {

/// What a trace needs besides its file.
struct TraceSetup {
  const Registry& registry;
  Bytes model;
  std::span<const VectorFile> files;  // snapshots that scripts name
  Limits limits;
};

class TracePlayer {
 public:
  /// `trace` is its file; it and the setup's bytes must outlive the player.
  TracePlayer(Checker& check, const Json& trace, TraceSetup setup);

  /// False when the artifact is refused; nothing can be played then.
  bool install(Lines& reference, Lines& ours);
  void play(const Json& element, Lines& reference, Lines& ours);

 private:
  using Both = std::pair<Lines&, Lines&>;

  std::string installed();
  void play_verb(const std::string& verb, Fields& fields, Both out);
  void play_poll(Fields& fields, Both out);
  void play_bootstrap(Fields& fields, Both out);
  void play_flood(Fields& fields, Both out);
  void play_delivery(Fields& fields, Both out);
  void play_look(Fields& fields, Both out);
  void play_restore(Bytes snapshot, Fields& fields, Both out);
  void play_snapshot_errors(Fields& fields, Both out);
  void show_addresses(const PeerId& peer, Lines& out) const;
  /// Polls once at the time that the script has reached; false when nothing came of it.
  bool poll(Lines& out, bool& waiting);
  void reach(std::uint64_t now_ns) { now_ns_ = std::max(now_ns_, now_ns); }
  PeerHandle sender(std::uint64_t peer);
  ReceiveStatus receive(std::uint64_t peer, Bytes frame);
  Value bytes_value(Bytes bytes);
  /// Script values are hex, or length and hash of equal bytes.
  ByteBuffer value_of(const Json& value);

  Checker& check_;
  TraceSetup setup_;
  TraceNames names_;
  SentEnvelopes sent_;
  PeerId self_;
  std::vector<Address> addresses_;
  std::vector<std::string> targets_;
  std::unique_ptr<Node> node_;
  std::uint64_t now_ns_ = 0;
};

}  // namespace bb::golden
