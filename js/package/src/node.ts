// A node: installed programs and their components, driven by hand. No timer, no transport, no clock of its own; `Peer` adds those.
import { BBError, describeError } from "./errors.js";
import { copyInto, type Bytes } from "./bytes.js";
import { Artifact } from "./artifact.js";
import { JsComponentClass } from "./component.js";
import { insideOf, type Engine } from "./engine.js";
import { handleOfProof, type AuthenticatedPeer } from "./identity/handshake.js";
import type {
  BootstrapState, BootstrapTarget, EngineStats, Inspection, InstallOptions, JournalPart, PeerHealth, ReceiveStatus, Replayed, RestoreOptions, Wait,
} from "./node-types.js";
import { peerIdFromText, type PeerId } from "./peer-id.js";
import { StepBlock, stepKinds, type BlockSource, type ExecId, type PeerHandle, type StepKind } from "./steps.js";
import { typeId } from "./types.js";
import { recordBytes, ValueWriter } from "./values.js";
import { writeConfig } from "./wasm/config.js";
import { halves, warnIfLeft, type Bridge } from "./wasm/bridge.js";
import type { Completions, InstanceOwner } from "./wasm/component-host.js";
import type { NodeHandle } from "./wasm/glue.js";

const malformedBase = -1000;
const malformedKinds = [
  "malformed", "oversize_envelope", "version_mismatch", "too_many_fills", "oversize_payload", "oversize_suffix", "too_many_source_addresses",
  "oversize_source_address", "too_many_destinations", "too_many_reports",
] as const;
const u32Max = 0xffff_ffff;
const noCommand = 0xffff_ffff_ffff_ffffn;
const durabilities = ["none", "recorded", "gated"] as const;
// An input of an invocation: its number, four bytes of padding, the value's record.
const inputBytes = 8 + recordBytes;
/** What a reservation for one frame leaves for those that follow. */
const frameRoom = 65_536;
const accepted: ReceiveStatus = Object.freeze({ status: "accepted" });
const duplicate: ReceiveStatus = Object.freeze({ status: "duplicate" });

/** Numbers and types that a target's inputs have, found once. */
interface TargetPorts {
  readonly target: string;
  readonly number: number;
  readonly types: ReadonlyMap<string, string> | undefined;
  /** A list, since a target has few inputs: comparing their names is quicker than hashing one. */
  readonly inputs: { readonly name: string; readonly number: number; readonly type: string; readonly what: string }[];
}

/**
 * A node driven by hand.
 *
 * ```ts
 * const node = Node.install(engine, { peer, artifacts: [artifact], targets: ["Round"] });
 * node.invoke("Round");
 * for (const step of node.poll(0)) if (step.kind === "event") console.log(step.topic, step.value);
 * ```
 */
export class Node {
  readonly peer: PeerId;
  readonly #bridge: Bridge;
  readonly #handle: NodeHandle;
  readonly #owner: InstanceOwner;
  readonly #writer: ValueWriter;
  readonly #inputsMax: number;
  readonly #inputTypes: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly #names: string[] = [];
  readonly #targets = new Map<string, TargetPorts>();
  #latest: TargetPorts | undefined;
  readonly #opNames = new Map<number, { target: string; op: string }>();
  readonly #completed = new Set<() => void>();
  readonly #notLeft: () => void;
  readonly #source: BlockSource;
  #frameAt = 0;
  #frameRoom = 0;
  #polls = 0;
  #closed = false;

  private constructor(bridge: Bridge, handle: NodeHandle, owner: InstanceOwner, options: InstallOptions, artifacts: readonly Artifact[]) {
    this.peer = options.peer;
    this.#bridge = bridge;
    this.#handle = handle;
    this.#owner = owner;
    this.#writer = new ValueWriter(bridge);
    this.#inputTypes = inputTypes(artifacts);
    this.#inputsMax = handle.inputsMax();
    this.#notLeft = warnIfLeft(this, handle, "a Node");
    this.#source = { bridge, polls: () => this.#polls, name: (number) => this.name(number), opName: (number) => this.opName(number) };
    owner.completions = this.#completions();
  }

