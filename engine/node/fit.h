// What a port demands, from what the host has.
#pragma once

#include "op/port_types.h"

namespace bb::node {

/// What `fit` does with a value of another type.
Code convert(Memory& memory, const TypeNode& type, Value& value);
/// Makes a value one of the type: its wire bytes are decoded, one peer becomes a list where a list is wanted. Not ok: type_mismatch,
/// no_memory.
inline Code fit(Memory& memory, const TypeNode& type, Value& value) {
  return op::type_accepts(type, value) ? Code::ok : convert(memory, type, value);
}

}  // namespace bb::node
