// Peers with keys that are the same each time, by number, and proofs of them for nodes without any link.
import type { Bytes } from "../../../js/package/src/bytes.js";
import type { Engine } from "../../../js/package/src/engine.js";
import { manualHost, type ManualHost } from "../../../js/package/src/host.js";
import { Handshake, type AuthenticatedPeer } from "../../../js/package/src/identity/handshake.js";
import { identityOfKey, type Identity } from "../../../js/package/src/identity/identity.js";
import { nobleCrypto, nobleKey } from "../../../js/package/src/identity/noble.js";
import type { PeerId } from "../../../js/package/src/peer-id.js";

/** The identity with this number. */
export function identityOf(number: number): Promise<Identity> {
  const seed = new Uint8Array(32);
  new DataView(seed.buffer).setUint32(0, number);
  return identityOfKey(nobleKey("Ed25519", seed));
}

/** Its peer id. */
export async function idOf(number: number): Promise<PeerId> {
  return (await identityOf(number)).peerId;
}

/** A virtual clock, chance that is the same each time, and cryptography that answers at once. */
export function testHost(seed = 1): ManualHost {
  return manualHost({ seed, crypto: nobleCrypto });
}

/** Proof of the identity with this number, as its handshake with some other peer yields it. */
export async function proofOf(engine: Engine, number: number, incarnation = 1n): Promise<AuthenticatedPeer> {
  const host = testHost(number);
  const crypto = await host.crypto();
  const common = { crypto, random: (into: Bytes) => host.random(into), binding: { kind: "in-process" }, envelopeBytesMax: 1_000_000 } as const;
  let proof: AuthenticatedPeer | undefined;
  const fail = (error: Error): never => {
    throw error;
  };
  const one: Handshake = new Handshake(engine, { ...common, role: "initiator", identity: await identityOf(number), incarnation }, {
    send: (message) => other.receive(message),
    done: () => undefined,
    refused: fail,
  });
  const other = new Handshake(engine, { ...common, role: "responder", identity: await identityOf(number + 1_000_000), incarnation: 1n }, {
    send: (message) => one.receive(message),
    done: (peer) => (proof = peer),
    refused: fail,
  });
  one.begin();
  if (proof === undefined) throw new Error("the handshake did not end");
  return proof;
}
