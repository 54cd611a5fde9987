// Writing and compiling programs from TypeScript: errors with their place, stages, artifacts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Artifact } from "../../../../js/package/src/artifact.js";
import { Compiler } from "../../../../js/package/src/compiler.js";
import { BBError } from "../../../../js/package/src/errors.js";
import { CompileError, type Graph, type Output } from "../../../../js/package/src/graph.js";
import { Node } from "../../../../js/package/src/node.js";
import { peerIdFromNumber } from "../../../../js/package/src/peer-id.js";
import { slot } from "../../../../js/package/src/slots.js";
import { t } from "../../../../js/package/src/types.js";
import { StubAggregator, StubLoader, StubModel } from "../../support/components.js";
import { events, loadEngine, settle, Written } from "../../support/engine.js";
import { FedNetwork, Quickstart } from "../../support/scenarios.js";

const engine = await loadEngine();
const backend = slot.backend("backend");

function refuses(code: string, what: () => unknown, more: (error: CompileError) => void = () => undefined): void {
  assert.throws(what, (error) => {
    assert.ok(error instanceof CompileError, String(error));
    assert.equal(error.code, code, error.message);
    more(error);
    return true;
  });
}

const compile = (write: (g: Graph) => void, name = "M") => new Compiler(engine).bind("backend", engine.builtin.CpuBackend).compile(new Written(name, write));

test("arithmetic, constants, gates and bundles run", () => {
  const artifact = compile((g) => {
    const x = g.input("x", t.tensor.f32);
    const sum = backend.add(g, x, backend.constant(g, { data: new Float32Array([10, 20]), shape: [2] }));
    g.output("sum", sum);
    g.output("gated", g.gate(x, sum));
    g.output("all", g.gateDispatch([x, sum]));
    const [first, second] = g.unbundle(g.bundle([sum, x]), [t.tensor.f32, t.tensor.f32]);
    assert.ok(first && second);
    g.output("second", second);
    g.output("passed", g.passThrough(g.lookupOutput("sum")));
  });
  using node = Node.install(engine, { peer: peerIdFromNumber(1), artifacts: [artifact] });
  node.invoke("M", { x: new Float32Array([1, 2]) });
  const out = Object.fromEntries(events(settle(node).steps).map(({ topic, value }) => [topic, value]));
  const tensor = (...values: number[]) => ({ data: new Float32Array(values), shape: [values.length] });
  assert.deepEqual(out, {
    sum: tensor(11, 22), gated: tensor(1, 2), all: true, second: tensor(1, 2), passed: tensor(11, 22),
  });
});

test("constants of every kind are carried", () => {
  const artifact = compile((g) => {
    g.output("meta", g.constant(t.fedAvgMeta, { samples: 3, round: 4 }));
    g.output("peers", g.constant(t.peers, [peerIdFromNumber(5)]));
    g.output("tensor", g.constant(t.tensor.f32, { data: new Float32Array([1, 2, 3, 4]), shape: [2, 2] }));
    g.output("go", g.constant(t.trigger, true));
    g.output("text", g.constant(t.any, "naïve"));
    g.output("number", g.constant(t.u64, 2n ** 63n));
  });
  using node = Node.install(engine, { peer: peerIdFromNumber(1), artifacts: [artifact] });
  node.invoke("M");
  assert.deepEqual(Object.fromEntries(events(settle(node).steps).map(({ topic, value }) => [topic, value])), {
    meta: { samples: 3, round: 4 }, peers: [peerIdFromNumber(5)], tensor: { data: new Float32Array([1, 2, 3, 4]), shape: [2, 2] }, go: true, text: "naïve", number: 2n ** 63n,
  });
});

test("a child is called with ports by name", () => {
  const child = new Written("Twice", (g) => {
    const v = g.input("v", t.tensor.f32);
    g.output("twice", backend.add(g, v, v));
  });
  const artifact = compile((g) => {
    const { twice } = child.call(g, { v: g.input("x", t.tensor.f32) });
    assert.ok(twice);
    g.output("y", twice);
  });
  using node = Node.install(engine, { peer: peerIdFromNumber(1), artifacts: [artifact] });
  node.invoke("M", { x: new Float32Array([3]) });
  assert.deepEqual(events(settle(node).steps).map(({ value }) => value), [{ data: new Float32Array([6]), shape: [1] }]);
});

test("errors while recording name the code and the place", () => {
  refuses("DuplicatePort", () => compile((g) => {
    g.input("x", t.bytes);
    g.output("x", g.input("y", t.bytes));
  }));
  refuses("UnknownType", () => compile((g) => void g.input("x", "nonsense" as "any")));
  refuses("InvalidArgument", () => compile((g) => g.output("y", undefined as unknown as Output)));
  refuses("InvalidName", () => compile((g) => {
    const x = g.input("x", t.bytes);
    g.netOut({ sender: x }, g.input("p", t.peers));
  }));
  refuses("TypeMismatch", () => compile((g) => {
    const x = g.input("x", t.bytes);
    g.netOut("port", x as unknown as Output<"peers">, x);
  }));
  refuses("UnknownOp", () => compile((g) => void g.record({ domain: "nowhere", op: "Nothing" })));
  refuses("SlotRoleConflict", () => compile((g) => {
    slot.model("backend").params(g);
    backend.identity(g, g.input("x", t.tensor.f32));
  }));
  let stolen: Output | undefined;
  compile((g) => {
    stolen = g.input("x", t.tensor.f32);
    g.output("y", stolen);
  });
  refuses("ForeignHandle", () => compile((g) => g.output("y", stolen ?? g.input("x"))));
  assert.throws(() => compile((g) => void g.constant(t.peers, [1] as never)), (error) => error instanceof BBError && error.code === "type_mismatch");
});

