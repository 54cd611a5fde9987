// Values of JavaScript as the 32-byte records of the module, and back (docs/abi.md).
import { BBError } from "./errors.js";
import { utf8Encode, type Bytes } from "./bytes.js";
import type { PeerId } from "./peer-id.js";
import {
  dtypeOf, dtypes, isTensorData, type DType, type Encoded, type FedAvgMeta, type SearchResult, type Tensor, type TensorData, type Value, type Whole,
} from "./types.js";
import { textAt, type Bridge } from "./wasm/bridge.js";

/** Size of a record. */
export const recordBytes = 32;

const kind = {
  absent: 0, trigger: 1, boolean: 2, i64: 3, u64: 4, f64: 5, peer: 6, peers: 7, bytes: 8, tensor: 9, text: 10, composite: 11, encoded: 12,
  address: 13, addresses: 14,
} as const;

const currentRound = 0xffff_ffff_ffff_ffffn; // what a FedAvgMeta without a round says
const wholeTypes = new Set(["u64", "u32", "wire_req_id", "timestamp", "command_id", "correlation_token"]);
const depthMax = 64;

function wrong(detail: string): BBError {
  return new BBError("type_mismatch", detail);
}

function show(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return `a ${value.constructor?.name ?? "object"}`;
  return typeof value === "string" ? "a text" : `${typeof value} ${String(value)}`;
}

