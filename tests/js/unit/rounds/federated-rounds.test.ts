// Pacing of federated rounds: who is waited for, and what happens when somebody vanishes, comes back, is slow or fails.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BBError } from "../../../../js/package/src/errors.js";
import { peerIdFromNumber } from "../../../../js/package/src/peer-id.js";
import { FederatedRounds, type FederatedRoundsOptions, type RoundEvent, type RoundFailure } from "../../../../js/package/src/rounds.js";
import { Village, type ScriptedPeer } from "./village.js";

interface Paced {
  readonly peer: ScriptedPeer;
  readonly rounds: FederatedRounds<number>;
  readonly seen: RoundEvent<number>[];
  readonly failures: RoundFailure[];
  done: boolean;
}

type Options = Partial<Omit<FederatedRoundsOptions<number>, "peer" | "host">>;

function pace(village: Village, peer: ScriptedPeer, options: Options = {}): Paced {
  const rounds = new FederatedRounds<number>({ peer, host: village.host, samples: 100, roundDeadlineMs: 1_000, evaluate: ({ round }) => Promise.resolve(round * 2), ...options });
  const paced: Paced = { peer, rounds, seen: [], failures: [], done: false };
  rounds.on("round", (event) => paced.seen.push(event));
  rounds.on("failed", (event) => paced.failures.push(event));
  return paced;
}

function start(paced: Paced): void {
  void paced.rounds.run().then(() => {
    paced.done = true;
  });
}

async function mesh(count: number, options: Options = {}): Promise<{ village: Village; all: Paced[] }> {
  const village = new Village();
  const all = Array.from({ length: count }, (_, index) => pace(village, village.add(index + 1), options));
  await village.pass(1);
  all.forEach(start);
  return { village, all };
}

test("a mesh merges everybody in every round, in step", async () => {
  const { village, all } = await mesh(4, { rounds: 6 });
  await village.pass(2_000);
  for (const { peer, seen, done, failures } of all) {
    assert.equal(done, true);
    assert.deepEqual(failures, []);
    assert.deepEqual(seen.map(({ round, contributors, samples, evaluation }) => ({ round, contributors, samples, evaluation })),
      [0, 1, 2, 3, 4, 5].map((round) => ({ round, contributors: 4, samples: 400, evaluation: round * 2 })));
    assert.deepEqual(peer.merges.at(-1), { round: 5, from: [1, 2, 3, 4] });
  }
});

test("a peer without neighbours goes on alone, and with a quorum it waits for somebody", async () => {
  const alone = await mesh(1, { rounds: 3 });
  await alone.village.pass(100);
  assert.equal(alone.all[0]?.done, true);

  const { village, all: [waiting] } = await mesh(1, { rounds: 2, minContributions: 2 });
  assert.ok(waiting !== undefined);
  await village.pass(3_500);
  assert.equal(waiting.seen.length, 0);
  assert.equal(waiting.failures[0]?.error.code, "too_few");
  const second = pace(village, village.add(2), { rounds: 2 });
  await village.pass(1);
  start(second);
  await village.pass(5_000);
  assert.equal(waiting.done, true);
});

test("killing a peer does not stop the others, and when it comes back it is in step at once", async () => {
  const { village, all } = await mesh(5, { rounds: 30 });
  const victim = all[2];
  assert.ok(victim !== undefined);
  while ((all[0]?.seen.length ?? 0) < 12) await village.pass(5);
  const before = village.host.now();
  village.kill(victim.peer);
  victim.rounds.stop();
  while ((all[0]?.seen.length ?? 0) < 17) await village.pass(5);
  assert.ok(village.host.now() - before < 500, "nobody waited for the peer that is gone");

  const returned = pace(village, village.add(3), { rounds: 30 });
  await village.pass(1);
  start(returned);
  const back = village.host.now();
  while (returned.seen.length < 4) await village.pass(5);
  assert.ok(village.host.now() - back < 500, "nobody waited for the deadline");
  const [first, second, third, fourth] = returned.seen;
  assert.ok(first !== undefined && first.round >= 16, `it came in at round ${first?.round}`);
  assert.deepEqual([second?.round, second?.contributors, second?.loss], [first.round + 1, 4, undefined], "it listens before it contributes");
  assert.deepEqual(returned.peer.merges.find(({ round }) => round === second?.round), all[0]?.peer.merges.find(({ round }) => round === second?.round));
  assert.deepEqual([third?.round, third?.contributors], [first.round + 2, 5]);
  assert.deepEqual([fourth?.round, fourth?.contributors], [first.round + 3, 5]);
  assert.equal(all[0]?.seen.find(({ round }) => round === fourth?.round)?.contributors, 5, "and the others have it again");
  await village.pass(5_000);
  for (const { done, seen } of [...all.filter((paced) => paced !== victim), returned]) {
    assert.equal(done, true);
    assert.equal(seen.at(-1)?.round, 29);
    assert.equal(seen.at(-1)?.contributors, 5);
  }
  assert.ok((all[0]?.peer.refused ?? 0) >= 1, "its first contribution was stale");
});

