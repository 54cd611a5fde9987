// What a peer asks of cryptography: keys that sign, the computations of a handshake, encrypted records. WebCrypto answers with
// promises, a library in JavaScript at once; both are taken.
import type { Bytes } from "../bytes.js";
import { BBError } from "../errors.js";

/** A value, or a promise of it. */
export type Awaitable<T> = T | Promise<T>;

/** Agreements on a shared secret, the best first. */
export const keyAgreements = ["X25519", "P-256"] as const;
/** How keys agree on a shared secret. */
export type KeyAgreement = (typeof keyAgreements)[number];
/** Algorithms of signatures, the best first. */
export const signatureAlgorithms = ["Ed25519", "P-256"] as const;
/** How keys sign. */
export type SignatureAlgorithm = (typeof signatureAlgorithms)[number];
/** Who opened a channel, and who was called. */
export type HandshakeRole = "initiator" | "responder";

/** A key that signs; the private part never leaves its provider. */
export interface SigningKey {
  readonly algorithm: SignatureAlgorithm;
  /** Ed25519: 32 bytes; P-256: SubjectPublicKeyInfo in DER, 91 bytes. */
  readonly publicKey: Bytes;
  /** 64 bytes; of P-256, the numbers r and s. */
  sign(message: Bytes): Awaitable<Bytes>;
}

/** AES-256-GCM with one key, each call under another 12-byte nonce. */
export interface RecordCipher {
  /** The ciphertext with its 16-byte tag. */
  seal(nonce: Bytes, additional: Bytes, message: Bytes): Awaitable<Bytes>;
  /** Throws, or rejects, when the message is not what was sealed. */
  open(nonce: Bytes, additional: Bytes, sealed: Bytes): Awaitable<Bytes>;
}

/** The secrets of one handshake. */
export interface HandshakeSecrets {
  /** Makes an ephemeral key pair; its public part: 32 bytes of X25519, 65 of an uncompressed P-256 point. */
  generate(agreement: KeyAgreement): Awaitable<Bytes>;
  /** Agrees with the other side's ephemeral key and derives all keys, by HKDF-SHA-256 with this salt. Throws, or rejects, for a key that is none. */
  agree(agreement: KeyAgreement, key: Bytes, salt: Bytes): Awaitable<void>;
  /** The key of one side's handshake message. */
  handshake(by: HandshakeRole): RecordCipher;
  /** The key of all that one side sends afterwards. */
  traffic(by: HandshakeRole): RecordCipher;
}

/** Base of secrets: the keys by their labels. */
export abstract class DerivedKeys implements HandshakeSecrets {
  readonly #ciphers = new Map<string, RecordCipher>();

  abstract generate(agreement: KeyAgreement): Awaitable<Bytes>;
  abstract agree(agreement: KeyAgreement, key: Bytes, salt: Bytes): Awaitable<void>;

  handshake(by: HandshakeRole): RecordCipher {
    return this.#cipher(keyLabels.handshake[by]);
  }

  traffic(by: HandshakeRole): RecordCipher {
    return this.#cipher(keyLabels.traffic[by]);
  }

  protected keep(label: string, cipher: RecordCipher): void {
    this.#ciphers.set(label, cipher);
  }

  #cipher(label: string): RecordCipher {
    const cipher = this.#ciphers.get(label);
    if (cipher === undefined) throw new BBError("crypto", "no secret was agreed on");
    return cipher;
  }
}

/** The cryptography of a host. */
export interface CryptoProvider {
  /** `webcrypto` or `javascript`. */
  readonly name: string;
  /** What it can do here, the best first. */
  readonly agreements: readonly KeyAgreement[];
  readonly algorithms: readonly SignatureAlgorithm[];
  generateKey(algorithm: SignatureAlgorithm): Awaitable<SigningKey>;
  verify(algorithm: SignatureAlgorithm, publicKey: Bytes, message: Bytes, signature: Bytes): Awaitable<boolean>;
  secrets(): HandshakeSecrets;
}

const keyLabels = {
  handshake: { initiator: "bb-hs i", responder: "bb-hs r" },
  traffic: { initiator: "bb i2r", responder: "bb r2i" },
} as const;

/** HKDF infos of the four keys (docs/handshake.md). */
export const derivedLabels: readonly string[] = [...Object.values(keyLabels.handshake), ...Object.values(keyLabels.traffic)];
