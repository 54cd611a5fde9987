// Components in JavaScript: answers now and later, failures, late answers, siblings, and what a method may not do.
import assert from "node:assert/strict";
import { test } from "node:test";
import { defineComponent, type CallContext } from "../../../../js/package/src/component.js";
import { Compiler } from "../../../../js/package/src/compiler.js";
import { BBError } from "../../../../js/package/src/errors.js";
import type { Graph } from "../../../../js/package/src/graph.js";
import { Node } from "../../../../js/package/src/node.js";
import { peerIdFromNumber } from "../../../../js/package/src/peer-id.js";
import { slot } from "../../../../js/package/src/slots.js";
import type { Step } from "../../../../js/package/src/steps.js";
import { t, type Tensor } from "../../../../js/package/src/types.js";
import { events, loadEngine, settle, Written } from "../../support/engine.js";

const engine = await loadEngine();
const model = slot.model("model");
let classes = 0;

type Forward = (input: Tensor, context: CallContext) => unknown;

/** A node whose program is `y = forward(x)` of a model made of that function. */
function forwardNode(forward: Forward, how: { isAsync?: boolean; deadlineMs?: number; dispose?: () => void } = {}): Node {
  const call = (_: object, input: Tensor, context: CallContext): Tensor => forward(input, context) as Tensor;
  const type = defineComponent({
    typeName: `test.Forward${classes++}`,
    role: "model",
    storage: { tensor: "tensor.f32" },
    ...(how.deadlineMs === undefined ? {} : { deadlineMs: how.deadlineMs }),
    create: () => ({}),
    dispose: () => how.dispose?.(),
    methods: { forward: how.isAsync === true ? { async: true, run: call } : call },
  });
  const artifact = new Compiler(engine).bind("model", type).compile(new Written("Run", (g: Graph) => g.output("y", model.forward(g, g.input("x", t.tensor.f32)))));
  return Node.install(engine, { peer: peerIdFromNumber(1), artifacts: [artifact], seed: 5n, mask: "all" });
}

const x = new Float32Array([1, 2]);
const failures = (steps: readonly Step[]): unknown[] => steps.flatMap((step) => step.kind === "failed" ? [[step.errorKind, step.reason]] : []);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a method answers at once", () => {
  using node = forwardNode((input) => ({ data: input.data.map((v) => Number(v) * 2 as never), shape: input.shape }));
  node.invoke("Run", { x });
  const { steps } = settle(node);
  assert.deepEqual(steps.map(({ kind }) => kind), ["completed", "completed", "event"]);
  assert.deepEqual(events(steps)[0]?.value, { data: new Float32Array([2, 4]), shape: [2] });
});

test("a method answers later, with inputs of its own", async () => {
  let woken = 0;
  let release: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (release = resolve));
  using node = forwardNode(async (input) => {
    await gate;
    return { data: Float32Array.from(input.data as Float32Array, (v) => v + 1), shape: input.shape };
  }, { isAsync: true });
  node.onCompletion(() => woken++);
  node.invoke("Run", { x });
  assert.deepEqual(settle(node).steps.map(({ kind }) => kind), ["async-suspended"]);
  assert.equal(node.stats().parked, 1);
  release();
  await turn();
  assert.equal(woken, 1);
  const { steps } = settle(node);
  assert.deepEqual(events(steps)[0]?.value, { data: new Float32Array([2, 3]), shape: [2] });
  assert.equal(node.stats().parked, 0);
});

test("an async method may answer at once", () => {
  using node = forwardNode((input) => input, { isAsync: true });
  node.invoke("Run", { x });
  assert.deepEqual(events(settle(node).steps)[0]?.value, { data: x, shape: [2] });
});

