// addresses.json: peer ids and addresses in every form, and what their parsers refuse.
#include "bb/address.h"
#include "bb/hash.h"
#include "bb/value.h"
#include "golden/vector_check.h"

namespace bb::golden {
namespace {

// The reference names an error by text only, so the texts are mapped to our codes here.
Code multihash_code(std::string_view text) {
  if (text == "not enough input bytes") return Code::truncated;
  if (text.starts_with("Invalid multihash size")) return Code::invalid_value;
  if (text == "encoding is not minimal") return Code::not_minimal;
  if (text == "input bytes exceed maximum") return Code::overflow;
  return Code::ok;
}

Code address_code(std::string_view kind) {
  if (kind == "Truncated") return Code::truncated;
  if (kind == "UnknownCode") return Code::unknown_code;
  if (kind == "MalformedString") return Code::malformed_string;
  if (kind == "InvalidValue") return Code::invalid_value;
  return Code::ok;
}

ByteBuffer encoded(const Value& value) {
  ByteBuffer out;
  const bool good = encode_value(value, out).has_value();
  return good ? out : ByteBuffer{0xde, 0xad};
}

void check_peer(Checker& check, const PeerId& peer, const Json& json) {
  Memory memory;
  Fields fields(check, json);
  const ByteBuffer bytes = fields.bytes("bytes"), digest = fields.bytes("digest"), bincode = fields.bytes("bincode");
  const std::string text = fields.text("base58");
  check.same("code", fields.number("code"), peer.code);
  check.same("digest", digest, peer.digest_bytes());
  check.same("bytes", bytes, peer.to_bytes());
  check.same_text("base58", text, peer.to_text());
  const auto identity = peer.as_identity_u64();
  if (fields.is_null("identity_u64")) {
    check.expect(!identity.has_value(), "identity_u64 is absent");
  } else if (check.expect(identity.has_value(), "identity_u64 is present")) {
    check.same("identity_u64", fields.number("identity_u64"), *identity);
  }
  const auto from_text = PeerId::from_text(text);
  check.expect(from_text && *from_text == peer, "base58 parses to the same peer");
  const auto from_bytes = PeerId::from_bytes(bytes);
  check.expect(from_bytes && *from_bytes == peer, "bytes parse to the same peer");
  const auto value = Value::peer(memory, peer);
  if (check.expect(value.has_value(), "a value holds the peer")) check.same("bincode", bincode, encoded(*value));
  const auto decoded = decode_value(memory, carrier_hash(Carrier::peer), bincode);
  check.expect(decoded && decoded->carrier() == Carrier::peer && decoded->as_peer() == peer, "bincode decodes to the same peer");
}

void check_peer_ids(Checker& check, const Json& cases) {
  for (std::size_t i = 0; i < cases.size(); ++i) {
    check.enter("addresses.json", "peer_ids[" + std::to_string(i) + "]");
    Fields fields(check, cases[i]);
    const Json& json = fields.get("peer");
    const auto* hex = json.contains("bytes") ? json["bytes"].get_ptr<const std::string*>() : nullptr;
    const auto bytes = from_hex(hex ? *hex : "");
    const auto peer = PeerId::from_bytes(bytes ? *bytes : ByteBuffer{});
    if (check.expect(peer.has_value(), "the bytes are a peer id")) check_peer(check, *peer, json);
    if (fields.has("from_u64")) {
      check.expect(peer && PeerId::from(fields.number("from_u64")) == *peer, "from_u64 makes the same peer");
    } else {
      check.expect(!fields.text("name").empty(), "a case has a name");
    }
  }
}

void check_peer_parse(Checker& check, const Json& cases) {
  for (const Json& json : cases) {
    check.enter("addresses.json", "peer_id_from_bytes");
    Fields fields(check, json);
    check.enter("addresses.json", "peer_id_from_bytes `" + fields.text("name") + "`");
    const auto peer = PeerId::from_bytes(fields.bytes("bytes"));
    check.expect(fields.flag("ok") == peer.has_value(), "accepted or refused as the reference does");
    if (!fields.flag("ok")) {
      check.expect(fields.is_null("peer"), "a refused case has no peer");
      const Code code = multihash_code(fields.text("error"));
      check.expect(code != Code::ok, "the error text is known");
      if (!peer) check.same_text("error", code_name(code), code_name(peer.error().code));
    } else {
      check.expect(fields.is_null("error"), "an accepted case has no error");
      if (peer) check_peer(check, *peer, fields.get("peer"));
    }
  }
}

void check_segment(Checker& check, const Json& json, const Address::Segment& segment) {
  Fields fields(check, json);
  if (const auto* peer = std::get_if<PeerId>(&segment)) {
    check.same("segment p2p", fields.bytes("p2p"), peer->to_bytes());
  } else if (const auto* site = std::get_if<SiteId>(&segment)) {
    check.same("segment site", fields.number("site"), site->v);
  } else if (const auto* component = std::get_if<ComponentRef>(&segment)) {
    check.same("segment component", fields.number("component"), component->v);
  } else {
    check.same_text("segment op", fields.text("op"), std::get<Address::Op>(segment).name);
  }
}

void check_accessors(Checker& check, Fields& fields, const Address& address) {
  if (check.expect(fields.is_null("first_peer_id") == !address.peer_id(), "first_peer_id is there or not") && address.peer_id())
    check.same("first_peer_id", fields.bytes("first_peer_id"), address.peer_id()->to_bytes());
  if (check.expect(fields.is_null("first_site") == !address.site_id(), "first_site is there or not") && address.site_id())
    check.same("first_site", fields.number("first_site"), address.site_id()->v);
  if (check.expect(fields.is_null("first_component") == !address.component_ref(), "first_component is there or not") &&
      address.component_ref())
    check.same("first_component", fields.number("first_component"), address.component_ref()->v);
  if (check.expect(fields.is_null("first_op") == !address.op_name(), "first_op is there or not") && address.op_name())
    check.same_text("first_op", fields.text("first_op"), *address.op_name());
}

void check_address_forms(Checker& check, const Json& cases) {
  Memory memory;
  for (const Json& json : cases) {
    check.enter("addresses.json", "addresses");
    Fields fields(check, json);
    const std::string text = fields.text("text");
    check.enter("addresses.json", "addresses `" + text.substr(0, 80) + "`");
    const ByteBuffer bytes = fields.bytes("bytes"), bincode = fields.bytes("bincode");
    const auto address = Address::from_bytes(bytes);
    if (!check.expect(address.has_value(), "the bytes parse")) continue;
    check.same_text("text", text, address->to_text());
    check.same("bytes", bytes, address->to_bytes());
    const Json& segments = fields.list("segments");
    if (check.same("segments", segments.size(), address->segments().size()))
      for (std::size_t i = 0; i < segments.size(); ++i) check_segment(check, segments[i], address->segments()[i]);
    check_accessors(check, fields, *address);
    const auto parsed = Address::from_text(text);
    check.expect(parsed && *parsed == *address && fields.text("text_reparse") == "equal", "the text parses to the same address");
    const auto value = Value::address(memory, *address);
    if (check.expect(value.has_value(), "a value holds the address")) check.same("bincode", bincode, encoded(*value));
    const auto decoded = decode_value(memory, carrier_hash(Carrier::address), bincode);
    if (check.expect(decoded.has_value(), "the bincode decodes")) check.same("bincode again", bincode, encoded(*decoded));
  }
}

void check_error(Checker& check, const AddressError& error, const Json& json) {
  Fields fields(check, json);
  const std::string kind = fields.text("kind");
  check.expect(address_code(kind) != Code::ok, "the error kind `" + kind + "` is known");
  check.same_text("error kind", code_name(address_code(kind)), code_name(error.code));
  if (kind == "UnknownCode") check.same("error code", fields.number("code"), error.unknown_code);
  if (kind == "MalformedString") check.same_text("error string", fields.text("string"), error.value);
  if (kind == "InvalidValue") {
    check.same_text("error protocol", fields.text("protocol"), error.protocol);
    check.same_text("error value", fields.text("value"), error.value);
  }
  fields.skip("display", "diagnostic text is nobody's contract");
}

// `parse_str` and `from_bytes_errors` differ in the input, and in whether the bytes of a good case are given too.
void check_parse(Checker& check, const Json& cases, std::string_view section) {
  const bool from_text = section == "parse_str";
  for (const Json& json : cases) {
    check.enter("addresses.json", std::string(section));
    Fields fields(check, json);
    const std::string name = fields.text(from_text ? "input" : "name");
    check.enter("addresses.json", std::string(section) + " `" + name + "`");
    const auto address = from_text ? Address::from_text(name) : Address::from_bytes(fields.bytes("bytes"));
    if (!check.expect(fields.flag("ok") == address.has_value(), "accepted or refused as the reference does")) continue;
    if (!address) {
      check_error(check, address.error(), fields.get("error"));
      continue;
    }
    check.same_text("text", fields.text("text"), address->to_text());
    if (from_text) check.same("bytes", fields.bytes("bytes"), address->to_bytes());
  }
}

}  // namespace

void check_addresses(Checker& check, const Json& file) {
  Fields fields(check, file);
  check_peer_ids(check, fields.list("peer_ids"));
  check_peer_parse(check, fields.list("peer_id_from_bytes"));
  check_address_forms(check, fields.list("addresses"));
  check_parse(check, fields.list("parse_str"), "parse_str");
  check_parse(check, fields.list("from_bytes_errors"), "from_bytes_errors");
  check.enter("addresses.json", "file");
}

}  // namespace bb::golden
