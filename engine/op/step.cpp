// Steps that carry bytes in parts.
#include "bb/step.h"

namespace bb {

ByteBuffer SendEnvelope::bytes() const {
  ByteBuffer whole;
  whole.reserve(head.as_bytes().size() + body.as_bytes().size() + tail_size);
  for (const Bytes part : {head.as_bytes(), body.as_bytes(), Bytes(tail, tail_size)})
    whole.insert(whole.end(), part.begin(), part.end());
  return whole;
}

}  // namespace bb
