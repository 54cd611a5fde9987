// A village of scripted peers for the tests of rounds: their "models" are numbers, their aggregators follow the rules of FedAvg
// about rounds, their links take a millisecond of a virtual clock. No engine, so the tests say something about the pacing alone.
import { BBError } from "../../../../js/package/src/errors.js";
import { manualHost, type ManualHost } from "../../../../js/package/src/host.js";
import { comparePeerIds, peerIdFromNumber, peerIdToText, type PeerId } from "../../../../js/package/src/peer-id.js";
import type { PacedPeer, PacedPeerEvents, RoundMeta } from "../../../../js/package/src/rounds.js";

type Handlers = { [K in keyof PacedPeerEvents]: Set<(event: PacedPeerEvents[K]) => void> };

const linkMs = 1;
const trainMs = 5;

/** Where the scripted peers live. */
export class Village {
  readonly host: ManualHost = manualHost();
  readonly peers = new Map<string, ScriptedPeer>();

  /** Adds a peer and links it to everybody, or to those the filter lets through. */
  add(number: number, linked: (other: number) => boolean = () => true): ScriptedPeer {
    const peer = new ScriptedPeer(this, number);
    const others = [...this.peers.values()].filter((other) => linked(other.number));
    this.peers.set(peerIdToText(peer.peerId), peer);
    // Whoever paces the peer listens first.
    this.host.timer(0, () => {
      for (const other of others) {
        peer.links.add(peerIdToText(other.peerId));
        other.links.add(peerIdToText(peer.peerId));
        peer.emit("link", { peer: other.peerId });
        other.emit("link", { peer: peer.peerId });
      }
    });
    return peer;
  }

  /** The peer is gone from one moment to the next. */
  kill(peer: ScriptedPeer): void {
    peer.dead = true;
    this.peers.delete(peerIdToText(peer.peerId));
    for (const other of this.peers.values()) {
      if (other.links.delete(peerIdToText(peer.peerId))) other.emit("link-down", { peer: peer.peerId });
    }
  }

  /** Lets `ms` pass, and everything happen that happens in it. */
  async pass(ms: number): Promise<void> {
    const end = this.host.now() + ms;
    for (;;) {
      // Promises settle between two timers, as they do outside.
      for (let turn = 0; turn < 5; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
      const next = this.host.nextTimer();
      if (next === null || next > end) break;
      this.host.advance(next - this.host.now());
    }
    this.host.advance(end - this.host.now());
  }
}

/** A peer whose aggregator counts instead of averaging. */
export class ScriptedPeer implements PacedPeer {
  readonly peerId: PeerId;
  readonly number: number;
  readonly links = new Set<string>();
  /** Targets in the order of their invocations, with the number of peers sent to. */
  readonly invoked: string[] = [];
  /** Contributions refused for being stale. */
  refused = 0;
  /** Numbers of the contributors of each merge. */
  readonly merges: { readonly round: number; readonly from: readonly number[] }[] = [];
  dead = false;
  /** Makes the next invocations of a target fail with this reason. */
  readonly failing = new Map<string, string>();
  quorum = 1;
  aggregatorRound = 0;
  #buffer = new Map<string, number>();
  #held = new Map<string, number>();
  #exec = 0n;
  readonly #village: Village;
  readonly #handlers: Handlers = { event: new Set(), failed: new Set(), link: new Set(), "link-down": new Set() };

  constructor(village: Village, number: number) {
    this.#village = village;
    this.number = number;
    this.peerId = peerIdFromNumber(number);
  }

  on<K extends keyof PacedPeerEvents>(kind: K, f: (event: PacedPeerEvents[K]) => void): () => void {
    const handlers = this.#handlers[kind] as Set<(event: PacedPeerEvents[K]) => void>;
    handlers.add(f);
    return () => void handlers.delete(f);
  }

