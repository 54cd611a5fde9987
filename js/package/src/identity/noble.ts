// The same cryptography in JavaScript alone, by the libraries of the name: for pages without WebCrypto, and for virtual time, where
// an answer may not take a turn of the real event loop. Slower by far, and keys are as safe as the memory of the page.
import { gcm } from "@noble/ciphers/aes.js";
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { p256 } from "@noble/curves/nist.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes, fromHex, utf8Encode, type Bytes } from "../bytes.js";
import { BBError } from "../errors.js";
import { derivedLabels, DerivedKeys, keyAgreements, signatureAlgorithms, type CryptoProvider, type KeyAgreement, type RecordCipher, type SigningKey } from "./crypto.js";

export { sha256 };

const keyBytes = 32;
// SubjectPublicKeyInfo of an uncompressed P-256 point, up to the point.
const spkiPrefix = fromHex("3059301306072a8648ce3d020106082a8648ce3d030107034200");

class NobleCipher implements RecordCipher {
  readonly #key: Bytes;

  constructor(key: Bytes) {
    this.#key = key;
  }

  seal(nonce: Bytes, additional: Bytes, message: Bytes): Bytes {
    return gcm(this.#key, nonce, additional).encrypt(message);
  }

  open(nonce: Bytes, additional: Bytes, sealed: Bytes): Bytes {
    return gcm(this.#key, nonce, additional).decrypt(sealed);
  }
}

class NobleSecrets extends DerivedKeys {
  readonly #random: (size: number) => Bytes;
  #ephemeral: Bytes | undefined;

  constructor(random: (size: number) => Bytes) {
    super();
    this.#random = random;
  }

  generate(agreement: KeyAgreement): Bytes {
    if (agreement === "X25519") {
      this.#ephemeral = this.#random(keyBytes);
      return x25519.getPublicKey(this.#ephemeral);
    }
    this.#ephemeral = p256.utils.randomSecretKey(this.#random(p256.lengths.seed ?? 48));
    return p256.getPublicKey(this.#ephemeral, false);
  }

  agree(agreement: KeyAgreement, key: Bytes, salt: Bytes): void {
    const own = this.#ephemeral;
    this.#ephemeral = undefined;
    if (own === undefined) throw new BBError("crypto", "there is no ephemeral key");
    const secret = agreement === "X25519" ? x25519.getSharedSecret(own, key) : p256.getSharedSecret(own, key, true).subarray(1);
    if (secret.every((byte) => byte === 0)) throw new BBError("crypto", "the shared secret is zero");
    for (const label of derivedLabels) {
      this.keep(label, new NobleCipher(hkdf(sha256, secret, salt, utf8Encode(label), keyBytes)));
    }
  }
}

/** An Ed25519 key of a seed of 32 bytes, or a P-256 key of 48: for tests and simulations, where peers are the same each time. */
export function nobleKey(algorithm: SigningKey["algorithm"], seed: Bytes): SigningKey {
  if (algorithm === "Ed25519") {
    return { algorithm, publicKey: ed25519.getPublicKey(seed), sign: (message) => ed25519.sign(message, seed) };
  }
  const secret = p256.utils.randomSecretKey(seed);
  return { algorithm, publicKey: concatBytes([spkiPrefix, p256.getPublicKey(secret, false)]), sign: (message) => p256.sign(message, secret, { lowS: false }) };
}

/** A provider whose chance is `random`, which fills what it is given. */
export function nobleCrypto(random: (into: Bytes) => void): CryptoProvider {
  const draw = (size: number): Bytes => {
    const bytes = new Uint8Array(size);
    random(bytes);
    return bytes;
  };
  return {
    name: "javascript",
    agreements: keyAgreements,
    algorithms: signatureAlgorithms,
    generateKey: (algorithm) => nobleKey(algorithm, draw(algorithm === "Ed25519" ? keyBytes : (p256.lengths.seed ?? 48))),
    verify(algorithm, publicKey, message, signature) {
      try {
        return algorithm === "Ed25519"
          ? ed25519.verify(signature, message, publicKey, { zip215: false })
          : p256.verify(signature, message, publicKey.subarray(spkiPrefix.length), { lowS: false });
      } catch {
        return false; // a point off the curve, a number out of range
      }
    },
    secrets: () => new NobleSecrets(draw),
  };
}