/** A 64-bit number as a `number` when that is exact. */
export function whole(value: bigint): Whole {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function toBigInt(value: unknown, what: string): bigint {
  if (typeof value === "bigint") return value;
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  throw wrong(`${what} wants a whole number, got ${show(value)}`);
}

function unsigned(value: unknown, what: string, max = currentRound): bigint {
  const number = toBigInt(value, what);
  if (number < 0n || number > max) throw wrong(`${what} wants a whole number from 0 to ${max}, got ${number}`);
  return number;
}

function isTensor(value: unknown): value is Tensor {
  return typeof value === "object" && value !== null && "data" in value && "shape" in value && isTensorData(value.data) && Array.isArray(value.shape);
}

function isEncoded(value: unknown): value is Encoded {
  if (typeof value !== "object" || value === null) return false;
  const { typeHash, bytes } = value as Partial<Encoded>;
  return typeof typeHash === "bigint" && bytes instanceof Uint8Array;
}

function isFedAvgMeta(value: unknown): value is FedAvgMeta {
  return typeof value === "object" && value !== null && "samples" in value;
}

/** Writes values into memory that the module can read; the room comes from the engine and is given back by its owner. */
export class ValueWriter {
  readonly #bridge: Bridge;

  constructor(bridge: Bridge) {
    this.#bridge = bridge;
  }

  /** A new record of the value; its address. */
  record(type: string, value: unknown, what: string): number {
    const at = this.#bridge.reserve(recordBytes);
    this.write(at, type, value, what);
    return at;
  }

  /** Writes a record of a value for a port of the engine's type `type` ("any" when it is not known). */
  write(at: number, type: string, value: unknown, what: string, depth = 0): void {
    if (depth > depthMax) throw new BBError("too_deep", `${what} nests deeper than ${depthMax}`);
    if (value instanceof Uint8Array) {
      if (type === "any") return this.#bytes(at, kind.bytes, value);
    } else if (isEncoded(value)) {
      return this.#bytes(at, kind.encoded, value.bytes, value.typeHash);
    }
    if (value === undefined) return void this.#put(at, kind.absent);
    if (type === "any" || type === "scalar" || (!this.#bridge.hashes.has(type) && type !== "tensor")) return this.#infer(at, value, what, depth);
    if (value instanceof Uint8Array && type.startsWith("tensor.") && type !== "tensor.u8" && type !== "tensor.bool") return this.#bytes(at, kind.bytes, value);
    if (type === "tensor" || type.startsWith("tensor.")) return this.#tensor(at, type, value, what);
    // Wire bytes are taken for a value of any type; the engine decodes them as the port demands.
    if (value instanceof Uint8Array && type !== "peer_id") return this.#bytes(at, kind.bytes, value);
    if (wholeTypes.has(type)) {
      return this.#bits(at, kind.u64, unsigned(value, what, type === "u32" ? 0xffff_ffffn : currentRound), this.#hash(type));
    }
    switch (type) {
      case "trigger":
        if (value !== true) throw wrong(`${what} wants true, got ${show(value)}`);
        return void this.#put(at, kind.trigger);
      case "scalar.f32":
      case "scalar.f64":
        if (typeof value !== "number") throw wrong(`${what} wants a number, got ${show(value)}`);
        return this.#number(at, value, this.#hash(type));
      case "bytes": throw wrong(`${what} wants a Uint8Array, got ${show(value)}`);
      case "peer_id":
        if (!(value instanceof Uint8Array)) throw wrong(`${what} wants a peer id, got ${show(value)}`);
        return this.#bytes(at, kind.peer, value);
      case "peer_id_vec": return this.#list(at, kind.peers, this.#items(value, what, (item): item is Bytes => item instanceof Uint8Array, "peer ids"));
      case "multiaddress":
        if (typeof value !== "string") throw wrong(`${what} wants an address as text, got ${show(value)}`);
        return this.#list(at, kind.address, [utf8Encode(value)]);
      case "address_vec": {
        const texts = this.#items(value, what, (item): item is string => typeof item === "string", "addresses as texts");
        return this.#list(at, kind.addresses, texts.map((text) => utf8Encode(text)));
      }
      case "fedavg_meta":
        if (!isFedAvgMeta(value)) throw wrong(`${what} wants {samples, round}, got ${show(value)}`);
        return this.#bytes(at, kind.encoded, fedAvgMetaBytes(value, what), this.#hash(type));
      case "search_results": {
        const results = this.#items(value, what, (item): item is SearchResult => typeof item === "object" && item !== null && "id" in item, "search results");
        return this.#bytes(at, kind.encoded, searchResultBytes(results, what), this.#hash(type));
      }
      case "composite": return this.#composite(at, this.#items(value, what, (_): _ is unknown => true, "values"), what, depth);
      default: return this.#infer(at, value, what, depth);
    }
  }

  #items<T>(value: unknown, what: string, is: (item: unknown) => item is T, wanted: string): T[] {
    if (!Array.isArray(value)) throw wrong(`${what} wants a list of ${wanted}, got ${show(value)}`);
    return value.map((item: unknown, index) => {
      if (!is(item)) throw wrong(`${what}[${index}] is ${show(item)}, wanted are ${wanted}`);
      return item;
    });
  }

  #infer(at: number, value: unknown, what: string, depth: number): void {
    if (value === true) return void this.#put(at, kind.trigger);
    if (value === false) return void this.#put(at, kind.boolean);
    if (value === null) return this.#bytes(at, kind.encoded, new Uint8Array(0), unitHash);
    if (typeof value === "number") return this.#number(at, value, this.#hash("scalar.f64"));
    if (typeof value === "bigint") {
      if (value > currentRound || value < -(1n << 63n)) throw wrong(`${what} does not fit 64 bits`);
      return this.#bits(at, value < 0n ? kind.i64 : kind.u64, value);
    }
    if (typeof value === "string") return this.#bytes(at, kind.text, utf8Encode(value));
    if (value instanceof Uint8Array) return this.#bytes(at, kind.bytes, value);
    if (isTensor(value) || isTensorData(value)) return this.#tensor(at, "tensor", value, what);
    if (isFedAvgMeta(value)) return this.#bytes(at, kind.encoded, fedAvgMetaBytes(value, what), this.#hash("fedavg_meta"));
    if (Array.isArray(value)) return this.#composite(at, value, what, depth);
    throw wrong(`${what} is ${show(value)}, which is no value`);
  }

  #tensor(at: number, type: string, value: unknown, what: string): void {
    const given: Tensor | undefined = isTensor(value) ? value : isTensorData(value) ? { data: value, shape: [value.length] } : undefined;
    if (given === undefined) throw wrong(`${what} wants a tensor, got ${show(value)}`);
    const wanted = type === "tensor" ? undefined : (type.slice("tensor.".length) as DType);
    const natural = dtypeOf(given.data);
    const dtype = given.dtype ?? (isTensor(value) ? natural : sameArray(wanted, natural) ? (wanted ?? natural) : natural);
    if (!sameArray(dtype, natural)) throw wrong(`${what}: a ${natural} array is no data of a ${dtype} tensor`);
    if (wanted !== undefined && dtype !== wanted) throw wrong(`${what} wants a ${wanted} tensor, got ${dtype}`);
    if (given.shape.length > 8) throw new BBError("over_cap", `${what} has ${given.shape.length} dimensions, at most 8 are legal`);
    const elements = given.shape.reduce((product, dim) => product * dim, 1);
    if (elements !== given.data.length || given.shape.some((dim) => !Number.isSafeInteger(dim) || dim < 0)) {
      throw new BBError("dims_mismatch", `${what}: shape [${given.shape.join(", ")}] does not hold ${given.data.length} elements`);
    }
    const dimsAt = this.#bridge.reserve(given.shape.length * 8);
    const dims = this.#bridge.view();
    given.shape.forEach((dim, index) => dims.setBigUint64(dimsAt + index * 8, BigInt(dim), true));
    const dataAt = this.#bridge.reserve(given.data.byteLength);
    this.#bridge.heap().set(new Uint8Array(given.data.buffer, given.data.byteOffset, given.data.byteLength), dataAt);
    const view = this.#put(at, kind.tensor, dataAt, given.data.byteLength);
    view.setUint8(at + 1, dtypes.indexOf(dtype));
    view.setUint8(at + 2, given.shape.length);
    view.setUint32(at + 12, dimsAt, true);
  }

  #composite(at: number, children: readonly unknown[], what: string, depth: number): void {
    const records = this.#bridge.reserve(children.length * recordBytes);
    children.forEach((child, index) => this.write(records + index * recordBytes, "any", child, `${what}[${index}]`, depth + 1));
    this.#put(at, kind.composite, records, children.length);
  }

  #list(at: number, which: number, items: readonly Bytes[]): void {
    const size = items.reduce((sum, item) => sum + 4 + ((item.length + 3) & ~3), 0);
    const start = this.#bridge.reserve(size);
    const heap = this.#bridge.heap();
    const view = this.#bridge.view();
    let next = start;
    for (const item of items) {
      view.setUint32(next, item.length, true);
      heap.set(item, next + 4);
      next += 4 + ((item.length + 3) & ~3);
    }
    this.#put(at, which, start, size).setUint32(at + 24, items.length, true);
  }

  #bytes(at: number, which: number, bytes: Bytes, hash = 0n): void {
    this.#put(at, which, this.#bridge.put(bytes), bytes.length, hash);
  }

  /** The record of a value that lies at `start`, or of none; callers add what else it has. */
  #put(at: number, which: number, start = 0, len = 0, hash = 0n): DataView<ArrayBuffer> {
    const view = this.#bridge.view();
    view.setUint32(at, which, true);
    view.setUint32(at + 4, len, true);
    view.setUint32(at + 8, start, true);
    view.setUint32(at + 12, 0, true);
    view.setBigUint64(at + 16, hash, true);
    view.setFloat64(at + 24, 0, true);
    return view;
  }

  #bits(at: number, which: number, bits: bigint, hash = 0n): void {
    this.#put(at, which, 0, 0, hash).setBigUint64(at + 24, BigInt.asUintN(64, bits), true);
  }

  #number(at: number, number: number, hash: bigint): void {
    this.#put(at, kind.f64, 0, 0, hash).setFloat64(at + 24, number, true);
  }

  #hash(type: string): bigint {
    return this.#bridge.hashes.get(type) ?? 0n;
  }
}

