// Identities that browsers keep: the key in IndexedDB, where even the page cannot read its private part, and a lock, so that one tab is
// the peer.
import type { Bytes } from "../bytes.js";
import { BBError, describeError } from "../errors.js";
import type { SignatureAlgorithm } from "./crypto.js";
import { ephemeralIdentity, identityOfKey, type Identity } from "./identity.js";
import { generateWebKey, webCrypto, webSigningKey } from "./web-crypto.js";

interface Kept {
  readonly algorithm: SignatureAlgorithm;
  readonly publicKey: Bytes;
  readonly privateKey: CryptoKey;
  readonly incarnation: bigint;
  readonly usedMs: number;
}

const databaseName = "bytesandbrains-identities";
const storeName = "keys";
const tabSlotKey = "bytesandbrains-identity";
const tabPrefix = "tab:";
const tabSlotsMax = 32; // closed tabs leave their keys behind

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(new BBError("bad_identity", `the browser keeps no keys: ${describeError(request.error)}`, { cause: request.error }));
  });
}

function openDatabase(): Promise<IDBDatabase> {
  const request = indexedDB.open(databaseName, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(storeName);
  return settled(request);
}

/** Holds a lock until the result is called; undefined when somebody else has it. */
function takeLock(name: string): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    navigator.locks.request(name, { ifAvailable: true }, (lock) => {
      if (lock === null) return resolve(undefined);
      return new Promise<void>((release) => resolve(() => release()));
    }).catch(reject);
  });
}

/** The next life of what a slot holds, or a new key in it. */
async function live(slot: string): Promise<Kept> {
  const database = await openDatabase();
  try {
    const kept = await settled(database.transaction(storeName).objectStore(storeName).get(slot)) as Kept | undefined;
    let next: Kept;
    if (kept === undefined) {
      const [algorithm] = (await webCrypto()).algorithms;
      const key = await generateWebKey(algorithm ?? "Ed25519");
      next = { algorithm: key.algorithm, publicKey: key.publicKey, privateKey: key.privateKey, incarnation: 1n, usedMs: Date.now() };
    } else next = { ...kept, incarnation: kept.incarnation + 1n, usedMs: Date.now() };
    const change = database.transaction(storeName, "readwrite", { durability: "strict" });
    change.objectStore(storeName).put(next, slot);
    if (slot.startsWith(tabPrefix)) await forgetOldTabs(change.objectStore(storeName));
    await new Promise<void>((resolve, reject) => {
      change.oncomplete = () => resolve();
      change.onabort = () => reject(new BBError("bad_identity", `the browser keeps no keys: ${describeError(change.error)}`, { cause: change.error }));
    });
    return next;
  } finally {
    database.close();
  }
}

async function forgetOldTabs(store: IDBObjectStore): Promise<void> {
  const slots = (await settled(store.getAllKeys())).map(String).filter((slot) => slot.startsWith(tabPrefix));
  if (slots.length <= tabSlotsMax) return;
  const used = await Promise.all(slots.map(async (slot) => ({ slot, usedMs: (await settled(store.get(slot)) as Kept).usedMs })));
  for (const { slot } of used.sort((left, right) => left.usedMs - right.usedMs).slice(0, slots.length - tabSlotsMax)) store.delete(slot);
}

async function identityOfSlot(slot: string, release: () => void): Promise<Identity> {
  try {
    const { algorithm, publicKey, privateKey, incarnation } = await live(slot);
    return { ...(await identityOfKey(webSigningKey(algorithm, publicKey, privateKey), incarnation)), release };
  } catch (error) {
    release();
    throw error;
  }
}

/** True where keys can be kept: not in pages that came over plain HTTP from another machine, nor in workers without storage. */
export function keepsIdentities(): boolean {
  return typeof indexedDB !== "undefined" && typeof navigator !== "undefined" && "locks" in navigator && Reflect.get(globalThis.crypto, "subtle") !== undefined;
}

/**
 * The one identity of this browser profile and origin, for an application whose tabs are one peer. Rejects with `in_use` while another
 * tab has it. An ephemeral one where the browser keeps none.
 */
export async function profileIdentity(name = "default"): Promise<Identity> {
  if (!keepsIdentities()) return ephemeralIdentity();
  const slot = `profile:${name}`;
  const release = await takeLock(`bytesandbrains:${slot}`);
  if (release === undefined) throw new BBError("in_use", "another tab is this peer; one at a time can be");
  return identityOfSlot(slot, release);
}

/** The identity of this tab: the same when it is reloaded, another one in every other tab. An ephemeral one where the browser keeps none. */
export async function tabIdentity(): Promise<Identity> {
  if (!keepsIdentities() || typeof sessionStorage === "undefined") return ephemeralIdentity();
  const known = sessionStorage.getItem(tabSlotKey);
  // "Duplicate tab" copies the name of the slot, and the lock tells which of the two was first.
  const held = known === null ? undefined : await takeLock(`bytesandbrains:${known}`);
  if (known !== null && held !== undefined) return identityOfSlot(known, held);
  const slot = `${tabPrefix}${crypto.randomUUID()}`;
  const release = await takeLock(`bytesandbrains:${slot}`);
  if (release === undefined) throw new BBError("in_use", "the lock of a new name is taken");
  sessionStorage.setItem(tabSlotKey, slot);
  return identityOfSlot(slot, release);
}
