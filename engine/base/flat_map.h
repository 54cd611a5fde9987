// An open-addressing map from 64-bit keys: linear probing, backward-shift deletion, no iteration order to depend on.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/heap_sort.h"
#include "bb/array.h"

namespace bb {

template <class T>
class FlatMap {
 public:
  std::uint32_t size() const { return size_; }

  T* find(std::uint64_t key) {
    const std::size_t at = index_of(key);
    return at == kNone ? nullptr : &slots_[at].value;
  }
  const T* find(std::uint64_t key) const { return const_cast<FlatMap*>(this)->find(key); }

  /// Replaces the value of a key that is there. nullptr, and nothing changed, when there is no memory.
  [[nodiscard]] T* try_insert(std::uint64_t key, T value, AllocationSite site = AllocationSite::current()) {
    if (!try_reserve(1, site)) [[unlikely]]
      return nullptr;
    return &insert_reserved(key, std::move(value));
  }
  /// Makes certain that `more` new keys can be inserted.
  [[nodiscard]] bool try_reserve(std::uint32_t more, AllocationSite site = AllocationSite::current()) {
    if (allocation_fails(site)) [[unlikely]]
      return false;
    const std::uint64_t wanted = (std::uint64_t{size_} + more) * 4;
    if (wanted <= std::uint64_t{slots_.size()} * 3) return true;
    return rehash(std::bit_ceil(std::max<std::uint64_t>(16, wanted / 3 + 1)));
  }
  /// For room that `try_reserve` made.
  T& insert_reserved(std::uint64_t key, T value) {
    if (T* found = find(key)) return *found = std::move(value);
    BB_ASSERT((size_ + std::uint64_t{1}) * 4 <= std::uint64_t{slots_.size()} * 3);
    ++size_;
    return place(key, std::move(value));
  }
  bool erase(std::uint64_t key) {
    std::size_t hole = index_of(key);
    if (hole == kNone) return false;
    for (std::size_t i = (hole + 1) & mask(); slots_[i].used; i = (i + 1) & mask()) {
      const std::size_t wanted = home(slots_[i].key);
      if (((i - wanted) & mask()) >= ((i - hole) & mask())) {
        slots_[hole] = std::move(slots_[i]);
        hole = i;
      }
    }
    slots_[hole] = Slot{};
    --size_;
    return true;
  }
  /// In table order, which means nothing: only for work whose result does not depend on order.
  template <class Visit>
  void for_each(Visit visit) {
    for (Slot& slot : slots_)
      if (slot.used) visit(slot.key, slot.value);
  }
  template <class Visit>
  void for_each(Visit visit) const {
    for (const Slot& slot : slots_)
      if (slot.used) visit(slot.key, slot.value);
  }
  /// The keys in ascending order. False when there is no memory for them.
  bool sorted_keys(Array<std::uint64_t>& keys) const {
    keys.clear();
    if (!keys.try_reserve(size_)) return false;
    for (const Slot& slot : slots_)
      if (slot.used) keys.push_reserved(slot.key);
    heap_sort(keys.begin(), keys.end());
    return true;
  }
  void clear() {
    slots_ = {};
    size_ = 0;
  }

 private:
  struct Slot {
    std::uint64_t key = 0;
    T value{};
    bool used = false;
  };
  static constexpr std::size_t kNone = SIZE_MAX;
  std::size_t index_of(std::uint64_t key) const {
    if (slots_.empty()) return kNone;
    for (std::size_t i = home(key);; i = (i + 1) & mask()) {
      if (!slots_[i].used) return kNone;
      if (slots_[i].key == key) return i;
    }
  }
  std::size_t mask() const { return slots_.size() - 1; }
  std::size_t home(std::uint64_t key) const {
    key ^= key >> 32;
    key *= 0x9e3779b97f4a7c15ULL;
    return static_cast<std::size_t>(key >> 32) & mask();
  }
  T& place(std::uint64_t key, T value) {
    std::size_t i = home(key);
    while (slots_[i].used) i = (i + 1) & mask();
    slots_[i] = Slot{key, std::move(value), true};
    return slots_[i].value;
  }
  bool rehash(std::uint64_t capacity) {
    Array<Slot> slots;
    if (!slots.try_resize(capacity)) return false;
    std::swap(slots_, slots);
    for (Slot& slot : slots)
      if (slot.used) place(slot.key, std::move(slot.value));
    return true;
  }

  Array<Slot> slots_;
  std::uint32_t size_ = 0;
};

}  // namespace bb
