// Scenario 5: a life that is written down, saved, and lived again.
#include "bb/compiler.h"
#include "memory/scenarios.h"
#include "scenario/one_node.h"

namespace bb::test {
void durable_life(Stage& stage) {
  stage.install(1, {.artifacts = {everything()}, .targets = {"Everything"}, .durability = Durability::gated});
  stage.finish();
}
}  // namespace bb::test
