// The types of ports: their names, what they are called in a program, and what JavaScript holds for a value of each.
import type { Bytes } from "./bytes.js";
import type { PeerId } from "./peer-id.js";

/** Element types of a tensor. */
export type DType = "f32" | "f64" | "f16" | "bf16" | "u8" | "u16" | "u32" | "u64" | "i8" | "i16" | "i32" | "i64" | "bool";

/** The arrays that tensors are made of. `bool` is bytes of 0 and 1, `f16` and `bf16` are their 16 bits. */
export type TensorData =
  | Float32Array | Float64Array | Uint8Array | Uint16Array | Uint32Array | BigUint64Array
  | Int8Array | Int16Array | Int32Array | BigInt64Array;

/** A dense tensor, row by row. */
export interface Tensor<D extends TensorData = TensorData> {
  readonly data: D;
  readonly shape: readonly number[];
  /** Told by the array's class unless it is `bool`, `f16` or `bf16`. */
  readonly dtype?: DType;
}

/** What stands behind a contribution to a federated average. Without `round` it means the aggregator's current one. */
export interface FedAvgMeta {
  readonly samples: number | bigint;
  readonly round?: number | bigint;
}

/** One hit of an index. */
export interface SearchResult {
  readonly id: number | bigint;
  readonly distance: number;
}

/** A value of a type that JavaScript has no form for: its wire bytes and what they are. */
export interface Encoded {
  readonly typeHash: bigint;
  readonly bytes: Bytes;
}

/** A whole number: a `number` when it is exact in one, else a `bigint`. */
export type Whole = number | bigint;

/** Everything a value may be. A trigger is `true`, an absent value `undefined`, the empty value `null`. */
export type Value =
  | undefined | null | boolean | Whole | string | Bytes | PeerId | readonly PeerId[] | readonly string[] | Tensor | FedAvgMeta
  | readonly SearchResult[] | Encoded | readonly Value[];

/** Names of types, as programs say them. */
export type TypeName = keyof TypeValues;

type DTypeData = {
  f32: Float32Array; f64: Float64Array; f16: Uint16Array; bf16: Uint16Array; u8: Uint8Array; u16: Uint16Array; u32: Uint32Array;
  u64: BigUint64Array; i8: Int8Array; i16: Int16Array; i32: Int32Array; i64: BigInt64Array; bool: Uint8Array;
};
type TensorValues = { [D in DType as `tensor.${D}`]: Tensor<DTypeData[D]> | DTypeData[D] };

/** What is given for a port of each type. */
export interface TypeValues extends TensorValues {
  any: unknown;
  tensor: Tensor | TensorData;
  scalar: Whole;
  "scalar.f32": number;
  "scalar.f64": number;
  u32: number;
  u64: Whole;
  trigger: true;
  bytes: Bytes;
  peer: PeerId;
  peers: readonly PeerId[];
  address: string;
  addresses: readonly string[];
  request: Whole;
  composite: readonly Value[];
  fedAvgMeta: FedAvgMeta;
  searchResults: readonly SearchResult[];
}

/** What is given for a port of type `T`. */
export type ValueOf<T extends TypeName> = TypeValues[T];

/**
 * The types, for `g.input(name, t.peers)`.
 *
 * ```ts
 * const x = g.input("x", t.tensor.f32);
 * ```
 */
export const t = {
  any: "any",
  tensor: {
    any: "tensor", f32: "tensor.f32", f64: "tensor.f64", f16: "tensor.f16", bf16: "tensor.bf16", u8: "tensor.u8", u16: "tensor.u16",
    u32: "tensor.u32", u64: "tensor.u64", i8: "tensor.i8", i16: "tensor.i16", i32: "tensor.i32", i64: "tensor.i64", bool: "tensor.bool",
  },
  scalar: { any: "scalar", f32: "scalar.f32", f64: "scalar.f64" },
  u32: "u32",
  u64: "u64",
  trigger: "trigger",
  bytes: "bytes",
  peer: "peer",
  peers: "peers",
  address: "address",
  addresses: "addresses",
  request: "request",
  composite: "composite",
  fedAvgMeta: "fedAvgMeta",
  searchResults: "searchResults",
} as const;

/** Where a type's id in the engine is not its name here. */
const ids: Readonly<Record<string, string>> = {
  peer: "peer_id", peers: "peer_id_vec", address: "multiaddress", addresses: "address_vec", request: "wire_req_id",
  fedAvgMeta: "fedavg_meta", searchResults: "search_results",
};
const names = new Map(Object.entries(ids).map(([name, id]) => [id, name]));

/** The engine's id of a type. */
export function typeId(name: string): string {
  return Object.hasOwn(ids, name) ? (ids[name] ?? name) : name;
}

/** The name of a type of the engine; types that programs add have their id as their name. */
export function typeName(id: string): string {
  return names.get(id) ?? id;
}

/** Element types in the order of their numbers on the wire. */
export const dtypes: readonly DType[] = ["f32", "f64", "f16", "bf16", "u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "bool"];

/** The element type of an array without further words. */
export function dtypeOf(data: TensorData): DType {
  if (data instanceof Float32Array) return "f32";
  if (data instanceof Float64Array) return "f64";
  if (data instanceof Uint8Array) return "u8";
  if (data instanceof Uint16Array) return "u16";
  if (data instanceof Uint32Array) return "u32";
  if (data instanceof BigUint64Array) return "u64";
  if (data instanceof Int8Array) return "i8";
  if (data instanceof Int16Array) return "i16";
  if (data instanceof Int32Array) return "i32";
  return "i64";
}

/** True for the arrays that tensors are made of. */
export function isTensorData(value: unknown): value is TensorData {
  return ArrayBuffer.isView(value) && !(value instanceof DataView) && !(value instanceof Uint8ClampedArray);
}
