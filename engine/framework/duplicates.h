// Envelopes seen before. Peers that number their envelopes are checked by a window per incarnation; reference peers, which do
// not, by payload hash where a request id says that it is the same message (spec decisions G7).
#pragma once

#include <array>
#include <vector>

#include "base/flat_map.h"

namespace bb::framework {

/// The last 1,024 sequence numbers of one sender incarnation.
class SequenceWindow {
 public:
  static constexpr std::uint64_t kSize = 1024;
  std::uint64_t incarnation = 0;

  /// True when the number is new; a number older than the window counts as seen.
  bool accept(std::uint64_t sequence);
  bool seen(std::uint64_t sequence) const;

 private:
  std::uint64_t highest_ = 0;
  std::array<std::uint64_t, kSize / 64> bits_{};
};

/// The windows of one peer: its last four incarnations.
class PeerWindows {
 public:
  static constexpr std::size_t kIncarnationsMax = 4;
  bool seen(std::uint64_t incarnation, std::uint64_t sequence) const;
  void record(std::uint64_t incarnation, std::uint64_t sequence);

 private:
  std::vector<SequenceWindow> windows_;  // oldest first
};

/// The last `size` payload hashes of the node.
class PayloadWindow {
 public:
  explicit PayloadWindow(std::uint32_t size) : size_(size) {}
  /// True when the key is new.
  bool accept(std::uint64_t key);

 private:
  std::uint32_t size_;
  std::uint32_t next_ = 0;
  std::vector<std::uint64_t> order_;
  FlatMap<bool> keys_;
};

}  // namespace bb::framework
