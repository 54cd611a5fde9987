// An open-addressing map from 64-bit keys: linear probing, backward-shift deletion, no iteration order to depend on.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

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

  /// Replaces the value of a key that is there.
  T& insert(std::uint64_t key, T value) {
    if (T* found = find(key)) return *found = std::move(value);
    if ((size_ + 1) * 4 > slots_.size() * 3) rehash(slots_.empty() ? 16 : slots_.size() * 2);
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
  void rehash(std::size_t capacity) {
    std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(capacity));
    for (Slot& slot : old)
      if (slot.used) place(slot.key, std::move(slot.value));
  }

  std::vector<Slot> slots_;
  std::uint32_t size_ = 0;
};

}  // namespace bb
