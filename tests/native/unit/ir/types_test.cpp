// The type lattice: built-in nodes, what the framework adds, and the wire types that each accepts (spec A §9, decisions G6, G23).
#include "bb/types.h"

#include <catch2/catch_test_macros.hpp>
#include <set>

#include "bb/registry.h"
#include "ir/value_info.h"

using namespace bb;

namespace {

TypeNode named(std::string id, std::string denotation) {
  TypeNode node;
  node.id = std::move(id);
  node.denotation = std::move(denotation);
  node.concrete = true;
  return node;
}

bool accepts(const TypeTree& tree, std::string_view id, std::uint64_t hash) {
  const auto& hashes = tree.find(id)->accepted_hashes;
  return std::find(hashes.begin(), hashes.end(), hash) != hashes.end();
}

}  // namespace

TEST_CASE("the built-in tree has the 29 nodes of the reference first, then the framework's own") {
  const TypeTree tree = TypeTree::builtin();
  REQUIRE(tree.nodes().size() == 36);
  const std::set<std::string> added = {"fedavg_meta",       "u64",           "u32", "timestamp", "command_id",
                                       "correlation_token", "search_results"};
  std::size_t with_denotation = 0;
  std::set<std::uint32_t> numbers;
  for (std::size_t i = 0; i < tree.nodes().size(); ++i) {
    const TypeNode& node = tree.nodes()[i];
    CHECK(added.contains(node.id) == (i >= 29));
    CHECK(node.concrete == (node.wire_hash != 0));
    CHECK(node.concrete == !node.denotation.empty());
    CHECK(node.concrete == !node.accepted_hashes.empty());
    if (i < 29 && !node.denotation.empty()) ++with_denotation;
    if (node.concrete) CHECK(numbers.insert(node.wire_hash).second);
    CHECK(tree.find(node.id) == &node);
  }
  CHECK(with_denotation == 26);
  CHECK(tree.find("tensor.u64")->wire_hash == 0x010D);
  CHECK(tree.find("tensor.f32")->foreign_name == "bb_tensor_f32_t");
  CHECK(tree.find_denotation("bb.peer_id_vec") == tree.find("peer_id_vec"));
  CHECK(tree.find_denotation("") == nullptr);
  CHECK(tree.find("no.such") == nullptr);
}

TEST_CASE("subtyping follows parents by identity") {
  const TypeTree tree = TypeTree::builtin();
  const auto sub = [&](const char* child, const char* parent) {
    return TypeTree::is_subtype(*tree.find(child), *tree.find(parent));
  };
  CHECK(sub("tensor.f32", "tensor"));
  CHECK(sub("tensor", "any"));
  CHECK_FALSE(sub("scalar.f32", "tensor"));
  CHECK(sub("peer_id", "any"));
  CHECK_FALSE(sub("any", "peer_id"));
  for (const char* concrete : {"trigger", "peer_id", "bytes", "tensor.f32"}) CHECK(tree.find(concrete)->concrete);
  const TypeTree other = TypeTree::builtin();
  CHECK_FALSE(TypeTree::is_subtype(*tree.find("tensor.f32"), *other.find("tensor")));
}

TEST_CASE("moving a tree keeps the identities of its nodes") {
  TypeTree tree = TypeTree::builtin();
  const TypeNode* tensor = tree.find("tensor");
  const TypeTree moved = std::move(tree);
  CHECK(moved.find("tensor") == tensor);
  CHECK(TypeTree::is_subtype(*moved.find("tensor.f32"), *tensor));
}

TEST_CASE("types accept the wire hashes of every spelling that peers send") {
  const TypeTree tree = TypeTree::builtin();
  CHECK(tree.find("tensor.f32")->accepted_hashes ==
        std::vector<std::uint64_t>{0x2f824195fec34be1ULL, 0x560c4d821f93a261ULL, 0x351044a2351c7e46ULL, 0x5f56c2bbd3d360d5ULL});
  for (const char* dtype : {"f64", "f16", "u8", "i32", "bool", "bf16", "i8", "i16", "i64", "u16", "u32", "u64"})
    CHECK(tree.find("tensor." + std::string(dtype))->accepted_hashes == std::vector<std::uint64_t>{0x1e16a91c43c7315cULL});
  CHECK(accepts(tree, "peer_id_vec", 0x64d32aef2d363637ULL));
  CHECK(accepts(tree, "peer_id_vec", 0x992930fbf6d59733ULL));
  CHECK(accepts(tree, "peer_id", 0x6750d1de54e51ec5ULL));
  CHECK(accepts(tree, "peer_id", 0x4c4fe93843642738ULL));
  CHECK(accepts(tree, "trigger", 0xf408ec4a93415ca0ULL));
  CHECK(accepts(tree, "bytes", 0x1d82330cc10a293dULL));
  CHECK(accepts(tree, "scalar.f32", 0xdd635018ff703544ULL));
  CHECK(accepts(tree, "wire_req_id", 0x9e56307df460aef2ULL));
  CHECK(accepts(tree, "multiaddress", 0x8927bf653df72630ULL));
  CHECK(accepts(tree, "address_vec", 0x99f6119f618d070cULL));
  CHECK(accepts(tree, "composite", 0xb94ced714c59208dULL));
  CHECK(accepts(tree, "fedavg_meta", 0x509e2c0a57154a61ULL));
  CHECK(accepts(tree, "u64", 0x4d35d3193e8d66f2ULL));
  CHECK(accepts(tree, "search_results", 0x82a7c6e41d4ca5edULL));
  CHECK(tree.find("any")->accepted_hashes.empty());
}

