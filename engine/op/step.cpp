// Steps that carry bytes in parts.
#include "bb/step.h"

#include <algorithm>

namespace bb {

ByteBuffer SendEnvelope::bytes() const {
  const Bytes first = head.as_bytes();
  const Bytes second = body.as_bytes();
  ByteBuffer whole(first.size() + second.size() + tail_size);
  std::uint8_t* out = whole.data();
  out = std::copy_n(first.data(), first.size(), out);
  out = std::copy_n(second.data(), second.size(), out);
  std::copy_n(tail, tail_size, out);
  return whole;
}

std::string_view PeerChange::kind_name(Kind kind) {
  switch (kind) {
    case Kind::blocked: return "PeerBlocked";
    case Kind::down: return "PeerDown";
    case Kind::up: return "PeerUp";
    case Kind::suspect: return "PeerSuspect";
    case Kind::notified: return "BackoffNoticeSent";
    case Kind::silenced: return "SilentDropActive";
  }
  return "PeerChange";
}

std::string_view PeerChange::reason_name(Reason reason) {
  switch (reason) {
    case Reason::none: return "";
    case Reason::blocklisted: return "blocklisted";
    case Reason::not_allowlisted: return "not_allowlisted";
    case Reason::cooldown: return "cooldown";
    case Reason::quarantined: return "quarantined";
  }
  return "";
}

}  // namespace bb
