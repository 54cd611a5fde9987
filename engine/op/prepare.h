// What an op sees of its node when its state is prepared, once, at link time.
#pragma once

#include <functional>

#include "bb/component.h"

namespace bb {

class PrepareContext {
 public:
  Memory& memory;
  const Registry& registry;
  /// The number of a name, the same for equal names of a node: what stores and topics are keyed by.
  std::function<std::uint32_t(std::string_view)> intern;
  /// A text for the host when `prepare` fails.
  std::string problem;
};

}  // namespace bb
