// Peers without a key, for tests that meet them by number: the one way around the handshake, and no part of the library.
#pragma once

#include "bb/peer.h"

namespace bb {

class PeerAttestation {
 public:
  static AuthenticatedPeer of(const PeerId& id, std::uint64_t incarnation = 1) {
    return AuthenticatedPeer(id, incarnation, ChannelKind::in_process);
  }
};

}  // namespace bb