/** FNV-1a-64 of "()", the name of the empty value. */
const unitHash = 0x07e1_1f07_b4a6_665an;

function sameArray(dtype: DType | undefined, natural: DType): boolean {
  return dtype === natural || (natural === "u8" && dtype === "bool") || (natural === "u16" && (dtype === "f16" || dtype === "bf16"));
}

function fedAvgMetaBytes(meta: FedAvgMeta, what: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, unsigned(meta.samples, `${what}.samples`), true);
  view.setBigUint64(8, meta.round === undefined ? currentRound : unsigned(meta.round, `${what}.round`), true);
  return bytes;
}

function searchResultBytes(results: readonly SearchResult[], what: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8 + results.length * 12);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(results.length), true);
  results.forEach(({ id, distance }, index) => {
    view.setBigUint64(8 + index * 12, unsigned(id, `${what}[${index}].id`), true);
    view.setFloat32(16 + index * 12, distance, true);
  });
  return bytes;
}

/** Reads the value that a record describes; numbers and bytes are copied unless `views` asks for what lies in the module's memory. */
export function readValue(bridge: Bridge, at: number, views = false): Value {
  const view = bridge.view();
  const len = view.getUint32(at + 4, true);
  const start = view.getUint32(at + 8, true);
  const bits = (): bigint => view.getBigUint64(at + 24, true);
  const bytes = (): Uint8Array<ArrayBuffer> => (views ? bridge.heap().subarray(start, start + len) : bridge.copy(start, len));
  switch (view.getUint8(at)) {
    case kind.absent: return undefined;
    case kind.trigger: return true;
    case kind.boolean: return bits() !== 0n;
    case kind.i64: return whole(view.getBigInt64(at + 24, true));
    case kind.u64: return whole(bits());
    case kind.f64: return view.getFloat64(at + 24, true);
    case kind.peer: return bridge.copy(start, len) as Uint8Array as PeerId;
    case kind.peers: return readList(bridge, start, Number(bits())) as Uint8Array[] as PeerId[];
    case kind.bytes: return bytes();
    case kind.tensor: return readTensor(bridge, view, at, views);
    case kind.text: return textAt(bridge, start, len);
    case kind.composite: return Array.from({ length: len }, (_, index) => readValue(bridge, start + index * recordBytes, views));
    case kind.encoded: return readEncoded(bridge, view.getBigUint64(at + 16, true), bridge.copy(start, len));
    case kind.address: return readTexts(bridge, start, 1)[0];
    case kind.addresses: return readTexts(bridge, start, Number(bits()));
    default: throw new BBError("bad_record", `a value of kind ${view.getUint8(at)}`, { at });
  }
}

