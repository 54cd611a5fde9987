// A selector over a list of peers that never changes.
#pragma once

#include "bb/registry.h"

namespace bb::ops {

/// `ConstantView`. Config: `peers` (list of multihash bytes; repeated ones are kept once), `seed` 0.
ComponentClass constant_view_class();

}  // namespace bb::ops
