// Samples in memory, drawn in shuffled batches.
#pragma once

#include "bb/random.h"
#include "bb/registry.h"
#include "bb/state_codec.h"
#include "ops/buffer.h"

namespace bb::ops {

/// Deals the numbers below `count` in an order shuffled anew each epoch (Fisher–Yates, from the stream of a seed).
class ShuffledOrder {
 public:
  /// Errors: empty_list, over_cap (2^32 numbers and more), no_memory.
  static Result<ShuffledOrder> make(std::uint64_t count, std::uint64_t seed);
  /// The next number; the one after an epoch's last is the next epoch's first.
  std::uint32_t next();
  /// Back to the first number of the first epoch.
  void reset();
  void save(StateWriter& out) const;
  /// Into an order of as many numbers. Errors: those of the reader, invalid_value, no_memory.
  Status load(StateReader& in);

 private:
  explicit ShuffledOrder(std::uint64_t seed) : seed_(seed), random_(seed) {}
  void shuffle();

  std::uint64_t seed_;
  RandomStream random_;
  Buffer<std::uint32_t> order_;
  std::size_t at_ = 0;
};

/// `Dataset`. Config: `images` (required, bytes: samples × `features` numbers 0 to 255), `labels` (bytes, one a sample; without them
/// NextBatch gives an empty tensor), `features` (required), `batch_size` 32, `seed` 0, `scale` 1/255 (a feature is byte × scale).
/// A batch always has `batch_size` samples: one that an epoch ends in goes on with the next epoch.
ComponentClass dataset_class();

}  // namespace bb::ops
