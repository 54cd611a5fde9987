// Calls pair an invocation with what its execution puts out, in whatever order things arrive.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BBError } from "../../../../js/package/src/errors.js";
import { manualHost } from "../../../../js/package/src/host.js";
import { peerIdFromNumber } from "../../../../js/package/src/peer-id.js";
import { accuracy, argMax, Calls, imagesTensor, softmax, type FailureEvent, type OutputEvent, type PacedPeer } from "../../../../js/package/src/rounds.js";

class Stage {
  readonly host = manualHost();
  readonly event = new Set<(event: OutputEvent) => void>();
  readonly failed = new Set<(event: FailureEvent) => void>();
  early: OutputEvent | undefined;
  next = 1n;
  refuse: BBError | undefined;
  readonly calls: Calls;

  constructor() {
    const peer: PacedPeer = {
      peerId: peerIdFromNumber(1),
      invoke: () => {
        if (this.early !== undefined) this.put(this.early);
        return this.refuse === undefined ? Promise.resolve(this.next++) : Promise.reject(this.refuse);
      },
      on: (kind, f) => {
        const set = (kind === "event" ? this.event : this.failed) as Set<unknown>;
        set.add(f);
        return () => void set.delete(f);
      },
    };
    this.calls = new Calls(peer, this.host);
  }

  put(event: OutputEvent): void {
    for (const f of this.event) f(event);
  }

  output(exec: bigint, topic: string, value: unknown): void {
    this.put({ target: "T", topic, exec, value });
  }

  fail(exec: bigint, reason: string): void {
    for (const f of this.failed) f({ exec, reason, detail: "why" });
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a call resolves with all its topics, and two calls do not mix", async () => {
  const stage = new Stage();
  const first = stage.calls.run("T", {}, ["a", "b"]);
  const second = stage.calls.one("T", {}, "a");
  await settle();
  stage.output(2n, "a", "second");
  stage.output(1n, "a", 1);
  stage.output(1n, "c", 9);
  stage.output(1n, "b", 2);
  assert.deepEqual(await first, { a: 1, b: 2 });
  assert.equal(await second, "second");
});

test("what the engine puts out before the execution is known counts", async () => {
  const stage = new Stage();
  stage.early = { target: "T", topic: "a", exec: 1n, value: 7 };
  assert.equal(await stage.calls.one("T", {}, "a"), 7);
});

test("a failed op, a refused invocation, silence, the signal and closing reject with their codes", async () => {
  const stage = new Stage();
  const failing = stage.calls.one("T", {}, "a");
  await settle();
  stage.fail(1n, "shape_mismatch");
  await assert.rejects(failing, { code: "shape_mismatch", detail: "why" });

  stage.refuse = new BBError("unknown_target", "no T");
  await assert.rejects(stage.calls.one("T", {}, "a"), { code: "unknown_target" });
  stage.refuse = undefined;

  const silent = assert.rejects(stage.calls.one("T", {}, "a", { timeoutMs: 100 }), { code: "timeout" });
  await settle();
  stage.host.advance(100);
  await silent;

  const control = new AbortController();
  const aborted = assert.rejects(stage.calls.one("T", {}, "a", { signal: control.signal }), { code: "aborted" });
  await settle();
  control.abort();
  await aborted;
  await assert.rejects(stage.calls.one("T", {}, "a", { signal: control.signal }), { code: "aborted" });

  const closed = assert.rejects(stage.calls.one("T", {}, "a"), { code: "closed" });
  await settle();
  stage.calls.close();
  await closed;
  await assert.rejects(stage.calls.one("T", {}, "a"), { code: "closed" });
  assert.equal(stage.event.size + stage.failed.size, 0);
  assert.equal(stage.host.timers(), 0, "no timer is left behind");
});

const dataset = { images: Uint8Array.of(0, 255, 51, 0, 255, 0), labels: Uint8Array.of(1, 0, 1), rows: 1, cols: 2, classes: 2, count: 3 };

test("accuracy asks in batches and counts the largest logit", async () => {
  const sizes: number[] = [];
  const share = await accuracy((x) => {
    sizes.push(x.shape[0] ?? 0);
    return Promise.resolve(x); // the brighter pixel wins
  }, dataset, { batch: 2 });
  assert.deepEqual(sizes, [2, 1]);
  assert.equal(share, 2 / 3);
  await assert.rejects(accuracy(() => Promise.resolve({ data: new Float32Array(2), shape: [2] }), dataset), { code: "shape_mismatch" });
  await assert.rejects(accuracy((x) => Promise.resolve(x), { ...dataset, count: 0 }), { code: "bad_dataset" });
  await assert.rejects(accuracy((x) => Promise.resolve(x), dataset, { batch: 0 }), { code: "bad_option" });
});

test("images become rows of numbers from 0 to 1", () => {
  assert.deepEqual(imagesTensor(dataset, 1, 2), { data: Float32Array.of(0.2, 0, 1, 0), shape: [2, 2] });
  assert.throws(() => imagesTensor(dataset, 2, 2), { code: "bad_index" });
});

test("softmax sums to one and survives large logits", () => {
  const shares = softmax([1000, 999, -1000]);
  assert.ok(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1) < 1e-12);
  assert.equal(argMax(shares), 0);
  assert.equal(argMax([0, 3, 3]), 1);
});
