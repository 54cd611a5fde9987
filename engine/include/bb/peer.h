// layer: wire
// Proof that a peer is who it says. Only a maker yields one, and a node admits nothing else.
#pragma once

#include "bb/peer_id.h"

namespace bb {

class AuthenticatedPeer {
 public:
  const PeerId& id() const { return id_; }
  /// Which maker vouched: shown in `Node::inspect`.
  std::string_view maker() const { return maker_; }

 private:
  friend class UnverifiedPeer;
  AuthenticatedPeer(const PeerId& id, std::string_view maker) : id_(id), maker_(maker) {}
  PeerId id_;
  std::string_view maker_;
};

/// The interim maker: believes the transport's claim. For networks whose members trust the hub.
class UnverifiedPeer {
 public:
  static AuthenticatedPeer claim(const PeerId& id) { return {id, "unverified"}; }
};

}  // namespace bb
