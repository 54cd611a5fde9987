// Arrays whose size a caller or a peer chose: when the system refuses, that is an answer and not the end of the process.
#pragma once

#include <cstdlib>
#include <memory>
#include <span>
#include <type_traits>

#include "bb/error.h"

namespace bb::ops {

/// An array of trivial elements, zeroed when it is made. Fixed in size; a larger one replaces it.
template <class T>
class Buffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  /// Errors: no_memory.
  static Result<Buffer> make(std::size_t count) {
    Buffer buffer;
    buffer.items_.reset(static_cast<T*>(std::calloc(count == 0 ? 1 : count, sizeof(T))));
    if (!buffer.items_) return fail(Code::no_memory, count);
    buffer.count_ = count;
    return buffer;
  }

  T* data() { return items_.get(); }
  const T* data() const { return items_.get(); }
  std::size_t size() const { return count_; }
  std::span<T> span() { return {items_.get(), count_}; }
  std::span<const T> span() const { return {items_.get(), count_}; }
  T& operator[](std::size_t at) { return items_.get()[at]; }
  const T& operator[](std::size_t at) const { return items_.get()[at]; }

 private:
  struct Free {
    void operator()(T* items) const { std::free(items); }
  };
  std::unique_ptr<T, Free> items_;
  std::size_t count_ = 0;
};

}  // namespace bb::ops
