// The link to one other member of a hub's room: what waits to be sent to it, how much the hub takes for it, and what is
// arriving from it in pieces.
import { concatBytes, totalLength, type Bytes } from "../bytes.js";
import { firstCredit, relayCost, relayHeaderLength, type HubLimits, type Member } from "../hub/messages.js";
import { writeRelayHeader } from "../hub/protocol.js";
import type { PeerId } from "../peer-id.js";
import { chunkHeaderLength, Reassembler, writeChunkHeader, type ReassemblyAccount } from "./chunks.js";
import type { Lane, LinkId } from "./transport.js";

interface Waiting {
  readonly bytes: Bytes;
  readonly sequence: number;
  offset: number;
}

/** Bytes in front of the payload of a frame: relay header and chunk header. */
export const framing = relayHeaderLength + chunkHeaderLength;
const smallestChunk = 1_024; // less credit than this waits for more, so that headers stay a small part

/** State of one link. */
export class HubLink {
  readonly id: LinkId;
  readonly session: number;
  readonly peerId: PeerId;
  readonly initiator: boolean;
  readonly reassembler: Reassembler;
  /** Bytes of messages taken and not yet sent, per lane: bulk that waits does not make control wait. */
  readonly queued: [number, number] = [0, 0];
  /** Lanes that were `full` and have not been reported `writable` since. */
  readonly owesWritable: [boolean, boolean] = [false, false];
  /** True once the other side has been refused: the hub still lists it, we no longer listen. */
  refused = false;
  readonly #chunkMax: number;
  readonly #queues: readonly [Waiting[], Waiting[]] = [[], []];
  readonly #sequences: [number, number] = [0, 0];
  #granted: number;
  #sent = 0;

  constructor(id: LinkId, own: number, member: Member, limits: HubLimits, messageMax: number, account: ReassemblyAccount) {
    this.id = id;
    this.session = member.session;
    this.peerId = member.peerId;
    this.initiator = own < member.session;
    this.reassembler = new Reassembler(messageMax, account);
    this.#chunkMax = limits.frameMax - framing;
    this.#granted = firstCredit(limits.queueMax);
  }

  /** Bytes of both lanes. */
  get queuedBytes(): number {
    return this.queued[0] + this.queued[1];
  }

  /** Takes the debt of a `writable` event, if a lane that was full has room again. */
  settle(roomBelow: number): boolean {
    let owed = false;
    for (const lane of [0, 1] as const) {
      if (!this.owesWritable[lane] || this.queued[lane] > roomBelow) continue;
      this.owesWritable[lane] = false;
      owed = true;
    }
    return owed;
  }

  /** Takes more credit; credit never shrinks. */
  grant(writable: number): void {
    this.#granted = Math.max(this.#granted, writable);
  }

  /** Takes a message; its parts are copied. */
  enqueue(parts: readonly Bytes[], lane: Lane): void {
    const bytes = concatBytes(parts);
    this.#queues[lane].push({ bytes, sequence: this.#sequences[lane]++, offset: 0 });
    this.queued[lane] += bytes.length;
  }

  /** A whole message as one frame, when nothing waits before it and the hub takes it now; spares the copy into the queue. */
  direct(parts: readonly Bytes[], lane: Lane): Uint8Array<ArrayBuffer> | undefined {
    const total = totalLength(parts);
    if (this.#queues[lane].length > 0 || total > this.#chunkMax || relayCost(framing + total) > this.#granted - this.#sent) return undefined;
    const frame = this.#frame(lane, this.#sequences[lane]++, total, 0, total);
    let at = framing;
    for (const part of parts) {
      frame.set(part, at);
      at += part.length;
    }
    return frame;
  }

  /** Length of the next frame of a lane, or 0 when nothing waits or the hub takes nothing. */
  nextLength(lane: Lane): number {
    const waiting = this.#queues[lane][0];
    if (waiting === undefined) return 0;
    const left = waiting.bytes.length - waiting.offset;
    const credit = this.#granted - this.#sent - relayCost(framing);
    const length = Math.min(left, this.#chunkMax, credit);
    return length >= Math.min(left, smallestChunk) ? framing + length : 0;
  }

  /** The next frame of a lane, of the length `nextLength` said. */
  nextFrame(lane: Lane): Uint8Array<ArrayBuffer> | undefined {
    const length = this.nextLength(lane) - framing;
    const waiting = this.#queues[lane][0];
    if (waiting === undefined || length < 0) return undefined;
    const { bytes, offset, sequence } = waiting;
    const frame = this.#frame(lane, sequence, bytes.length, offset, length);
    frame.set(bytes.subarray(offset, offset + length), framing);
    waiting.offset += length;
    this.queued[lane] -= length;
    if (waiting.offset === bytes.length) this.#queues[lane].shift();
    return frame;
  }

  /** Lets go of everything that waits. */
  clear(): void {
    this.#queues[0].length = 0;
    this.#queues[1].length = 0;
    this.queued.fill(0);
    this.reassembler.clear();
  }

  #frame(lane: Lane, sequence: number, total: number, offset: number, length: number): Uint8Array<ArrayBuffer> {
    const frame = new Uint8Array(framing + length);
    writeRelayHeader(frame, lane, this.session);
    writeChunkHeader(frame, relayHeaderLength, { lane, sequence, total, offset, length });
    this.#sent += relayCost(frame.length);
    return frame;
  }
}
