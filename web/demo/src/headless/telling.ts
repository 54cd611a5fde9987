// Turning what happens at a learner into records and into sentences.
import { BBError, peerIdToText, type RoundEvent } from "bytesandbrains";
import type { Learner, Measured } from "../learner.js";
import type { RoundRecord } from "./scoreboard.js";

/** The record of a finished round. */
export function recordOf({ round, loss, evaluation, contributors, durationMs }: RoundEvent<Measured>): RoundRecord {
  return {
    round: round + 1,
    loss: loss ?? null,
    accuracy: evaluation?.accuracy ?? 0,
    alone: evaluation?.alone ?? 0,
    contributors,
    ms: Math.round(durationMs),
  };
}

// These belong to a peer that comes back: it is behind until the first message of another tells it the round.
const expected = new Set(["stale_round"]);

/** Reports refused messages and failed steps. */
export function describeTrouble(learner: Learner, say: (text: string) => void): void {
  learner.peer.on("refused", ({ peer, reason, detail }) => {
    say(`refused a message${peer === undefined ? "" : ` of ${peerIdToText(peer)}`}: ${reason}${detail === "" ? "" : ` (${detail})`}`);
  });
  learner.rounds.on("failed", ({ phase, error }) => {
    if (error instanceof BBError && expected.has(error.code)) return;
    say(`${phase} failed, trying again: ${error.message}`);
  });
}