test("what is thrown, now or later, fails the op with its text", async () => {
  for (const isAsync of [false, true]) {
    using plain = forwardNode(() => {
      throw new Error("no luck");
    }, { isAsync });
    plain.invoke("Run", { x });
    const [step] = settle(plain).steps;
    assert.ok(step?.kind === "failed");
    assert.deepEqual([step.reason, step.detail, step.target, step.errorKind], ["component_threw", "no luck", "Run", "ExecutionFailed"]);
    assert.match(step.op, /Forward/);
  }
  using later = forwardNode(() => Promise.reject(new BBError("out_of_paper", "none left")), { isAsync: true });
  later.invoke("Run", { x });
  settle(later);
  await turn();
  const [failed] = settle(later).steps;
  assert.ok(failed?.kind === "failed");
  assert.deepEqual([failed.reason, failed.detail], ["out_of_paper", "none left"]);
});

test("a promise from a method that did not say so is an error", async () => {
  using node = forwardNode(() => Promise.resolve(x));
  node.invoke("Run", { x });
  assert.deepEqual(failures(settle(node).steps), [["ExecutionFailed", "async_not_declared"]]);
  await turn();
  assert.deepEqual(settle(node).steps, []);
});

test("outputs of a wrong type, and none, are errors, now and later", async () => {
  const wrong: readonly [unknown, string][] = [[undefined, "missing_output"], ["text", "type_mismatch"], [new Float64Array(1), "type_mismatch"], [{ data: new Float32Array(3), shape: [2] }, "dims_mismatch"]];
  for (const [value, reason] of wrong) {
    using now = forwardNode(() => value);
    now.invoke("Run", { x });
    assert.deepEqual(failures(settle(now).steps), [["ExecutionFailed", reason]], String(value));
    using later = forwardNode(() => Promise.resolve(value), { isAsync: true });
    later.invoke("Run", { x });
    settle(later);
    await turn();
    assert.deepEqual(failures(settle(later).steps), [["ExecutionFailed", reason]], `${String(value)} later`);
  }
});

test("a deadline fails the op, tells the method, and ignores its answer", async () => {
  let signal: AbortSignal | undefined;
  let answer: (value: unknown) => void = () => undefined;
  let deadline: number | undefined;
  using node = forwardNode((_, context) => {
    signal = context.signal;
    deadline = context.deadline;
    return new Promise((resolve) => (answer = resolve));
  }, { isAsync: true, deadlineMs: 50 });
  node.poll(1000);
  node.invoke("Run", { x });
  assert.equal([...node.poll(1000)].length, 1);
  assert.equal(node.poll(1000).nextWakeupMs, 1050);
  assert.equal(deadline, 1050);
  assert.equal(signal?.aborted, false);
  assert.deepEqual(failures([...node.poll(1050)]), [["Timeout", "deadline_exceeded"]]);
  await turn();
  assert.equal(signal?.aborted, true);
  assert.ok(signal?.reason instanceof BBError && signal.reason.code === "deadline_exceeded");
  answer(x);
  await turn();
  assert.deepEqual(settle(node, 1051).steps, []);
});

test("closing a node tells its methods and disposes its components once", async () => {
  let disposed = 0;
  let signal: AbortSignal | undefined;
  let answer: (value: unknown) => void = () => undefined;
  const node = forwardNode((_, context) => {
    signal = context.signal;
    return new Promise((resolve) => (answer = resolve));
  }, { isAsync: true, dispose: () => disposed++ });
  node.invoke("Run", { x });
  settle(node);
  node.close();
  node.close();
  assert.equal(disposed, 1);
  assert.equal(signal?.aborted, true);
  answer(x);
  await turn();
  assert.throws(() => node.poll(0), (error) => error instanceof BBError && error.code === "closed");
});

test("a command that is not waiting, or not any more, is unknown", () => {
  using node = forwardNode((input) => input);
  assert.throws(() => node.complete(77n, [x]), (error) => error instanceof BBError && error.code === "unknown_command");
  assert.throws(() => node.fail(77n, "why", "not"), (error) => error instanceof BBError && error.code === "unknown_command");
  assert.equal(node.stats().lateCompletions, 2);
});

