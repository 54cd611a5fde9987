// Every kind of value through a node: in by invoke, through an op, out by an event.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Compiler } from "../../../../js/package/src/compiler.js";
import { BBError } from "../../../../js/package/src/errors.js";
import { Node } from "../../../../js/package/src/node.js";
import { peerIdFromNumber } from "../../../../js/package/src/peer-id.js";
import { t, type TypeName } from "../../../../js/package/src/types.js";
import { events, loadEngine, settle, Written } from "../../support/engine.js";

const engine = await loadEngine();

function echo(type: TypeName, value: unknown): unknown {
  const artifact = new Compiler(engine).option({ permissiveTypes: true }).compile(new Written("Echo", (g) => g.output("out", g.passThrough(g.input("in", type)))));
  using node = Node.install(engine, { peer: peerIdFromNumber(1), artifacts: [artifact], seed: 1n });
  node.invoke("Echo", { in: value });
  const [event, ...more] = events(settle(node).steps);
  assert.equal(more.length, 0);
  assert.equal(event?.topic, "out");
  assert.equal(event?.target, "Echo");
  return event?.value;
}

const tensors: readonly [TypeName, unknown][] = [
  [t.tensor.f32, { data: new Float32Array([1, -2.5, 3, 0, 5, 6]), shape: [2, 3] }],
  [t.tensor.f32, { data: new Float32Array([4]), shape: [] }],
  [t.tensor.f32, { data: new Float32Array(0), shape: [0, 7] }],
  [t.tensor.f64, { data: new Float64Array([Math.PI, -0]), shape: [2] }],
  [t.tensor.u8, { data: new Uint8Array([0, 255]), shape: [2] }],
  [t.tensor.u16, { data: new Uint16Array([0, 65535]), shape: [2] }],
  [t.tensor.u32, { data: new Uint32Array([0, 0xffff_ffff]), shape: [1, 2] }],
  [t.tensor.u64, { data: new BigUint64Array([0n, 0xffff_ffff_ffff_ffffn]), shape: [2] }],
  [t.tensor.i8, { data: new Int8Array([-128]), shape: [1] }],
  [t.tensor.i16, { data: new Int16Array([-32768, 1]), shape: [2] }],
  [t.tensor.i32, { data: new Int32Array([-1]), shape: [1] }],
  [t.tensor.i64, { data: new BigInt64Array([-1n, 2n]), shape: [2] }],
  [t.tensor.bool, { data: new Uint8Array([0, 1]), shape: [2], dtype: "bool" }],
  [t.tensor.f16, { data: new Uint16Array([0x3c00]), shape: [1], dtype: "f16" }],
  [t.tensor.bf16, { data: new Uint16Array([0x3f80]), shape: [1], dtype: "bf16" }],
];

test("tensors of every element type come out as they went in", () => {
  for (const [type, value] of tensors) {
    assert.deepEqual(echo(type, value), value, type);
    assert.deepEqual(echo(t.any, value), value, `${type} as any`);
  }
});

test("a bare array is a tensor of rank 1", () => {
  assert.deepEqual(echo(t.tensor.f32, new Float32Array([1, 2])), { data: new Float32Array([1, 2]), shape: [2] });
  assert.deepEqual(echo(t.tensor.i64, new BigInt64Array([7n])), { data: new BigInt64Array([7n]), shape: [1] });
});

test("the other kinds come out as they went in", () => {
  const peers = [peerIdFromNumber(2), peerIdFromNumber(3)];
  const cases: readonly [TypeName, unknown][] = [
    [t.trigger, true], [t.scalar.f32, 0.5], [t.scalar.f64, Math.E], [t.u32, 0xffff_ffff], [t.u64, 12], [t.u64, 0xffff_ffff_ffff_ffffn],
    [t.bytes, new Uint8Array([0, 1, 255])], [t.bytes, new Uint8Array(0)], [t.peer, peerIdFromNumber(9)], [t.peers, peers], [t.peers, []],
    [t.address, "/p2p/16uZAbWC1AJvS"], [t.addresses, ["/p2p/16uZAbWC1AJvS", "/p2p/16uZAbWC1AJvS/op/response"]], [t.addresses, []],
    [t.fedAvgMeta, { samples: 400, round: 3 }], [t.fedAvgMeta, { samples: 0xffff_ffff_ffff_fff0n, round: 0 }],
    [t.searchResults, [{ id: 3, distance: 0 }, { id: 0xffff_ffff_ffff_ffffn, distance: 1.5 }]], [t.request, 0x1234_5678_9abc_def0n],
    [t.composite, [true, 1.5, [new Uint8Array([7])]]],
    [t.any, "naïve 😀"], [t.any, ""], [t.any, false], [t.any, null], [t.any, -5n], [t.any, 2.5],
  ];
  for (const [type, value] of cases) {
    const expected = typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : value;
    assert.deepEqual(echo(type, value), expected, `${type} ${String(value)}`);
  }
});

test("metadata without a round comes out without one", () => {
  assert.deepEqual(echo(t.fedAvgMeta, { samples: 7 }), { samples: 7 });
});

test("a value of an unknown type keeps its hash and bytes", () => {
  assert.deepEqual(echo(t.any, { typeHash: 0x1234n, bytes: new Uint8Array([9, 8]) }), { typeHash: 0x1234n, bytes: new Uint8Array([9, 8]) });
});

test("wire bytes are taken for a value of another type", () => {
  const { bytes } = engine.encodeValue({ data: new Float32Array([1, 2]), shape: [2] });
  assert.deepEqual(echo(t.tensor.f32, bytes), { data: new Float32Array([1, 2]), shape: [2] });
});

test("what does not fit is refused with a reason", () => {
  const refused: readonly [TypeName, unknown, string][] = [
    [t.tensor.f32, new Float64Array(1), "type_mismatch"], [t.tensor.f32, "x", "type_mismatch"], [t.tensor.f32, { data: new Float32Array(2), shape: [3] }, "dims_mismatch"],
    [t.tensor.f32, { data: new Float32Array(1), shape: [1, 1, 1, 1, 1, 1, 1, 1, 1] }, "over_cap"], [t.tensor.f32, { data: new Float32Array(1), shape: [-1] }, "dims_mismatch"],
    [t.trigger, 1, "type_mismatch"], [t.peers, [1], "type_mismatch"], [t.peers, peerIdFromNumber(1).subarray(0, 3), "TypeMismatch"],
    [t.peer, new Uint8Array([1]), "truncated"], [t.peers, [new Uint8Array([0, 99])], "invalid_value"], [t.u32, -1, "type_mismatch"], [t.u32, 1.5, "type_mismatch"],
    [t.address, "nonsense", "malformed_string"], [t.fedAvgMeta, { samples: -1 }, "type_mismatch"], [t.any, Symbol("x"), "type_mismatch"], [t.any, () => 1, "type_mismatch"],
    [t.tensor.f32, new Uint8Array([1, 2, 3]), "TypeMismatch"],
  ];
  for (const [type, value, code] of refused) {
    assert.throws(() => echo(type, value), (error) => {
      assert.ok(error instanceof BBError, String(error));
      assert.equal(error.code, code, `${type}: ${error.message}`);
      return true;
    });
  }
  let nested: unknown = 1;
  for (let depth = 0; depth < 70; depth++) nested = [nested];
  assert.throws(() => echo(t.any, nested), (error) => error instanceof BBError && error.code === "too_deep");
});
