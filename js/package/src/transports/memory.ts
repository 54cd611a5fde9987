// Links between peers of one process: in order, without loss, and the same every time.
import { concatBytes, totalLength, type Bytes } from "../bytes.js";
import { BBError } from "../errors.js";
import { peerIdToText, type PeerId } from "../peer-id.js";
import { checkFrameLength, waitForLink } from "./dial.js";
import { Listeners } from "./listeners.js";
import type { Abort, DialTarget, LinkCode, LinkId, LinkInfo, Transport, TransportContext, TransportEvent, TransportStats } from "./transport.js";

/** How a network in memory behaves. */
export interface MemoryNetworkOptions {
  /** Bytes under way on one direction of a link before it is `full`; 16 MiB when absent. */
  readonly capacity?: number;
  /** Longest frame; 256 KiB when absent. */
  readonly frameMax?: number;
  /** True: nothing moves until `deliver` is called. False or absent: a microtask delivers. */
  readonly manual?: boolean;
}

/** One peer's place in the network. */
interface MemoryEnd {
  readonly owner: MemoryTransport;
  readonly link: LinkId;
  readonly peer: PeerId;
  readonly initiator: boolean;
  other: MemoryEnd | undefined;
  /** Bytes under way. */
  underWay: number;
  owesWritable: boolean;
  open: boolean;
  announced: boolean;
}

const capacityDefault = 16_777_216;
const frameMaxDefault = 262_144;

/**
 * Where memory transports meet.
 *
 * ```ts
 * const network = new MemoryNetwork();
 * const left = memoryTransport(network);
 * const right = memoryTransport(network);
 * ```
 */
export class MemoryNetwork {
  readonly capacity: number;
  readonly frameMax: number;
  readonly #manual: boolean;
  readonly #members: MemoryTransport[] = [];
  readonly #cut = new Set<string>();
  #waiting: (() => void)[] = [];
  #planned = false;
  #delivering = false;

  constructor(options: MemoryNetworkOptions = {}) {
    this.capacity = options.capacity ?? capacityDefault;
    this.frameMax = options.frameMax ?? frameMaxDefault;
    this.#manual = options.manual ?? false;
  }

