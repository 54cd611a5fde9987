// A bounded map from 64-bit keys that knows which entry was used longest ago. Pointers into it are void after the next insertion.
#pragma once

#include "base/flat_map.h"

namespace bb::framework {

template <class T>
class LruTable {
 public:
  explicit LruTable(std::uint32_t entries_max) : entries_max_(entries_max) {}

  std::uint32_t size() const { return index_.size(); }
  bool full() const { return size() >= entries_max_; }

  /// Looking does not count as use.
  T* find(std::uint64_t key) {
    const std::uint32_t* at = index_.find(key);
    return at ? &nodes_[*at].value : nullptr;
  }
  const T* find(std::uint64_t key) const { return const_cast<LruTable*>(this)->find(key); }
  /// The entry, which is now the one used last; nullptr when there is none.
  T* use(std::uint64_t key) {
    const std::uint32_t* at = index_.find(key);
    if (!at) return nullptr;
    unlink(*at);
    link_newest(*at);
    return &nodes_[*at].value;
  }
  /// Makes certain that one more key can be inserted, once there is room under the limit.
  [[nodiscard]] bool try_reserve(AllocationSite site = AllocationSite::current()) {
    return index_.try_reserve(1, site) && (free_ != kNone || nodes_.try_reserve(nodes_.size() + std::uint64_t{1}, site));
  }
  /// A new key, for room that `try_reserve` made, when the table is not full.
  T& insert_reserved(std::uint64_t key, T value) {
    BB_ASSERT(!full() && !index_.find(key));
    std::uint32_t at = free_;
    if (at == kNone) {
      at = nodes_.size();
      nodes_.push_reserved();
    } else {
      free_ = nodes_[at].newer;
    }
    nodes_[at].key = key;
    nodes_[at].value = std::move(value);
    index_.insert_reserved(key, at);
    link_newest(at);
    return nodes_[at].value;
  }
  bool erase(std::uint64_t key) {
    const std::uint32_t* found = index_.find(key);
    if (!found) return false;
    const std::uint32_t at = *found;
    index_.erase(key);
    unlink(at);
    nodes_[at] = {};
    nodes_[at].newer = std::exchange(free_, at);
    return true;
  }
  /// The key used longest ago; the table must not be empty.
  std::uint64_t oldest_key() const { return nodes_[oldest_].key; }
  /// From the entry used longest ago to the one used last: `visit(key, value)`.
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::uint32_t at = oldest_; at != kNone; at = nodes_[at].newer) visit(nodes_[at].key, nodes_[at].value);
  }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  struct Node {
    std::uint64_t key = 0;
    std::uint32_t older = kNone;
    std::uint32_t newer = kNone;  // while free, the next free node
    T value{};
  };
  void unlink(std::uint32_t at) {
    const Node& node = nodes_[at];
    (node.older == kNone ? oldest_ : nodes_[node.older].newer) = node.newer;
    (node.newer == kNone ? newest_ : nodes_[node.newer].older) = node.older;
  }
  void link_newest(std::uint32_t at) {
    nodes_[at].older = newest_;
    nodes_[at].newer = kNone;
    (newest_ == kNone ? oldest_ : nodes_[newest_].newer) = at;
    newest_ = at;
  }

  std::uint32_t entries_max_;
  std::uint32_t oldest_ = kNone;
  std::uint32_t newest_ = kNone;
  std::uint32_t free_ = kNone;
  Array<Node> nodes_;
  FlatMap<std::uint32_t> index_;
};

}  // namespace bb::framework
