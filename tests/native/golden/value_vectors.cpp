// values.json: type hashes, payloads of every carrier, decode failures, and the type lattice.
#include "bb/hash.h"
#include "bb/types.h"
#include "bb/value.h"
#include "golden/vector_check.h"
#include "wire/bincode.h"
#include "wire/carriers.h"

namespace bb::golden {
namespace {

constexpr std::string_view kF32Box = "alloc::boxed::Box<[f32]>";

// What the reference's decoders say, mapped to our codes.
Code decode_code(std::string_view text) {
  if (text.find("unexpected end of file") != std::string_view::npos) return Code::truncated;
  if (text.find("Failed to deserialize Multihash") != std::string_view::npos) return Code::invalid_value;
  if (text.find("expected variant index") != std::string_view::npos) return Code::invalid_value;
  if (text.find("unknown array version") != std::string_view::npos) return Code::bad_version;
  return Code::ok;
}

// The CpuTensor bytes of rank 1 that carry the elements of a bare f32 list.
ByteBuffer list_as_tensor(Bytes list) {
  ByteBuffer out(1 + 8 + 8 + list.size() + 8 + 8);
  wire::BincodeWriter writer(out.data());
  const auto elements = list.size() >= 8 ? load_le<std::uint64_t>(list.data()) : 0;
  writer.number<std::uint8_t>(1);
  writer.number<std::uint64_t>(1);
  writer.number(elements);
  writer.raw(list);
  writer.number<std::uint64_t>(1);
  writer.number(elements);
  return out;
}

void check_payload(Checker& check, std::string_view type_name, std::uint64_t hash, Fields& fields) {
  Memory memory;
  const ByteBuffer payload = fields.bytes("payload");
  const auto value = decode_value(memory, hash, payload);
  if (!check.expect(value.has_value(), "the payload decodes")) return;
  ByteBuffer encoded;
  check.expect(encode_value(*value, encoded).has_value(), "the value encodes");
  check.same("measured size", encoded.size(), encoded_size(*value));
  if (type_name == kF32Box && check.excused("decoded_payload", type_name)) {
    check.same("payload again, as a tensor", list_as_tensor(payload), encoded);
  } else {
    check.same("payload again", payload, encoded);
  }
  if (value->type_hash() != hash && check.excused("decoded_hash", type_name)) {
    check.expect(is_decodable(value->type_hash()), "the hash it is written with is decodable");
  } else {
    check.same("type hash of the decoded value", hash, value->type_hash());
  }
  const auto again = decode_value(memory, value->type_hash(), encoded);
  ByteBuffer second;
  check.expect(again && encode_value(*again, second).has_value(), "what was written decodes again");
  check.same("second encoding", encoded, second);
}

const TypeNode* accepting_node(const TypeTree& types, std::uint64_t hash) {
  for (const TypeNode& node : types.nodes())
    for (const std::uint64_t accepted : node.accepted_hashes)
      if (node.concrete && accepted == hash) return &node;
  return nullptr;
}

void check_runtime_type(Checker& check, const TypeTree& types, std::string_view type_name, std::uint64_t hash,
                        std::string_view runtime_type) {
  const TypeNode* expected = types.find(runtime_type);
  if (!check.expect(expected != nullptr, "the runtime type is a node")) return;
  const TypeNode* node = accepting_node(types, hash);
  if (runtime_type == "any") {
    if (node) check.expect(check.excused("runtime_type", type_name), "the table knows the difference");
    check.expect(!node || TypeTree::is_subtype(*node, *expected), "below `any`");
  } else if (check.expect(node != nullptr, "a concrete node accepts the hash")) {
    bool accepted = false;
    for (const std::uint64_t one : expected->accepted_hashes) accepted |= one == hash;
    check.expect(accepted, "`" + std::string(runtime_type) + "` accepts the hash");
  }
}

// The notice has no carrier: it is taken out before decoders are asked.
void check_backoff_notice(Checker& check, std::uint64_t hash, const Json& cases) {
  constexpr std::string_view causes[] = {"QueueFull", "PhiAccrual", "ExplicitDrop"};
  check.same("reserved hash", hash, wire::kBackoffNoticeHash);
  check.expect(!is_decodable(hash), "no decoder is registered for a notice");
  for (const Json& json : cases) {
    Fields fields(check, json);
    const ByteBuffer payload = fields.bytes("payload");
    wire::BincodeReader reader(payload);
    const auto backoff = reader.number<std::uint64_t>();
    const auto cause = reader.number<std::uint32_t>();
    const auto next = reader.number<std::uint64_t>();
    if (!check.expect(backoff && cause && next && reader.remaining() == 0 && *cause < 3, "20 bytes")) continue;
    check.same("min_backoff_ns", fields.number("min_backoff_ns"), *backoff);
    check.same_text("cause", fields.text("cause"), causes[*cause]);
    check.same("suggested_next_send_ns", fields.number("suggested_next_send_ns"), *next);
    ByteBuffer written(20);
    wire::BincodeWriter writer(written.data());
    writer.number(*backoff);
    writer.number(*cause);
    writer.number(*next);
    check.same("payload", payload, written);
  }
}

void check_type(Checker& check, const TypeTree& types, const Json& json) {
  Fields fields(check, json);
  const std::string name = fields.text("type_name");
  check.enter("values.json", "types `" + name + "`");
  const std::uint64_t hash = fields.number("type_hash");
  check.same("type hash", hash, fnv1a64(name));
  if (fields.has("note")) {
    fields.skip("note", "says in words what the next line checks");
    return check_backoff_notice(check, hash, fields.list("values"));
  }
  char hex[19];
  std::snprintf(hex, sizeof hex, "0x%016llx", static_cast<unsigned long long>(hash));
  check.same_text("type_hash_hex", fields.text("type_hash_hex"), hex);
  const bool registered = fields.flag("wire_decoder_registered");
  if (registered || !check.excused("wire_decoder_registered", name))
    check.expect(registered == is_decodable(hash), "a decoder is registered or not");
  check.expect(is_decodable(hash), "the type can be read");
  check_runtime_type(check, types, name, hash, fields.text("runtime_type"));
  for (const Json& value : fields.list("values")) {
    Fields one(check, value);
    check.enter("values.json", "types `" + name + "` value `" + one.text("desc") + "`");
    one.skip("charged_bytes", "the receiver charges what it admits; the amount belongs to the runtime, not to the codec");
    check.expect(one.is_null("roundtrip_equal") == !registered, "the reference reads exactly what it has a decoder for");
    if (registered) check.expect(one.flag("roundtrip_equal"), "the reference reads it back equal");
    check_payload(check, name, hash, one);
  }
}

void check_registered(Checker& check, const Json& hashes) {
  check.enter("values.json", "registered_wire_decoders");
  for (const Json& json : hashes) {
    const Json object{{"hash", json}};
    Fields fields(check, object);
    check.expect(is_decodable(fields.number("hash")), "a decoder is registered");
  }
}

void check_decode_failures(Checker& check, const Json& cases) {
  Memory memory;
  for (const Json& json : cases) {
    check.enter("values.json", "decode_failures");
    Fields fields(check, json);
    check.enter("values.json", "decode_failures `" + fields.text("type") + "`");
    const auto value = decode_value(memory, fields.number("type_hash"), fields.bytes("payload"));
    if (!check.expect(fields.flag("ok") == value.has_value(), "accepted or refused as the reference does")) continue;
    if (value) {
      check.expect(fields.is_null("error"), "an accepted case has no error");
      continue;
    }
    const Code code = decode_code(fields.text("error"));
    check.expect(code != Code::ok, "the error text is known");
    check.same_text("error", code_name(code), code_name(value.error().code));
  }
}

void check_type_nodes(Checker& check, const TypeTree& types, const Json& nodes) {
  for (const Json& json : nodes) {
    check.enter("values.json", "type_nodes");
    Fields fields(check, json);
    const std::string id = fields.text("id");
    check.enter("values.json", "type_nodes `" + id + "`");
    const std::string denotation = fields.text("denotation");
    const TypeNode* node = types.find(id);
    if (!check.expect(node != nullptr, "is built in")) continue;
    check.expect(fields.is_null("parent") == !node->parent, "has a parent or not");
    if (node->parent) check.same_text("parent", fields.text("parent"), node->parent->id);
    check.expect(fields.flag("concrete") == node->concrete, "concrete or abstract");
    check.same("wire_hash", fields.number("wire_hash"), node->wire_hash);
    check.same_text("denotation", denotation, node->denotation);
    check.same_text("ffi_name", fields.text("ffi_name"), node->foreign_name);
    if (!denotation.empty()) check.expect(types.find_denotation(denotation) == node, "is found by its denotation");
  }
}

}  // namespace

void check_values(Checker& check, const Json& file) {
  const TypeTree types = TypeTree::builtin();
  Fields fields(check, file);
  for (const Json& type : fields.list("types")) {
    check.enter("values.json", "types");
    check_type(check, types, type);
  }
  check_registered(check, fields.list("registered_wire_decoders"));
  check_decode_failures(check, fields.list("decode_failures"));
  check_type_nodes(check, types, fields.list("type_nodes"));
  check.enter("values.json", "file");
}

}  // namespace bb::golden
