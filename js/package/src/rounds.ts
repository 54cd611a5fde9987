// Federated rounds on a peer: when to train, how long to wait for whom, when to merge. The learning itself is in the
// peer's targets; nothing here is needed to run them, and another pace needs nothing but another file like this one.
import { BBError, describeError } from "./errors.js";
import { platformHost, type Host } from "./host.js";
import type { PeerId } from "./peer-id.js";
import { Arrivals } from "./rounds/arrivals.js";
import { Calls } from "./rounds/calls.js";
import { nearRounds, Neighbours } from "./rounds/neighbours.js";
import {
  readRoundMeta, roundsSettings, type FederatedRoundsEvents, type FederatedRoundsOptions, type MergedRound, type RoundMeta, type RoundPhase,
  type RoundsRole, type RoundsSettings,
} from "./rounds/options.js";
import type { PacedPeer } from "./rounds/port.js";
import { Waiting } from "./rounds/waiting.js";
import { Listeners } from "./transports/listeners.js";

export { Calls, type CallOptions, type CallOutputs } from "./rounds/calls.js";
export { accuracy, argMax, imagesTensor, softmax, type AccuracyOptions, type FloatTensor } from "./rounds/evaluate.js";
export type { NeighbourState } from "./rounds/neighbours.js";
export type {
  FederatedRoundsEvents, FederatedRoundsOptions, MergedRound, ProgressEvent, RoundEvent, RoundFailure, RoundMeta, RoundPhase, RoundsRole,
} from "./rounds/options.js";
export type { FailureEvent, NeighbourEvent, OutputEvent, PacedPeer, PacedPeerEvents } from "./rounds/port.js";

/** Merges that a peer only listens to after it was overtaken: the first may lack what was sent before it came, the second is whole. */
const listenedMerges = 2;
const retryMs = 250; // after a failed step, so that a lasting failure does not spin

/** The aggregator's answer to "merge" when too little is there. */
const quorumNotMet = "quorum_not_met";

/**
 * Paces rounds of federated learning on one peer.
 *
 * ```ts
 * const rounds = new FederatedRounds({ peer, samples: 1200, rounds: 30 });
 * rounds.on("round", ({ round, loss }) => console.log(round, loss));
 * await rounds.run();
 * ```
 */
export class FederatedRounds<E = undefined> {
  readonly #options: FederatedRoundsOptions<E>;
  readonly #settings: RoundsSettings;
  readonly #role: RoundsRole;
  readonly #peer: PacedPeer;
  readonly #host: Host;
  readonly #calls: Calls;
  readonly #waiting: Waiting;
  readonly #neighbours = new Neighbours();
  readonly #listeners = { round: new Listeners<unknown>(), progress: new Listeners<unknown>(), failed: new Listeners<unknown>() };
  readonly #undo: (() => void)[] = [];
  #round = 0;
  #phase: RoundPhase = "waiting";
  #ownIn = false;
  #listening = 0;
  #overtaken = false;
  #lastMerged: number | undefined;
  #paused = false;
  #running = false;
  #broadcast: RoundMeta | undefined;

  constructor(options: FederatedRoundsOptions<E>) {
    this.#options = options;
    this.#settings = roundsSettings(options);
    this.#role = options.role ?? { kind: "mesh" };
    this.#peer = options.peer;
    this.#host = options.host ?? platformHost();
    this.#calls = new Calls(this.#peer, this.#host);
    this.#waiting = new Waiting(this.#host);
    this.#listen();
  }

  /** The round being worked on, from 0. */
  get round(): number {
    return this.#round;
  }

  /** Where in the round this peer is. */
  get phase(): RoundPhase {
    return this.#phase;
  }

  /** Live neighbours, in the order of their ids. */
  neighbours(): PeerId[] {
    return this.#neighbours.ids();
  }

  /** Listens; the result stops listening. */
  on<K extends keyof FederatedRoundsEvents<E>>(kind: K, f: (event: FederatedRoundsEvents<E>[K]) => void): () => void {
    return this.#listeners[kind].add(f as (event: unknown) => void);
  }

  /** Holds before the next training; contributions of others go on coming in. */
  pause(): void {
    this.#paused = true;
  }

  /** Goes on after `pause`. */
  resume(): void {
    this.#paused = false;
    this.#waiting.changed();
  }