test("errors of the passes name the slot and the pass", () => {
  refuses("UnboundSlot", () => new Compiler(engine).bind("data_source", StubLoader).compile(new Quickstart()), (error) => {
    assert.match(JSON.stringify(error.fields), /model/);
    assert.equal(error.pass, "resolve_slots");
  });
  refuses("RoleMismatch", () => new Compiler(engine).bind("data_source", StubLoader).bind("model", StubLoader).compile(new Quickstart()), (error) => assert.notEqual(error.detail, ""));
});

test("an error of the author's own comes through, and the engine goes on", () => {
  assert.throws(() => compile(() => {
    throw new RangeError("mine");
  }), /mine/);
  assert.deepEqual(compile((g) => g.output("y", g.input("x", t.bytes))).targets, ["M"]);
});

test("a stage reads and stamps ops", () => {
  const seen: string[] = [];
  let position = 0;
  const artifact = new Compiler(engine).bind("loader", StubLoader).bind("model", StubModel).bind("aggregator", StubAggregator)
    .stage("trace", (model) => {
      for (const node of model.nodes("wire.Send")) {
        assert.equal(node.meta.get("example.tracing_id"), undefined);
        node.meta.set("example.tracing_id", `trace-${position++}`);
        seen.push(node.op, node.function);
      }
    })
    .stage("check", (model) => {
      const [sent, ...more] = model.nodes("Send");
      assert.equal(more.length, 0);
      assert.equal(sent?.meta.get("example.tracing_id"), "trace-0");
      assert.ok(sent?.meta.keys().includes("example.tracing_id"));
      sent?.meta.set("example.gone", "1");
      sent?.meta.delete("example.gone");
      assert.equal(model.nodes("ai.bytesandbrains.wire").length, 2);
      assert.ok(model.nodes().length > 5);
    })
    .compile(new FedNetwork());
  assert.equal(seen.length, 2);
  assert.match(seen[1] ?? "", /^FedNetwork#/);
  const text = new TextDecoder("latin1").decode(artifact.bytes);
  assert.ok(text.includes("trace-0") && !text.includes("example.gone"));
});

test("a stage that throws refuses the program, and is the cause", () => {
  const cause = new Error("not like this");
  refuses("Internal", () => new Compiler(engine).stage("strict", () => {
    throw cause;
  }).compile(new Written("M", (g) => g.output("y", g.input("x", t.bytes)))), (error) => {
    assert.equal(error.cause, cause);
    assert.match(error.detail, /strict.*not like this/);
    assert.equal(error.pass, "stage strict");
  });
});

test("an editor outlives its stage without harm", () => {
  let nodes: ReturnType<Parameters<Parameters<Compiler["stage"]>[1]>[0]["nodes"]> = [];
  new Compiler(engine).stage("keep", (model) => {
    nodes = model.nodes();
  }).compile(new Written("M", (g) => g.output("y", g.input("x", t.bytes))));
  assert.ok(nodes.length > 0);
  assert.throws(() => nodes[0]?.meta.set("a", "b"));
});

test("equal programs compile to equal bytes", () => {
  const once = () => new Compiler(engine).bind("loader", StubLoader).bind("model", StubModel).bind("aggregator", StubAggregator).compile(new FedNetwork()).bytes;
  assert.deepEqual(once(), once());
});

test("an artifact says what it holds, and is read again from its bytes", () => {
  const artifact = new Compiler(engine).bind("loader", StubLoader).bind("model", StubModel).bind("aggregator", StubAggregator).compile(new FedNetwork());
  const again = Artifact.from(engine, artifact.bytes);
  assert.deepEqual(again.targets, ["FedNetwork", "FedNetwork_sink_peers"]);
  assert.deepEqual(again.ports("FedNetwork").inputs, [{ name: "sink_peers", type: "peers" }]);
  assert.equal(again.functionOf("FedNetwork"), artifact.functionOf("FedNetwork"));
  assert.match(again.functionOf("FedNetwork"), /^FedNetwork#[0-9a-f]{16}$/);
  assert.ok(again.slots("FedNetwork").some(({ slot: name, typeName }) => name === "model" && typeName === "StubModel"));
  assert.throws(() => again.ports("Nope"), (error) => error instanceof BBError && error.code === "UnknownTarget" && /FedNetwork/.test(error.detail));
});

test("bytes that are no artifact are refused, whatever they are", () => {
  const { bytes } = compile((g) => g.output("y", g.input("x", t.bytes)));
  assert.throws(() => Artifact.from(engine, new Uint8Array(0)), BBError);
  assert.throws(() => Artifact.from(engine, new Uint8Array(1000).fill(0xff)), BBError);
  let refused = 0;
  for (let at = 0; at < bytes.length; at++) {
    try {
      Artifact.from(engine, bytes.slice(0, at));
    } catch (error) {
      assert.ok(error instanceof BBError);
      refused++;
    }
    const flipped = Uint8Array.from(bytes);
    flipped[at] = (flipped[at] ?? 0) ^ 0x55;
    try {
      using node = Node.install(engine, { peer: peerIdFromNumber(1), artifacts: [Artifact.from(engine, flipped)] });
      settle(node);
    } catch (error) {
      assert.ok(error instanceof BBError);
      refused++;
    }
  }
  assert.ok(refused > bytes.length / 2);
});