/** The hash of the type that a record says. */
export function recordHash(bridge: Bridge, at: number): bigint {
  return bridge.view().getBigUint64(at + 16, true);
}

function readList(bridge: Bridge, start: number, count: number): Uint8Array<ArrayBuffer>[] {
  const view = bridge.view();
  const items: Uint8Array<ArrayBuffer>[] = [];
  let at = start;
  for (let index = 0; index < count; index++) {
    const length = view.getUint32(at, true);
    items.push(bridge.copy(at + 4, length));
    at += 4 + ((length + 3) & ~3);
  }
  return items;
}

function readTexts(bridge: Bridge, start: number, count: number): string[] {
  const decoder = new TextDecoder();
  return readList(bridge, start, count).map((bytes) => decoder.decode(bytes));
}

function readTensor(bridge: Bridge, view: DataView, at: number, views: boolean): Tensor {
  const dtype = dtypes[view.getUint8(at + 1)] ?? "f32";
  const dimsAt = view.getUint32(at + 12, true);
  const shape = Array.from({ length: view.getUint8(at + 2) }, (_, index) => Number(view.getBigUint64(dimsAt + index * 8, true)));
  const start = view.getUint32(at + 8, true);
  const len = view.getUint32(at + 4, true);
  const buffer = bridge.heap().buffer;
  const data = views ? arrayOf(dtype, buffer, start, len) : arrayOf(dtype, buffer.slice(start, start + len), 0, len);
  return dtypeOf(data) === dtype ? { data, shape } : { data, shape, dtype };
}

function arrayOf(dtype: DType, buffer: ArrayBuffer, at: number, len: number): TensorData {
  switch (dtype) {
    case "f32": return new Float32Array(buffer, at, len / 4);
    case "f64": return new Float64Array(buffer, at, len / 8);
    case "f16":
    case "bf16":
    case "u16": return new Uint16Array(buffer, at, len / 2);
    case "u8":
    case "bool": return new Uint8Array(buffer, at, len);
    case "u32": return new Uint32Array(buffer, at, len / 4);
    case "u64": return new BigUint64Array(buffer, at, len / 8);
    case "i8": return new Int8Array(buffer, at, len);
    case "i16": return new Int16Array(buffer, at, len / 2);
    case "i32": return new Int32Array(buffer, at, len / 4);
    case "i64": return new BigInt64Array(buffer, at, len / 8);
    default: return dtype satisfies never;
  }
}

function readEncoded(bridge: Bridge, typeHash: bigint, bytes: Uint8Array<ArrayBuffer>): Value {
  const view = new DataView(bytes.buffer);
  if (typeHash === unitHash) return null;
  switch (bridge.typesByHash.get(typeHash)) {
    case "fedavg_meta": {
      const samples = whole(view.getBigUint64(0, true));
      const round = bytes.length >= 16 ? view.getBigUint64(8, true) : currentRound;
      return round === currentRound ? { samples } : { samples, round: whole(round) };
    }
    case "search_results":
      return Array.from({ length: Number(view.getBigUint64(0, true)) }, (_, index) => ({
        id: whole(view.getBigUint64(8 + index * 12, true)), distance: view.getFloat32(16 + index * 12, true),
      }));
    default: return { typeHash, bytes };
  }
}
