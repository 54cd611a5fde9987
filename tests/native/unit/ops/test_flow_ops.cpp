// Ops that move, join, split and race values.
#include <catch2/catch_test_macros.hpp>

#include "unit/ops/op_harness.h"

using namespace bb;
using test::OpHarness;
using Kind = OpErrorKind;

TEST_CASE("flow ops: one value goes through, and none is a failure with the op's own text") {
  OpHarness h;
  CHECK(test::text_of(h.run("PassThrough", {}, {h.bytes("a")}).outputs[0]) == "a");
  CHECK(test::text_of(h.run("Gate", {}, {h.bytes("a"), Value::trigger()}).outputs[0]) == "a");
  CHECK(h.run("OnTrigger", {}, {h.bytes("a")}).triggered());
  CHECK(h.run("GateDispatch", {}, {h.bytes("a"), h.bytes("b")}).triggered());
  CHECK(h.run("Barrier", {}, {h.bytes("a")}).triggered());
  CHECK(h.run("PassThrough").failed_with(Kind::other, "", "PassThrough requires one input"));
  CHECK(h.run("Gate").failed_with(Kind::other, "", "Gate requires value input"));
  CHECK(h.run("Tee").failed_with(Kind::other, "", "Tee requires one input"));
  CHECK(h.run("OnTrigger").failed_with(Kind::other, "", "OnTrigger requires one input"));
}

TEST_CASE("flow ops: Tee fills its outputs, or as many as `fanout` says") {
  OpHarness h;
  h.outputs = 3;
  auto all = h.run("Tee", {}, {h.bytes("a")});
  CHECK((all.outputs[0].present() && all.outputs[1].present() && all.outputs[2].present()));
  auto two = h.run("Tee", {{"fanout", 2}}, {h.bytes("a")});
  CHECK((two.outputs[0].present() && two.outputs[1].present() && !two.outputs[2].present()));
  CHECK(h.run("Tee", {{"fanout", 9}}, {h.bytes("a")}).outputs[2].present());
  CHECK(!h.try_prepare("Tee", {{"fanout", 0}}, 1));
  CHECK(!h.try_prepare("Tee", {{"fanout", "2"}}, 1));
  CHECK(h.problem == "Tee needs the attribute `fanout` to be a number of at least 0");
}

TEST_CASE("flow ops: composites keep their children as they are") {
  OpHarness h;
  const auto composite = [&](std::string_view op, const test::OpAttributes& attributes, std::vector<Value> values) {
    const auto inputs = static_cast<std::uint32_t>(values.size());
    return h.run(h.prepare(op, attributes, inputs, {}, domain::kComposite), std::move(values));
  };
  h.outputs = 2;
  auto bundle = composite("Bundle", {}, {h.bytes("a"), Value(), h.tensor({1, 2})});
  REQUIRE(bundle.outputs[0].carrier() == Carrier::composite);
  auto parts = composite("Unbundle", {{"ai.bytesandbrains.composite.child_count", 2}}, {bundle.outputs[0]});
  CHECK(test::text_of(parts.outputs[0]) == "a");
  CHECK(parts.outputs[1].is_f32_tensor());
  CHECK(composite("Unbundle", {}, {bundle.outputs[0]}).done());
  CHECK(composite("Bundle", {}, {Value()}).failed_with(Kind::missing_slot, "bundle_no_children"));
  CHECK(composite("Unbundle", {}, {}).failed_with(Kind::missing_slot, "missing_bundle"));
  CHECK(composite("Unbundle", {}, {h.bytes("a")}).failed_with(Kind::type_mismatch, "expected_composite"));
  CHECK(composite("Unbundle", {{"ai.bytesandbrains.composite.child_count", 3}}, {bundle.outputs[0]})
            .failed_with(Kind::execution_failed, "unbundle_child_count_mismatch", "the composite has 2 children, not 3"));
  CHECK(!h.try_prepare("Unbundle", {{"ai.bytesandbrains.composite.child_count", 0}}, 1, {}, domain::kComposite));
  CHECK(h.problem.starts_with("child_count_below_one"));
  CHECK(h.starved(h.prepare("Bundle", {}, 1, {}, domain::kComposite), {h.bytes("a")}).out_of_memory());
}

