// Envelopes seen before. Peers that number their envelopes are checked by a window per incarnation; reference peers, which do
// not, by payload hash where a request id says that it is the same message (spec decisions G7).
#pragma once

#include <array>

#include "base/flat_map.h"
#include "bb/state_codec.h"

namespace bb::framework {

/// The last 1,024 sequence numbers of one sender incarnation.
class SequenceWindow {
 public:
  static constexpr std::uint64_t kSize = 1024;
  std::uint64_t incarnation = 0;

  /// True when the number is new; a number older than the window counts as seen.
  bool accept(std::uint64_t sequence);
  bool seen(std::uint64_t sequence) const;

  void save(StateWriter& writer) const;
  Status load(StateReader& reader);

 private:
  std::uint64_t highest_ = 0;
  std::array<std::uint64_t, kSize / 64> bits_{};
};

/// The windows of one peer: its last four incarnations.
class PeerWindows {
 public:
  static constexpr std::uint32_t kIncarnationsMax = 4;
  bool seen(std::uint64_t incarnation, std::uint64_t sequence) const;
  /// Makes certain that a number of this incarnation can be recorded.
  [[nodiscard]] bool try_reserve(std::uint64_t incarnation, AllocationSite site = AllocationSite::current());
  void record_reserved(std::uint64_t incarnation, std::uint64_t sequence);
  bool empty() const { return windows_.empty(); }

  void save(StateWriter& writer) const;
  Status load(StateReader& reader);

 private:
  Array<SequenceWindow> windows_;  // oldest first
};

/// The last `hashes_max` payload hashes of the node; 0 remembers nothing.
class PayloadWindow {
 public:
  struct Options {
    std::uint32_t hashes_max = 8'192;
  };
  explicit PayloadWindow(Options options) : hashes_max_(options.hashes_max) {}
  /// True when the key is new. Errors: no_memory, with nothing recorded.
  Result<bool> accept(std::uint64_t key);
  /// Makes certain that so many new keys can be recorded.
  [[nodiscard]] bool try_reserve(std::uint32_t more, AllocationSite site = AllocationSite::current());
  /// For room that `try_reserve` made.
  void accept_reserved(std::uint64_t key);
  bool contains(std::uint64_t key) const { return keys_.find(key) != nullptr; }
  std::uint32_t size() const { return order_.size(); }
  void clear();

  void save(StateWriter& writer) const;
  Status load(StateReader& reader);

 private:
  std::uint32_t hashes_max_;
  std::uint32_t next_ = 0;  // the oldest, once the window is full
  Array<std::uint64_t> order_;
  FlatMap<bool> keys_;
};

}  // namespace bb::framework
