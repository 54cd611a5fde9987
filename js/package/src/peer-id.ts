// Peer ids: multihashes with at most 64 digest bytes, their byte form and their base58 text form.
import { compareBytes, equalBytes, type Bytes } from "./bytes.js";
import { BBError } from "./errors.js";

declare const peerBrand: unique symbol;

/** Checked byte form of a peer id (`uvarint(code) uvarint(size) digest`). */
export type PeerId = Uint8Array & { readonly [peerBrand]: true };

/** Longest byte form: ten bytes of code, one of size, 64 of digest. */
export const peerIdBytesMax = 75;

const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const textMax = 104; // 75 bytes need at most 103 digits of base 58
const digestMax = 64;
const sha256Code = 0x12;
const sha256Size = 32;

interface Multihash { readonly code: bigint; readonly digest: Bytes }

function readVarint(bytes: Bytes, start: number, what: string): { value: bigint; next: number } {
  let value = 0n;
  for (let index = 0; index < 10; index++) {
    const byte = bytes[start + index];
    if (byte === undefined) throw new BBError("bad_peer_id", `the ${what} is cut short`, { at: start + index });
    value |= BigInt(byte & 0x7f) << BigInt(7 * index);
    if (byte < 0x80) {
      if (byte === 0 && index > 0) throw new BBError("bad_peer_id", `the ${what} is not in its shortest form`, { at: start + index });
      return { value: BigInt.asUintN(64, value), next: start + index + 1 };
    }
  }
  throw new BBError("bad_peer_id", `the ${what} is longer than ten bytes`, { at: start + 9 });
}

function parse(bytes: Bytes): Multihash {
  const code = readVarint(bytes, 0, "hash code");
  const size = readVarint(bytes, code.next, "digest size");
  if (size.value > BigInt(digestMax)) throw new BBError("bad_peer_id", `a digest of ${size.value} bytes, at most ${digestMax} are legal`, { at: code.next });
  const held = bytes.length - size.next;
  const wanted = Number(size.value);
  if (held < wanted) throw new BBError("bad_peer_id", `${wanted} digest bytes announced, ${held} present`, { at: bytes.length });
  if (held > wanted) throw new BBError("bad_peer_id", `${held - wanted} bytes after the digest`, { at: size.next + wanted });
  return { code: code.value, digest: bytes.subarray(size.next) };
}

/** Checks bytes and gives them the type; the result is a copy. Throws `bad_peer_id` with the byte position. */
export function peerIdFromBytes(bytes: Bytes): PeerId {
  parse(bytes);
  return Uint8Array.from(bytes) as Uint8Array as PeerId;
}

/**
 * The identity form of a number: for tests, simulations and examples.
 *
 * ```ts
 * peerIdToText(peerIdFromNumber(7)); // "16uZAbWC1AJvS"
 * ```
 */
export function peerIdFromNumber(value: number | bigint): PeerId {
  const bytes = new Uint8Array(10);
  bytes[1] = 8;
  new DataView(bytes.buffer).setBigUint64(2, BigInt.asUintN(64, BigInt(value)));
  return bytes as Uint8Array as PeerId;
}

/** A new id in the SHA-256 form out of 32 random bytes; `random` fills the array it is given. */
export function randomPeerId(random: (into: Bytes) => void): PeerId {
  const bytes = new Uint8Array(2 + sha256Size);
  random(bytes.subarray(2));
  bytes[0] = sha256Code;
  bytes[1] = sha256Size;
  return bytes as Uint8Array as PeerId;
}

/** Base58 text of a peer id. */
export function peerIdToText(id: PeerId): string {
  const digits: number[] = [];
  for (const byte of id) {
    let carry = byte;
    for (let index = 0; index < digits.length; index++) {
      carry += (digits[index] ?? 0) << 8;
      digits[index] = carry % 58;
      carry = Math.floor(carry / 58);
    }
    while (carry > 0) {
      digits.push(carry % 58);
      carry = Math.floor(carry / 58);
    }
  }
  let text = "";
  for (let index = 0; index < id.length && id[index] === 0; index++) text += "1";
  for (let index = digits.length - 1; index >= 0; index--) text += alphabet[digits[index] ?? 0] ?? "";
  return text;
}

/** Peer id of a base58 text. Throws `bad_peer_id` with the position of the wrong character or byte. */
export function peerIdFromText(text: string): PeerId {
  if (text.length > textMax) throw new BBError("bad_peer_id", `a text of ${text.length} characters, at most ${textMax} are legal`, { at: textMax });
  const reversed: number[] = [];
  let zeros = 0;
  let leading = true;
  for (let at = 0; at < text.length; at++) {
    let carry = alphabet.indexOf(text[at] ?? "");
    if (carry < 0) throw new BBError("bad_peer_id", "not a base58 character", { at });
    if (leading && carry === 0) zeros++;
    else leading = false;
    for (let index = 0; index < reversed.length; index++) {
      carry += (reversed[index] ?? 0) * 58;
      reversed[index] = carry & 0xff;
      carry >>= 8;
    }
    while (carry > 0) {
      reversed.push(carry & 0xff);
      carry >>= 8;
    }
  }
  const bytes = new Uint8Array(zeros + reversed.length);
  for (let index = 0; index < reversed.length; index++) bytes[zeros + index] = reversed[reversed.length - 1 - index] ?? 0;
  return peerIdFromBytes(bytes);
}

/** True when both name the same peer. */
export function samePeer(left: PeerId, right: PeerId): boolean {
  return equalBytes(left, right);
}

/** Total order of peers: hash code, then digest size, then digest bytes. */
export function comparePeerIds(left: PeerId, right: PeerId): number {
  const first = parse(left);
  const second = parse(right);
  if (first.code !== second.code) return first.code < second.code ? -1 : 1;
  return first.digest.length - second.digest.length || compareBytes(first.digest, second.digest);
}