TEST_CASE("the tree is open, and refuses what would make it ambiguous") {
  TypeTree tree = TypeTree::builtin();
  const auto added = tree.add(named("demo.gradient", "demo.gradient"), "tensor");
  REQUIRE(added);
  CHECK((*added)->parent == tree.find("tensor"));
  CHECK(tree.add(named("demo.gradient", "other"), "any").error().code == Code::duplicate);
  CHECK(tree.add(named("demo.other", "bb.peer_id"), "any").error().code == Code::duplicate);
  CHECK(tree.add(named("demo.orphan", "demo.orphan"), "no.such").error().code == Code::unknown_type);
  CHECK(tree.add(named("", "x"), "any").error().code == Code::bad_argument);
}

TEST_CASE("a value's type is written with an agreeing value and denotation, and without a shape") {
  const TypeTree tree = TypeTree::builtin();
  onnx::ValueInfoProto info;
  ir::set_type(info, *tree.find("tensor.f32"));
  CHECK(info.type().tensor_type().elem_type() == 1);
  CHECK_FALSE(info.type().tensor_type().has_shape());
  CHECK(ir::type_of(info, tree) == tree.find("tensor.f32"));
  ir::set_type(info, *tree.find("peer_id"));
  CHECK(info.type().opaque_type().domain() == "ai.bytesandbrains");
  CHECK(info.type().opaque_type().name() == "bb.peer_id");
  CHECK(info.type().denotation() == "bb.peer_id");
  ir::set_type(info, *tree.find("any"));
  CHECK(ir::type_of(info, tree) == nullptr);
  for (const auto& [id, number] : {std::pair("tensor.f64", 11), std::pair("tensor.i32", 6), std::pair("tensor.i64", 7),
                                   std::pair("tensor.bool", 9), std::pair("tensor.u8", 0)}) {
    ir::set_type(info, *tree.find(id));
    CHECK(info.type().tensor_type().elem_type() == number);
  }
}

TEST_CASE("a registry numbers the methods of each role and refuses duplicates") {
  Registry registry;
  const auto op = [](Role role, std::string type) {
    OpDeclaration declaration;
    declaration.domain = role_domain(role);
    declaration.op_type = std::move(type);
    declaration.role = role;
    return declaration;
  };
  REQUIRE(registry.add(op(Role::model, "Forward")));
  REQUIRE(registry.add(op(Role::index, "Add")));
  REQUIRE(registry.add(op(Role::model, "Params")));
  CHECK(registry.add(op(Role::model, "Params")).error().code == Code::duplicate);
  CHECK(registry.method_count(Role::model) == 2);
  CHECK(registry.method(Role::model, 1)->op_type == "Params");
  CHECK(registry.method(Role::model, 2) == nullptr);
  CHECK(registry.find_op("ai.bytesandbrains.role.index", "Add")->method == 0);
  CHECK(registry.find_op("ai.bytesandbrains.role.index", "Sub") == nullptr);
  CHECK(registry.add(op(Role::model, "")).error().code == Code::bad_argument);

  ComponentClass component;
  component.type_name = "Mlp";
  REQUIRE(registry.add(component));
  CHECK(registry.add(component).error().code == Code::duplicate);
  CHECK(registry.find_component("Mlp") != nullptr);
  CHECK(registry.find_component("None") == nullptr);
}

TEST_CASE("roles have one name, trait and domain each") {
  for (std::uint32_t i = 1; i < kRoleCount; ++i) {
    const auto role = static_cast<Role>(i);
    CHECK(role_from_name(role_name(role)) == role);
    CHECK(role_from_trait(role_trait(role)) == role);
    CHECK(std::string(role_trait(role)) == std::string(role_name(role)) + "Runtime");
  }
  CHECK(role_from_name("") == Role::none);
  CHECK(role_from_trait("Model") == Role::none);
  CHECK(role_domain(Role::backend) == "ai.onnx");
  CHECK(role_domain(Role::protocol).empty());
}
