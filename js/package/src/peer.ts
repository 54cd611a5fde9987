// A node that is alive: with a driver that runs it, transports that carry its envelopes, and events for whoever listens.
import { BBError, describeError } from "./errors.js";
import type { Bytes } from "./bytes.js";
import type { Artifact } from "./artifact.js";
import { animationFrameDriver, workerDriver, type Driver, type RunResult } from "./drivers/index.js";
import type { Engine } from "./engine.js";
import { platformHost, type Host } from "./host.js";
import type { CryptoProvider } from "./identity/crypto.js";
import { ephemeralIdentity, type Identity } from "./identity/identity.js";
import { Node } from "./node.js";
import type { EngineStats, Inspection, NodeLimits } from "./node-types.js";
import { Links } from "./peer/links.js";
import { EventQueue } from "./peer/event-queue.js";
import { peerIdToText, samePeer, type PeerId } from "./peer-id.js";
import type { EventStep, ExecId, FailedStep, PeerHandle, SendStep, Step, StepKind, WireFailedStep, WireTimeoutStep } from "./steps.js";
import { Listeners } from "./transports/listeners.js";
import type { Abort, DialTarget, LinkCode, LinkPath, Transport, TransportEvent, TransportStatus } from "./transports/transport.js";

/** An output of a program. */
export type OutputEvent = Omit<EventStep, "kind">;
/** A failed op. */
export type OpFailure = Omit<FailedStep, "kind">;

/** A link to a peer came up, and the peer has proven who it is. */
export interface LinkEvent {
  readonly peer: PeerId;
  readonly transport: string;
  readonly path: LinkPath;
}

/** The last link to a peer went down. */
export interface LinkDownEvent {
  readonly peer: PeerId;
  readonly transport: string;
  readonly code: LinkCode;
  readonly retryable: boolean;
}

/** Something that another peer sent, or a link it opened, was not taken. */
export interface RefusedEvent {
  /** Who, as far as that is known. */
  readonly peer: PeerId | undefined;
  readonly transport: string;
  /** `malformed`, `oversize_envelope`, `wrong_network`, `tampered`, `bad_signature`, `own_id`, ... */
  readonly reason: string;
  readonly detail: string;
  /** True when the link was closed over it. */
  readonly closed: boolean;
}

/** Envelopes that will never arrive. */
export interface DroppedEvent {
  /** Undefined where the engine's queues overflowed. */
  readonly peer: PeerId | undefined;
  readonly reason: string;
  readonly count: number;
}

/** A request that was not answered. */
export interface TimeoutEvent {
  readonly peer: PeerId | undefined;
  readonly requestId: bigint;
}

/** A part of an envelope that could not be delivered. */
export type UndeliverableEvent = Omit<WireFailedStep, "kind" | "peer"> & { readonly peer: PeerId | undefined };

/** What a transport says of itself. */
export interface TransportStateEvent {
  readonly transport: string;
  readonly status?: TransportStatus;
  readonly error?: BBError;
}

/** All events of a peer, by kind. */
export interface PeerEvents {
  readonly event: OutputEvent;
  readonly failed: OpFailure;
  readonly link: LinkEvent;
  /** Messages to a peer take another link from now on: a better one came up, or the one before went down. */
  readonly path: LinkEvent;
  readonly "link-down": LinkDownEvent;
  readonly refused: RefusedEvent;
  readonly dropped: DroppedEvent;
  readonly timeout: TimeoutEvent;
  readonly undeliverable: UndeliverableEvent;
  readonly transport: TransportStateEvent;
  /** The surroundings slept; deadlines were shifted by the gap. */
  readonly suspended: { readonly gapMs: number };
  /** An op or component was recorded by the mask: `completed`, `async-suspended`, `peer`, `budget`. */
  readonly step: Step;
  /** Something of the host's own went wrong: a transport that throws, for example. */
  readonly error: { readonly error: BBError };
}

/** One event with its kind, for `events()`. */
export type PeerEvent = { [K in keyof PeerEvents]: { readonly kind: K; readonly event: PeerEvents[K] } }[keyof PeerEvents];

