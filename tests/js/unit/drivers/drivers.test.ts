// Drivers: they run what is due, when it is due, and no more often than asked.
import assert from "node:assert/strict";
import { test } from "node:test";
import { animationFrameDriver, manualDriver, timerDriver, workerDriver, type Driver, type FrameSource, type RunResult } from "../../../../js/package/src/drivers/index.js";
import { LoopDriver } from "../../../../js/package/src/drivers/loop.js";
import { manualHost, platformHost } from "../../../../js/package/src/host.js";

interface Target {
  now(): number;
  run(ops: number): RunResult;
  runs: { at: number; ops: number }[];
}

/** A target that answers with the given results in turn, then with "nothing to do". */
function target(now: () => number, results: RunResult[] = [], each: () => void = () => undefined): Target {
  const runs: Target["runs"] = [];
  return {
    now,
    runs,
    run(ops) {
      runs.push({ at: now(), ops });
      each();
      return results.shift() ?? { more: false, nextMs: null };
    },
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

/** Frames that come when told to. */
function manualFrames(): FrameSource & { frame(): void; asked(): number } {
  let next = 1;
  const waiting = new Map<number, () => void>();
  return {
    request(f) {
      waiting.set(next, f);
      return next++;
    },
    cancel: (handle) => void waiting.delete(handle),
    frame() {
      const due = [...waiting.values()];
      waiting.clear();
      for (const f of due) f();
    },
    asked: () => waiting.size,
  };
}

test("a timer driver runs once after many wakes, and again at the time asked for", () => {
  const host = manualHost();
  const driver = timerDriver(host, { opsPerRun: 9 });
  const peer = target(host.now, [{ more: false, nextMs: 40 }]);
  driver.attach(peer);
  driver.wake();
  driver.wake();
  host.advance(0);
  assert.deepEqual(peer.runs, [{ at: 0, ops: 9 }]);
  host.advance(39);
  assert.equal(peer.runs.length, 1);
  host.advance(1);
  assert.deepEqual(peer.runs[1], { at: 40, ops: 9 });
  host.advance(1_000);
  assert.equal(peer.runs.length, 2);
  assert.equal(host.timers(), 0);
});

test("a wake before the due time brings the run forward and moves the timer", () => {
  const host = manualHost();
  const driver = timerDriver(host);
  const peer = target(host.now, [{ more: false, nextMs: 100 }, { more: false, nextMs: 100 }]);
  driver.attach(peer);
  host.advance(10);
  driver.wake();
  host.advance(0);
  assert.deepEqual(peer.runs.map((run) => run.at), [0, 10]);
  assert.equal(host.timers(), 1);
  host.advance(90);
  assert.deepEqual(peer.runs.map((run) => run.at), [0, 10, 100]);
});

test("a due time that has passed is due now", () => {
  const host = manualHost({ startMs: 500 });
  const peer = target(host.now, [{ more: false, nextMs: 3 }]);
  timerDriver(host).attach(peer);
  host.advance(0);
  assert.equal(peer.runs.length, 2);
});

test("a slice ends when its time is used up, and the thread is given back between slices", () => {
  let clock = 0;
  let planned: (() => void) | undefined;
  const driver = new LoopDriver(manualHost(), (f) => {
    planned = f;
    return () => (planned = undefined);
  }, () => 8, {});
  const busy = Array.from({ length: 10 }, () => ({ more: true, nextMs: null }));
  const peer = target(() => clock, busy, () => (clock += 3));
  driver.attach(peer);
  const slices: number[] = [];
  while (planned !== undefined) {
    const before = peer.runs.length;
    const f: () => void = planned;
    planned = undefined;
    f();
    slices.push(peer.runs.length - before);
  }
  assert.deepEqual(slices, [3, 3, 3, 2]);
});

test("a wake from within a run leads to one more run", () => {
  const host = manualHost();
  const driver: Driver = timerDriver(host);
  let left = 3;
  const peer = target(host.now, [], () => {
    if (left-- > 0) driver.wake();
  });
  driver.attach(peer);
  host.advance(0);
  assert.equal(peer.runs.length, 4);
});

test("nothing runs after detach, and a second attach works", async () => {
  const host = manualHost();
  for (const make of [() => timerDriver(host), () => workerDriver(host), () => animationFrameDriver(host, { frames: manualFrames(), visible: true })]) {
    const driver = make();
    const peer = target(host.now);
    driver.attach(peer);
    driver.detach();
    driver.wake();
    host.advance(1_000);
    await turn();
    assert.equal(peer.runs.length, 0);
    driver.attach(peer);
    host.advance(1_000);
    await turn();
    assert.equal(peer.runs.length, 1);
    driver.detach();
    assert.equal(host.timers(), 0);
  }
});

test("a run that throws leaves a working driver", () => {
  const host = manualHost();
  const driver = timerDriver(host);
  let fail = true;
  const peer = target(host.now, [], () => {
    if (fail) throw new Error("target");
  });
  driver.attach(peer);
  assert.throws(() => host.advance(0), /target/);
  fail = false;
  driver.wake();
  host.advance(0);
  assert.equal(peer.runs.length, 2);
});

test("a worker driver works through a backlog by messages alone", async () => {
  const host = manualHost(); // its clock stands still, so timers cannot be what drives
  const driver = workerDriver(host, { budgetMs: 0 });
  const peer = target(host.now, Array.from({ length: 50 }, () => ({ more: true, nextMs: null })));
  driver.attach(peer);
  for (let waits = 0; waits < 100 && peer.runs.length < 51; waits++) await turn();
  assert.equal(peer.runs.length, 51);
  driver.wake();
  await turn();
  assert.equal(peer.runs.length, 52);
  driver.detach();
});

test("a worker driver keeps real time", async () => {
  const host = platformHost();
  const driver = workerDriver(host);
  const due = host.now() + 30;
  const peer = target(host.now, [{ more: false, nextMs: due }]);
  driver.attach(peer);
  while (peer.runs.length < 2) await turn();
  assert.ok((peer.runs[1]?.at ?? 0) >= due - 2, `${peer.runs[1]?.at} before ${due}`);
  driver.detach();
});

test("a visible page runs with the frames", () => {
  const host = manualHost();
  const frames = manualFrames();
  const driver = animationFrameDriver(host, { frames, visible: true });
  const peer = target(host.now, [{ more: true, nextMs: null }, { more: false, nextMs: 500 }]);
  driver.attach(peer);
  host.advance(10);
  assert.equal(peer.runs.length, 0);
  frames.frame();
  assert.ok(peer.runs.length >= 1);
  frames.frame();
  const before = peer.runs.length;
  assert.equal(frames.asked(), 0, "idle pages ask for no frames");
  host.advance(490);
  assert.equal(frames.asked(), 1, "the due time asks for one");
  frames.frame();
  assert.equal(peer.runs.length, before + 1);
  driver.detach();
});

test("a visible page that gets no frames is run late, once", () => {
  const host = manualHost();
  const frames = manualFrames();
  const driver = animationFrameDriver(host, { frames, visible: true });
  const peer = target(host.now);
  driver.attach(peer);
  host.advance(249);
  assert.equal(peer.runs.length, 0);
  host.advance(1);
  assert.equal(peer.runs.length, 1);
  frames.frame();
  assert.equal(peer.runs.length, 1);
  driver.detach();
});

test("a page that is hidden goes on by messages, and comes back to frames", async () => {
  const host = manualHost();
  const frames = manualFrames();
  const driver = animationFrameDriver(host, { frames, visible: true });
  const peer = target(host.now);
  driver.attach(peer);
  host.emit({ type: "hidden" });
  assert.equal(frames.asked(), 0);
  await turn();
  assert.equal(peer.runs.length, 1, "the frame that was asked for became a message");
  driver.wake();
  await turn();
  assert.equal(peer.runs.length, 2);
  host.emit({ type: "visible" });
  driver.wake();
  assert.equal(frames.asked(), 1);
  await turn();
  assert.equal(peer.runs.length, 2);
  frames.frame();
  assert.equal(peer.runs.length, 3);
  driver.detach();
});

test("without frames the page driver says what to use instead", () => {
  assert.throws(() => animationFrameDriver(manualHost()), { code: "no_frames" });
});

test("a manual driver runs when told to, and only then", () => {
  const driver = manualDriver({ opsPerRun: 3 });
  assert.deepEqual(driver.step(), { more: false, nextMs: null });
  const peer = target(() => 0, [{ more: true, nextMs: null }, { more: true, nextMs: null }, { more: false, nextMs: 7 }]);
  driver.attach(peer);
  assert.ok(driver.woken);
  assert.deepEqual(driver.step(), { more: true, nextMs: null });
  assert.deepEqual(driver.settle(), { more: false, nextMs: 7 });
  assert.deepEqual(peer.runs.map((run) => run.ops), [3, 3, 3]);
  assert.ok(!driver.woken);
  driver.wake();
  assert.ok(driver.woken);
  driver.detach();
  driver.wake();
  assert.ok(!driver.woken);
});
