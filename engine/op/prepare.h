// What an op sees of its node when its state is prepared, once, at link time.
#pragma once

#include "bb/component.h"

namespace bb {

class PrepareContext {
 public:
  Memory& memory;
  const Registry& registry;
  /// A text for the host when `prepare` fails.
  std::string problem;
};

}  // namespace bb
