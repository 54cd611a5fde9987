// Steps that carry bytes in parts.
#include "bb/step.h"

namespace bb {

ByteBuffer SendEnvelope::bytes() const {
  ByteBuffer whole(head.as_bytes().size() + body.as_bytes().size() + tail_size);
  copy_bytes({tail, tail_size}, copy_bytes(body.as_bytes(), copy_bytes(head.as_bytes(), whole.data())));
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