TEST_CASE("flow ops: Any forwards what is there; a group fires once in each execution of its instance") {
  OpHarness h;
  CHECK(test::text_of(h.run("Any", {}, {Value(), h.bytes("b")}).outputs[0]) == "b");
  CHECK(h.run("Any", {}, {Value(), Value()}).silent());

  const auto first = h.prepare("Any", {{"group", "g"}}, 1, "M");
  const auto second = h.prepare("Any", {{"group", "g"}}, 1, "M");
  const auto elsewhere = h.prepare("Any", {{"group", "g"}}, 1, "M/child");
  h.exec = 5;
  CHECK(h.run(first, {h.bytes("a")}).outputs[0].present());
  CHECK(h.run(second, {h.bytes("a")}).silent());
  CHECK(h.run(elsewhere, {h.bytes("a")}).outputs[0].present());
  h.exec = 6;
  CHECK(h.run(second, {h.bytes("a")}).outputs[0].present());
  CHECK(h.run(first, {h.bytes("a")}).silent());
  h.exec = 5;  // executions run side by side
  CHECK(h.run(first, {h.bytes("a")}).silent());
  // Two records is this node's limit.
  CHECK(h.run("Any", {{"group", "third"}}, {h.bytes("a")}).failed_with(Kind::cooldown, "records_limit"));
}

TEST_CASE("flow ops: with scope node, a group of Any fires once in the life of the node") {
  OpHarness h;
  const auto first = h.prepare("Any", {{"group", "g"}, {"scope", "node"}}, 1, "M");
  const auto second = h.prepare("Any", {{"group", "g"}, {"scope", "node"}}, 1, "N");
  CHECK(h.starved(first, {h.bytes("a")}).out_of_memory());
  CHECK(h.run(first, {h.bytes("a")}).outputs[0].present());
  h.exec = 1;
  CHECK(h.run(first, {h.bytes("a")}).silent());
  CHECK(h.run(second, {h.bytes("a")}).silent());
  CHECK(!h.try_prepare("Any", {{"group", "g"}, {"scope", "world"}}, 1));
}

TEST_CASE("flow ops: DeadlineMatch forwards the winner and says which port it was") {
  OpHarness h;
  auto timeout = h.run("DeadlineMatch", {}, {Value(), Value::trigger()});
  CHECK(timeout.triggered());
  CHECK(timeout.outputs[1].as_u64() == 1);
  auto then = h.run("DeadlineMatch", {}, {h.bytes("a"), Value::trigger()});
  CHECK(test::text_of(then.outputs[0]) == "a");
  CHECK(then.outputs[1].as_u64() == 0);
  CHECK(h.run("DeadlineMatch", {}, {Value(), Value()}).failed_with(Kind::other, "", "DeadlineMatch requires at least one input"));
  CHECK(!h.try_prepare("DeadlineMatch"));
}

TEST_CASE("flow ops: Threshold fires with every n-th value") {
  OpHarness h;
  const auto op = h.prepare("Threshold", {{"n", 3}}, 1);
  const auto other = h.prepare("Threshold", {{"n", 1}}, 1);
  for (int round = 0; round < 2; ++round) {
    CHECK(h.run(op, {h.bytes("a")}).silent());
    CHECK(h.run(op, {h.bytes("a")}).silent());
    CHECK(h.run(op, {h.bytes("a")}).triggered());
  }
  CHECK(h.run(other, {h.bytes("a")}).triggered());
  CHECK(h.run("Threshold", {{"name", "third"}}, {h.bytes("a")}).failed_with(Kind::cooldown, "metrics_limit"));
  CHECK(h.run(op, {Value()}).failed_with(Kind::other, "", "Threshold requires one input"));
  CHECK(!h.try_prepare("Threshold", {{"n", 0}}, 1));
}

TEST_CASE("flow ops: an interval ticks without the value that started it") {
  OpHarness h;
  CHECK(!h.run("Interval", {}, {Value()}).silent());
  CHECK(h.ticks.size() == 1);
}

TEST_CASE("flow ops: inputs that only order an op hold it back when they never come") {
  OpHarness h;
  for (const char* op : {"Clock", "RngU64", "CorrelateTag", "Pulse", "Hold.Flush", "Limit.Acquire", "Serialize.Dequeue", "Sleep",
                         "After", "BootstrapDispatch", "IncrMetric", "AppNotify", "Limit.Release"})
    CHECK(h.run(op, {{"name", "topic"}}, {Value()}).silent());
  CHECK(h.published.empty());
  CHECK(h.wakes.empty());
  CHECK(h.ticks.empty());
  CHECK(h.services().metrics.size() == 0);
  for (const char* op : {"AppEmit", "Record", "Hold.Stash", "Serialize.Enqueue"})
    CHECK(h.run(op, {{"name", "topic"}}, {Value()}).silent());
  CHECK(h.published.empty());
  CHECK(h.services().held.size() == 0);
}
