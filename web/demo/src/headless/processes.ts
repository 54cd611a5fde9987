// A headless run with one process for each peer, over a hub on a free port of this machine.
import { fork, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fileIdentity, peerIdToText } from "bytesandbrains";
import { startHub } from "bytesandbrains/hub";
import type { HeadlessOptions } from "../options.js";
import type { Share } from "../shares.js";
import { dataSeedOf, partOf, serverPeer, type FromPeer, type ToPeer } from "./messages.js";
import type { Scoreboard } from "./scoreboard.js";

/** The run came to a standstill. */
export class StandstillError extends Error {}

const program = fileURLToPath(new URL("./worker.js", import.meta.url));
const standstillMs = 60_000;
const leaveMs = 5_000; // to end by itself once told to

interface Running {
  readonly process: ChildProcess;
  neighbours: number;
  going: boolean;
  ended: boolean;
}

/** Runs the peers' processes and keeps the score. Resolves when every peer that is left has finished; rejects with `StandstillError`. */
export class ProcessRun {
  readonly #options: HeadlessOptions;
  readonly #shares: readonly Share[];
  readonly #board: Scoreboard;
  readonly #running = new Map<number, Running>();
  readonly #killed = new Set<number>();
  #hubUrl = "";
  /** Keys of the peers, for as long as the run. */
  #keys = "";
  #server: string | undefined;
  #started = false;
  #killDone = false;
  #returnDone = false;
  #settle: (error?: Error) => void = () => undefined;
  #watch: NodeJS.Timeout | undefined;
  #unexpected = 0;

  constructor(options: HeadlessOptions, shares: readonly Share[], board: Scoreboard) {
    this.#options = options;
    this.#shares = shares;
    this.#board = board;
  }

  /** Peers whose process ended without having been asked to. */
  get disappeared(): number {
    return this.#unexpected;
  }

  /** The whole run. */
  async run(signal: AbortSignal): Promise<void> {
    const hub = await startHub({ port: 0 });
    this.#hubUrl = hub.url;
    this.#keys = await mkdtemp(join(tmpdir(), "bytesandbrains-"));
    try {
      if (this.#options.topology === "server") this.#server = await this.#makeServer();
      await new Promise<void>((resolve, reject) => {
        this.#settle = (error) => (error === undefined ? resolve() : reject(error));
        signal.addEventListener("abort", () => this.#settle(new StandstillError("interrupted")), { once: true });
        this.#alive();
        for (let peer = 1; peer <= this.#options.peers; peer++) this.#spawn(peer);
      });
    } finally {
      clearTimeout(this.#watch);
      await this.#endAll();
      await hub.close();
      await rm(this.#keys, { recursive: true, force: true });
    }
  }

  /** The clients are told whom they contribute to, so its key is there first. */
  async #makeServer(): Promise<string> {
    const identity = await fileIdentity(this.#keyFile(serverPeer));
    identity.release?.();
    return peerIdToText(identity.peerId);
  }

  #keyFile(peer: number): string {
    return join(this.#keys, `peer-${peer}.key`);
  }

  #alive(): void {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => {
      this.#settle(new StandstillError(`nothing has happened for ${standstillMs / 1000} s; still at work: peers ${this.#board.working.join(", ")}`));
    }, standstillMs);
  }

  #spawn(peer: number): void {
    const child = fork(program, [], { serialization: "advanced", stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const running: Running = { process: child, neighbours: 0, going: false, ended: false };
    this.#running.set(peer, running);
    child.on("message", (message: FromPeer) => this.#told(peer, running, message));
    child.on("error", (error) => this.#board.note(`peer ${peer}: ${error.message}`));
    child.on("exit", (code, signal) => this.#exited(peer, running, signal ?? `code ${code ?? 0}`));
    const share = this.#shares[peer - 1];
    if (share === undefined) throw new RangeError(`no share for peer ${peer}`);
    const { topology, rounds, seed } = this.#options;
    this.#send(running, {
      type: "setup", peer, identity: this.#keyFile(peer), ...(this.#server === undefined ? {} : { server: this.#server }), part: partOf(peer, topology), topology, rounds, hubUrl: this.#hubUrl, share, modelSeed: seed, dataSeed: dataSeedOf(seed, peer),
    });
  }

  #send(running: Running, message: ToPeer): void {
    // A process that is just ending refuses; its exit says the rest.
    if (running.process.connected) running.process.send(message, () => undefined);
  }

  #told(peer: number, running: Running, message: FromPeer): void {
    this.#alive();
    switch (message.type) {
      case "neighbours":
        running.neighbours = message.count;
        this.#startWhenComplete();
        return;
      case "round":
        this.#board.finishedRound(peer, message.record, message.traffic);
        this.#followKillPlan();
        return;
      case "note":
        this.#board.note(message.text);
        return;
      case "finished":
        this.#board.finished(peer, message.traffic);
        this.#endWhenFinished();
        return;
      case "failed":
        this.#board.note(`peer ${peer} failed: ${message.text}`);
        return;
      default:
        message satisfies never;
    }
  }

  /** Nobody starts before all see all; one that comes back starts as soon as it sees those who are there. */
  #startWhenComplete(): void {
    const all = [...this.#running.values()].filter((running) => !running.ended);
    const ready = all.every((running) => running.neighbours >= all.length - 1);
    for (const running of all) {
      if (running.going || !(this.#started ? running.neighbours >= all.length - 1 : ready)) continue;
      running.going = true;
      this.#send(running, { type: "go" });
    }
    if (ready) this.#started = true;
  }

  #followKillPlan(): void {
    const plan = this.#options.kill;
    if (plan === undefined) return;
    const { peer, killAfter, returnAfter } = plan;
    const rounds = this.#board.roundsOfOthers(peer);
    if (!this.#killDone && rounds >= killAfter) {
      this.#killDone = true;
      this.#killed.add(peer);
      this.#board.gone(peer, true);
      this.#board.note(`killing peer ${peer} after round ${rounds}`);
      this.#running.get(peer)?.process.kill("SIGKILL");
    }
    if (this.#killDone && !this.#returnDone && returnAfter !== undefined && rounds >= returnAfter && this.#running.get(peer)?.ended === true) {
      this.#returnDone = true;
      this.#board.back(peer);
      this.#board.note(`starting peer ${peer} again after round ${rounds}`);
      this.#spawn(peer);
    }
  }

  #exited(peer: number, running: Running, how: string): void {
    running.ended = true;
    if (this.#killed.delete(peer)) {
      this.#followKillPlan();
    } else {
      this.#unexpected++;
      this.#board.gone(peer, false);
      this.#board.note(`peer ${peer} has disappeared (${how}); the others go on`);
    }
    this.#startWhenComplete();
    this.#endWhenFinished();
    if (this.#board.working.length === 0 && !this.#board.allFinished) this.#settle(new StandstillError("no peer is left"));
  }

  #endWhenFinished(): void {
    if (this.#board.allFinished) this.#settle();
  }

  async #endAll(): Promise<void> {
    await Promise.all([...this.#running.values()].filter((running) => !running.ended).map((running) => new Promise<void>((resolve) => {
      const late = setTimeout(() => running.process.kill("SIGKILL"), leaveMs);
      running.process.removeAllListeners("exit");
      running.process.once("exit", () => {
        clearTimeout(late);
        resolve();
      });
      this.#send(running, { type: "stop" });
      if (!running.process.connected) running.process.kill("SIGKILL");
    })));
  }
}