/** A peer's counts. */
export interface PeerStats extends EngineStats {
  /** Envelopes on their way to others and their bytes. */
  readonly sentMessages: number;
  readonly sentBytes: number;
  /** Envelopes that came and their bytes. */
  readonly receivedMessages: number;
  readonly receivedBytes: number;
  /** Envelopes and links that were not taken. */
  readonly refusedMessages: number;
  /** Links whose other end has proven itself, and those whose handshake is under way. */
  readonly links: number;
  readonly halfOpenLinks: number;
}

/** What a peer is made of. */
export interface PeerOptions {
  readonly engine: Engine;
  readonly artifact?: Artifact | Bytes;
  /** Several programs; slots of one name in them are one component. */
  readonly artifacts?: readonly (Artifact | Bytes)[];
  /** Base names of the targets to install; all when absent. */
  readonly targets?: readonly string[];
  readonly config?: Readonly<Record<string, unknown>>;
  /** Who this peer is; one that lives as long as the peer when absent. */
  readonly identity?: Identity;
  readonly transports?: readonly Transport[];
  /** In step with the screen in pages, by messages elsewhere, when absent. */
  readonly driver?: Driver;
  readonly host?: Host;
  readonly limits?: NodeLimits;
  /** Peers of different networks do not meet. */
  readonly networkId?: Bytes;
  readonly seed?: bigint;
  /** Which life of its identity this is; what the identity says, or 1, when absent. */
  readonly incarnation?: bigint;
  readonly echoEvents?: boolean;
  /** Kinds of steps beyond those that have an event of their own. */
  readonly mask?: readonly StepKind[] | "all";
  /** Bytes per peer that it has not acknowledged before the engine holds what follows; 1 MiB when absent. */
  readonly highWaterBytes?: number;
  /** Longest envelope taken; 64 MiB when absent. */
  readonly messageMaxBytes?: number;
  /** Bytes of unfinished envelopes of all peers; 256 MiB when absent. */
  readonly unfinishedMaxBytes?: number;
  /** Messages of a link that are no envelopes before it is closed; 16 when absent. */
  readonly malformedMax?: number;
  /** A step of the clock above this counts as sleep; 5,000 ms when absent. */
  readonly clockGapMs?: number;
}

const highWaterDefault = 1_048_576;
const messageMaxDefault = 67_108_864;
const unfinishedMaxDefault = 268_435_456;
const malformedMaxDefault = 16;
const clockGapMsDefault = 5_000;
const retryMs = 1_000;
const loopbackMax = 1_024; // envelopes to oneself under way; the engine holds what is beyond its ingress

type State = "ready" | "running" | "paused" | "stopped";

/**
 * A peer. Every method returns a promise, so that a peer in a worker has the same shape.
 *
 * ```ts
 * const peer = await Peer.create({ engine, artifact, targets: ["Round"], transports: [transport] });
 * peer.on("event", ({ topic, value }) => console.log(topic, value));
 * await peer.start();
 * await peer.invoke("Round", { peers: [other] });
 * ```
 */
export class Peer {
  readonly peerId: PeerId;
  readonly #node: Node;
  readonly #host: Host;
  readonly #driver: Driver;
  readonly #transports: readonly Transport[];
  readonly #networkId: Bytes | undefined;
  readonly #links: Links;
  readonly #self: PeerHandle;
  readonly #listeners = new Map<keyof PeerEvents, Listeners<unknown>>();
  readonly #queues = new Set<EventQueue<PeerEvent>>();
  readonly #undo: (() => void)[] = [];
  readonly #counts = { sentMessages: 0, sentBytes: 0, receivedMessages: 0, receivedBytes: 0, refusedMessages: 0 };
  #loopback: Bytes[] = [];
  #emitting: PeerEvent[] | undefined;
  #state: State = "ready";

  /** Installs the programs. Rejects with the reason when that cannot be done. */
  static async create(options: PeerOptions): Promise<Peer> {
    const host = options.host ?? platformHost();
    const crypto = await host.crypto();
    return new Peer(options, host, crypto, options.identity ?? (await ephemeralIdentity(crypto)));
  }

