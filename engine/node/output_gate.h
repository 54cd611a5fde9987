// Steps of polls whose inputs are not durable yet. Nothing leaves a node before what it says can be rebuilt after a crash.
#pragma once

#include "base/ring.h"
#include "bb/node.h"

namespace bb {

class OutputGate {
 public:
  explicit OutputGate(std::uint32_t polls_max) : withheld_(polls_max) {}

  /// Whether one more poll can be withheld.
  bool has_room() { return withheld_.try_reserve(1); }
  /// Steps of the poll that was the input of this number.
  void withhold(std::uint64_t sequence, Array<Step> steps) { withheld_.push_reserved({sequence, std::move(steps)}); }
  void commit(std::uint64_t sequence) {
    if (sequence > committed_) committed_ = sequence;
  }
  std::uint64_t committed() const { return committed_; }
  std::uint32_t withheld() const { return withheld_.size(); }
  bool releasable() const { return !withheld_.empty() && withheld_.at(0).sequence <= committed_; }
  /// The steps of the oldest poll that may leave; valid until the next call.
  std::span<const Step> release() {
    released_ = std::move(withheld_.pop().steps);
    return {released_.data(), released_.size()};
  }
  void clear() {
    withheld_.clear();
    released_.clear();
  }

 private:
  struct Batch {
    std::uint64_t sequence = 0;
    Array<Step> steps;
  };
  std::uint64_t committed_ = 0;
  Ring<Batch> withheld_;
  Array<Step> released_;
};

}  // namespace bb
