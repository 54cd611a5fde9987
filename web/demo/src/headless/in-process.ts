// A headless run in one process, on a virtual clock and a network in memory: nothing depends on how fast anything is, so the
// same seed gives the same numbers to the last bit.
import { setImmediate as nextTurn } from "node:timers/promises";
import { Engine, identityOfKey, manualDriver, manualHost, type Identity, type ManualDriver } from "bytesandbrains";
import { nobleCrypto, nobleKey } from "bytesandbrains/noble";
import { MemoryNetwork, memoryTransport } from "bytesandbrains/transports/memory";
import { Learner } from "../learner.js";
import type { HeadlessOptions } from "../options.js";
import { compileProgram } from "../program.js";
import type { Share } from "../shares.js";
import { dataSeedOf, partOf, serverPeer } from "./messages.js";
import { StandstillError } from "./processes.js";
import type { Scoreboard } from "./scoreboard.js";
import { describeTrouble, recordOf } from "./telling.js";

interface Member {
  readonly peer: number;
  readonly learner: Learner;
  readonly driver: ManualDriver;
  nextMs: number | null;
  done: boolean;
}

/** Runs all peers here, polled in the order of their ids, until all have finished. */
export async function runInProcess(options: HeadlessOptions, shares: readonly Share[], board: Scoreboard, signal: AbortSignal): Promise<void> {
  const engine = await Engine.load();
  const program = compileProgram(engine, options.topology);
  const host = manualHost({ seed: options.seed, crypto: nobleCrypto });
  const network = new MemoryNetwork({ manual: true });
  const members: Member[] = [];
  const identities = await Promise.all(shares.map((_, index) => identityOf(options.seed, index + 1)));
  for (const [index, share] of shares.entries()) {
    const peer = index + 1;
    const [identity, server] = [identities[index], identities[serverPeer - 1]];
    if (identity === undefined || server === undefined) throw new RangeError(`no identity for peer ${peer}`);
    const driver = manualDriver();
    const learner = await Learner.create({
      engine, program, share, driver, host,
      identity,
      transports: [memoryTransport(network)],
      part: partOf(peer, options.topology),
      server: server.peerId,
      modelSeed: options.seed,
      dataSeed: dataSeedOf(options.seed, peer),
      rounds: options.rounds,
    });
    describeTrouble(learner, (text) => board.note(`peer ${peer}: ${text}`));
    learner.rounds.on("round", (event) => board.finishedRound(peer, recordOf(event), learner.traffic()));
    members.push({ peer, learner, driver, nextMs: null, done: false });
  }

  /** Everything that can happen without time passing. */
  const settle = async (): Promise<void> => {
    for (let busy = true; busy;) {
      if (signal.aborted) throw new StandstillError("interrupted");
      busy = false;
      for (const member of members) {
        if (!member.driver.woken && !(member.nextMs !== null && member.nextMs <= host.now())) continue;
        member.nextMs = member.driver.settle().nextMs;
        busy = true;
      }
      if (network.deliver() > 0) busy = true;
      await nextTurn(); // all promises that can go on do so now, in the order in which they were made
      if (network.waiting > 0 || members.some((member) => member.driver.woken)) busy = true;
    }
  };

  for (const { learner } of members) await learner.start();
  await settle();
  const failures: unknown[] = [];
  for (const member of members) {
    member.learner.run().then(() => {
      member.done = true;
      board.finished(member.peer, member.learner.traffic());
    }, (error: unknown) => failures.push(error));
  }
  while (members.some((member) => !member.done)) {
    await settle();
    if (failures.length > 0) throw failures[0];
    if (members.every((member) => member.done)) break;
    const due = [host.nextTimer(), ...members.map((member) => member.nextMs)].filter((time) => time !== null);
    if (due.length === 0) throw new StandstillError(`nothing is left to happen; still at work: peers ${board.working.join(", ")}`);
    host.advance(Math.max(0, Math.min(...due) - host.now()));
  }
  for (const { learner } of members) await learner.stop();
  engine.close();
}

/** Keys of a run with this seed: the same ones each time, so that peers are averaged in the same order. */
function identityOf(seed: number, peer: number): Promise<Identity> {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, seed);
  new DataView(bytes.buffer).setUint32(4, peer);
  return identityOfKey(nobleKey("Ed25519", bytes));
}
