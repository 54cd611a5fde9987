// A handshake as JavaScript drives it: bytes in and out by address, the computations it asks for as records.
#pragma once

#include <optional>

#include "bb/handshake.h"
#include "engine_binding.h"

namespace bb::bindings {

class HandshakeBinding {
 public:
  explicit HandshakeBinding(EngineBinding& engine) : engine_(engine) {}

  /// The record `BeginRecord`, the public key, the network and the expected peer's id, one after the other.
  std::int32_t begin(std::uint32_t at, std::uint32_t size);
  /// State, refusal and the position of it: u8, u8, u16.
  std::uint32_t state() const;
  std::string refusal() const;
  /// Address of a `RequestRecord`, until the next call.
  std::uint32_t request();
  void answer(std::uint32_t at, std::uint32_t size);
  void decline();
  std::uint32_t message_at() const;
  std::uint32_t message_size() const;
  void sent();
  void receive(std::uint32_t at, std::uint32_t size);
  void time_out();
  /// Address of a `PeerRecord` in `done`, 0 before.
  std::uint32_t peer();

  std::optional<AuthenticatedPeer> take();

 private:
  struct BeginRecord {
    std::uint8_t role, agreements, algorithms, binding;
    std::uint32_t capabilities, envelope_bytes_max;
    std::uint16_t key_size, network_size;
    std::uint64_t incarnation;
    std::array<std::uint8_t, 32> nonce;
    std::array<std::uint8_t, 64> fingerprints;
  };
  struct Span {
    std::uint32_t at, size;
  };
  struct RequestRecord {
    std::uint8_t kind, agreement, algorithm, sealed_by;
    Span key, salt, message, signature;
  };
  struct PeerRecord {
    std::uint64_t incarnation;
    std::uint32_t capabilities, envelope_bytes_max, id_size;
    std::array<std::uint8_t, PeerId::kBytesMax> id;
  };

  EngineBinding& engine_;
  std::optional<Handshake> handshake_;
  RequestRecord request_{};
  PeerRecord peer_{};
};

}  // namespace bb::bindings
