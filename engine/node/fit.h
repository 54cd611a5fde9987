// What a port demands, from what the host has.
#pragma once

#include "bb/registry.h"
#include "bb/value.h"

namespace bb::node {

/// Makes a value one of the type: its wire bytes are decoded, one peer becomes a list where a list is wanted. Errors: type_mismatch, no_memory.
Status fit(Memory& memory, const TypeNode& type, Value& value);

}  // namespace bb::node