test("a method cannot call back into its node", () => {
  const codes: unknown[] = [];
  const attempt = (f: () => unknown): void => {
    try {
      f();
      codes.push("nothing");
    } catch (error) {
      codes.push(error instanceof BBError ? error.code : error);
    }
  };
  const node: Node = forwardNode((input) => {
    attempt(() => node.poll(0));
    attempt(() => node.invoke("Run", { x }));
    attempt(() => node.deliverEvent("Run", "x", x));
    attempt(() => node.addPeer(peerIdFromNumber(3), []));
    attempt(() => node.dropPeer(peerIdFromNumber(3)));
    attempt(() => node.grant(0 as never, 1));
    attempt(() => node.retire(0 as never));
    attempt(() => node.complete(0n, []));
    attempt(() => node.close());
    attempt(() => new Compiler(engine).compile(new Written("Inner", (g) => g.output("y", g.input("x", t.bytes)))));
    codes.push(node.receive(0 as never, new Uint8Array(1)));
    return input;
  });
  node.invoke("Run", { x });
  assert.deepEqual(events(settle(node).steps)[0]?.value, { data: x, shape: [2] });
  assert.deepEqual(codes, [...Array.from({ length: 10 }, () => "busy"), { status: "refused", reason: "busy" }]);
  node.close();
});

test("random bytes come from the node's seed", () => {
  const draw = (): number[] => {
    let drawn: number[] = [];
    using node = forwardNode((input, context) => {
      drawn = [...context.random(20)];
      return input;
    });
    node.invoke("Run", { x });
    settle(node);
    return drawn;
  };
  const [first, second] = [draw(), draw()];
  assert.equal(first.length, 20);
  assert.deepEqual(first, second);
  assert.ok(new Set(first).size > 5);
});

const Doubler = defineComponent({
  typeName: "test.Doubler",
  role: "model",
  storage: { tensor: "tensor.f32" },
  depends: { compute: "backend", source: { role: "dataSource", optional: true } },
  create: () => ({ kept: undefined as CallContext | undefined }),
  methods: {
    forward: (state, input, context) => {
      state.kept = context;
      const copy = { data: input.data.slice(), shape: input.shape };
      return context.dependency("compute")["add"]?.(copy, copy) as Tensor;
    },
    train: (_, __, context) => {
      const drawn = context.dependency("source")["nextBatch"]?.() as { batch: Tensor };
      return Number(drawn.batch.data[0]) * (context.parameters["steps"] ?? 0);
    },
    params: (state) => {
      state.kept?.dependency("compute")["add"]?.(new Float32Array(1), new Float32Array(1));
      return new Float32Array(1);
    },
  },
});

const Lazy = defineComponent({
  typeName: "test.Lazy",
  role: "dataSource",
  storage: { sample: "tensor.f32" },
  create: (mode: string) => mode,
  methods: {
    nextBatch: {
      async: true,
      run: (mode) => {
        if (mode === "later") return Promise.resolve({ batch: new Float32Array(1) });
        if (mode === "throws") throw new BBError("dry", "no more data");
        return { batch: new Float32Array([4]) };
      },
    },
  },
});

function doublerNode(mode = "now"): Node {
  const compile = (name: string, write: (g: Graph) => void) => new Compiler(engine).bind("model", Doubler).bind("compute", engine.builtin.CpuBackend).bind("source", Lazy).compile(new Written(name, write));
  const artifacts = [
    compile("Run", (g) => g.output("y", model.forward(g, g.input("x", t.tensor.f32)))),
    compile("Train", (g) => g.output("loss", model.train(g, { steps: 3 }))),
    compile("Late", (g) => g.output("late", model.params(g))),
  ];
  return Node.install(engine, { peer: peerIdFromNumber(1), artifacts, config: { source: mode } });
}

