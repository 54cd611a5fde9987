// layer: base
// A growable array that says when there is no memory instead of ending the program. Engine state that grows after install lives
// in one of these, in a `Ring` or in a `FlatMap`.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

#include "bb/memory.h"

namespace bb {

/// Contiguous, in insertion order; moves but does not copy. Pointers into it are void after the next push.
template <class T>
class Array {
 public:
  Array() = default;
  Array(Array&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Array& operator=(Array&& other) noexcept {
    if (this == &other) return *this;
    reset();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
    return *this;
  }
  ~Array() { reset(); }

  std::uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::uint32_t capacity() const { return capacity_; }
  T* data() { return data_; }
  const T* data() const { return data_; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  T& operator[](std::size_t index) { return data_[index]; }
  const T& operator[](std::size_t index) const { return data_[index]; }
  T& front() { return data_[0]; }
  T& back() { return data_[size_ - 1]; }
  const T& back() const { return data_[size_ - 1]; }

  /// Whether `more` can be pushed without memory.
  bool has_room(std::uint64_t more) const { return more <= capacity_ - size_; }
  /// Makes room for `capacity` entries in all. False, and nothing changed, when there is no memory.
  [[nodiscard]] bool try_reserve(std::uint64_t capacity, AllocationSite site = AllocationSite::current()) {
    if (allocation_fails(site)) [[unlikely]]
      return false;
    return capacity <= capacity_ || grow(capacity);
  }
  [[nodiscard]] bool try_push(T entry, AllocationSite site = AllocationSite::current()) {
    if (allocation_fails(site)) [[unlikely]]
      return false;
    if (size_ == capacity_ && !grow(size_ + std::uint64_t{1})) [[unlikely]]
      return false;
    std::construct_at(data_ + size_++, std::move(entry));
    return true;
  }
  /// For room that `try_reserve` made.
  template <class... Arguments>
  T& push_reserved(Arguments&&... arguments) {
    BB_ASSERT(size_ < capacity_);
    return *std::construct_at(data_ + size_++, std::forward<Arguments>(arguments)...);
  }
  [[nodiscard]] bool try_append(std::span<const T> entries, AllocationSite site = AllocationSite::current())
    requires std::is_trivially_copyable_v<T>
  {
    if (!try_reserve(size_ + std::uint64_t{entries.size()}, site)) [[unlikely]]
      return false;
    if (!entries.empty()) std::memcpy(data_ + size_, entries.data(), entries.size() * sizeof(T));
    size_ += static_cast<std::uint32_t>(entries.size());
    return true;
  }
  /// The same.
  void append_reserved(std::span<const T> entries)
    requires std::is_trivially_copyable_v<T>
  {
    BB_ASSERT(entries.size() <= capacity_ - size_);
    if (!entries.empty()) std::memcpy(data_ + size_, entries.data(), entries.size() * sizeof(T));
    size_ += static_cast<std::uint32_t>(entries.size());
  }
  /// New entries are value-initialised.
  [[nodiscard]] bool try_resize(std::uint64_t size, AllocationSite site = AllocationSite::current()) {
    if (!try_reserve(size, site)) [[unlikely]]
      return false;
    while (size_ < size) std::construct_at(data_ + size_++);
    truncate(static_cast<std::uint32_t>(size));
    return true;
  }
  void pop_back() { std::destroy_at(data_ + --size_); }
  void truncate(std::uint32_t size) {
    while (size_ > size) pop_back();
  }
  /// Keeps the order of the others.
  void erase_at(std::uint32_t index) {
    for (std::uint32_t i = index + 1; i < size_; ++i) data_[i - 1] = std::move(data_[i]);
    pop_back();
  }
  /// Keeps the room.
  void clear() { truncate(0); }

 private:
  static constexpr bool kRelocatable = std::is_trivially_copyable_v<T>;

  bool grow(std::uint64_t wanted) {
    std::uint64_t capacity = std::max<std::uint64_t>(std::uint64_t{capacity_} * 2, std::max<std::uint64_t>(8, 64 / sizeof(T)));
    if (capacity < wanted) capacity = wanted;
    if (capacity > UINT32_MAX || capacity > SIZE_MAX / sizeof(T)) return false;
    auto* data = static_cast<T*>(allocate_block(static_cast<std::size_t>(capacity) * sizeof(T)));
    if (!data) return false;
    if constexpr (kRelocatable) {
      if (size_ > 0) std::memcpy(static_cast<void*>(data), data_, size_ * sizeof(T));
    } else {
      std::uninitialized_move_n(data_, size_, data);
      std::destroy_n(data_, size_);
    }
    release_block(data_);
    data_ = data;
    capacity_ = static_cast<std::uint32_t>(capacity);
    return true;
  }
  void reset() {
    clear();
    release_block(data_);
    data_ = nullptr;
    capacity_ = 0;
  }

  T* data_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
};

}  // namespace bb