  emit<K extends keyof PacedPeerEvents>(kind: K, event: PacedPeerEvents[K]): void {
    for (const handler of [...(this.#handlers[kind] as Set<(event: PacedPeerEvents[K]) => void>)]) handler(event);
  }

  invoke(target: string, inputs: Readonly<Record<string, unknown>> = {}): Promise<bigint> {
    if (this.dead) return Promise.reject(new BBError("closed", "the peer is gone"));
    const exec = ++this.#exec;
    const peers = (inputs["peers"] ?? inputs["clients"] ?? []) as PeerId[];
    this.invoked.push(`${target}/${peers.length}`);
    const reason = this.failing.get(target);
    this.#later(target.endsWith("Merge") ? 1 : trainMs, () => {
      if (reason !== undefined) this.emit("failed", { exec, reason, detail: "as the test wants it" });
      else if (target.endsWith("Merge")) this.#merge(target, exec, peers);
      else this.#trained(target, exec, peers, inputs["meta"] as RoundMeta);
    });
    return Promise.resolve(exec);
  }

  /** What a neighbour's envelope does here. */
  receive(target: string, from: ScriptedPeer, meta: RoundMeta): void {
    const exec = ++this.#exec;
    if (target === "ClientReceive") {
      this.emit("event", { target, topic: "merged", exec, value: meta });
      return;
    }
    const problem = this.#contribute(from.number, meta);
    if (problem !== undefined) this.emit("failed", { exec, reason: problem, detail: "" });
    this.emit("event", { target: `${target}_peers`, topic: "received", exec, value: from.peerId });
    this.emit("event", { target: `${target}_peers`, topic: "contributed", exec, value: meta });
  }

  #later(ms: number, f: () => void): void {
    this.#village.host.timer(ms, () => {
      if (!this.dead) f();
    });
  }

  #send(target: string, to: readonly PeerId[], meta: RoundMeta): void {
    for (const id of [...to].sort(comparePeerIds)) {
      const other = this.#village.peers.get(peerIdToText(id));
      this.#later(linkMs, () => {
        if (other !== undefined && !other.dead) other.receive(target, this, meta);
      });
    }
  }

  #trained(target: string, exec: bigint, peers: readonly PeerId[], meta: RoundMeta): void {
    this.emit("event", { target, topic: "loss", exec, value: 1 / (1 + meta.round) });
    if (target === "Mesh") {
      const problem = this.#contribute(this.number, meta);
      if (problem !== undefined) this.emit("failed", { exec, reason: problem, detail: "" });
    }
    this.#send(target, peers, meta);
  }

  /** The rules about rounds: the next one is held, one from further ahead moves this aggregator, an old one is refused. */
  #contribute(from: number, { round }: RoundMeta): string | undefined {
    if (round < this.aggregatorRound - 1) {
      this.refused++;
      return "stale_round";
    }
    if (round > this.aggregatorRound + 1 || (round > this.aggregatorRound && this.#buffer.size === 0)) {
      this.aggregatorRound = round;
      this.#buffer.clear();
      this.#held.clear();
    }
    (round > this.aggregatorRound ? this.#held : this.#buffer).set(String(from), from);
    return undefined;
  }

  #merge(target: string, exec: bigint, clients: readonly PeerId[]): void {
    if (this.#buffer.size < this.quorum) {
      this.emit("failed", { exec, reason: "quorum_not_met", detail: `have ${this.#buffer.size}, need ${this.quorum}` });
      return;
    }
    const meta: RoundMeta = { samples: 100 * this.#buffer.size, round: this.aggregatorRound };
    this.merges.push({ round: meta.round, from: [...this.#buffer.values()].sort((a, b) => a - b) });
    this.aggregatorRound++;
    this.#buffer = this.#held;
    this.#held = new Map();
    if (target === "ServerMerge") this.#send("ClientReceive", clients, meta);
    this.emit("event", { target, topic: "merged", exec, value: meta });
  }
}
