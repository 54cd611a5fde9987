// Which peers there are links to, what each was granted, and what waits because its links are full.
import { concatBytes, type Bytes } from "../bytes.js";
import { UnverifiedPeer, type Node } from "../node.js";
import { peerIdToText, type PeerId } from "../peer-id.js";
import type { PeerHandle } from "../steps.js";
import type { Lane, LinkId, Transport } from "../transports/transport.js";

/** A link of a peer. */
export interface PeerLink {
  readonly transport: Transport;
  readonly id: LinkId;
  readonly record: PeerRecord;
  /** Frames that were no envelopes. */
  malformed: number;
}

/** A peer that was linked at some time. */
export interface PeerRecord {
  readonly id: PeerId;
  readonly handle: PeerHandle;
  /** Live ones, the oldest first. */
  readonly links: PeerLink[];
  /** Messages taken out of the engine that no link would take: at most the high water and one message more. */
  readonly waiting: { readonly bytes: Bytes; readonly lane: Lane }[];
  waitingBytes: number;
  /** Bytes that left the engine for it. */
  sent: number;
  granted: number;
}

const departedMax = 1_024; // peers without a link whose sequence windows are kept for their return

/** The links of a peer. */
export class Links {
  readonly #node: Node;
  readonly #highWater: number;
  readonly #byHandle = new Map<PeerHandle, PeerRecord>();
  readonly #byId = new Map<string, PeerRecord>();
  readonly #byLink = new Map<Transport, Map<LinkId, PeerLink>>();
  readonly #departed = new Set<PeerRecord>();
  readonly #spent = new Set<PeerRecord>();

  constructor(node: Node, highWater: number) {
    this.#node = node;
    this.#highWater = highWater;
  }

  /** Live links. */
  get count(): number {
    let count = 0;
    for (const links of this.#byLink.values()) count += links.size;
    return count;
  }

  find(handle: PeerHandle): PeerRecord | undefined {
    return this.#byHandle.get(handle);
  }

  findLink(transport: Transport, link: LinkId): PeerLink | undefined {
    return this.#byLink.get(transport)?.get(link);
  }

  /** Admits the peer on a new link and grants it credit. Throws what the node refuses it with. */
  up(transport: Transport, id: LinkId, peer: PeerId): PeerRecord {
    const record = this.#byId.get(peerIdToText(peer)) ?? this.#admit(peer);
    this.#departed.delete(record);
    const link: PeerLink = { transport, id, record, malformed: 0 };
    record.links.push(link);
    let links = this.#byLink.get(transport);
    if (links === undefined) this.#byLink.set(transport, (links = new Map()));
    links.set(id, link);
    this.grant(record);
    return record;
  }

  /** Takes a link away; its peer, which keeps its place for a while. */
  down(transport: Transport, id: LinkId): PeerRecord | undefined {
    const links = this.#byLink.get(transport);
    const link = links?.get(id);
    if (link === undefined) return undefined;
    links?.delete(id);
    const { record } = link;
    record.links.splice(record.links.indexOf(link), 1);
    if (record.links.length === 0) {
      this.#departed.add(record);
      if (this.#departed.size > departedMax) for (const oldest of this.#departed) return this.#forget(oldest, record);
    }
    return record;
  }

  /** Keeps a message until a link takes it. The parts lie in the engine's memory, so they are copied. */
  wait(record: PeerRecord, parts: readonly Bytes[], lane: Lane): void {
    const bytes = concatBytes(parts);
    record.waiting.push({ bytes, lane });
    record.waitingBytes += bytes.length;
  }

  /** Counts what left the engine for a peer. */
  countSent(record: PeerRecord, bytes: number): void {
    record.sent += bytes;
    this.#spent.add(record);
  }

  /** Gives credit to the peers that spent some and whose links took it. */
  renew(): void {
    for (const record of this.#spent) this.grant(record);
    this.#spent.clear();
  }

  /** Grants what the peer's links are ready for. */
  grant(record: PeerRecord): void {
    if (record.links.length === 0 || record.waitingBytes >= this.#highWater) return;
    const total = record.sent - record.waitingBytes + this.#highWater;
    if (total <= record.granted) return;
    record.granted = total;
    this.#node.grant(record.handle, total);
  }

  #admit(peer: PeerId): PeerRecord {
    const handle = this.#node.admit(UnverifiedPeer.claim(peer));
    try {
      this.#node.addPeer(peer, [`/p2p/${peerIdToText(peer)}`]);
    } catch (error) {
      this.#node.retire(handle);
      throw error;
    }
    const record: PeerRecord = { id: peer, handle, links: [], waiting: [], waitingBytes: 0, sent: 0, granted: 0 };
    this.#byHandle.set(handle, record);
    this.#byId.set(peerIdToText(peer), record);
    return record;
  }

  #forget(oldest: PeerRecord, result: PeerRecord): PeerRecord {
    this.#departed.delete(oldest);
    this.#spent.delete(oldest);
    this.#byHandle.delete(oldest.handle);
    this.#byId.delete(peerIdToText(oldest.id));
    this.#node.dropPeer(oldest.id);
    this.#node.retire(oldest.handle);
    return result;
  }
}
