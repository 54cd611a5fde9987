// The contributions of a federated average by round: what is accepted, what waits for the next round, what is refused and why.
// The rule that makes one tensor of them is in fedavg.cpp.
#pragma once

#include <expected>
#include <vector>

#include "bb/component.h"

namespace bb::ops {

enum class OnDuplicate : std::uint8_t { replace, reject, sum };

struct RoundOptions {
  std::uint32_t min_contributions = 1;        // peers that a round needs
  std::uint32_t expected = 0;                 // peers that a round takes; 0: any number
  std::uint64_t max_staleness = 0;            // rounds that a contribution may lag behind
  std::uint64_t max_round_jump = UINT64_MAX;  // rounds that one contribution may lead this peer ahead
  float max_norm = 0.0f;                      // longest contribution as a vector; 0: any
  bool reject_non_finite = true;
  OnDuplicate on_duplicate = OnDuplicate::replace;
  std::uint32_t contributions_max = 256;
  std::uint64_t bytes_max = 268'435'456;
};

struct Contribution {
  PeerId source;
  Value tensor;  // f32
  std::uint64_t samples = 0;
  std::uint64_t round = 0;
};

class RoundBuffer {
 public:
  static constexpr std::uint64_t kRoundMax = (std::uint64_t{1} << 53) - 1;

  explicit RoundBuffer(const RoundOptions& options);

  /// Takes a contribution into this round or the next one; a round further ahead makes this buffer catch up. Nothing changes when it
  /// is refused, but for a limit met after catching up. BadInput: zero_weight, round_out_of_range, round_too_far, stale_round,
  /// shape_mismatch, non_finite, norm_exceeded, duplicate, weight_overflow. Cooldown: round_full, contribution_limit.
  std::expected<void, OpError> contribute(const PeerId& source, Value tensor, FedAvgMeta meta);

  /// Round and contributions. Errors: not_encodable, no_memory.
  Status save(StateWriter& out) const;
  /// Into a new buffer of the same options. Errors: those of the reader and of values, invalid_value (what `contribute` would never
  /// have let in), over_cap.
  Status load(StateReader& in, Memory& memory);

  std::uint64_t round() const { return round_; }
  /// This round's contributions, ordered by source: the order in which they are reduced, whatever order they came in.
  const std::vector<Contribution>& contributions() const { return current_; }
  /// Different peers among them.
  std::uint32_t sources() const { return distinct(current_); }
  std::uint64_t samples() const { return total_samples(current_); }
  bool ready() const { return sources() >= options_.min_contributions; }
  std::uint32_t min_contributions() const { return options_.min_contributions; }
  /// Ends the round: what was held for the next one moves in.
  void advance();

 private:
  using List = std::vector<Contribution>;

  static std::uint32_t distinct(const List& list);
  static std::uint64_t total_samples(const List& list);
  std::expected<void, OpError> check_round(std::uint64_t round) const;
  std::expected<void, OpError> check_tensor(const Value& tensor) const;
  std::expected<void, OpError> insert(List& list, Contribution contribution);
  Status load_list(StateReader& in, Memory& memory, List& list);
  void catch_up(std::uint64_t round);
  void release(const Contribution& contribution);

  RoundOptions options_;
  std::uint64_t round_ = 0;
  std::uint64_t bytes_ = 0;
  List current_;
  List next_;
};

}  // namespace bb::ops
