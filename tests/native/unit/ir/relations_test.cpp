// The type solver on its own (spec A §9.6, D §8 S8).
#include "ir/relations.h"

#include <catch2/catch_test_macros.hpp>

using namespace bb;
using ir::TypeSolver;

namespace {

OpDeclaration with_relation(TypeRelation::Kind kind, std::vector<std::uint32_t> ports) {
  OpDeclaration op;
  op.domain = domain::kOnnx;
  op.inputs.resize(2);
  op.outputs.resize(1);
  op.relations = {{kind, std::move(ports)}};
  return op;
}

const OpDeclaration kAdd = with_relation(TypeRelation::Kind::same_type, {0, 1, kOutputPort});
const OpDeclaration kRelu = with_relation(TypeRelation::Kind::elementwise, {0, kOutputPort});

}  // namespace

TEST_CASE("one seed reaches every value that relations connect, in either direction") {
  const TypeTree tree = TypeTree::builtin();
  for (const char* seed : {"x", "y", "z", "w"}) {
    TypeSolver solver(tree);
    REQUIRE(solver.relate(kAdd, "Add", {"x", "y"}, {"z"}));
    REQUIRE(solver.relate(kRelu, "Relu", {"z"}, {"w"}));
    REQUIRE(solver.narrow(solver.value(seed), *tree.find("tensor.f32")));
    REQUIRE(solver.solve());
    for (const char* name : {"x", "y", "z", "w"}) CHECK(solver.type(name) == tree.find("tensor.f32"));
  }
}

TEST_CASE("two element types at one op are a failed constraint that names the op and both values") {
  const TypeTree tree = TypeTree::builtin();
  TypeSolver solver(tree);
  REQUIRE(solver.relate(kAdd, "ai.onnx::Add", {"x", "y"}, {"z"}));
  REQUIRE(solver.narrow(solver.value("x"), *tree.find("tensor.f32")));
  REQUIRE(solver.narrow(solver.value("y"), *tree.find("tensor.f64")));
  const auto solved = solver.solve();
  REQUIRE_FALSE(solved);
  CHECK(solved.error().kind == ir::SolverError::Kind::constraint_failed);
  CHECK(solved.error().op == "ai.onnx::Add");
  CHECK(solved.error().detail == "'y' is tensor.f64, 'x' is tensor.f32");
}

TEST_CASE("abstract types narrow each other, and stay abstract without a concrete one") {
  const TypeTree tree = TypeTree::builtin();
  TypeSolver solver(tree);
  REQUIRE(solver.relate(kAdd, "Add", {"x", "y"}, {"z"}));
  REQUIRE(solver.narrow(solver.value("y"), *tree.find("tensor")));
  REQUIRE(solver.solve());
  CHECK(solver.type("x") == tree.find("tensor"));
  CHECK(solver.type("z") == tree.find("tensor"));
  CHECK_FALSE(solver.narrow(solver.value("z"), *tree.find("peer_id")));
  CHECK(solver.narrow(solver.value("z"), *tree.find("any")));
  CHECK(solver.type("none") == nullptr);
}

TEST_CASE("a relation over a port that is not wired is refused unless the port is optional") {
  const TypeTree tree = TypeTree::builtin();
  TypeSolver solver(tree);
  const auto related = solver.relate(kAdd, "Add", {"x"}, {"z"});
  REQUIRE_FALSE(related);
  CHECK(related.error().kind == ir::SolverError::Kind::port_out_of_range);
  CHECK(solver.relate(kAdd, "Add", {"x", ""}, {"z"}).error().op == "Add");
  OpDeclaration optional = kAdd;
  optional.inputs[1].optional = true;
  CHECK(solver.relate(optional, "Add", {"x", ""}, {"z"}));
  CHECK(solver.relate(kAdd, "Add", {"x", "y"}, {}));
}
