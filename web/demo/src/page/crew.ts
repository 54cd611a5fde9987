// The peers that run in this tab: the tab's own and those added by the button. Each is a real peer of its own at the hub.
import {
  animationFrameDriver, describeError, ephemeralIdentity, peerIdToText, platformHost, tabIdentity, type Engine, type Host, type PeerId, type ProgressEvent,
} from "bytesandbrains";
import { hubTransport } from "bytesandbrains/transports/hub";
import { webRtcTransport } from "bytesandbrains/transports/webrtc";
import { Learner } from "../learner.js";
import { leaveSeat, pageModelSeed, pageRoom, takeSeat } from "../page-network.js";
import { compileProgram, pagePieces, type Program } from "../program.js";
import { shareOfSeat, type Share } from "../shares.js";
import type { Roster } from "./roster.js";

/** A peer of this tab. */
export interface CrewMember {
  readonly id: string;
  readonly learner: Learner;
  readonly share: Share;
}

/** Peers in one tab; more would only wait for each other's turn at the processor. */
export const crewMax = 6;

const restMs = 100;
const traffic = { sent: 0, received: 0 };

interface Entry extends CrewMember {
  readonly peerId: PeerId;
  readonly stopRenewing: () => void;
}

/** Starts and stops the peers of this tab and keeps the roster up to date about them. */
export class Crew {
  readonly #engine: Engine;
  readonly #program: Program;
  readonly #roster: Roster;
  readonly #changed: () => void;
  readonly #host: Host = platformHost();
  readonly #address = location.href;
  readonly #members: Entry[] = [];
  #names = 0;
  #paused = false;
  #left = traffic;

  /** `changed` is called whenever there is something new to show. */
  constructor(engine: Engine, roster: Roster, changed: () => void) {
    this.#engine = engine;
    this.#program = compileProgram(engine, "mesh", pagePieces);
    this.#roster = roster;
    this.#changed = changed;
  }

  /** The peers, the tab's own first. */
  get members(): readonly CrewMember[] {
    return this.#members;
  }

  /** True while the peers of this tab hold. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Bytes of messages of all peers of this tab, those included that were removed. */
  traffic(): { sent: number; received: number } {
    return this.#members.reduce((sum, { learner }) => added(sum, learner.traffic()), this.#left);
  }

  /** Starts another peer. Rejects when the page's server cannot be reached. */
  async add(): Promise<CrewMember> {
    const own = this.#members.length === 0;
    const identity = own ? await tabIdentity() : await ephemeralIdentity();
    const { peerId } = identity;
    const id = peerIdToText(peerId);
    const seat = await takeSeat(this.#address, peerId);
    const dataSeed = new DataView(peerId.buffer, peerId.byteOffset).getUint32(6); // within the key
    const share = shareOfSeat(seat.seat, seat.seats, dataSeed);
    const name = own ? "this tab" : `added here ${++this.#names}`;
    const member = this.#roster.addHere(id, name, own, share.digits);
    const hub = hubTransport({ url: seat.hubUrl, room: pageRoom });
    const learner = await Learner.create({
      engine: this.#engine,
      program: this.#program,
      share, identity, dataSeed, restMs,
      host: this.#host,
      transports: [hub, webRtcTransport({ signaller: hub })],
      driver: animationFrameDriver(this.#host, { opsPerRun: 1 }),
      part: "mesh",
      modelSeed: pageModelSeed,
    });
    learner.peer.on("link", ({ peer }) => this.#show(() => this.#roster.seen(peerIdToText(peer))));
    learner.peer.on("path", ({ peer, path }) => this.#show(() => this.#roster.reached(peerIdToText(peer), path)));
    learner.peer.on("link-down", ({ peer }) => this.#show(() => this.#lost(peerIdToText(peer))));
    learner.onReport((from, report) => this.#show(() => this.#roster.told(peerIdToText(from), report)));
    learner.rounds.on("progress", (event) => this.#show(() => {
      if (!member.gone) member.state = stateText(event);
    }));
    learner.rounds.on("round", ({ round, loss, evaluation }) => this.#show(() => {
      if (evaluation === undefined) return;
      const { accuracy, alone, aloneLoss } = evaluation;
      this.#roster.record(member, { round: round + 1, loss: loss ?? 0, accuracy, alone, aloneLoss });
    }));
    const renewing = setInterval(() => void takeSeat(this.#address, peerId).catch(() => undefined), seat.renewMs);
    const entry: Entry = { id, learner, share, peerId, stopRenewing: () => clearInterval(renewing) };
    this.#members.push(entry);
    if (this.#paused) learner.rounds.pause();
    await learner.start();
    learner.run().catch((error: unknown) => this.#show(() => {
      member.state = `stopped: ${describeError(error)}`;
    }));
    this.#changed();
    return entry;
  }

  /** Stops a peer and takes it away; the others go on. */
  async remove(id: string): Promise<void> {
    const index = this.#members.findIndex((member) => member.id === id);
    const [entry] = index < 0 ? [] : this.#members.splice(index, 1);
    if (entry === undefined) return;
    this.#left = added(this.#left, entry.learner.traffic());
    entry.stopRenewing();
    this.#roster.lost(id);
    this.#changed();
    await entry.learner.stop();
    await leaveSeat(this.#address, entry.peerId);
  }

  /** Holds all peers of this tab, or lets them go on. */
  setPaused(paused: boolean): void {
    this.#paused = paused;
    for (const { learner } of this.#members) {
      if (paused) learner.rounds.pause();
      else learner.rounds.resume();
    }
    this.#changed();
  }

  /** Gives all seats back, as the page goes away. */
  leave(): void {
    for (const { peerId, stopRenewing } of this.#members) {
      stopRenewing();
      void leaveSeat(this.#address, peerId);
    }
  }

  /** A link went down; the peer is gone only when nobody here is linked to it any more. */
  #lost(id: string): void {
    const linked = this.#members.some(({ learner }) => learner.rounds.neighbours().some((peer) => peerIdToText(peer) === id));
    if (!linked && !this.#members.some((member) => member.id === id)) this.#roster.lost(id);
  }

  #show(change: () => void): void {
    change();
    this.#changed();
  }
}

function added(left: typeof traffic, right: typeof traffic): typeof traffic {
  return { sent: left.sent + right.sent, received: left.received + right.received };
}

function stateText({ phase, neighbours }: ProgressEvent): string {
  const awaited = neighbours.filter(({ state }) => state === "awaited").length;
  if (phase === "waiting" && awaited > 0) return `waiting for ${awaited}`;
  return phase;
}
