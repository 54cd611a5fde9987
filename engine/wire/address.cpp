// Addresses: binary and text forms (spec A §3).
#include "bb/address.h"

#include <charconv>

#include "base/utf8.h"
#include "wire/varint.h"

namespace bb {
namespace {

constexpr std::uint64_t kP2p = 421;
constexpr std::uint64_t kSite = 0xE2;
constexpr std::uint64_t kComponent = 0xE3;
constexpr std::uint64_t kOp = 0xE4;

template <class T>
void append_be(ByteBuffer& out, T value) {
  for (int shift = static_cast<int>(sizeof(T) * 8) - 8; shift >= 0; shift -= 8)
    out.push_back(static_cast<std::uint8_t>(value >> shift));
}

template <class T>
T read_be(const std::uint8_t* at) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value = static_cast<T>((value << 8) | at[i]);
  return value;
}

void append_varint(ByteBuffer& out, std::uint64_t value) {
  std::uint8_t buffer[wire::kVarintMax];
  const std::size_t n = wire::write_varint(value, buffer);
  out.insert(out.end(), buffer, buffer + n);
}

void append_lengthy(ByteBuffer& out, Bytes bytes) {
  append_varint(out, bytes.size());
  out.insert(out.end(), bytes.begin(), bytes.end());
}

std::unexpected<AddressError> refuse(Code code, std::size_t at, std::string protocol = {}, std::string value = {},
                                     std::uint8_t unknown = 0) {
  return std::unexpected(AddressError{.code = code,
                                      .at = static_cast<std::uint32_t>(at),
                                      .unknown_code = unknown,
                                      .protocol = std::move(protocol),
                                      .value = std::move(value)});
}

// White space as Unicode's White_Space property lists it: the set that the reference trims.
std::size_t white_space_at(std::string_view text, bool from_end) {
  static constexpr std::string_view kSpaces[] = {"\t",     "\n",     "\v",     "\f",     "\r",     " ",      "\u0085",
                                                 "\u00a0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004",
                                                 "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200a", "\u2028",
                                                 "\u2029", "\u202f", "\u205f", "\u3000"};
  for (const std::string_view space : kSpaces)
    if (from_end ? text.ends_with(space) : text.starts_with(space)) return space.size();
  return 0;
}

std::string_view trimmed(std::string_view text) {
  while (const std::size_t n = white_space_at(text, false)) text.remove_prefix(n);
  while (const std::size_t n = white_space_at(text, true)) text.remove_suffix(n);
  return text;
}

// ASCII digits after one optional `+`.
template <class T>
bool parse_number(std::string_view text, T& value) {
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || text[0] == '-') return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

bool parse_segment(std::string_view kind, std::string_view value, Address::Segment& out) {
  if (kind == "p2p") {
    const auto peer = PeerId::from_text(value);
    if (peer) out = *peer;
    return peer.has_value();
  }
  if (kind == "site") {
    SiteId site;
    if (!parse_number(value, site.v)) return false;
    out = site;
    return true;
  }
  if (kind == "component") {
    ComponentRef component;
    if (!parse_number(value, component.v)) return false;
    out = component;
    return true;
  }
  if (kind == "op") {
    out = Address::Op{std::string(value)};
    return true;
  }
  return false;
}

}  // namespace

Address Address::with(Segment segment) const& { return Address(*this).with(std::move(segment)); }
Address Address::with(Segment segment) && {
  segments_.push_back(std::move(segment));
  return std::move(*this);
}

std::expected<Address, AddressError> Address::from_bytes(Bytes bytes) {
  Address address;
  std::size_t at = 0;
  while (at < bytes.size()) {
    const std::size_t start = at;
    const auto code = wire::read_varint(bytes, at);
    if (!code) return refuse(Code::truncated, start);
    if (*code == kP2p || *code == kOp) {
      const auto length = wire::read_varint(bytes, at);
      if (!length || *length > bytes.size() - at) return refuse(Code::truncated, start);
      const Bytes content = bytes.subspan(at, *length);
      at += *length;
      if (*code == kP2p) {
        const auto peer = PeerId::from_bytes(content);
        if (!peer)
          return refuse(Code::invalid_value, start, "p2p", "malformed multihash (" + std::to_string(content.size()) + " bytes)");
        address.segments_.emplace_back(*peer);
      } else {
        if (!is_utf8(content))
          return refuse(Code::invalid_value, start, "op", "non-utf8 " + std::to_string(content.size()) + " bytes");
        address.segments_.emplace_back(Op{std::string(as_text(content))});
      }
    } else if (*code == kSite || *code == kComponent) {
      const std::size_t length = *code == kSite ? 8 : 4;
      if (bytes.size() - at < length) return refuse(Code::truncated, start);
      if (*code == kSite) {
        address.segments_.emplace_back(SiteId{read_be<std::uint64_t>(bytes.data() + at)});
      } else {
        address.segments_.emplace_back(ComponentRef{read_be<std::uint32_t>(bytes.data() + at)});
      }
      at += length;
    } else {
      return refuse(Code::unknown_code, start, {}, {}, static_cast<std::uint8_t>(*code));
    }
  }
  return address;
}

ByteBuffer Address::to_bytes() const {
  ByteBuffer out;
  for (const Segment& segment : segments_) {
    if (const auto* peer = std::get_if<PeerId>(&segment)) {
      append_varint(out, kP2p);
      append_lengthy(out, peer->to_bytes());
    } else if (const auto* site = std::get_if<SiteId>(&segment)) {
      append_varint(out, kSite);
      append_be(out, site->v);
    } else if (const auto* component = std::get_if<ComponentRef>(&segment)) {
      append_varint(out, kComponent);
      append_be(out, component->v);
    } else {
      append_varint(out, kOp);
      append_lengthy(out, as_bytes(std::get<Op>(segment).name));
    }
  }
  return out;
}

std::expected<Address, AddressError> Address::from_text(std::string_view original) {
  // A name that is not UTF-8 could be written, but no peer could read it.
  if (!is_utf8(as_bytes(original))) return refuse(Code::malformed_string, 0, {}, std::string(original));
  std::string_view text = trimmed(original);
  Address address;
  if (text.empty()) return address;
  if (text[0] != '/') return refuse(Code::malformed_string, 0, {}, std::string(original));
  text.remove_prefix(1);
  for (;;) {
    const std::size_t kind_end = text.find('/');
    if (kind_end == std::string_view::npos) return refuse(Code::malformed_string, 0, {}, std::string(original));
    const std::string_view kind = text.substr(0, kind_end);
    text.remove_prefix(kind_end + 1);
    const std::size_t value_end = text.find('/');
    const std::string_view value = text.substr(0, value_end);
    Segment segment;
    if (!parse_segment(kind, value, segment)) return refuse(Code::invalid_value, 0, std::string(kind), std::string(value));
    address.segments_.push_back(std::move(segment));
    if (value_end == std::string_view::npos) return address;
    text.remove_prefix(value_end + 1);
  }
}

std::string Address::to_text() const {
  std::string text;
  for (const Segment& segment : segments_) {
    if (const auto* peer = std::get_if<PeerId>(&segment)) {
      text += "/p2p/" + peer->to_text();
    } else if (const auto* site = std::get_if<SiteId>(&segment)) {
      text += "/site/" + std::to_string(site->v);
    } else if (const auto* component = std::get_if<ComponentRef>(&segment)) {
      text += "/component/" + std::to_string(component->v);
    } else {
      text += "/op/" + std::get<Op>(segment).name;
    }
  }
  return text;
}

}  // namespace bb
