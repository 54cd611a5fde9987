// The composition root's registry: everything that ships, listed in one place.
#pragma once

#include "bb/registry.h"

namespace bb::ops {

/// All declared ops (roles, backend, syscalls, wire) and all component classes that ship. Add your own to the value you get.
Registry builtin_registry();

}  // namespace bb::ops
