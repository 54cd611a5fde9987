// The host seam: the virtual clock behaves like a clock, the platform's like one too.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualHost, platformHost, type LifecycleEvent } from "../../../../js/package/src/host.js";

test("manual timers fire in order of time, then of creation, at their time", () => {
  const host = manualHost({ startMs: 100 });
  const fired: string[] = [];
  host.timer(20, () => fired.push(`b@${host.now()}`));
  host.timer(10, () => {
    fired.push(`a@${host.now()}`);
    host.timer(5, () => fired.push(`nested@${host.now()}`));
  });
  host.timer(20, () => fired.push(`c@${host.now()}`));
  const cancel = host.timer(12, () => fired.push("cancelled"));
  cancel();
  cancel();
  assert.equal(host.nextTimer(), 110);
  host.advance(9);
  assert.deepEqual(fired, []);
  host.advance(100);
  assert.deepEqual(fired, ["a@110", "nested@115", "b@120", "c@120"]);
  assert.equal(host.now(), 209);
  assert.equal(host.timers(), 0);
  assert.equal(host.nextTimer(), null);
});

test("manual randomness repeats with its seed", () => {
  const draw = (seed: number): number[] => {
    const into = new Uint8Array(8);
    manualHost({ seed }).random(into);
    return [...into];
  };
  assert.deepEqual(draw(4), draw(4));
  assert.notDeepEqual(draw(4), draw(5));
});

test("manual life-cycle events reach everyone who still listens", () => {
  const host = manualHost();
  const seen: LifecycleEvent["type"][] = [];
  const stop = host.lifecycle((event) => seen.push(event.type));
  host.emit({ type: "hidden" });
  stop();
  host.emit({ type: "visible" });
  assert.deepEqual(seen, ["hidden"]);
});

test("the platform's clock, timers and randomness work", async () => {
  const host = platformHost();
  const start = host.now();
  const cancelled = host.timer(1, () => assert.fail("cancelled"));
  cancelled();
  await new Promise<void>((resolve) => host.timer(20, resolve));
  assert.ok(host.now() - start >= 15);
  const far = host.timer(2 ** 40, () => assert.fail("fired at once"));
  await new Promise<void>((resolve) => host.timer(5, resolve));
  far();
  const bytes = new Uint8Array(100_000);
  host.random(bytes);
  assert.ok(new Set(bytes).size === 256);
  assert.ok(bytes.subarray(65_536).some((byte) => byte !== 0));
});
