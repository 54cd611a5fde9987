// Cutting messages into chunks and putting them together again.
//
// Chunk header, 24 bytes, little-endian: u8 type (0 DATA), u8 lane, u16 flags (1 = last), u32 total length of the message,
// u64 sequence (per lane, from 0), u32 offset, u32 zero. The chunks of a lane come in order and without gaps; any
// other order, a total that changes, a byte too many or a reserved bit that is set refuses the link.
import { viewOf, type Bytes } from "../bytes.js";
import { BBError } from "../errors.js";
import { controlMessageMax, type Lane } from "./transport.js";

/** Length of a chunk header. */
export const chunkHeaderLength = 24;

const dataType = 0;
const lastFlag = 1;
const firstBlock = 65_536;

/** Where a chunk belongs. */
export interface ChunkPlace {
  readonly lane: Lane;
  readonly sequence: number;
  readonly total: number;
  readonly offset: number;
  readonly length: number;
}

/** Writes the header of a chunk at `at`. */
export function writeChunkHeader(into: Bytes, at: number, place: ChunkPlace): void {
  const view = viewOf(into);
  view.setUint8(at, dataType);
  view.setUint8(at + 1, place.lane);
  view.setUint16(at + 2, place.offset + place.length === place.total ? lastFlag : 0, true);
  view.setUint32(at + 4, place.total, true);
  view.setUint32(at + 8, place.sequence >>> 0, true);
  view.setUint32(at + 12, Math.floor(place.sequence / 4_294_967_296), true);
  view.setUint32(at + 16, place.offset, true);
  view.setUint32(at + 20, 0, true);
}

/** Bytes of unfinished messages, shared by all links of a transport. */
export interface ReassemblyAccount {
  held: number;
  readonly heldMax: number;
}

interface LaneState {
  sequence: number;
  total: number;
  held: number;
  block: Uint8Array;
}

function refuse(detail: string, at: number): BBError {
  return new BBError("protocol", detail, { at });
}

/** Puts the chunks of one link together. After it has thrown once, the link is to be given up. */
export class Reassembler {
  readonly #totalMax: number;
  readonly #account: ReassemblyAccount;
  readonly #lanes: readonly [LaneState, LaneState];

  constructor(totalMax: number, account: ReassemblyAccount) {
    this.#totalMax = totalMax;
    this.#account = account;
    const fresh = (): LaneState => ({ sequence: 0, total: 0, held: 0, block: new Uint8Array(0) });
    this.#lanes = [fresh(), fresh()];
  }

  /**
   * Takes a chunk; the whole message when it was the last one, undefined when more is to come. A message of one chunk
   * is a view into the input. Throws `protocol` or `over_cap` with the byte position in the chunk.
   */
  add(chunk: Bytes): Bytes | undefined {
    if (chunk.length < chunkHeaderLength) throw refuse(`a chunk of ${chunk.length} bytes is shorter than its header`, chunk.length);
    const view = viewOf(chunk);
    const type = view.getUint8(0);
    const laneNumber = view.getUint8(1);
    const flags = view.getUint16(2, true);
    const total = view.getUint32(4, true);
    const sequence = view.getUint32(8, true) + view.getUint32(12, true) * 4_294_967_296;
    const offset = view.getUint32(16, true);
    if (type !== dataType) throw refuse(`chunk type ${type}`, 0);
    if (laneNumber !== 0 && laneNumber !== 1) throw refuse(`lane ${laneNumber}`, 1);
    if (flags > lastFlag) throw refuse(`chunk flags ${flags}`, 2);
    if (view.getUint32(20, true) !== 0) throw refuse("the reserved bytes of a chunk are not zero", 20);
    const lane = this.#lanes[laneNumber];
    const totalMax = laneNumber === 0 ? Math.min(controlMessageMax, this.#totalMax) : this.#totalMax;
    if (total > totalMax) throw new BBError("over_cap", `a message of ${total} bytes, at most ${totalMax} are taken`, { at: 4 });
    if (sequence !== lane.sequence) throw refuse(`message ${sequence} where ${lane.sequence} belongs`, 8);
    if (offset !== lane.held) throw refuse(`offset ${offset} where ${lane.held} belongs`, 16);
    if (lane.held > 0 && total !== lane.total) throw refuse(`a total of ${total} bytes, ${lane.total} before`, 4);
    const payload = chunk.subarray(chunkHeaderLength);
    const end = offset + payload.length;
    if (end > total) throw refuse(`${end} bytes of a message of ${total}`, chunkHeaderLength);
    if ((end === total) !== (flags === lastFlag)) throw refuse("the last-chunk flag contradicts the length", 2);
    if (payload.length === 0 && total > 0) throw refuse("an empty chunk", chunkHeaderLength);

    if (end === total) lane.sequence++;
    if (offset === 0 && end === total) return payload;
    this.#hold(lane, total, payload);
    if (end < total) return undefined;
    const message = lane.block.subarray(0, total);
    this.#release(lane);
    return message;
  }

  /** Lets go of unfinished messages. */
  clear(): void {
    for (const lane of this.#lanes) this.#release(lane);
  }

  #hold(lane: LaneState, total: number, payload: Bytes): void {
    const needed = lane.held + payload.length;
    if (lane.block.length < needed) {
      // Doubling, so that announcing a long message reserves nothing before its bytes are there.
      const size = Math.min(total, Math.max(needed, lane.block.length * 2, firstBlock));
      if (this.#account.held + size - lane.block.length > this.#account.heldMax) {
        throw new BBError("over_cap", `unfinished messages of all links would hold more than ${this.#account.heldMax} bytes`);
      }
      this.#account.held += size - lane.block.length;
      const block = new Uint8Array(size);
      block.set(lane.block.subarray(0, lane.held));
      lane.block = block;
    }
    lane.block.set(payload, lane.held);
    lane.held = needed;
    lane.total = total;
  }

  #release(lane: LaneState): void {
    this.#account.held -= lane.block.length;
    lane.block = new Uint8Array(0);
    lane.held = 0;
    lane.total = 0;
  }
}
