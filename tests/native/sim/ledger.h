// What the aggregator of a node was given, kept outside of the node: a host keeps a copy of it with each snapshot, so that a node that
// goes on from one is held against what it had been given by then.
#pragma once

#include <array>
#include <vector>

#include "sim/once.h"

namespace bb::sim {

class Ledger {
 public:
  struct Part {
    std::uint64_t peer = 0, token = 0, round = 0;
    std::array<float, 5> data{};
  };
  struct Sum {
    std::uint64_t round = 0, count = 0;
    std::array<float, 5> sums{};
  };

  void counted(const Part& part) {
    parts.push_back(part);
    Sum& sum = of(part.round);
    ++sum.count;
    for (std::size_t i = 0; i < sum.sums.size(); ++i) sum.sums[i] += part.data[i];
    if (!tokens_.add(part.peer, part.token)) repeated.push_back(part);
  }
  /// What was counted for rounds from this one on has been thrown away.
  void dropped() { open_.clear(); }
  /// An aggregate of the round was made.
  void merged(std::uint64_t round) {
    made.push_back(of(round));
    std::erase_if(open_, [&](const Sum& sum) { return sum.round == round; });
  }
  /// The aggregate of a round, once; with it go those before it, which nobody will be told of.
  bool take(std::uint64_t round, Sum& sum) {
    for (std::size_t i = made.size(); i > 0; --i) {
      if (made[i - 1].round != round) continue;
      sum = made[i - 1];
      made.erase(made.begin(), made.begin() + static_cast<std::ptrdiff_t>(i));
      return true;
    }
    return false;
  }

  std::vector<Part> parts;     // since they were last looked at
  std::vector<Part> repeated;  // of them, what had been counted before
  std::vector<Sum> made;       // nobody was told yet

 private:
  Sum& of(std::uint64_t round) {
    for (Sum& sum : open_)
      if (sum.round == round) return sum;
    return open_.emplace_back(Sum{.round = round});
  }
  std::vector<Sum> open_;
  Once tokens_;
};

}  // namespace bb::sim
