// Peer ids as multihashes (spec A §1.5).
#include "bb/peer_id.h"

#include "bb/hash.h"
#include "bb/peer.h"
#include "wire/base58.h"
#include "wire/varint.h"

namespace bb {

std::string_view channel_name(ChannelKind channel) {
  switch (channel) {
    case ChannelKind::none: return "";
    case ChannelKind::encrypted: return "encrypted";
    case ChannelKind::dtls: return "dtls";
    case ChannelKind::in_process: return "in-process";
    case ChannelKind::itself: return "itself";
  }
  return "";
}
namespace {

constexpr std::size_t kTextMax = 128;  // 75 bytes are at most 103 base58 digits

}  // namespace

PeerId PeerId::from(std::uint64_t value) {
  PeerId id;
  id.size = 8;
  for (int i = 0; i < 8; ++i) id.digest[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(value >> (56 - 8 * i));
  return id;
}

Result<PeerId> PeerId::from_bytes(Bytes bytes) {
  PeerId id;
  BB_CHECK(read(bytes, id));
  return id;
}

Status PeerId::read(Bytes bytes, PeerId& out) {
  std::size_t at = 0;
  BB_TRY(code, wire::read_varint(bytes, at));
  const std::size_t size_at = at;
  BB_TRY(size, wire::read_varint(bytes, at));
  if (size > kDigestMax) return fail(Code::invalid_value, size_at);
  if (bytes.size() - at < size) return fail(Code::truncated, bytes.size());
  if (bytes.size() - at > size) return fail(Code::invalid_value, at + size);
  out.code = code;
  out.size = static_cast<std::uint8_t>(size);
  out.digest = {};
  std::memcpy(out.digest.data(), bytes.data() + at, size);
  return {};
}

Result<PeerId> PeerId::from_text(std::string_view text) {
  BB_TRY(bytes, wire::base58_decode(text, kTextMax));
  return from_bytes(bytes);
}

std::size_t PeerId::write(std::uint8_t* out) const {
  std::size_t n = wire::write_varint(code, out);
  n += wire::write_varint(size, out + n);
  std::memcpy(out + n, digest.data(), size);
  return n + size;
}

ByteBuffer PeerId::to_bytes() const {
  std::uint8_t buffer[kBytesMax];
  return {buffer, buffer + write(buffer)};
}

std::string PeerId::to_text() const {
  std::uint8_t buffer[kBytesMax];
  return wire::base58_encode({buffer, write(buffer)});
}

std::optional<std::uint64_t> PeerId::as_identity_u64() const {
  if (code != 0 || size != 8) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value = (value << 8) | digest[i];
  return value;
}

std::uint64_t PeerId::site_hash() const { return fnv1a64(digest_bytes()); }

}  // namespace bb
