// Messages to one peer: kept until it says that it has them, cut into pieces as its credit allows, sent on from where a link broke.
import { totalLength, type Bytes } from "../bytes.js";
import { dataHeader, headerLength, type Lane, type LaneState } from "./frames.js";

/** A piece ready to be sent: its header and a view of its part of the message. */
export interface Piece {
  readonly lane: Lane;
  readonly parts: readonly Bytes[];
  readonly length: number;
}

interface OutgoingLane {
  /** Number of the first message that is kept. */
  first: number;
  readonly messages: Bytes[];
  /** Which of the kept ones is being sent, and how far. */
  at: number;
  offset: number;
  /** Number of the message after the last one that was begun: what the other side may have some of. */
  begun: number;
}

const smallestPiece = 1_024; // less credit than this waits for more, so that headers stay a small part

/** The outgoing stream of one peer. */
export class Outgoing {
  /** Number of this stream; messages are counted from 0 within it. */
  readonly number: bigint;
  readonly #lanes: readonly [OutgoingLane, OutgoingLane];
  #bytes = 0;

  constructor(number: bigint) {
    this.number = number;
    const lane = (): OutgoingLane => ({ first: 0, messages: [], at: 0, offset: 0, begun: 0 });
    this.#lanes = [lane(), lane()];
  }

  /** Bytes that are kept, sent or not. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Messages that are kept. */
  get messages(): number {
    return this.#lanes[0].messages.length + this.#lanes[1].messages.length;
  }

  /** Keeps a message; the bytes are the stream's from now on. */
  push(message: Bytes, lane: Lane): void {
    this.#lanes[lane].messages.push(message);
    this.#bytes += message.length;
  }

  /** The next piece, control before bulk; undefined when nothing may be sent. */
  next(credit: readonly [number, number], frameMax: number): Piece | undefined {
    for (const lane of [0, 1] as const) {
      const state = this.#lanes[lane];
      const message = state.messages[state.at];
      if (message === undefined) continue;
      const left = message.length - state.offset;
      const length = Math.min(left, frameMax - headerLength, credit[lane]);
      if (length < Math.min(left, smallestPiece)) continue;
      const header = dataHeader(lane, state.first + state.at, message.length, state.offset, length);
      const payload = message.subarray(state.offset, state.offset + length);
      state.offset += length;
      state.begun = Math.max(state.begun, state.first + state.at + 1);
      if (state.offset === message.length) {
        state.at++;
        state.offset = 0;
      }
      return { lane, parts: length === 0 ? [header] : [header, payload], length };
    }
    return undefined;
  }

  /** Drops what the other side has: all messages of the lane before `next`. False: that was never sent. */
  acknowledge(lane: Lane, next: number): boolean {
    const state = this.#lanes[lane];
    const count = next - state.first;
    if (count <= 0) return true;
    if (next > state.begun) return false;
    this.#bytes -= totalLength(state.messages.splice(0, count));
    state.first = next;
    // What is acknowledged late, over another link, may be what is being sent once more.
    if (state.at < count) state.offset = 0;
    state.at = Math.max(0, state.at - count);
    return true;
  }

  /** Goes back to what the other side says it holds. False: it holds what was never sent. */
  rewind(lane: Lane, { next, held }: LaneState): boolean {
    const state = this.#lanes[lane];
    const count = next - state.first;
    if (next > state.begun) return false;
    state.at = 0;
    state.offset = 0;
    // Said before it acknowledged more, over another link.
    if (count < 0) return true;
    this.#bytes -= totalLength(state.messages.splice(0, count));
    state.first = next;
    if (held > (next < state.begun ? (state.messages[0]?.length ?? 0) : 0)) return false;
    state.offset = held;
    return true;
  }

  /** Begins again with the first message that is kept: the other side knows nothing of this stream. */
  restart(): void {
    for (const state of this.#lanes) {
      state.at = 0;
      state.offset = 0;
    }
  }

  /** The life that messages were being sent to is over: those that were begun went to it. How many they are. */
  dropBegun(): number {
    let dropped = 0;
    for (const state of this.#lanes) {
      const gone = state.messages.splice(0, Math.max(0, state.begun - state.first));
      this.#bytes -= totalLength(gone);
      dropped += gone.length;
      state.first = Math.max(state.first, state.begun);
    }
    this.restart();
    return dropped;
  }

  /** A message will not be taken: the rest of it need not be sent. It is dropped with its acknowledgement. False: it is not kept. */
  refuse(lane: Lane, sequence: number): boolean {
    const state = this.#lanes[lane];
    if (sequence < state.first || sequence >= state.begun) return false;
    if (sequence === state.first + state.at) {
      state.at++;
      state.offset = 0;
    }
    return true;
  }
}
