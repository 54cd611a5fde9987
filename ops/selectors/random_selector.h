// A selector over the peers that the node knows.
#pragma once

#include "bb/registry.h"

namespace bb::ops {

/// `RandomSelector`. Config: `seed` 0. Chooses among all peers that the host gave an address for or admitted, without the node itself,
/// ordered by PeerId.
ComponentClass random_selector_class();

}  // namespace bb::ops