test("a newcomer whose neighbours all leave while it listens to them goes on alone", async () => {
  for (const merged of [0, 1]) {
    const { village, all } = await mesh(2, { rounds: 30 });
    while ((all[0]?.seen.length ?? 0) < 10) await village.pass(5);
    const newcomer = pace(village, village.add(3), { rounds: 14 });
    await village.pass(1);
    start(newcomer);
    while (newcomer.rounds.round < 9 || newcomer.seen.length < merged) await village.pass(1);
    for (const { peer, rounds } of all) {
      village.kill(peer);
      rounds.stop();
    }
    const left = village.host.now();
    while (!newcomer.done && village.host.now() - left < 20_000) await village.pass(10);
    assert.equal(newcomer.done, true, `after ${merged} merges`);
    assert.ok(village.host.now() - left < 500, "it did not wait for a deadline");
    assert.deepEqual(newcomer.failures, []);
    const last = newcomer.seen.at(-1);
    assert.deepEqual([last?.round, last?.contributors], [13, 1]);
  }
});

test("a neighbour that never sends delays one round by the deadline and none after", async () => {
  const village = new Village();
  const working = [1, 2].map((number) => pace(village, village.add(number), { rounds: 5 }));
  village.add(3); // linked, and silent
  await village.pass(1);
  const began = village.host.now();
  working.forEach(start);
  while (!working.every(({ done }) => done)) await village.pass(10);
  const took = village.host.now() - began;
  assert.ok(took >= 1_000 && took < 1_500, `${took} ms`);
  assert.equal(working[0]?.seen[4]?.contributors, 2);
});

test("pause holds before the next training, the others go on, and after resume it catches up", async () => {
  const { village, all } = await mesh(3, { rounds: 400 });
  const [first, second] = all;
  assert.ok(first !== undefined && second !== undefined);
  await village.pass(50);
  first.rounds.pause();
  await village.pass(30);
  const held = first.seen.length;
  await village.pass(1_300);
  assert.equal(first.seen.length, held);
  assert.equal(first.rounds.phase, "paused");
  assert.ok(second.seen.length > held + 10);
  first.rounds.resume();
  await village.pass(100);
  assert.ok(first.seen.length > held + 2);
  const behind = (second.seen.at(-1)?.round ?? 0) - (first.seen.at(-1)?.round ?? 0);
  assert.ok(Math.abs(behind) <= 1, `${behind} rounds behind`);
  for (const { rounds } of all) rounds.stop();
});

test("a failed step is reported and tried again", async () => {
  const { village, all: [only] } = await mesh(1, { rounds: 3 });
  assert.ok(only !== undefined);
  only.peer.failing.set("MeshMerge", "execution_failed");
  await village.pass(600);
  assert.equal(only.seen.length, 0);
  assert.equal(only.failures[0]?.phase, "merging");
  assert.equal(only.failures[0]?.error.code, "execution_failed");
  assert.ok(only.failures.length < 5, "it does not spin");
  only.peer.failing.clear();
  await village.pass(600);
  assert.equal(only.done, true);
});

