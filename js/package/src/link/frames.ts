// Frames between two peers, the same over every channel (docs/link-protocol.md). Header, 24 bytes, little-endian: u8 type, u8 lane,
// u16 flags (1: last), u32 total, u64 sequence, u32 offset, u32 zero. Whatever is read comes from the other side of a proof, which may
// still be hostile: anything out of form refuses the link.
import { viewOf, type Bytes } from "../bytes.js";
import { BBError } from "../errors.js";

/** 0 control: small and urgent; 1 bulk. Order holds within a lane only. */
export type Lane = 0 | 1;
/** Longest message on the control lane: urgent messages are small, and a stranger may not reserve more there. */
export const controlMessageMax = 1_048_576;

/** Length of a header. */
export const headerLength = 24;

/** Numbers of the kinds of frames. */
export const frameTypes = { data: 0, credit: 1, have: 2, reset: 3, ping: 4, pong: 5, close: 6, ask: 7 } as const;

/** Credit a sender begins with on every link, in bytes of messages per lane. */
export const firstCredit = [65_536, 262_144] as const;

/** A piece of a message. */
export interface DataFrame {
  readonly type: "data";
  readonly lane: Lane;
  readonly sequence: number;
  readonly total: number;
  readonly offset: number;
  readonly payload: Bytes;
}

/** What of a lane has arrived: all before `next`, and `held` bytes of that one. */
export interface LaneState {
  readonly next: number;
  readonly held: number;
}

/** A frame as it was read. */
export type Frame =
  | DataFrame
  /** Bytes the other side may have sent on this link by now, and what it need not keep any more, per lane. */
  | { readonly type: "credit"; readonly granted: readonly [number, number]; readonly acknowledged: readonly [number, number] }
  /**
   * `own`: the number of the sender's stream of messages; `known`: the number of the receiver's stream of which the sender holds
   * what `lanes` says; `incarnation`: the highest of the receiver that the sender has seen.
   */
  | { readonly type: "have"; readonly own: bigint; readonly known: bigint; readonly incarnation: bigint; readonly lanes: readonly [LaneState, LaneState] }
  /** The message with this number will not be taken. */
  | { readonly type: "reset"; readonly lane: Lane; readonly sequence: number; readonly code: number }
  | { readonly type: "ping"; readonly token: bigint }
  | { readonly type: "pong"; readonly token: bigint }
  /** The last frame: `again`, a new handshake on the same channel follows; else the link ends. */
  | { readonly type: "close"; readonly again: boolean }
  /** Asks for a `have`. */
  | { readonly type: "ask" };

/** Codes of a reset. */
export const resetCodes = { over_cap: 1, malformed: 2 } as const;

const lastFlag = 1;
const high = 4_294_967_296;
const sequenceMax = Number.MAX_SAFE_INTEGER;

function refuse(detail: string, at: number): BBError {
  return new BBError("protocol", detail, { at });
}

function header(type: number, lane: number, bodyLength: number): { frame: Uint8Array<ArrayBuffer>; view: DataView } {
  const frame = new Uint8Array(headerLength + bodyLength);
  frame[0] = type;
  frame[1] = lane;
  return { frame, view: viewOf(frame) };
}

function setNumber(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / high), true);
}

function number(view: DataView, at: number): number {
  const value = view.getUint32(at, true) + view.getUint32(at + 4, true) * high;
  if (value > sequenceMax) throw refuse("a number beyond 2^53", at);
  return value;
}

/** The header of a piece of a message. */
export function dataHeader(lane: Lane, sequence: number, total: number, offset: number, length: number): Uint8Array<ArrayBuffer> {
  const { frame, view } = header(frameTypes.data, lane, 0);
  view.setUint16(2, offset + length === total ? lastFlag : 0, true);
  view.setUint32(4, total, true);
  setNumber(view, 8, sequence);
  view.setUint32(16, offset, true);
  return frame;
}