test("siblings answer: one of the engine, one of JavaScript, with parameters", () => {
  using node = doublerNode();
  node.invoke("Run", { x });
  node.invoke("Train");
  node.invoke("Late");
  const { steps } = settle(node);
  assert.deepEqual(events(steps).map(({ topic, value }) => [topic, value]), [["y", { data: new Float32Array([2, 4]), shape: [2] }], ["loss", 12]]);
  // `params` used a context whose method had returned.
  assert.deepEqual(failures(steps), [["ExecutionFailed", "closed"]]);
});

test("a sibling that answers later, or throws, fails the caller", () => {
  for (const [mode, reason] of [["later", "dependency_async"], ["throws", "dry"]]) {
    using node = doublerNode(mode);
    node.invoke("Train");
    assert.deepEqual(failures(settle(node).steps)[0], ["ExecutionFailed", reason]);
  }
});

test("a component whose creation throws is a failed installation", () => {
  const Broken = defineComponent({
    typeName: "test.Broken", role: "model", storage: { tensor: "tensor.f32" },
    create: () => {
      throw new Error("no such file");
    },
    methods: { params: () => new Float32Array(1) },
  });
  const artifact = new Compiler(engine).bind("model", Broken).compile(new Written("P", (g) => g.output("p", model.params(g))));
  assert.throws(() => Node.install(engine, { peer: peerIdFromNumber(1), artifacts: [artifact] }), (error) =>
    error instanceof BBError && error.code === "ConstructionFailed" && /no such file/.test(error.detail) && error.cause instanceof Error);
});

test("a definition that is wrong is refused when it is bound", () => {
  const define = (methods: object, typeName = `test.Wrong${classes++}`) => defineComponent({ typeName, role: "model", create: () => ({}), methods });
  assert.throws(() => engine.register(define({ fly: () => 1 })), (error) => error instanceof BBError && error.code === "UnknownMethod" && /loadParameters/.test(error.detail));
  assert.throws(() => define({ forward: { async: true } }), (error) => error instanceof BBError && error.code === "InvalidArgument");
  engine.register(define({ params: () => 1 }, "test.Twice"));
  assert.throws(() => engine.register(define({ params: () => 1 }, "test.Twice")), (error) => error instanceof BBError && error.code === "DuplicateComponent");
  assert.throws(() => engine.register(define({}, "Mlp")), (error) => error instanceof BBError && error.code === "DuplicateComponent");
});

test("a method that is missing is refused when the program is compiled", () => {
  const Half = defineComponent({ typeName: "test.Half", role: "model", storage: { tensor: "tensor.f32" }, create: () => ({}), methods: { params: () => new Float32Array(1) } });
  const compile = () => new Compiler(engine).bind("model", Half).compile(new Written("H", (g) => g.output("y", model.forward(g, g.input("x", t.tensor.f32)))));
  assert.throws(compile, (error) => error instanceof BBError && error.code === "RoleMethodFailed" && /Forward/.test(error.detail));
});

test("closing the engine tells methods and disposes components of nodes that were left", async () => {
  const own = await loadEngine();
  const journal: string[] = [];
  const Slow = defineComponent({
    typeName: "test.Slow", role: "model", storage: { tensor: "tensor.f32" },
    create: () => ({}),
    dispose: () => journal.push("disposed"),
    methods: {
      params: {
        async: true,
        run: (_, context) => {
          context.signal.addEventListener("abort", () => journal.push("aborted"));
          return new Promise<Float32Array>(() => undefined);
        },
      },
    },
  });
  const artifact = new Compiler(own).bind("model", Slow).compile(new Written("S", (g) => g.output("p", model.params(g))));
  const node = Node.install(own, { peer: peerIdFromNumber(1), artifacts: [artifact] });
  node.invoke("S");
  settle(node);
  own.close();
  assert.deepEqual(journal, ["aborted", "disposed"]);
  assert.throws(() => node.poll(0), (error) => error instanceof BBError && error.code === "closed");
  node.close();
});
