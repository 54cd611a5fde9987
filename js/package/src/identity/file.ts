// An identity in a file that only its owner reads: the same peer in every life of a process, each with a higher incarnation.
import { createPrivateKey, createPublicKey } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { BBError, describeError } from "../errors.js";
import type { Bytes } from "../bytes.js";
import type { SignatureAlgorithm } from "./crypto.js";
import { identityOfKey, type Identity } from "./identity.js";
import { webSigningKey } from "./web-crypto.js";

interface Kept {
  readonly version: 1;
  readonly algorithm: SignatureAlgorithm;
  /** PKCS #8, base64. */
  readonly privateKey: string;
  readonly incarnation: string;
}

const ownerOnly = 0o600;
const importKeys = { Ed25519: { name: "Ed25519" }, "P-256": { name: "ECDSA", namedCurve: "P-256" } } as const;

function read(path: string): Kept | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new BBError("bad_identity", `${path} cannot be read: ${describeError(error)}`, { cause: error });
  }
  try {
    const kept = JSON.parse(text) as Partial<Kept>;
    if (kept.version === 1 && (kept.algorithm === "Ed25519" || kept.algorithm === "P-256") && typeof kept.privateKey === "string" && /^\d{1,20}$/.test(kept.incarnation ?? "")) {
      return kept as Kept;
    }
  } catch {
    // said below
  }
  throw new BBError("bad_identity", `${path} holds no identity; move it away to begin a new one`);
}

/** Whole or not at all, however the process ends. */
function write(path: string, kept: Kept): void {
  const draft = `${path}.new`;
  const file = openSync(draft, "w", ownerOnly);
  try {
    writeSync(file, `${JSON.stringify(kept)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, path);
}

function holderOf(lock: string): number | undefined {
  try {
    return Number(readFileSync(lock, "utf8"));
  } catch {
    return undefined; // let go of meanwhile
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** One process is the peer. A lock whose process is gone is nobody's. */
function takeLock(path: string): () => void {
  const lock = `${path}.lock`;
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      const file = openSync(lock, "wx", ownerOnly);
      writeSync(file, String(process.pid));
      closeSync(file);
      const release = (): void => rmSync(lock, { force: true });
      process.once("exit", release);
      return () => {
        process.off("exit", release);
        release();
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw new BBError("bad_identity", `${lock} cannot be written: ${describeError(error)}`, { cause: error });
      const holder = holderOf(lock);
      if (holder !== undefined && holder > 0 && lives(holder)) throw new BBError("in_use", `process ${holder} is this peer; one at a time can be`);
      rmSync(lock, { force: true });
    }
  }
  throw new BBError("in_use", "another process takes this identity at the same time");
}

async function makeKey(): Promise<{ algorithm: SignatureAlgorithm; pkcs8: Uint8Array<ArrayBuffer> }> {
  for (const algorithm of ["Ed25519", "P-256"] as const) {
    const pair = await crypto.subtle.generateKey(importKeys[algorithm], true, ["sign", "verify"]).catch(() => undefined) as CryptoKeyPair | undefined;
    if (pair !== undefined) return { algorithm, pkcs8: new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey)) };
  }
  throw new BBError("no_crypto", "this platform has neither Ed25519 nor P-256 in WebCrypto");
}

function publicKeyOf(algorithm: SignatureAlgorithm, pkcs8: Bytes): Bytes {
  const spki = createPublicKey(createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" })).export({ format: "der", type: "spki" });
  return new Uint8Array(algorithm === "Ed25519" ? spki.subarray(-32) : spki);
}

/**
 * The identity kept in a file, made if there is none; each call is another life of it. Rejects with `in_use` while another process has
 * it, and with `bad_identity` for a file that is none. For Node.js, Deno and Bun.
 *
 * ```ts
 * const peer = await Peer.create({ engine, artifact, identity: await fileIdentity("peer.key") });
 * ```
 */
export async function fileIdentity(path: string): Promise<Identity> {
  const release = takeLock(path);
  try {
    const kept = read(path);
    const made = kept === undefined ? await makeKey() : undefined;
    const algorithm = kept?.algorithm ?? made?.algorithm ?? "Ed25519";
    const pkcs8 = made?.pkcs8 ?? new Uint8Array(Buffer.from(kept?.privateKey ?? "", "base64"));
    const incarnation = BigInt(kept?.incarnation ?? 0) + 1n;
    let publicKey: Bytes;
    let privateKey: CryptoKey;
    try {
      publicKey = publicKeyOf(algorithm, pkcs8);
      privateKey = await crypto.subtle.importKey("pkcs8", pkcs8, importKeys[algorithm], false, ["sign"]);
    } catch (error) {
      throw new BBError("bad_identity", `${path} holds a key that is none`, { cause: error });
    }
    write(path, { version: 1, algorithm, privateKey: Buffer.from(pkcs8).toString("base64"), incarnation: String(incarnation) });
    return { ...(await identityOfKey(webSigningKey(algorithm, publicKey, privateKey), incarnation)), release };
  } catch (error) {
    release();
    throw error;
  }
}