/** Any frame but data, whole. */
export function encodeFrame(frame: Exclude<Frame, DataFrame>): Uint8Array<ArrayBuffer> {
  switch (frame.type) {
    case "credit": {
      const { frame: bytes, view } = header(frameTypes.credit, 0, 32);
      [...frame.granted, ...frame.acknowledged].forEach((value, index) => setNumber(view, headerLength + index * 8, value));
      return bytes;
    }
    case "have": {
      const { frame: bytes, view } = header(frameTypes.have, 0, 48);
      view.setBigUint64(headerLength, frame.own, true);
      view.setBigUint64(headerLength + 8, frame.known, true);
      view.setBigUint64(headerLength + 16, frame.incarnation, true);
      frame.lanes.forEach(({ next, held }, lane) => {
        setNumber(view, headerLength + 24 + lane * 12, next);
        view.setUint32(headerLength + 32 + lane * 12, held, true);
      });
      return bytes;
    }
    case "reset": {
      const { frame: bytes, view } = header(frameTypes.reset, frame.lane, 0);
      setNumber(view, 8, frame.sequence);
      view.setUint32(4, frame.code, true);
      return bytes;
    }
    case "ping": case "pong": {
      const { frame: bytes, view } = header(frameTypes[frame.type], 0, 8);
      view.setBigUint64(headerLength, frame.token, true);
      return bytes;
    }
    case "close": {
      const { frame: bytes, view } = header(frameTypes.close, 0, 0);
      view.setUint32(4, frame.again ? 1 : 0, true);
      return bytes;
    }
    case "ask": return header(frameTypes.ask, 0, 0).frame;
    default: return frame satisfies never;
  }
}

function body(bytes: Bytes, length: number): DataView {
  if (bytes.length !== headerLength + length) throw refuse(`a frame of ${bytes.length} bytes, ${headerLength + length} has one of its type`, Math.min(bytes.length, headerLength + length));
  return viewOf(bytes);
}

/** Reads a frame; the payload of data is a view into it. Throws `protocol` with the byte position. */
export function decodeFrame(bytes: Bytes): Frame {
  if (bytes.length < headerLength) throw refuse(`a frame of ${bytes.length} bytes is shorter than its header`, bytes.length);
  const view = viewOf(bytes);
  const type = view.getUint8(0);
  const lane = view.getUint8(1);
  const flags = view.getUint16(2, true);
  if (type > frameTypes.ask) throw refuse(`a frame of type ${type}`, 0);
  if (lane !== 0 && lane !== 1) throw refuse(`lane ${lane}`, 1);
  if (view.getUint32(20, true) !== 0) throw refuse("the reserved bytes of a frame are not zero", 20);
  if (type !== frameTypes.data && flags !== 0) throw refuse(`flags ${flags}`, 2);
  switch (type) {
    case frameTypes.data: {
      const total = view.getUint32(4, true);
      const offset = view.getUint32(16, true);
      const payload = bytes.subarray(headerLength);
      const end = offset + payload.length;
      if (flags > lastFlag) throw refuse(`flags ${flags}`, 2);
      if (end > total) throw refuse(`${end} bytes of a message of ${total}`, headerLength);
      if ((end === total) !== (flags === lastFlag)) throw refuse("the flag of the last piece contradicts the length", 2);
      if (payload.length === 0 && total > 0) throw refuse("an empty piece", headerLength);
      return { type: "data", lane, sequence: number(view, 8), total, offset, payload };
    }
    case frameTypes.credit:
      body(bytes, 32);
      return { type: "credit", granted: [number(view, 24), number(view, 32)], acknowledged: [number(view, 40), number(view, 48)] };
    case frameTypes.have: {
      body(bytes, 48);
      const state = (at: number): LaneState => ({ next: number(view, at), held: view.getUint32(at + 8, true) });
      return {
        type: "have", own: view.getBigUint64(24, true), known: view.getBigUint64(32, true), incarnation: view.getBigUint64(40, true),
        lanes: [state(48), state(60)],
      };
    }
    case frameTypes.reset:
      body(bytes, 0);
      return { type: "reset", lane, sequence: number(view, 8), code: view.getUint32(4, true) };
    case frameTypes.ping: case frameTypes.pong:
      return { type: type === frameTypes.ping ? "ping" : "pong", token: body(bytes, 8).getBigUint64(headerLength, true) };
    case frameTypes.close:
      return { type: "close", again: body(bytes, 0).getUint32(4, true) === 1 };
    default:
      body(bytes, 0);
      return { type: "ask" };
  }
}
