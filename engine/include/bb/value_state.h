// layer: wire
// Values and random streams in a node's saved state. A value is its type hash and its wire bytes; an absent value is the hash 0.
#pragma once

#include "bb/random.h"
#include "bb/state_codec.h"
#include "bb/value.h"

namespace bb {

/// False when the value has no wire form that gives the same value back; what was written is then of no use. A composite is saved
/// as its children, because a child may be of a type that only the host knows.
[[nodiscard]] bool save_value(StateWriter& writer, const Value& value);
/// Errors: those of the reader and of `decode_value`; too_deep; invalid_value for bytes that are not what `save_value` writes.
Status load_value(StateReader& reader, Memory& memory, Value& value);

void save_random(StateWriter& writer, const RandomStream& random);
/// Errors: those of the reader; invalid_value for the one state that gives zeros for ever.
Status load_random(StateReader& reader, RandomStream& random);

}  // namespace bb