  /** Installs programs. Throws the reason when it cannot be done; then nothing is left behind. */
  static install(engine: Engine, options: InstallOptions): Node {
    const { bridge, host } = insideOf(engine);
    const artifacts = options.artifacts.map((artifact) => (artifact instanceof Artifact ? artifact : Artifact.from(engine, artifact)));
    const installer = new bridge.module.Installer(bridge.engine);
    const owner: InstanceOwner = { pending: new Map() };
    const configs: unknown[] = [];
    try {
      bridge.scoped(() => {
        const bytes = (value: Bytes): [number, number] => [bridge.put(value), value.length];
        installer.peer(...bytes(options.peer));
        for (const address of options.addresses ?? [ownAddress(bridge, options.peer)]) installer.address(...bytes(engine.parseAddress(address)));
        for (const artifact of artifacts) installer.artifact(...bytes(artifact.bytes));
        const targets = options.targets ?? artifacts.flatMap((artifact) => artifact.targets);
        for (const target of targets) installer.target(target);
        if (options.limits?.edge === true) installer.limit("edge", 1);
        for (const [name, value] of Object.entries(options.limits ?? {})) {
          if (name !== "edge" && value !== undefined) installer.limit(name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), Number(value));
        }
        installer.seed(...halves(options.seed ?? platformSeed()));
        if (options.incarnation !== undefined) installer.incarnation(...halves(options.incarnation));
        installer.flags(options.creditRequired ?? false, options.echoEvents ?? false);
        installer.durability(durabilities.indexOf(options.durability ?? "none"));
        const types = new Map(artifacts.flatMap((artifact) => artifact.targets.flatMap((target) => artifact.slots(target).map(({ slot, typeName }) => [slot, typeName] as const))));
        for (const [slot, config] of Object.entries(options.config ?? {})) {
          if (host.find(types.get(slot) ?? "") instanceof JsComponentClass) installer.configInteger(slot, "config", ...halves(BigInt(configs.push(config) - 1)));
          else writeConfig(bridge, installer, slot, config);
        }
      });
      const handle = host.installing(owner, configs, () => installer.install());
      if (handle === null) {
        const error = bridge.error();
        if (host.createError !== undefined) {
          throw new BBError(error.code, `${error.detail}: ${describeError(host.createError)}`, { cause: host.createError });
        }
        throw error;
      }
      const node = new Node(bridge, handle, owner, options, artifacts);
      if (options.mask !== undefined) node.mask(options.mask);
      return node;
    } finally {
      installer.delete();
    }
  }

  /** Lets a peer in, and uses its proof up: frames from anybody else are refused. Throws `stale_incarnation` for a life that is over. */
  admit(peer: AuthenticatedPeer): PeerHandle {
    const node = this.#open();
    const handshake = handleOfProof(peer);
    try {
      return this.#bridge.check(node.admit(handshake)) as PeerHandle;
    } finally {
      handshake.delete();
    }
  }

  /** For envelopes that the node sends to itself. */
  admitSelf(): PeerHandle {
    return this.#bridge.check(this.#open().admitSelf()) as PeerHandle;
  }


  /** The handle of a peer that is admitted or in the address book. Throws `unknown_peer`. */
  handleOf(id: PeerId): PeerHandle {
    return this.#peerCall((at, size) => this.#handle.handleOf(at, size), id) as PeerHandle;
  }

  /** Who a handle is. Throws `unknown_peer`. */
  peerOf(handle: PeerHandle): PeerId {
    const text = this.#open().peerOf(handle);
    if (text === "") throw new BBError("unknown_peer", `no peer has the handle ${handle}`);
    return peerIdFromText(text);
  }

  /** Takes an admission back; the handle is void. */
  retire(handle: PeerHandle): void {
    this.#bridge.check(this.#open().retire(handle));
  }

  /** Refuses a peer's frames and holds back what is sent to it. */
  blockPeer(id: PeerId): void {
    this.#peerCall((at, size) => this.#handle.blockPeer(at, size), id);
  }

  unblockPeer(id: PeerId): void {
    this.#peerCall((at, size) => this.#handle.unblockPeer(at, size), id);
  }

  /** Everybody else is treated as blocked; undefined lifts the list. */
  setAllowlist(ids: readonly PeerId[] | undefined): void {
    for (const id of ids ?? []) this.#peerCall((at, size) => this.#handle.allowPeer(at, size), id);
    this.#bridge.check(this.#open().endAllowlist(ids !== undefined));
  }

  /** Throws `unknown_peer`. */
  peerHealth(id: PeerId): PeerHealth {
    const node = this.#open();
    const text = this.#bridge.scoped(() => node.peerHealth(this.#bridge.put(id), id.length));
    if (text === "") throw this.#bridge.error();
    const { retryNs, ...health } = JSON.parse(text) as Omit<PeerHealth, "retryMs"> & { retryNs: number };
    return { ...health, retryMs: retryNs === 0 ? undefined : retryNs / 1e6 };
  }

  /** The transport gave up on an envelope: whoever awaits its answer fails, and the peer's health suffers. */
  sendFailed(requestId: bigint, handle: PeerHandle, reason: string): void {
    this.#bridge.check(this.#open().sendFailed(...halves(requestId), handle, reason));
  }

  /** There is a way to the peer; `path` is the transport's number for it. For `why` and `inspect`. */
  linkUp(handle: PeerHandle, path = 0): void {
    this.#bridge.check(this.#open().linkUp(handle, path));
  }

  linkDown(handle: PeerHandle, code = 0): void {
    this.#bridge.check(this.#open().linkDown(handle, code));
  }

  /** Takes a frame in. Never throws for what the frame contains. */
  receive(handle: PeerHandle, frame: Bytes): ReceiveStatus {
    const node = this.#open();
    const { length } = frame;
    if (length > this.#frameRoom) {
      this.#frameAt = node.reserve(length);
      // A long frame's block is given back by the next reservation.
      this.#frameRoom = this.#frameAt === 0 || length > frameRoom ? 0 : frameRoom;
      if (this.#frameAt === 0) {
        const { code, detail } = this.#bridge.describeError();
        return code === "over_cap" ? { status: "malformed", reason: "oversize_envelope", detail } : { status: "refused", reason: code };
      }
    }
    copyInto(this.#bridge.heap(), frame, this.#frameAt);
    const status = node.receive(handle, length);
    if (status === 0) return accepted;
    if (status === 1) return duplicate;
    if (status <= malformedBase) return { status: "malformed", reason: malformedKinds[malformedBase - status] ?? "malformed", detail: node.receiveDetail() };
    return { status: "refused", reason: node.receiveDetail() };
  }

  /** Lets bytes up to a running total leave for a peer (with `creditRequired`). Infinity is legal. */
  grant(handle: PeerHandle, totalBytes: number): void {
    this.#bridge.check(this.#open().grant(handle, totalBytes));
  }

  /** Puts a peer into the address book; each call counts, and `dropPeer` takes one back. */
  addPeer(id: PeerId, addresses: readonly string[]): void {
    const node = this.#open();
    this.#bridge.scoped(() => {
      this.#bridge.check(node.addPeer(this.#bridge.put(id), id.length));
      for (const text of addresses) {
        this.#bridge.check(this.#bridge.engine.parseAddress(text));
        this.#bridge.check(node.addAddress(this.#bridge.engine.outputAt(), this.#bridge.engine.outputSize()));
      }
      this.#bridge.check(node.endAddPeer());
    });
  }

  dropPeer(id: PeerId): void {
    this.#peerCall((at, size) => this.#handle.dropPeer(at, size), id);
  }

  /** A peer's addresses; none when it is unknown. */
  addressesOf(id: PeerId): string[] {
    const node = this.#open();
    return this.#bridge.scoped(() => node.addressesOf(this.#bridge.put(id), id.length)).split("\n").filter((line) => line !== "");
  }

  /** Starts an execution of a target. Throws `UnknownModule`, `UnknownInput`, `TypeMismatch`, ... */
  invoke(target: string, inputs: Readonly<Record<string, unknown>> = {}): ExecId {
    const node = this.#open();
    const ports = this.#portsOf(target);
    const names = Object.keys(inputs);
    const bridge = this.#bridge;
    if (names.length > this.#inputsMax) bridge.check(node.invoke(ports.number, 0, names.length));
    const mark = bridge.enter();
    try {
      const first = names.length === 0 ? 0 : bridge.reserve(names.length * inputBytes);
      let at = first;
      for (const name of names) {
        this.#writeInput(at, ports, name, inputs[name]);
        at += inputBytes;
      }
      return BigInt(bridge.check(node.invoke(ports.number, first, names.length)));
    } finally {
      bridge.leave(mark);
    }
  }

  /** Delivers one value to an input of a target. */
  deliverEvent(target: string, input: string, value: unknown): ExecId {
    const node = this.#open();
    const ports = this.#portsOf(target);
    return this.#bridge.scoped(() => {
      const at = this.#bridge.reserve(inputBytes);
      this.#writeInput(at, ports, input, value);
      return BigInt(this.#bridge.check(node.deliverEvent(ports.number, at)));
    });
  }

  /** Answers an op that waits. Throws `unknown_command` when it is not waiting, or no longer. */
  complete(command: bigint, outputs: readonly unknown[]): void {
    this.#completions().complete(command, outputs.map((value) => ({ type: "any", value })));
  }

  /** Fails an op that waits. */
  fail(command: bigint, reason: string, detail: string): void {
    this.#completions().fail(command, reason, detail);
  }

  /** Queues bootstraps, all of what is asked for or nothing; the next polls run them, one at a time, before anything else. */
  bootstrap(target?: BootstrapTarget): void {
    const node = this.#open();
    const slots = target !== undefined && "slots" in target;
    const requests: readonly { readonly target: string; readonly inputs?: Readonly<Record<string, unknown>> }[] =
      target === undefined ? [] : "requests" in target ? target.requests : ("slots" in target ? target.slots : target).map((name) => ({ target: name }));
    if (target !== undefined && requests.length === 0) return;
    this.#bridge.scoped(() => {
      for (const { target: name, inputs } of requests) {
        this.#bridge.check(node.bootstrapTarget(name));
        for (const [input, value] of Object.entries(inputs ?? {})) {
          const at = this.#bridge.reserve(recordBytes);
          this.#writer.write(at, "any", value, `input ${input} of ${name}`);
          this.#bridge.check(node.bootstrapInput(input, at));
        }
      }
      this.#bridge.check(node.bootstrap(slots));
    });
  }

  bootstrapState(): BootstrapState {
    return JSON.parse(this.#open().bootstrapStatus()) as BootstrapState;
  }

  /** Runs the ops of a lifecycle phase in the next poll. */
  fireLifecycle(phase: string): void {
    this.#bridge.check(this.#open().fireLifecycle(phase));
  }

  /** Starts a target with each event of a kind: `PeerDown`, `OpFailure`, ..., or a topic that programs emit. */
  subscribeEvent(kind: string, target: string, input: string): void {
    this.#bridge.check(this.#open().subscribeEvent(kind, target, input));
  }

  /** The host slept: so much of the next poll's step forward does not count. */
  suspended(gapMs: number): void {
    this.#bridge.check(this.#open().suspended(gapMs));
  }

  /** The whole state, at any time between two calls. Throws `ValueNotEncodable`, `ComponentFailed`. */
  snapshot(): Bytes {
    this.#bridge.check(this.#open().snapshot());
    return this.#bridge.copy(this.#handle.madeAt(), this.#handle.madeSize());
  }

  /** Takes the state of a snapshot of this node, or of one installed alike: all of it, or it throws and nothing has changed. */
  restore(snapshot: Bytes, options: RestoreOptions = {}): void {
    const node = this.#open();
    this.#bridge.scoped(() =>
      this.#bridge.check(node.restore(this.#bridge.put(snapshot), snapshot.length, options.nowMs ?? -1, options.sameIncarnation ?? false, options.pending === "fail")));
    for (const controller of this.#owner.pending.values()) controller.abort(new BBError("aborted", "the node took another state"));
    this.#owner.pending.clear();
  }

  /** What the node was given since the last time (`durability`); no bytes when that was nothing. */
  journal(): JournalPart {
    const sequence = this.#bridge.check(this.#open().journal());
    return { bytes: this.#bridge.copy(this.#handle.madeAt(), this.#handle.madeSize()), sequence: BigInt(sequence) };
  }

  /** The inputs up to a part's `sequence` are durable: what waited for that leaves with the next polls. */
  committed(sequence: bigint): void {
    this.#bridge.check(this.#open().committed(Number(sequence)));
  }

  /**
   * Gives a restored node the inputs of a journal again. Throws `SequenceHole` when some are missing, `NoMemory` when there was none:
   * the same journal again goes on from there.
   */
  replay(journal: Bytes): Replayed {
    const node = this.#open();
    const text = this.#bridge.scoped(() => node.replay(this.#bridge.put(journal), journal.length));
    if (text === "") throw this.#bridge.error();
    const replayed = JSON.parse(text) as { inputs: number; polls: number; tornAt?: number };
    return { ...replayed, tornAt: replayed.tornAt };
  }

  /** A life of its own: messages are numbered anew under this number, or the next if it is not higher. */
  reincarnate(incarnation = 0n): void {
    this.#open().reincarnate(...halves(incarnation));
  }

  /** What waits, for what and whom, since when and until when; oldest executions first. */
  why(waitsMax = 1_000): Wait[] {
    type Raw = Omit<Wait, "exec" | "command" | "peers" | "sinceMs" | "deadlineMs"> & {
      exec: string; command: string; sinceNs: number; deadlineNs: number;
      peers: { id: string; link: "up" | "down" | "unknown"; linkSinceNs: number; linkCode: number; queued: number }[];
    };
    return (JSON.parse(this.#open().why(waitsMax)) as Raw[]).map(({ exec, command, peers, sinceNs, deadlineNs, ...wait }) => ({
      ...wait,
      exec: BigInt(exec),
      command: BigInt(command) === noCommand ? undefined : BigInt(command),
      peers: peers.map(({ id, linkSinceNs, ...peer }) => ({ ...peer, id: peerIdFromText(id), linkSinceMs: linkSinceNs / 1e6 })),
      sinceMs: sinceNs / 1e6,
      deadlineMs: deadlineNs === 0 ? undefined : deadlineNs / 1e6,
    }));
  }

  /** What ops have counted under a name (`IncrMetric`). */
  metric(name: string): number {
    return this.#open().metric(name);
  }

  /** Runs what is ready. `nowMs` is the host's clock; it never takes the node's back. */
  poll(nowMs: number, options: { readonly ops?: number } = {}): StepBlock {
    const node = this.#open();
    const at = node.poll(nowMs, Math.min(Math.max(options.ops ?? 0, 0), u32Max));
    if (at === 0) throw this.#bridge.error();
    this.#polls++;
    const block = new StepBlock(this.#source, at);
    if (block.abandoned) this.#abandon();
    return block;
  }

  /** Which kinds of steps are written; "all" adds one record per op. */
  mask(kinds: readonly StepKind[] | "all"): void {
    const wanted = kinds === "all" ? (Object.keys(stepKinds) as StepKind[]) : kinds;
    this.#open().setMask(wanted.reduce((bits, kind) => (bits | (1 << stepKinds[kind])) >>> 0, 0));
  }

  inspect(): Inspection {
    const raw = JSON.parse(this.#open().inspect()) as {
      self: string; incarnation: string;
      targets: { name: string; baseName: string; ops: number; values: number; sites: string[] }[];
      slots: Inspection["slots"];
      peers: { id: string; handle: number; admitted: boolean; channel: Inspection["peers"][number]["channel"]; incarnation: string; addresses: string[]; references: number; queued: number; sentBytes: number }[];
    };
    return {
      self: peerIdFromText(raw.self),
      incarnation: BigInt(raw.incarnation),
      targets: raw.targets.map((target) => ({ ...target, sites: target.sites.map(BigInt) })),
      slots: raw.slots,
      peers: raw.peers.map((peer) => ({ ...peer, id: peerIdFromText(peer.id), handle: peer.handle as PeerHandle, incarnation: BigInt(peer.incarnation) })),
    };
  }

  stats(): EngineStats {
    return JSON.parse(this.#open().stats()) as EngineStats;
  }

  /** Names that records of a block refer to. */
  names(): string[] {
    const count = this.#open().nameCount();
    return Array.from({ length: count }, (_, number) => this.name(number));
  }

  name(number: number): string {
    return (this.#names[number] ??= this.#open().name(number));
  }

  /** Where an op of a record came from. */
  opName(number: number): { readonly target: string; readonly op: string } {
    const known = this.#opNames.get(number);
    if (known !== undefined) return known;
    const [target = "", op = ""] = this.#open().opName(number).split("\n");
    const found = { target, op };
    this.#opNames.set(number, found);
    return found;
  }

  /** Calls `f` whenever a component's answer came in, so that somebody polls; the result stops that. */
  onCompletion(f: () => void): () => void {
    const own = (): void => f();
    this.#completed.add(own);
    return () => void this.#completed.delete(own);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Lets go of everything. Methods of components that are still at work are told by their signal. */
  close(): void {
    if (this.#closed) return;
    this.#bridge.checkIdle();
    this.#closed = true;
    this.#notLeft();
    delete this.#owner.completions;
    const pending = [...this.#owner.pending.values()];
    this.#owner.pending.clear();
    if (!this.#bridge.closed) this.#handle.delete();
    for (const controller of pending) controller.abort(new BBError("closed", "the node was closed"));
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #open(): NodeHandle {
    if (this.#closed) throw new BBError("closed", "the node was closed");
    this.#bridge.checkOpen();
    return this.#handle;
  }

  // Numbers of targets and inputs: their names cross the boundary once.
  #portsOf(target: string): TargetPorts {
    if (this.#latest?.target === target) return this.#latest;
    let ports = this.#targets.get(target);
    if (ports === undefined) {
      ports = { target, number: this.#bridge.check(this.#handle.target(target)), types: this.#inputTypes.get(target), inputs: [] };
      this.#targets.set(target, ports);
    }
    this.#latest = ports;
    return ports;
  }

  #writeInput(at: number, ports: TargetPorts, name: string, value: unknown): void {
    let port: TargetPorts["inputs"][number] | undefined;
    for (const candidate of ports.inputs) {
      if (candidate.name === name) port = candidate;
    }
    if (port === undefined) {
      port = { name, number: this.#bridge.check(this.#handle.input(ports.number, name)), type: ports.types?.get(name) ?? "any", what: `input ${name} of ${ports.target}` };
      ports.inputs.push(port);
    }
    this.#bridge.view().setUint32(at, port.number, true);
    this.#writer.write(at + 8, port.type, value, port.what);
  }

  #peerCall(call: (at: number, size: number) => number, id: PeerId): number {
    this.#open();
    return this.#bridge.scoped(() => this.#bridge.check(call(this.#bridge.put(id), id.length)));
  }

  #completions(): Completions {
    return {
      complete: (command, outputs) => {
        const node = this.#open();
        this.#bridge.scoped(() => {
          const at = outputs.length === 0 ? 0 : this.#bridge.reserve(outputs.length * recordBytes);
          outputs.forEach(({ type, value }, index) => this.#writer.write(at + index * recordBytes, type, value, `output ${index}`));
          this.#bridge.check(node.complete(...halves(command), at, outputs.length));
        });
        for (const f of [...this.#completed]) f();
      },
      fail: (command, reason, detail) => {
        this.#bridge.check(this.#open().completeFailed(...halves(command), reason, detail));
        for (const f of [...this.#completed]) f();
      },
    };
  }

  /** Tells methods whose ops were given up. Later, so that what they do cannot come between a poll and its block. */
  #abandon(): void {
    const count = this.#handle.abandonedCount();
    for (let index = 0; index < count; index++) {
      const command = BigInt(this.#handle.abandoned(index));
      const controller = this.#owner.pending.get(command);
      this.#owner.pending.delete(command);
      if (controller !== undefined) queueMicrotask(() => controller.abort(new BBError("deadline_exceeded", "the answer comes too late to be taken")));
    }
  }
}

function ownAddress(bridge: Bridge, id: PeerId): string {
  // `/p2p/` in bytes is the multiaddr code 421, then the id's length.
  const bytes = Uint8Array.from([0xa5, 0x03, id.length, ...id]);
  return bridge.engine.formatAddress(bridge.put(bytes), bytes.length);
}

function platformSeed(): bigint {
  return crypto.getRandomValues(new BigUint64Array(1))[0] ?? 0n;
}

function inputTypes(artifacts: readonly Artifact[]): Map<string, ReadonlyMap<string, string>> {
  const types = new Map<string, ReadonlyMap<string, string>>();
  for (const artifact of artifacts) {
    for (const target of artifact.targets) {
      const ports = new Map(artifact.ports(target).inputs.map(({ name, type }) => [name, typeId(type)]));
      types.set(target, ports);
      types.set(artifact.functionOf(target), ports);
    }
  }
  return types;
}
