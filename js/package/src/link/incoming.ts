// Messages of one peer: put together from their pieces, in the order of their numbers, each once, over however many links.
import { BBError } from "../errors.js";
import type { Bytes } from "../bytes.js";
import { controlMessageMax, resetCodes, type DataFrame, type Lane, type LaneState } from "./frames.js";

/** Bytes of unfinished messages of all peers. */
export interface HeldAccount {
  held: number;
  readonly heldMax: number;
}

interface IncomingLane {
  /** Number of the message that is next; undefined until the first piece says where the stream begins. */
  next: number | undefined;
  held: number;
  block: Uint8Array<ArrayBuffer> | undefined;
}

/** A message that was put together, or why the one with this number is not taken. */
export interface Arrival {
  readonly lane: Lane;
  readonly sequence: number;
  readonly message?: Bytes;
  readonly reset?: number;
}

/** The incoming stream of one peer. */
export class Incoming {
  readonly #messageMax: number;
  readonly #account: HeldAccount;
  readonly #lanes: readonly [IncomingLane, IncomingLane];
  #number = 0n;

  constructor(messageMax: number, account: HeldAccount) {
    this.#messageMax = messageMax;
    this.#account = account;
    const lane = (): IncomingLane => ({ next: undefined, held: 0, block: undefined });
    this.#lanes = [lane(), lane()];
  }

  /** Number of the peer's stream; 0 when none is known. */
  get number(): bigint {
    return this.#number;
  }

  /** What has arrived of it. */
  get lanes(): readonly [LaneState, LaneState] {
    const state = ({ next, held }: IncomingLane): LaneState => ({ next: next ?? 0, held });
    return [state(this.#lanes[0]), state(this.#lanes[1])];
  }

  /** The peer says which stream it sends: another one than before begins anew. */
  follow(number: bigint): void {
    if (number === this.#number) return;
    this.clear();
    this.#number = number;
    for (const lane of this.#lanes) lane.next = undefined;
  }

  /**
   * Takes a piece. Pieces that are here already change nothing, since a message goes on over another link from what its receiver
   * last said. Throws `protocol` for a gap.
   */
  take({ lane: laneNumber, sequence, total, offset, payload }: DataFrame): Arrival | undefined {
    const lane = this.#lanes[laneNumber];
    lane.next ??= sequence;
    if (sequence < lane.next) return undefined;
    if (sequence > lane.next) throw new BBError("protocol", `message ${sequence} where ${lane.next} belongs`, { at: 8 });
    const whole = offset === 0 && payload.length === total;
    if (offset > lane.held) throw new BBError("protocol", `offset ${offset} where ${lane.held} belongs`, { at: 16 });
    if (lane.block !== undefined && lane.block.length !== total) throw new BBError("protocol", `a total of ${total} bytes, ${lane.block.length} before`, { at: 4 });
    const totalMax = laneNumber === 0 ? Math.min(controlMessageMax, this.#messageMax) : this.#messageMax;
    if (total > totalMax) {
      this.#finish(lane);
      return { lane: laneNumber, sequence, reset: resetCodes.over_cap };
    }
    if (whole) {
      this.#finish(lane);
      return { lane: laneNumber, sequence, message: payload };
    }
    const end = offset + payload.length;
    if (end <= lane.held) return undefined;
    lane.block ??= this.#reserve(total);
    lane.block.set(offset === lane.held ? payload : payload.subarray(lane.held - offset), lane.held);
    lane.held = end;
    if (end < total) return undefined;
    const message = lane.block;
    this.#finish(lane);
    return { lane: laneNumber, sequence, message };
  }

  /** Lets go of unfinished messages. */
  clear(): void {
    for (const lane of this.#lanes) this.#release(lane);
  }

  #reserve(total: number): Uint8Array<ArrayBuffer> {
    if (this.#account.held + total > this.#account.heldMax) {
      throw new BBError("over_cap", `unfinished messages of all peers would hold more than ${this.#account.heldMax} bytes`, { at: 4 });
    }
    this.#account.held += total;
    return new Uint8Array(total);
  }

  #finish(lane: IncomingLane): void {
    this.#release(lane);
    lane.next = (lane.next ?? 0) + 1;
  }

  #release(lane: IncomingLane): void {
    this.#account.held -= lane.block?.length ?? 0;
    lane.block = undefined;
    lane.held = 0;
  }
}