test("a quorum that is not met is asked again without training anew", async () => {
  const { village, all: [only] } = await mesh(1, { rounds: 1 });
  assert.ok(only !== undefined);
  only.peer.quorum = 2;
  await village.pass(1_100);
  assert.equal(only.failures[0]?.error.code, "quorum_not_met");
  only.peer.receive("Mesh", new Village().add(9), { samples: 100, round: 0 });
  await village.pass(600);
  assert.equal(only.done, true);
  assert.deepEqual(only.peer.merges, [{ round: 0, from: [1, 9] }]);
  assert.equal(only.peer.invoked.filter((name) => name.startsWith("Mesh/")).length, 1);
});

test("a measurement that throws costs the measurement only", async () => {
  const { village, all: [only] } = await mesh(1, { rounds: 2, evaluate: () => Promise.reject(new BBError("shape_mismatch", "no")) });
  await village.pass(200);
  assert.equal(only?.done, true);
  assert.deepEqual(only?.seen.map(({ evaluation }) => evaluation), [undefined, undefined]);
  assert.equal(only?.failures[0]?.phase, "evaluating");
});

test("the signal ends the rounds, also while waiting", async () => {
  const control = new AbortController();
  const village = new Village();
  const paced = pace(village, village.add(1), { minContributions: 2, roundDeadlineMs: 1_000_000, signal: control.signal });
  start(paced);
  await village.pass(50);
  assert.equal(paced.rounds.phase, "waiting");
  control.abort();
  await village.pass(1);
  assert.equal(paced.done, true);
  assert.equal(paced.rounds.phase, "finished");
  await assert.rejects(paced.rounds.run(), { code: "already_started" });
});

test("with a server all clients take over what it merged, and a client that comes back is in step", async () => {
  const village = new Village();
  const server = peerIdFromNumber(1);
  const options = (number: number): Options => ({ rounds: 20, role: number === 1 ? { kind: "server" } : { kind: "client", server } });
  const all = [1, 2, 3, 4].map((number) => pace(village, village.add(number), options(number)));
  await village.pass(1);
  all.forEach(start);
  while ((all[0]?.seen.length ?? 0) < 6) await village.pass(5);
  const victim = all[3];
  assert.ok(victim !== undefined);
  village.kill(victim.peer);
  victim.rounds.stop();
  while ((all[0]?.seen.length ?? 0) < 10) await village.pass(5);
  const returned = pace(village, village.add(4), options(4));
  await village.pass(1);
  start(returned);
  await village.pass(5_000);
  for (const { done, seen } of [...all.slice(0, 3), returned]) {
    assert.equal(done, true);
    assert.equal(seen.at(-1)?.round, 19);
  }
  assert.deepEqual(all[0]?.peer.merges.at(-1)?.from, [1, 2, 3, 4]);
  assert.ok((returned.seen[0]?.round ?? 0) >= 9);
  assert.deepEqual(all[1]?.seen.map(({ round }) => round), Array.from({ length: 20 }, (_, round) => round));
});

test("clients outlive their server: they wait, and go on when it is back", async () => {
  const village = new Village();
  const server = peerIdFromNumber(1);
  const first = pace(village, village.add(1), { rounds: 40, role: { kind: "server" } });
  const clients = [2, 3].map((number) => pace(village, village.add(number), { rounds: 40, role: { kind: "client", server } }));
  await village.pass(1);
  [first, ...clients].forEach(start);
  while (first.seen.length < 5) await village.pass(5);
  village.kill(first.peer);
  first.rounds.stop();
  await village.pass(3_000);
  const reached = clients[0]?.seen.at(-1)?.round ?? 0;
  const again = pace(village, village.add(1), { rounds: 40, role: { kind: "server" } });
  await village.pass(1);
  start(again);
  await village.pass(10_000);
  for (const client of clients) {
    assert.equal(client.done, true);
    assert.equal(client.seen.at(-1)?.round, 39);
  }
  assert.ok((again.seen[0]?.round ?? 0) >= reached, "the server went on where its clients were");
});

test("options out of range are refused", () => {
  const village = new Village();
  const peer = village.add(1);
  const refused = (options: Options): void => assert.throws(() => pace(village, peer, options), { code: "bad_option" });
  refused({ samples: 0 });
  refused({ rounds: 0 });
  refused({ rounds: 1.5 });
  refused({ minContributions: 0 });
  refused({ roundDeadlineMs: -1 });
  refused({ restMs: Number.NaN });
  refused({ role: { kind: "client", server: peerIdFromNumber(1) } });
});
