// The main job from the command line: peers in processes of their own learn together what none of them could learn alone.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { root, runHeadless, runNode, type PeerResult, type RunResult } from "./command.js";

const limitMs = 150_000;
const full = ["--peers", "5", "--rounds", "30"];

/** What every full run has to show. */
function assertLearned(result: RunResult, topology: string): void {
  assert.equal(result.topology, topology);
  assert.equal(result.perPeer.length, 5);
  const digits = new Set(result.perPeer.flatMap((peer) => peer.digits));
  assert.equal(digits.size, 10, "together they know all digits");
  for (const peer of result.perPeer) {
    assert.equal(peer.finished, true, `peer ${peer.peer} finished`);
    assert.equal(peer.digits.length, 2, `peer ${peer.peer} knows two digits`);
    assert.equal(peer.rounds.at(-1)?.round, 30);
    assert.ok(peer.accuracy >= 0.9, `peer ${peer.peer} together: ${peer.accuracy}`);
    assert.ok(peer.alone <= 0.3, `peer ${peer.peer} alone: ${peer.alone}`);
    assert.ok(peer.bytesSent > 1_000_000 && peer.bytesReceived > 1_000_000, `peer ${peer.peer} sent ${peer.bytesSent}, received ${peer.bytesReceived}`);
  }
}

/** Accuracy of a peer after a round, if it merged that round. */
function accuracyAfter(peer: PeerResult, round: number): number | undefined {
  return peer.rounds.find((record) => record.round === round)?.accuracy;
}

test("mesh: a peer that is killed and comes back does not stop the others and is as good as they are within two rounds", { timeout: limitMs + 10_000 }, async () => {
  const result = await runHeadless([...full, "--kill", "3@15", "--return", "20"], limitMs);
  assertLearned(result, "mesh");
  const away = result.perPeer[2];
  assert.ok(away !== undefined && away.killedAfter !== null && away.returnedAfter !== null, "it was away");
  assert.ok(away.killedAfter >= 15 && away.returnedAfter - away.killedAfter <= 6, `away from ${away.killedAfter} to ${away.returnedAfter}`);
  const { returnedAfter } = away;
  for (const peer of result.perPeer) {
    if (peer === away) continue;
    assert.deepEqual(peer.rounds.map(({ round }) => round), Array.from({ length: 30 }, (_, index) => index + 1), `peer ${peer.peer} left no round out`);
    assert.equal(peer.killedAfter, null);
  }
  // Rounds after its return, in its own order: the first it merges, and the second.
  const since = away.rounds.slice(away.rounds.findIndex(({ round }, index) => index > 0 && round > returnedAfter));
  const second = since[1];
  assert.ok(second !== undefined, "it merged two rounds after its return");
  for (const peer of result.perPeer) {
    if (peer === away) continue;
    const theirs = accuracyAfter(peer, second.round);
    assert.ok(theirs !== undefined && second.accuracy >= theirs - 0.03, `after round ${second.round}: ${second.accuracy}, peer ${peer.peer} ${theirs}`);
  }
});

test("server: one peer averages for all", { timeout: limitMs + 10_000 }, async () => {
  assertLearned(await runHeadless([...full, "--topology", "server"], limitMs), "server");
});

test("mesh on IDX files of another seed", { timeout: limitMs + 30_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "bb-idx-"));
  try {
    const made = await runNode(join(root, "scripts", "make-idx"), ["--out", folder, "--seed", "77", "--train", "6000", "--test", "1000", "--gzip"], 30_000);
    assert.equal(made.code, 0, made.err);
    assertLearned(await runHeadless([...full, "--data", folder], limitMs), "mesh");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

for (const topology of ["mesh", "server"]) {
  test(`${topology} in one process: the same seed gives the same curve twice, another seed another one`, { timeout: limitMs + 10_000 }, async () => {
    const curves = async (seed: string, rounds: string): Promise<unknown[]> => {
      const result = await runHeadless(["--in-process", "--peers", "5", "--rounds", rounds, "--topology", topology, "--seed", seed], limitMs);
      if (rounds === "30") assertLearned(result, topology);
      return result.perPeer.map((peer) => ({ peer: peer.peer, sent: peer.bytesSent, rounds: peer.rounds.map(({ ms: _ms, ...rest }) => rest) }));
    };
    assert.deepEqual(await curves("5", "30"), await curves("5", "30"));
    assert.notDeepEqual(await curves("5", "2"), await curves("6", "2"));
  });
}