  private constructor(options: PeerOptions, host: Host, crypto: CryptoProvider, identity: Identity) {
    const random = (size: number): Uint8Array<ArrayBuffer> => {
      const bytes = new Uint8Array(size);
      host.random(bytes);
      return bytes;
    };
    const incarnation = options.incarnation ?? identity.incarnation ?? 1n;
    const messageMax = options.messageMaxBytes ?? messageMaxDefault;
    this.peerId = identity.peerId;
    this.#host = host;
    this.#driver = options.driver ?? defaultDriver(host);
    this.#transports = options.transports ?? [];
    this.#networkId = options.networkId;
    const own = `/p2p/${peerIdToText(this.peerId)}`;
    this.#node = Node.install(options.engine, {
      peer: this.peerId,
      addresses: [own],
      artifacts: [...(options.artifact === undefined ? [] : [options.artifact]), ...(options.artifacts ?? [])],
      ...(options.targets === undefined ? {} : { targets: options.targets }),
      ...(options.config === undefined ? {} : { config: options.config }),
      limits: { clockGapNs: (options.clockGapMs ?? clockGapMsDefault) * 1e6, ...options.limits },
      seed: options.seed ?? new DataView(random(8).buffer).getBigUint64(0),
      incarnation,
      creditRequired: true,
      echoEvents: options.echoEvents ?? false,
      ...(options.mask === undefined ? {} : { mask: options.mask }),
    });
    this.#self = this.#node.admitSelf();
    this.#node.grant(this.#self, Number.POSITIVE_INFINITY);
    this.#links = new Links({
      engine: options.engine, host, node: this.#node, own: this.peerId, incarnation,
      identity: {
        identity, crypto, random: (into) => host.random(into), envelopeBytesMax: messageMax,
        ...(options.networkId === undefined ? {} : { networkId: options.networkId }),
      },
      highWater: options.highWaterBytes ?? highWaterDefault,
      messageMax,
      heldMax: options.unfinishedMaxBytes ?? unfinishedMaxDefault,
      malformedMax: options.malformedMax ?? malformedMaxDefault,
    }, {
      up: (peer, transport, path) => this.#emit("link", { peer, transport, path }),
      carries: (peer, transport, path) => this.#emit("path", { peer, transport, path }),
      down: (peer, transport, code, retryable) => this.#emit("link-down", { peer, transport, code, retryable }),
      refused: (peer, transport, reason, detail, closed) => {
        this.#counts.refusedMessages++;
        this.#emit("refused", { peer, transport, reason, detail, closed });
      },
      dropped: (peer, reason, count) => this.#emit("dropped", { peer, reason, count }),
      received: (bytes) => {
        if (bytes > 0) {
          this.#counts.receivedMessages++;
          this.#counts.receivedBytes += bytes;
        }
        this.#driver.wake();
      },
    });
    this.#undo.push(this.#node.onCompletion(() => this.#driver.wake()));
  }

  /** Starts the transports and the driver. Rejects when a transport cannot start; the peer is then stopped. */
  async start(): Promise<void> {
    if (this.#state !== "ready") throw new BBError("already_started", `the peer is ${this.#state}`);
    this.#state = "running";
    this.#attach();
    for (const transport of this.#transports) this.#undo.push(transport.on((event) => this.#transportEvent(transport, event)));
    try {
      await Promise.all(this.#transports.map((transport) => transport.start({
        host: this.#host, peerId: this.peerId, ...(this.#networkId === undefined ? {} : { networkId: this.#networkId }),
      })));
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Stops for good: transports closed, the node let go of. Calling it again is no error. */
  async stop(): Promise<void> {
    if (this.#state === "stopped") return;
    const started = this.#state !== "ready";
    this.#state = "stopped";
    this.#driver.detach();
    if (started) await Promise.allSettled(this.#transports.map((transport) => transport.close()));
    for (const undo of this.#undo.splice(0)) undo();
    this.#links.close();
    for (const queue of this.#queues) queue.end();
    this.#node.close();
  }

  /** Stops running programs; what others send goes on coming in, up to the limits. */
  pause(): Promise<void> {
    return promised(() => {
      this.#check();
      if (this.#state !== "running") return;
      this.#state = "paused";
      this.#driver.detach();
    });
  }

  /** Goes on after `pause`. */
  resume(): Promise<void> {
    return promised(() => {
      this.#check();
      if (this.#state !== "paused") return;
      this.#state = "running";
      this.#attach();
    });
  }

  /** Starts an execution of a target; its outputs come as events with the same number. */
  invoke(target: string, inputs: Readonly<Record<string, unknown>> = {}): Promise<ExecId> {
    return promised(() => {
      this.#check();
      const exec = this.#node.invoke(target, inputs);
      this.#driver.wake();
      return exec;
    });
  }

  /** Delivers one value to an input of a target. */
  deliverEvent(target: string, input: string, value: unknown): Promise<ExecId> {
    return promised(() => {
      this.#check();
      const exec = this.#node.deliverEvent(target, input, value);
      this.#driver.wake();
      return exec;
    });
  }

  /** Waits for a link to the peer, over whichever transport gets one, and for its proof. Rejects with `aborted`, or when no transport can. */
  async connect(target: DialTarget, options: Abort = {}): Promise<LinkEvent> {
    this.#check();
    const found = this.#links.find(target.peerId);
    if (found !== undefined) return { peer: target.peerId, transport: found.transport.kind, path: found.path };
    if (this.#transports.length === 0) throw new BBError("no_transport", "the peer has no transport");
    const over = new AbortController();
    const signal = options.signal === undefined ? over.signal : AbortSignal.any([options.signal, over.signal]);
    try {
      const proven = new Promise<LinkEvent>((resolve, reject) => {
        signal.addEventListener("abort", () => reject(new BBError("aborted", "the wait for a link was given up")), { once: true });
        this.on("link", (event) => {
          if (samePeer(event.peer, target.peerId)) resolve(event);
        }, { signal });
      });
      const dialled = Promise.any(this.#transports.map((transport) => transport.connect(target, { signal })));
      return await Promise.race([proven, dialled.then(() => proven)]);
    } catch (error) {
      throw error instanceof AggregateError ? error.errors[0] : error;
    } finally {
      over.abort();
    }
  }

  inspect(): Promise<Inspection> {
    return promised(() => this.#node.inspect());
  }

  stats(): Promise<PeerStats> {
    return promised(() => ({ ...this.#node.stats(), ...this.#counts, links: this.#links.count, halfOpenLinks: this.#links.halfOpen }));
  }

  /** Where an address of this or another peer leads; none when it is unknown. */
  addressesOf(id: PeerId): Promise<string[]> {
    return promised(() => this.#node.addressesOf(id));
  }

  /** Listens; the result, or the signal, stops it. */
  on<K extends keyof PeerEvents>(kind: K, f: (event: PeerEvents[K]) => void, options: Abort = {}): () => void {
    if (options.signal?.aborted === true) return () => undefined;
    let listeners = this.#listeners.get(kind);
    if (listeners === undefined) this.#listeners.set(kind, (listeners = new Listeners()));
    const remove = listeners.add(f as (event: unknown) => void);
    options.signal?.addEventListener("abort", remove, { once: true });
    return remove;
  }

  /** All events as they come, until the peer stops. Events that nobody takes are dropped beyond 1,024, oldest first. */
  events(): AsyncIterableIterator<PeerEvent> {
    const queue = new EventQueue<PeerEvent>(() => void this.#queues.delete(queue));
    if (this.#state === "stopped") queue.end();
    else this.#queues.add(queue);
    return queue;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #check(): void {
    if (this.#state === "stopped") throw new BBError("closed", "the peer was stopped");
  }

  #attach(): void {
    this.#driver.attach({ now: () => this.#host.now(), run: (ops) => this.#run(ops) });
  }

  #run(ops: number): RunResult {
    if (this.#state !== "running") return { more: false, nextMs: null };
    const events: PeerEvent[] = [];
    this.#emitting = events;
    let more = false;
    let nextMs: number | null = null;
    try {
      const block = this.#node.poll(this.#host.now(), { ops });
      more = block.more;
      nextMs = block.nextWakeupMs;
      for (const step of block) this.#take(step);
      this.#links.renew();
      more = this.#deliverLoopback() || more;
    } catch (error) {
      // The engine refuses to go on (no memory, say): the driver tries again after a pause instead of breaking.
      const known = error instanceof BBError ? error : new BBError("failed", describeError(error), { cause: error });
      this.#emit("error", { error: known });
      more = false;
      nextMs = this.#host.now() + retryMs;
    } finally {
      this.#emitting = undefined;
      // Only now: a listener may call the peer, which would void the block.
      for (const { kind, event } of events) this.#tell(kind, event);
    }
    return { more, nextMs };
  }

  #take(step: Step): void {
    switch (step.kind) {
      case "send": return this.#send(step);
      case "event": {
        const { kind, ...event } = step;
        return this.#emit(kind, event);
      }
      case "failed": {
        const { kind, ...failure } = step;
        return this.#emit(kind, failure);
      }
      case "wire-failed": {
        const { kind: _, peer, ...failure } = step;
        return this.#emit("undeliverable", { ...failure, peer: this.#idOf(peer) });
      }
      case "wire-timeout": return this.#timeout(step);
      case "dropped": return this.#emit("dropped", { peer: undefined, reason: "queue_full", count: Number(step.count) });
      case "suspended": return this.#emit("suspended", { gapMs: step.gapMs });
      case "dial": return this.#dial(step.peer);
      case "peer":
        if (step.event === "resolve-failed") this.#emit("dropped", { peer: step.peer, reason: "unknown_peer", count: 1 });
        return this.#emit("step", step);
      case "lifecycle":
      case "bootstrap":
      case "completed":
      case "async-suspended":
      case "budget": return this.#emit("step", step);
      default: return step satisfies never;
    }
  }

  #timeout(step: WireTimeoutStep): void {
    this.#emit("timeout", { peer: this.#idOf(step.peer), requestId: step.requestId });
  }

  #idOf(handle: PeerHandle | undefined): PeerId | undefined {
    if (handle === undefined) return undefined;
    try {
      return this.#node.peerOf(handle);
    } catch {
      return undefined; // gone since
    }
  }

  /** The transports look for the peer; if one finds it, the link's coming up gives the credit. */
  #dial(handle: PeerHandle): void {
    const peerId = this.#idOf(handle);
    if (peerId === undefined || this.#transports.length === 0) return;
    const give = new AbortController();
    const cancel = this.#host.timer(30_000, () => give.abort(new BBError("timeout", "no link came up")));
    this.connect({ peerId }, { signal: give.signal }).then(cancel, cancel);
  }

  #send(step: SendStep): void {
    if (step.peer === this.#self) {
      if (this.#loopback.length >= loopbackMax) return this.#emit("dropped", { peer: this.peerId, reason: "queue_full", count: 1 });
      this.#loopback.push(step.bytes());
      this.#counts.sentMessages++;
      this.#counts.sentBytes += step.size;
      return;
    }
    if (!this.#links.send(step.peer, step.parts(), step.lane)) return this.#emit("dropped", { peer: this.#idOf(step.peer), reason: "no_link", count: 1 });
    this.#counts.sentMessages++;
    this.#counts.sentBytes += step.size;
  }

  /** True when something came in. */
  #deliverLoopback(): boolean {
    if (this.#loopback.length === 0) return false;
    const frames = this.#loopback;
    this.#loopback = [];
    for (const [index, frame] of frames.entries()) {
      const status = this.#node.receive(this.#self, frame);
      if (status.status === "refused" && (status.reason === "queue_full" || status.reason === "budget_exceeded")) {
        this.#loopback = frames.slice(index); // the next run drains the ingress first
        break;
      }
      this.#counts.receivedMessages++;
      this.#counts.receivedBytes += frame.length;
      if (status.status === "refused" || status.status === "malformed") this.#emit("dropped", { peer: this.peerId, reason: status.reason, count: 1 });
    }
    return true;
  }

  #transportEvent(transport: Transport, event: TransportEvent): void {
    if (this.#state === "stopped") return;
    if (event.type === "status") this.#emit("transport", { transport: transport.kind, status: event.status });
    else if (event.type === "error") this.#emit("transport", { transport: transport.kind, error: event.error });
    else this.#links.transportEvent(transport, event);
  }

  #emit<K extends keyof PeerEvents>(kind: K, event: PeerEvents[K]): void {
    if (this.#emitting !== undefined) this.#emitting.push({ kind, event } as PeerEvent);
    else this.#tell(kind, event);
  }

  #tell<K extends keyof PeerEvents>(kind: K, event: PeerEvents[K]): void {
    this.#listeners.get(kind)?.emit(event);
    for (const queue of this.#queues) queue.push({ kind, event } as PeerEvent);
  }
}

function defaultDriver(host: Host): Driver {
  return typeof document !== "undefined" && typeof requestAnimationFrame === "function" ? animationFrameDriver(host) : workerDriver(host);
}

async function promised<T>(f: () => T): Promise<T> {
  return f();
}
