#include <catch2/catch_test_macros.hpp>
#include <iostream>
#include "example_modules.h"
using namespace bb; using namespace bb::test;
static void show(const Compiler& c, const Module& m) {
  auto rec = c.record(m); if (!rec) { std::cout << rec.error().code << ": " << rec.error().message << "\n"; return; }
  auto r = model_of(*rec); for (auto& f : r.functions()) std::cout << "REC " << f.name() << dump(f);
  auto a = c.compile(m); if (!a) { std::cout << a.error().code << " in " << a.error().pass << ": " << a.error().message << " @" << a.error().node << "\n"; return; }
  auto o = model_of(a->bytes()); for (auto& f : o.functions()) { std::cout << "OUT " << f.name() << dump(f); for (auto& n : f.node()) std::cout << "    " << n.name() << "\n"; }
  std::cout << dump_rows(o) << "\n";
}
TEST_CASE("print") {
  auto r = compiler_registry();
  show(Compiler(r).bind("data_source","StubLoader").bind("model","StubModel"), Quickstart());
  show(Compiler(r).bind("loader","StubLoader").bind("model","StubModel").bind("aggregator","StubAggregator"), FedNetwork());
  show(Compiler(r).bind("data","StubLoader").bind("model","StubModel"), ClientLogic());
  show(Compiler(r).bind("view","ConstantView").bind("model","StubModel"), ServerLogic());
  show(Compiler(r).bind("aggregator","FedAvg").bind("backend","bytesandbrains::backends::cpu::CpuBackend"), ServerReduce());
  show(Compiler(r).bind("model","StubModel").bind("data","StubLoader").bind("aggregator","FedAvg").bind("backend","bytesandbrains::backends::cpu::CpuBackend"), FederatedRound());
  Compiler c(r); c.bind("model","Mlp").bind("data","StubLoader").bind("aggregator","FedAvg").bind("backend","bytesandbrains::backends::cpu::CpuBackend");
  show(c, Mesh()); show(c, MeshMerge());
}