  /** Deliveries that are waiting. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Makes up to `max` deliveries, those included that are caused by them; their number. */
  deliver(max = Number.POSITIVE_INFINITY): number {
    if (this.#delivering) return 0; // a delivery that delivers would overtake the ones before it
    this.#delivering = true;
    let done = 0;
    // Taken in batches, since removing from the front of a long array is slow.
    while (this.#waiting.length > 0 && done < max) {
      const batch = this.#waiting;
      this.#waiting = [];
      let index = 0;
      for (; index < batch.length && done < max; index++, done++) batch[index]?.();
      if (index < batch.length) this.#waiting = batch.slice(index).concat(this.#waiting);
    }
    this.#delivering = false;
    return done;
  }

  /** Cuts the link between two peers; it stays cut until `restore`. */
  drop(left: PeerId, right: PeerId): void {
    this.#cut.add(pairKey(left, right));
    const first = this.#find(left);
    const second = this.#find(right);
    if (first !== undefined && second !== undefined) first.cut(second, "dropped");
  }

  /** Undoes `drop`: the two get a new link. */
  restore(left: PeerId, right: PeerId): void {
    this.#cut.delete(pairKey(left, right));
    const first = this.#find(left);
    const second = this.#find(right);
    if (first !== undefined && second !== undefined) this.#link(first, second);
  }

  /** Lets a transport in; used by transports only. */
  enter(member: MemoryTransport): void {
    if (this.#find(member.peerId) !== undefined) throw new BBError("peer_id_taken", "a peer with this id is in the network already");
    const others = [...this.#members];
    this.#members.push(member);
    for (const other of others) this.#link(other, member);
  }

  /** Lets a transport go; used by transports only. */
  exit(member: MemoryTransport): void {
    const index = this.#members.indexOf(member);
    if (index >= 0) this.#members.splice(index, 1);
  }

  /** Queues a delivery; used by transports only. */
  post(delivery: () => void): void {
    this.#waiting.push(delivery);
    if (this.#manual || this.#planned) return;
    this.#planned = true;
    queueMicrotask(() => {
      this.#planned = false;
      this.deliver();
    });
  }

  #find(peer: PeerId): MemoryTransport | undefined {
    const key = peerIdToText(peer);
    return this.#members.find((member) => peerIdToText(member.peerId) === key);
  }

  /** The one who came first is the initiator. */
  #link(first: MemoryTransport, second: MemoryTransport): void {
    if (this.#cut.has(pairKey(first.peerId, second.peerId)) || first.linked(second)) return;
    const near = first.open(second.peerId, true);
    const far = second.open(first.peerId, false);
    near.other = far;
    far.other = near;
    first.announce(near);
    second.announce(far);
  }
}

function pairKey(left: PeerId, right: PeerId): string {
  return [peerIdToText(left), peerIdToText(right)].sort().join("/");
}

/** A transport in a `MemoryNetwork`. */
export class MemoryTransport implements Transport {
  readonly kind = "memory";
  readonly #network: MemoryNetwork;
  readonly #listeners = new Listeners<TransportEvent>();
  readonly #ends = new Map<LinkId, MemoryEnd>();
  readonly #stats = { framesSent: 0, bytesSent: 0, framesReceived: 0, bytesReceived: 0 };
  #peerId: PeerId | undefined;
  #lastLink = 0;

  constructor(network: MemoryNetwork) {
    this.#network = network;
  }

  /** The id it was started with. */
  get peerId(): PeerId {
    if (this.#peerId === undefined) throw new BBError("not_started", "the transport has not been started");
    return this.#peerId;
  }

  start(context: TransportContext): Promise<void> {
    if (this.#peerId !== undefined) return Promise.reject(new BBError("already_started", "the transport runs already"));
    this.#peerId = context.peerId;
    try {
      this.#network.enter(this);
    } catch (error) {
      this.#peerId = undefined;
      return Promise.reject(error);
    }
    this.#network.post(() => this.#emit({ type: "status", status: "open" }));
    return Promise.resolve();
  }

  connect(target: DialTarget, options: Abort = {}): Promise<LinkId> {
    return waitForLink(this, target, options);
  }

  links(): LinkInfo[] {
    return [...this.#ends.values()].map((end) => ({
      link: end.link, peerHint: end.peer, path: "local", initiator: end.initiator, frameMax: this.#network.frameMax,
    }));
  }

  send(link: LinkId, parts: readonly Bytes[]): "sent" | "full" | "closed" {
    const end = this.#ends.get(link);
    const other = end?.other;
    if (end === undefined || other === undefined || !end.open) return "closed";
    const size = totalLength(parts);
    checkFrameLength(size, this.#network.frameMax);
    // A frame longer than the capacity goes when nothing else is under way.
    if (end.underWay > 0 && end.underWay + size > this.#network.capacity) {
      end.owesWritable = true;
      return "full";
    }
    const bytes = concatBytes(parts);
    end.underWay += size;
    this.#stats.framesSent++;
    this.#stats.bytesSent += size;
    this.#network.post(() => {
      end.underWay -= size;
      if (other.open) other.owner.#arrive(other, bytes);
      if (end.open && end.owesWritable && end.underWay <= this.#network.capacity / 2) {
        end.owesWritable = false;
        this.#emit({ type: "writable", link });
      }
    });
    return "sent";
  }

  close(link?: LinkId, code: LinkCode = "closed"): Promise<void> {
    if (link !== undefined) {
      const end = this.#ends.get(link);
      if (end !== undefined) this.#sever(end, code, "left");
      return Promise.resolve();
    }
    for (const end of [...this.#ends.values()]) this.#sever(end, "closed", "left");
    if (this.#peerId !== undefined) {
      this.#network.exit(this);
      this.#peerId = undefined;
      this.#network.post(() => this.#emit({ type: "status", status: "closed" }));
    }
    return Promise.resolve();
  }

  on(f: (event: TransportEvent) => void): () => void {
    return this.#listeners.add(f);
  }

  stats(): TransportStats {
    return { ...this.#stats };
  }

  /** True when there is a link to that transport; for the network. */
  linked(other: MemoryTransport): boolean {
    return [...this.#ends.values()].some((end) => end.other?.owner === other);
  }

  /** Makes one end of a link; for the network. */
  open(peer: PeerId, initiator: boolean): MemoryEnd {
    const end: MemoryEnd = {
      owner: this, link: ++this.#lastLink, peer, initiator, other: undefined, underWay: 0, owesWritable: false, open: true, announced: false,
    };
    this.#ends.set(end.link, end);
    return end;
  }

  /** Reports a new link; for the network. */
  announce(end: MemoryEnd): void {
    this.#network.post(() => {
      if (!end.open) return;
      end.announced = true;
      this.#emit({
        type: "link-up", link: end.link, peerHint: end.peer, path: "local", binding: { kind: "in-process" },
        initiator: end.initiator, frameMax: this.#network.frameMax,
      });
    });
  }

  /** Cuts the link to that transport; for the network. */
  cut(other: MemoryTransport, code: LinkCode): void {
    for (const end of [...this.#ends.values()]) {
      if (end.other?.owner === other) this.#sever(end, code, code);
    }
  }

  #sever(end: MemoryEnd, here: LinkCode, there: LinkCode): void {
    const other = end.other;
    this.#down(end, here);
    if (other !== undefined) other.owner.#down(other, there);
  }

  #down(end: MemoryEnd, code: LinkCode): void {
    if (!this.#ends.delete(end.link)) return;
    end.open = false;
    this.#network.post(() => {
      if (end.announced) this.#emit({ type: "link-down", link: end.link, code, retryable: code !== "closed" });
    });
  }

  #arrive(end: MemoryEnd, bytes: Bytes): void {
    this.#stats.framesReceived++;
    this.#stats.bytesReceived += bytes.length;
    this.#emit({ type: "frame", link: end.link, bytes });
  }

  #emit(event: TransportEvent): void {
    this.#listeners.emit(event);
  }
}

/** A transport to the other peers of a network in memory. */
export function memoryTransport(network: MemoryNetwork): Transport {
  return new MemoryTransport(network);
}
