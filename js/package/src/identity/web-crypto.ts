// WebCrypto as a provider. Private keys are not extractable: not even this module can read them.
import { utf8Encode, type Bytes } from "../bytes.js";
import { BBError } from "../errors.js";
import {
  derivedLabels, DerivedKeys, keyAgreements, signatureAlgorithms, type CryptoProvider, type KeyAgreement, type RecordCipher,
  type SignatureAlgorithm, type SigningKey,
} from "./crypto.js";

type Solid = Uint8Array<ArrayBuffer>;

const ecdsa = { name: "ECDSA", namedCurve: "P-256" } as const;
const ecdh = { name: "ECDH", namedCurve: "P-256" } as const;
const signing = { Ed25519: { name: "Ed25519" }, "P-256": { name: "ECDSA", hash: "SHA-256" } } as const;
const signingKey = { Ed25519: { name: "Ed25519" }, "P-256": ecdsa } as const;
const agreementKey = { X25519: { name: "X25519" }, "P-256": ecdh } as const;
const tagBits = 128;

// Views of shared memory are refused by WebCrypto itself; nothing here makes any.
const solid = (bytes: Bytes): Solid => bytes as Solid;
const bytesOf = (buffer: ArrayBuffer): Solid => new Uint8Array(buffer);

/** A key pair of WebCrypto as a signing key. */
export function webSigningKey(algorithm: SignatureAlgorithm, publicKey: Bytes, privateKey: CryptoKey): SigningKey & { readonly privateKey: CryptoKey } {
  return {
    algorithm, publicKey, privateKey,
    sign: async (message) => bytesOf(await crypto.subtle.sign(signing[algorithm], privateKey, solid(message))),
  };
}

/** Makes a key pair. */
export async function generateWebKey(algorithm: SignatureAlgorithm): Promise<SigningKey & { readonly privateKey: CryptoKey }> {
  const pair = (await crypto.subtle.generateKey(signingKey[algorithm], false, ["sign", "verify"])) as CryptoKeyPair;
  const publicKey = bytesOf(await crypto.subtle.exportKey(algorithm === "Ed25519" ? "raw" : "spki", pair.publicKey));
  return webSigningKey(algorithm, publicKey, pair.privateKey);
}

class WebCipher implements RecordCipher {
  readonly #key: CryptoKey;

  constructor(key: CryptoKey) {
    this.#key = key;
  }

  async seal(nonce: Bytes, additional: Bytes, message: Bytes): Promise<Bytes> {
    return bytesOf(await crypto.subtle.encrypt({ name: "AES-GCM", iv: solid(nonce), additionalData: solid(additional), tagLength: tagBits }, this.#key, solid(message)));
  }

  async open(nonce: Bytes, additional: Bytes, sealed: Bytes): Promise<Bytes> {
    return bytesOf(await crypto.subtle.decrypt({ name: "AES-GCM", iv: solid(nonce), additionalData: solid(additional), tagLength: tagBits }, this.#key, solid(sealed)));
  }
}

class WebSecrets extends DerivedKeys {
  #ephemeral: CryptoKey | undefined;

  async generate(agreement: KeyAgreement): Promise<Bytes> {
    const pair = (await crypto.subtle.generateKey(agreementKey[agreement], false, ["deriveBits"])) as CryptoKeyPair;
    this.#ephemeral = pair.privateKey;
    return bytesOf(await crypto.subtle.exportKey("raw", pair.publicKey));
  }

  async agree(agreement: KeyAgreement, key: Bytes, salt: Bytes): Promise<void> {
    const own = this.#ephemeral;
    this.#ephemeral = undefined;
    if (own === undefined) throw new BBError("crypto", "there is no ephemeral key");
    const theirs = await crypto.subtle.importKey("raw", solid(key), agreementKey[agreement], false, []);
    const secret = bytesOf(await crypto.subtle.deriveBits({ name: agreementKey[agreement].name, public: theirs }, own, 256));
    if (secret.every((byte) => byte === 0)) throw new BBError("crypto", "the shared secret is zero");
    const base = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
    secret.fill(0);
    await Promise.all(derivedLabels.map(async (label) => {
      const derived = await crypto.subtle.deriveKey(
        { name: "HKDF", hash: "SHA-256", salt: solid(salt), info: utf8Encode(label) }, base, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"],
      );
      this.keep(label, new WebCipher(derived));
    }));
  }
}

/** Those of the names whose keys this platform makes. */
async function those<T extends string>(names: readonly T[], make: (name: T) => Promise<unknown>): Promise<T[]> {
  const made = await Promise.allSettled(names.map(make));
  return names.filter((_, index) => made[index]?.status === "fulfilled");
}

/** WebCrypto with what this platform has of it. Rejects with `no_crypto` where neither signature algorithm is there. */
export async function webCrypto(): Promise<CryptoProvider> {
  const [agreements, algorithms] = await Promise.all([
    those(keyAgreements, (name) => crypto.subtle.generateKey(agreementKey[name], false, ["deriveBits"])),
    those(signatureAlgorithms, (name) => crypto.subtle.generateKey(signingKey[name], false, ["sign", "verify"])),
  ]);
  if (agreements.length === 0 || algorithms.length === 0) throw new BBError("no_crypto", "this platform has neither Ed25519 nor P-256 in WebCrypto");
  return {
    name: "webcrypto", agreements, algorithms,
    generateKey: generateWebKey,
    async verify(algorithm, publicKey, message, signature) {
      const key = await crypto.subtle.importKey(algorithm === "Ed25519" ? "raw" : "spki", solid(publicKey), signingKey[algorithm], false, ["verify"]);
      return crypto.subtle.verify(signing[algorithm], key, solid(signature), solid(message));
    },
    secrets: () => new WebSecrets(),
  };
}
