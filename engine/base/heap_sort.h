// Sorting where it is rare or short: a tenth of the code that std::sort is in WebAssembly, and never quadratic.
#pragma once

#include <algorithm>
#include <functional>

namespace bb {

/// Not stable: equal entries must not be told apart by anybody.
template <class Iterator, class Less = std::less<>>
void heap_sort(Iterator begin, Iterator end, Less less = {}) {
  std::make_heap(begin, end, less);
  std::sort_heap(begin, end, less);
}

}  // namespace bb
