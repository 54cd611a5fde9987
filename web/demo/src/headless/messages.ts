// What the process of a run and the processes of its peers say to each other.
import type { Part } from "../program.js";
import type { Share } from "../shares.js";
import type { Topology } from "../options.js";
import type { RoundRecord, Traffic } from "./scoreboard.js";

/** To a peer's process. */
export type ToPeer =
  | {
    readonly type: "setup";
    readonly peer: number;
    /** Where its key is kept: a process that is started again is the same peer. */
    readonly identity: string;
    /** Id of the peer that averages for all, as text, for those who need it. */
    readonly server?: string;
    readonly part: Part;
    readonly topology: Topology;
    readonly rounds: number;
    readonly hubUrl: string;
    readonly share: Share;
    readonly modelSeed: number;
    readonly dataSeed: number;
  }
  | { readonly type: "go" }
  | { readonly type: "stop" };

/** From a peer's process. */
export type FromPeer =
  | { readonly type: "neighbours"; readonly count: number }
  | { readonly type: "round"; readonly record: RoundRecord; readonly traffic: Traffic }
  | { readonly type: "note"; readonly text: string }
  | { readonly type: "finished"; readonly traffic: Traffic }
  | { readonly type: "failed"; readonly text: string };

/** Number of the peer that averages for all in the topology `server`. */
export const serverPeer = 1;

/** The part of a peer. */
export function partOf(peer: number, topology: Topology): Part {
  if (topology === "mesh") return "mesh";
  return peer === serverPeer ? "server" : "client";
}

/** Seed of the order in which a peer draws its images. */
export function dataSeedOf(seed: number, peer: number): number {
  return seed * 1_000 + peer;
}