  /** Ends the rounds after the current step; `run` then resolves. */
  stop(): void {
    this.#waiting.stop();
  }

  /**
   * Runs until the last round is merged, or until `stop` or the signal. Nothing that goes wrong on the way ends it: a failed
   * step is reported as `failed` and tried again, a neighbour that vanishes is no longer waited for.
   */
  async run(): Promise<void> {
    if (this.#running) throw new BBError("already_started", "the rounds run already");
    this.#running = true;
    const onAbort = (): void => this.stop();
    this.#options.signal?.addEventListener("abort", onAbort);
    if (this.#options.signal?.aborted === true) this.stop();
    try {
      while (!this.#waiting.stopped && this.#round < this.#settings.rounds) {
        if (this.#paused) {
          this.#enter("paused");
          await this.#waiting.until(() => !this.#paused);
        } else if (!(await this.#oneRound()) && !this.#overtaken) {
          await this.#waiting.until(() => false, retryMs);
        }
      }
    } finally {
      this.#options.signal?.removeEventListener("abort", onAbort);
      this.stop();
      this.#calls.close();
      for (const undo of this.#undo.splice(0)) undo();
      this.#enter("finished");
    }
  }

  #listen(): void {
    const arrivals = new Arrivals((from, round) => this.#arrived(from, round));
    this.#undo.push(
      this.#peer.on("link", ({ peer }) => {
        this.#neighbours.join(peer);
        this.#stirred();
      }),
      this.#peer.on("link-down", ({ peer }) => {
        this.#neighbours.leave(peer);
        this.#stirred();
      }),
      this.#peer.on("event", (event) => {
        // What runs where an envelope arrives is a target of its own, named after the one that sent it and the class of its peers.
        if (event.target.startsWith(`${this.#settings.train}_`)) arrivals.take(event);
        else if (event.target === this.#settings.receive && event.topic === "merged") {
          this.#broadcast = readRoundMeta(event.value);
          this.#waiting.changed();
        }
      }),
    );
  }

  /** A contribution came in. One from far ahead moves this peer's aggregator there, and the rounds follow it. */
  #arrived(from: PeerId, round: number): void {
    const nothingIn = !this.#ownIn && this.#neighbours.contributions === 0;
    this.#neighbours.arrived(from, round);
    if (round > this.#round + 1 || (round > this.#round && nothingIn)) {
      this.#round = round;
      this.#ownIn = false;
      // A model of a few rounds ago is as good as that of the others; an older one, or one that never met another, is not.
      if (this.#listening === 0 && this.#lastMerged !== undefined && round - this.#lastMerged <= nearRounds) this.#overtaken = true;
      else this.#listening = listenedMerges;
      this.#neighbours.begin(round);
    }
    this.#stirred();
  }

  #stirred(): void {
    this.#waiting.changed();
    if (this.#phase === "waiting") this.#report();
  }

  #enter(phase: RoundPhase): void {
    this.#phase = phase;
    this.#report();
  }

  #report(): void {
    const neighbours = this.#neighbours.ids().map((peer) => ({ peer, state: this.#neighbours.state(peer, this.#round, this.#listening > 0) }));
    this.#listeners.progress.emit({ phase: this.#phase, round: this.#round, neighbours });
  }

  #failed(error: unknown): void {
    const known = error instanceof BBError ? error : new BBError("failed", describeError(error), { cause: error });
    this.#listeners.failed.emit({ round: this.#round, phase: this.#phase, error: known });
  }

  /** True when a round was merged; false when it has to be tried again, or a later one instead. */
  async #oneRound(): Promise<boolean> {
    const startedMs = this.#host.now();
    this.#overtaken = false;
    if (this.#role.kind === "client" && !(await this.#serverThere(this.#role.server))) return false;
    // What an overtaken peer could train is an old model. It takes over that of the others first, in step with them.
    const loss = this.#listening > 0 ? undefined : await this.#train();
    const merged = this.#role.kind === "client" ? await this.#receive() : await this.#collect();
    if (merged === undefined) return false;
    const contributors = this.#role.kind === "client" ? 0 : this.#neighbours.contributions + (this.#ownIn ? 1 : 0);
    this.#round = merged.round + 1;
    this.#ownIn = false;
    this.#lastMerged = merged.round;
    this.#listening = Math.max(0, this.#listening - 1);
    this.#neighbours.begin(this.#round);
    this.#enter("evaluating");
    const done: MergedRound = { ...merged, contributors, loss };
    const evaluation = await this.#evaluate(done);
    this.#listeners.round.emit({ ...done, evaluation, durationMs: this.#host.now() - startedMs });
    if (this.#settings.restMs > 0 && this.#round < this.#settings.rounds) {
      this.#enter("resting");
      await this.#waiting.until(() => false, this.#settings.restMs);
    }
    return true;
  }

  async #serverThere(server: PeerId): Promise<boolean> {
    if (this.#neighbours.has(server)) return true;
    this.#enter("waiting");
    return (await this.#waiting.until(() => this.#neighbours.has(server))) === "met";
  }

  /** The local steps; their mean loss. */
  async #train(): Promise<number | undefined> {
    this.#enter("training");
    const round = this.#round;
    this.#neighbours.begin(round);
    const to = this.#role.kind === "mesh" ? this.#neighbours.ids() : [this.#role.kind === "client" ? this.#role.server : this.#peer.peerId];
    const meta: RoundMeta = { samples: this.#options.samples, round };
    try {
      const loss = await this.#calls.one(this.#settings.train, { peers: to, meta }, "loss");
      // A peer that was overtaken while it trained has contributed to a round that no longer counts.
      this.#ownIn = this.#role.kind === "mesh" && this.#round === round;
      return typeof loss === "number" ? loss : undefined;
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  /** Waits for the neighbours, then merges. Undefined: stopped, overtaken by the others, or the merge failed. */
  async #collect(): Promise<RoundMeta | undefined> {
    for (;;) {
      this.#enter("waiting");
      const enough = (): boolean => this.#neighbours.contributions + (this.#ownIn ? 1 : 0) >= this.#settings.minContributions;
      const selfIn = (): boolean => this.#role.kind === "mesh" || this.#listening > 0 || this.#neighbours.contributed(this.#peer.peerId);
      const complete = (): boolean => enough() && selfIn() && this.#neighbours.complete(this.#round, this.#listening > 0);
      // Nothing came and nobody is left that something could come from: who only listened trains itself again.
      const deserted = (): boolean => this.#listening > 0 && this.#neighbours.contributions === 0 && this.#neighbours.hopeless(this.#round);
      const result = await this.#waiting.until(() => this.#overtaken || complete() || deserted(), this.#settings.roundDeadlineMs);
      if (result === "stopped" || this.#overtaken) return undefined;
      if (result === "deadline") this.#neighbours.giveUpOnMissing(this.#round, this.#listening > 0);
      if (deserted()) {
        this.#listening = 0;
        return undefined;
      }
      if (result === "deadline") {
        if (!enough()) {
          this.#failed(new BBError("too_few", `${this.#neighbours.contributions} contributions to round ${this.#round}, ${this.#settings.minContributions} are wanted`));
          return undefined;
        }
      }
      this.#enter("merging");
      try {
        const inputs = this.#role.kind === "server" ? { go: true, clients: this.#neighbours.ids() } : { go: true };
        const merged = readRoundMeta(await this.#calls.one(this.#settings.merge, inputs, "merged"));
        if (merged === undefined) throw new BBError("bad_output", `${this.#settings.merge} put out no samples and round as \`merged\``);
        return merged;
      } catch (error) {
        this.#failed(error);
        if (!(error instanceof BBError && error.code === quorumNotMet)) return undefined;
        await this.#waiting.until(() => false, retryMs);
      }
    }
  }

  /** Waits for the server's model. Undefined: stopped, or it did not come in time. */
  async #receive(): Promise<RoundMeta | undefined> {
    this.#enter("waiting");
    const fresh = (): boolean => this.#broadcast !== undefined && this.#broadcast.round >= this.#round;
    await this.#waiting.until(fresh, this.#settings.roundDeadlineMs);
    const merged = fresh() ? this.#broadcast : undefined;
    this.#broadcast = undefined;
    if (merged === undefined && !this.#waiting.stopped) this.#failed(new BBError("no_answer", `the server sent no model for round ${this.#round}`));
    return merged;
  }

  async #evaluate(merged: MergedRound): Promise<E | undefined> {
    try {
      return await this.#options.evaluate?.(merged);
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }
}
