// What the targets that run a node share: a registry with a component that parks, values made of choices, a host that remembers what
// it may answer, and the rules that hold in every node.
#pragma once

#include <functional>
#include <memory>

#include "bb/node.h"
#include "fuzz/support/feed.h"

namespace bb::fuzz {

/// All that ships, and `ParkingModel`: every method parks, some with a deadline of their own.
const Registry& registry();

/// A value of any kind, or an absent one when the node has no memory for it.
Value value_from(Feed& feed, Memory& memory);
/// One of four peers; 1 is the node itself.
PeerId peer_from(Feed& feed);
Address address_from(Feed& feed);

/// A node as a host sees it: polls, and keeps what a host would keep of the steps.
class Host {
 public:
  /// `ends_itself`: ops that park for something else than the host, and so must go on without it.
  Host(std::unique_ptr<Node> node, const Limits& limits, std::function<bool(OpRef)> ends_itself)
      : node_(std::move(node)), limits_(limits), ends_itself_(std::move(ends_itself)) {}

  Node& node() { return *node_; }
  /// Polls and takes the steps apart; checks what holds after every poll. Returns whether work remains.
  bool poll(std::uint64_t now_ns, std::uint32_t ops);
  std::uint64_t clock_ns() const { return clock_ns_; }

  /// Commands that were seen to park and not completed by this host; some may have ended by themselves.
  std::vector<CommandId>& commands() { return commands_; }
  /// The last frames that left, to be played back.
  const std::vector<ByteBuffer>& frames() const { return frames_; }

  /// Lets time pass until nothing can be alive any more, and checks that nothing is. `values_may_stay`: a component may keep inputs.
  void end(bool values_may_stay);

 private:
  void check_limits();

  static constexpr std::size_t kFramesMax = 16;
  std::unique_ptr<Node> node_;
  Limits limits_;
  std::uint64_t clock_ns_ = 0;
  std::uint64_t last_command_ = 0;
  bool any_command_ = false;
  std::vector<CommandId> commands_;
  std::vector<CommandId> not_mine_;  // those of them that end themselves
  std::function<bool(OpRef)> ends_itself_;
  std::vector<ByteBuffer> frames_;
};

/// Limits that short inputs can reach.
Limits small_limits();

}  // namespace bb::fuzz
