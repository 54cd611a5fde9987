// Where the module may come from, and what is said when it is not it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Engine } from "../../../../js/package/src/engine.js";
import { BBError } from "../../../../js/package/src/errors.js";
import { loadEngine, wasmBytes } from "../../support/engine.js";

const isBadEngine = (detail: RegExp) => (error: unknown): boolean => error instanceof BBError && error.code === "bad_engine" && detail.test(error.detail);

test("bytes, a module, a response and promises of them load", async () => {
  const bytes = wasmBytes();
  const module = await WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>);
  const response = (type: string): Response => new Response(bytes as Uint8Array<ArrayBuffer>, { headers: { "content-type": type } });
  const sources = [bytes, bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer, module, Promise.resolve(module),
    response("application/wasm"), response("text/plain"), Promise.resolve(response("application/wasm; charset=utf-8"))];
  for (const source of sources) {
    const engine = await Engine.load(source);
    assert.ok(engine.roles().some(({ role }) => role === "model"));
    engine.close();
  }
});

test("what is no module is refused with its reason", async () => {
  await assert.rejects(Engine.load(new Uint8Array([1, 2, 3])), isBadEngine(/no WebAssembly module/));
  await assert.rejects(Engine.load(new Uint8Array(0)), isBadEngine(/no WebAssembly module/));
  await assert.rejects(Engine.load(wasmBytes().slice(0, 1000)), isBadEngine(/does not compile/));
  await assert.rejects(Engine.load(new Response("<!doctype html>", { headers: { "content-type": "text/html" } })), isBadEngine(/HTML page/));
  await assert.rejects(Engine.load(new Response("", { status: 404 })), isBadEngine(/status 404/));
  await assert.rejects(Engine.load(new Response("nope", { headers: { "content-type": "application/wasm" } })), isBadEngine(/does not compile/));
  await assert.rejects(Engine.load(Promise.reject(new Error("gone"))), /gone/);
  await assert.rejects(Engine.load("engine.wasm" as unknown as Uint8Array), isBadEngine(/neither/));
});

test("another module is refused, not awaited for ever", async () => {
  const empty = new Uint8Array([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
  await assert.rejects(Engine.load(empty), isBadEngine(/does not start/));
});

test("a closed engine says so", async () => {
  const engine = await loadEngine();
  engine.close();
  engine.close();
  assert.throws(() => engine.roles(), (error) => error instanceof BBError && error.code === "closed");
});

test("roles and their methods are those of the engine", async () => {
  const engine = await loadEngine();
  const model = engine.roles().find(({ role }) => role === "model");
  assert.deepEqual(model?.methods.map(({ op }) => op), ["Forward", "Backward", "ComputeLoss", "ApplyDelta", "LoadParameters", "Params", "Train"]);
  assert.deepEqual(model?.methods.at(-1)?.parameters, ["steps"]);
  engine.close();
});
