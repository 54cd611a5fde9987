// Published vectors of SHA-256 and SipHash, and the reference's names of compiled functions (spec A §10.9, D §5.3).
#include "bb/hash.h"

#include <catch2/catch_test_macros.hpp>

#include "bb/registry.h"
#include "ir/content_hash.h"
#include "ir/metadata.h"

using namespace bb;

namespace {

void add_node(onnx::FunctionProto& function, std::string_view domain, std::string_view op, std::vector<std::string> inputs,
              std::vector<std::string> outputs, std::vector<std::string> attributes = {}) {
  auto* node = function.add_node();
  node->set_domain(std::string(domain));
  node->set_op_type(std::string(op));
  for (auto& input : inputs) node->add_input(std::move(input));
  for (auto& output : outputs) node->add_output(std::move(output));
  for (auto& attribute : attributes) node->add_attribute()->set_name(std::move(attribute));
}

constexpr std::string_view kModelDomain = "ai.bytesandbrains.role.model";
const std::string kDeadlineTrigger = "#__trigger_deadline";

}  // namespace

TEST_CASE("sha256 gives the published digests across its block boundaries") {
  CHECK(to_hex(sha256({})) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(to_hex(sha256(as_bytes("abc"))) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(to_hex(sha256(as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))) ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(to_hex(sha256(as_bytes(std::string(1'000'000, 'a')))) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  CHECK(to_hex(sha256(as_bytes(std::string(55, 'a')))) == "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
  CHECK(to_hex(sha256(as_bytes(std::string(64, 'a')))) == "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
}

TEST_CASE("siphash13 gives the reference's function hashes") {
  CHECK(siphash13({}, 0, 0) == 0xd1fba762150c532cULL);
  CHECK(siphash13(as_bytes("Send\xff"), 0, 0) == 0xe8f845797e9377b0ULL);
}

TEST_CASE("fnv1a64 gives the published hashes") {
  CHECK(fnv1a64(std::string_view()) == 0xcbf29ce484222325ULL);
  CHECK(fnv1a64("a") == 0xaf63dc4c8601ec8cULL);
  CHECK(fnv1a64("foobar") == 0x85944171f73967e8ULL);
}

TEST_CASE("reference_node_hash names the reference's artifacts") {
  onnx::FunctionProto add;
  add_node(add, domain::kOnnx, "Add", {"a", "b"}, {"v0"});
  CHECK(ir::reference_node_hash(add) == 0xf2f0007af65722e5ULL);

  onnx::FunctionProto pass;
  add_node(pass, domain::kSyscall, "PassThrough", {"x"}, {"y"});
  CHECK(ir::reference_node_hash(pass) == 0x3ec258096378451fULL);

  onnx::FunctionProto search;
  add_node(search, "ai.bytesandbrains.role.index", "Search", {"query"}, {"v0"}, {"k"});
  CHECK(ir::reference_node_hash(search) == 0xaa56e9871ae38980ULL);

  onnx::FunctionProto quickstart;
  add_node(quickstart, "ai.bytesandbrains.role.data_source", "NextBatch", {}, {"v0", "v1"});
  add_node(quickstart, kModelDomain, "Forward", {"v0"}, {"v2"});
  add_node(quickstart, domain::kSyscall, "PassThrough", {"v2"}, {"prediction"});
  CHECK(ir::reference_node_hash(quickstart) == 0x9476a9b26b9f179cULL);

  onnx::FunctionProto client;
  add_node(client, kModelDomain, "LoadParameters", {"server_params"}, {"v0"});
  add_node(client, "ai.bytesandbrains.role.data_source", "NextBatch", {}, {"v1", "v2"});
  add_node(client, kModelDomain, "Forward", {"v1"}, {"v3"});
  add_node(client, kModelDomain, "Params", {}, {"v4"});
  add_node(client, domain::kWire, "Send", {"v4", "server_peer", kDeadlineTrigger}, {"updated_params", "v5"}, {"deadline_ns"});
  add_node(client, domain::kSyscall, "DeadlineCheck", {"v4"}, {kDeadlineTrigger}, {"deadline_ns"});
  CHECK(ir::reference_node_hash(client) == 0x0a107851e0bc39f3ULL);

  onnx::FunctionProto server;
  add_node(server, "ai.bytesandbrains.role.peer_selector", "Sample", {}, {"v0"}, {"n"});
  add_node(server, kModelDomain, "Params", {}, {"v1"});
  add_node(server, domain::kWire, "Send", {"v1", "v0", kDeadlineTrigger}, {"server_params", "v2"}, {"deadline_ns"});
  add_node(server, domain::kSyscall, "DeadlineCheck", {"v1"}, {kDeadlineTrigger}, {"deadline_ns"});
  CHECK(ir::reference_node_hash(server) == 0x6d4d6ec5503d3f9cULL);

  onnx::FunctionProto reduce;
  add_node(reduce, "ai.bytesandbrains.role.aggregator", "Contribute", {"received_params", "received_meta"}, {"v0"});
  CHECK(ir::reference_node_hash(reduce) == 0x2c8dee26384a38a3ULL);
}

TEST_CASE("the content suffix covers attribute values, types and stamps, but not the name or the order of metadata") {
  onnx::FunctionProto function;
  function.set_name("A");
  add_node(function, domain::kWire, "Send", {"a", "peers"}, {"p", "h"});
  ir::set_attribute(*function.mutable_node(0), "deadline_ns", std::int64_t{1});
  ir::stamp_metadata(*function.mutable_node(0), "one", "1");
  ir::stamp_metadata(*function.mutable_node(0), "two", "2");
  const std::string suffix = ir::content_suffix(function);
  CHECK(suffix.size() == 16);

  onnx::FunctionProto renamed = function;
  renamed.set_name("B");
  CHECK(ir::content_suffix(renamed) == suffix);
  onnx::FunctionProto reordered = function;
  reordered.mutable_node(0)->mutable_metadata_props()->SwapElements(0, 1);
  CHECK(ir::content_suffix(reordered) == suffix);

  onnx::FunctionProto longer = function;
  ir::set_attribute(*longer.mutable_node(0), "deadline_ns", std::int64_t{2});
  CHECK(ir::content_suffix(longer) != suffix);
  onnx::FunctionProto stamped = function;
  ir::stamp_metadata(*stamped.mutable_node(0), "two", "3");
  CHECK(ir::content_suffix(stamped) != suffix);
  onnx::FunctionProto typed = function;
  typed.add_value_info()->set_name("a");
  CHECK(ir::content_suffix(typed) != suffix);
}
