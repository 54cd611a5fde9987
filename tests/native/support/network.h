// Several nodes in one process, joined by a bus that is as deterministic as they are: nodes are polled in the order of their peer
// ids, envelopes arrive in the order they were sent, and all of it is written down.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bb/node.h"

namespace bb::test {

/// What a step was, without the values that die with the next poll.
struct Seen {
  std::uint64_t node = 0;  // the peer's u64 form
  std::string kind;        // OpCompleted, AppEvent, ...
  std::string name;        // op_type of an op, topic of an event, reason of a failure
  std::string target;      // base name
  std::uint64_t exec = 0;
  std::string text;  // detail of a failure
  ByteBuffer value;  // wire bytes of an event's value
  bool operator==(const Seen&) const = default;
};

class Network {
 public:
  explicit Network(const Registry& registry) : registry_(registry) {}

  /// Installs under `PeerId::from(peer)` with the one address `/p2p/<peer>`, incarnation 1 and all steps shown.
  Node& install(std::uint64_t peer, InstallOptions options);
  Node& node(std::uint64_t peer);
  /// Replaces a node by a fresh one that takes its snapshot; the snapshots of both must be equal.
  void restore(std::uint64_t peer);
  /// Makes every node know and admit every other.
  void introduce();
  /// Polls and delivers until nobody has anything left to do at this time.
  void run();
  void advance(std::uint64_t ns) { now_ns_ += ns; }
  /// Hands bytes to a node as if `from` had sent them.
  ReceiveStatus deliver(std::uint64_t to, std::uint64_t from, Bytes frame);

  std::vector<Seen> seen;
  struct Sent {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    ByteBuffer bytes;
  };
  std::vector<Sent> sent;
  bool hold = false;  // envelopes are written down but not delivered
  /// Every node is replaced by one restored from its snapshot, before every poll, delivery and call to `node`.
  bool restore_everywhere = false;
  std::uint64_t restores = 0;

  /// Counts steps of a kind, and of a name where one is given.
  std::size_t count(std::string_view kind, std::string_view name = {}) const;
  /// `kind name` of every step of a node, in order.
  std::vector<std::string> trace(std::uint64_t node) const;
  void clear() {
    seen.clear();
    sent.clear();
  }

 private:
  bool poll_all();
  struct Installed {
    InstallOptions options;
    std::vector<ByteBuffer> artifacts;
  };
  void note(std::uint64_t peer, Node& node, const Step& step);

  const Registry& registry_;
  std::map<std::uint64_t, std::unique_ptr<Node>> nodes_;
  std::map<std::uint64_t, Installed> installed_;
  std::uint64_t now_ns_ = 0;
};

/// Tensors as the tests write them.
Value tensor(Node& node, std::vector<std::uint64_t> shape, const std::vector<float>& data);
Value peers(Node& node, std::vector<std::uint64_t> ids);
std::vector<float> floats(Bytes encoded);
ByteBuffer from_hex(std::string_view hex);

}  // namespace bb::test
