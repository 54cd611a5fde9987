// Records are laid out as the C++ structures are; js/package/src/identity/handshake.ts reads and writes them by offset.
#include "handshake_binding.h"

#include "heap.h"

namespace bb::bindings {
namespace {

constexpr std::uint8_t kRoles = 2;

}  // namespace

std::int32_t HandshakeBinding::begin(std::uint32_t at, std::uint32_t size) {
  static_assert(sizeof(BeginRecord) == 120 && offsetof(BeginRecord, incarnation) == 16 && offsetof(BeginRecord, nonce) == 24);
  static_assert(sizeof(RequestRecord) == 36 && sizeof(std::uintptr_t) == 4);
  static_assert(offsetof(PeerRecord, id) == 20);
  const Bytes bytes = heap_bytes(at, size);
  if (bytes.size() < sizeof(BeginRecord)) return engine_.fail(Error{Code::truncated, size}, "options of a handshake");
  const auto record = load_le<BeginRecord>(bytes.data());
  const Bytes rest = bytes.subspan(sizeof(BeginRecord));
  if (record.role == 0 || record.role > kRoles || record.binding > static_cast<std::uint8_t>(ChannelBinding::Kind::in_process) ||
      std::size_t{record.key_size} + record.network_size > rest.size())
    return engine_.fail(Error{Code::bad_argument, 0}, "options of a handshake");
  HandshakeOptions options{.role = static_cast<HandshakeOptions::Role>(record.role),
                           .network = rest.subspan(record.key_size, record.network_size),
                           .nonce = record.nonce,
                           .agreements = record.agreements,
                           .algorithms = record.algorithms,
                           .public_key = rest.first(record.key_size),
                           .incarnation = record.incarnation,
                           .capabilities = record.capabilities,
                           .envelope_bytes_max = record.envelope_bytes_max,
                           .binding = {static_cast<ChannelBinding::Kind>(record.binding), record.fingerprints},
                           .expected = std::nullopt};
  if (const Bytes expected = rest.subspan(std::size_t{record.key_size} + record.network_size); !expected.empty()) {
    const auto id = PeerId::from_bytes(expected);
    if (!id) return engine_.fail(id.error(), "the expected peer's id");
    options.expected = *id;
  }
  auto begun = Handshake::begin(options);
  if (!begun) return engine_.fail(begun.error(), "options of a handshake");
  handshake_ = std::move(*begun);
  return 0;
}

std::uint32_t HandshakeBinding::state() const {
  return static_cast<std::uint32_t>(handshake_->state()) | handshake_->refused_at() << 16;
}

std::string HandshakeBinding::refusal() const { return std::string(handshake_refusal_name(handshake_->refusal())); }

std::uint32_t HandshakeBinding::request() {
  const CryptoRequest request = handshake_->request();
  const auto span = [](Bytes bytes) { return Span{address_of(bytes.data()), static_cast<std::uint32_t>(bytes.size())}; };
  request_ = {.kind = static_cast<std::uint8_t>(request.kind),
              .agreement = static_cast<std::uint8_t>(request.agreement),
              .algorithm = static_cast<std::uint8_t>(request.algorithm),
              .sealed_by = request.sealed_by,
              .key = span(request.key),
              .salt = span(request.salt),
              .message = span(request.message),
              .signature = span(request.signature)};
  return address_of(&request_);
}

void HandshakeBinding::answer(std::uint32_t at, std::uint32_t size) { handshake_->answer(heap_bytes(at, size)); }
void HandshakeBinding::decline() { handshake_->decline(); }
std::uint32_t HandshakeBinding::message_at() const { return address_of(handshake_->message().data()); }
std::uint32_t HandshakeBinding::message_size() const { return static_cast<std::uint32_t>(handshake_->message().size()); }
void HandshakeBinding::sent() { handshake_->sent(); }
void HandshakeBinding::receive(std::uint32_t at, std::uint32_t size) { handshake_->receive(heap_bytes(at, size)); }
void HandshakeBinding::time_out() { handshake_->time_out(); }

std::uint32_t HandshakeBinding::peer() {
  const HandshakePeer* const known = handshake_->peer();
  if (!known) return 0;
  peer_ = {.incarnation = known->incarnation,
           .capabilities = known->capabilities,
           .envelope_bytes_max = known->envelope_bytes_max,
           .id_size = 0,
           .id = {}};
  peer_.id_size = static_cast<std::uint32_t>(known->id.write(peer_.id.data()));
  return address_of(&peer_);
}

std::optional<AuthenticatedPeer> HandshakeBinding::take() { return handshake_ ? handshake_->take() : std::nullopt; }

}  // namespace bb::bindings
