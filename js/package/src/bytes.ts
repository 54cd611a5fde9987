// Small helpers over byte arrays, so that no module writes its own.
import { BBError } from "./errors.js";

/** Any run of bytes. */
export type Bytes = Uint8Array;

const hexDigits = "0123456789abcdef";

/** Joins the parts into one new array. */
export function concatBytes(parts: readonly Bytes[]): Uint8Array<ArrayBuffer> {
  if (parts.length === 1 && parts[0] !== undefined) return new Uint8Array(parts[0]);
  let total = 0;
  for (const part of parts) total += part.length;
  const joined = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Copies `source` to `target` at `at`. A loop beats the call for a few bytes, by far where the source is short. */
export function copyInto(target: Uint8Array, source: Bytes, at: number): void {
  const { length } = source;
  if (length > 48) {
    target.set(source, at);
    return;
  }
  for (let index = 0; index < length; index++) target[at + index] = source[index] ?? 0;
}

/** Sum of the lengths of the parts. */
export function totalLength(parts: readonly Bytes[]): number {
  let total = 0;
  for (const part of parts) total += part.length;
  return total;
}

/** True when both hold the same bytes. */
export function equalBytes(left: Bytes, right: Bytes): boolean {
  return left.length === right.length && compareBytes(left, right) === 0;
}

/** Negative, zero or positive: lexicographic order, a prefix first. */
export function compareBytes(left: Bytes, right: Bytes): number {
  const common = Math.min(left.length, right.length);
  for (let index = 0; index < common; index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** Lower-case hexadecimal text. */
export function toHex(bytes: Bytes): string {
  let text = "";
  for (const byte of bytes) text += (hexDigits[byte >> 4] ?? "") + (hexDigits[byte & 15] ?? "");
  return text;
}

/** Bytes of hexadecimal text; throws `bad_hex` with the position of the first wrong character. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  if (text.length % 2 !== 0) throw new BBError("bad_hex", "an odd number of digits", { at: text.length });
  const bytes = new Uint8Array(text.length / 2);
  for (let index = 0; index < text.length; index++) {
    const digit = hexDigits.indexOf((text[index] ?? "").toLowerCase());
    if (digit < 0) throw new BBError("bad_hex", "not a hexadecimal digit", { at: index });
    bytes[index >> 1] = ((bytes[index >> 1] ?? 0) << 4) | digit;
  }
  return bytes;
}

/** UTF-8 bytes of a text. */
export function utf8Encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;
}

/** Text of UTF-8 bytes; wrong sequences become the replacement character, since this is for showing only. */
export function utf8Show(bytes: Bytes): string {
  return new TextDecoder().decode(bytes);
}

/** A view for reading and writing numbers over exactly these bytes. */
export function viewOf(bytes: Bytes): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
