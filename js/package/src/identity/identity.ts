// Who a peer is: a key that signs, and the id made of its public part by the rule of libp2p.
import { concatBytes, type Bytes } from "../bytes.js";
import { BBError } from "../errors.js";
import { peerIdFromBytes, type PeerId } from "../peer-id.js";
import type { Awaitable, CryptoProvider, SignatureAlgorithm, SigningKey } from "./crypto.js";
import { platformCrypto } from "./platform.js";

/** A peer's key. Nothing here gives the private part away. */
export interface Identity {
  readonly peerId: PeerId;
  /** The public key as libp2p encodes it: a protobuf of its type and the key. */
  readonly publicKey: Bytes;
  readonly algorithm: SignatureAlgorithm;
  /** Grows with every life of the peer, where that is kept; others learn by it that a peer has begun anew. */
  readonly incarnation?: bigint;
  sign(message: Bytes): Awaitable<Bytes>;
  /** Lets others use the key, where only one may. */
  release?(): void;
}

const prefixes = { Ed25519: [0x08, 0x01, 0x12, 0x20], "P-256": [0x08, 0x03, 0x12, 0x5b] } as const;
const keyBytes = { Ed25519: 32, "P-256": 91 } as const;
const identityDigestMax = 42;
const identityCode = 0;
const sha256Code = 0x12;

/** The libp2p encoding of a public key. Throws `bad_key` for a key of another length. */
export function encodePublicKey(algorithm: SignatureAlgorithm, publicKey: Bytes): Bytes {
  if (publicKey.length !== keyBytes[algorithm]) throw new BBError("bad_key", `a public key of ${publicKey.length} bytes, ${keyBytes[algorithm]} has one of ${algorithm}`);
  return concatBytes([Uint8Array.from(prefixes[algorithm]), publicKey]);
}

/** The id of an encoded public key: the key itself when it is short, else its SHA-256. */
export async function peerIdOfPublicKey(encoded: Bytes): Promise<PeerId> {
  const short = encoded.length <= identityDigestMax;
  const digest = short ? encoded : await sha256(encoded);
  return peerIdFromBytes(concatBytes([Uint8Array.of(short ? identityCode : sha256Code, digest.length), digest]));
}

/** An identity of a signing key. */
export async function identityOfKey(key: SigningKey, incarnation?: bigint): Promise<Identity> {
  const publicKey = encodePublicKey(key.algorithm, key.publicKey);
  return {
    peerId: await peerIdOfPublicKey(publicKey),
    publicKey,
    algorithm: key.algorithm,
    sign: (message) => key.sign(message),
    ...(incarnation === undefined ? {} : { incarnation }),
  };
}

async function sha256(bytes: Bytes): Promise<Bytes> {
  if (Reflect.get(globalThis.crypto, "subtle") !== undefined) return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
  const noble = await import("./noble.js");
  return noble.sha256(bytes);
}

/** A new identity that is gone with the peer. Of `crypto`, the platform's when absent. */
export async function ephemeralIdentity(crypto?: CryptoProvider): Promise<Identity> {
  const provider = crypto ?? (await platformCrypto());
  const [algorithm] = provider.algorithms;
  if (algorithm === undefined) throw new BBError("no_crypto", "the cryptography of this host has no signatures");
  return identityOfKey(await provider.generateKey(algorithm));
}
