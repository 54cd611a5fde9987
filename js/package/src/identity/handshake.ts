// A handshake over one channel: the engine's state machine says what to send and what to compute, the host's cryptography computes.
import { concatBytes, viewOf, type Bytes } from "../bytes.js";
import { insideOf, type Engine } from "../engine.js";
import { BBError } from "../errors.js";
import { peerIdFromBytes, type PeerId } from "../peer-id.js";
import type { ChannelBinding } from "../transports/transport.js";
import type { Bridge } from "../wasm/bridge.js";
import type { HandshakeHandle } from "../wasm/glue.js";
import {
  keyAgreements, signatureAlgorithms, type Awaitable, type CryptoProvider, type HandshakeRole, type HandshakeSecrets, type KeyAgreement, type SignatureAlgorithm,
} from "./crypto.js";
import type { Identity } from "./identity.js";

/** How a handshake is begun. */
export interface HandshakeOptions {
  readonly role: HandshakeRole;
  readonly identity: Identity;
  readonly crypto: CryptoProvider;
  /** Unpredictable bytes: fills what it is given. */
  readonly random: (into: Bytes) => void;
  readonly binding: ChannelBinding;
  /** The network's name: peers of different networks do not meet. */
  readonly networkId?: Bytes;
  /** Who was called; anybody else is refused. */
  readonly expected?: PeerId;
  /** Grows with every life of this peer. */
  readonly incarnation: bigint;
  /** Longest envelope taken. */
  readonly envelopeBytesMax: number;
}

/** What comes of a handshake. */
export interface HandshakeEvents {
  /** A message is to be sent, before anything else on the channel. */
  send(message: Bytes): void;
  done(peer: AuthenticatedPeer): void;
  /** `wrong_network`, `tampered`, `bad_signature`, ... and the byte of the message it was found at. */
  refused(error: BBError): void;
}

let takeHandle: (peer: AuthenticatedPeer) => HandshakeHandle;

/** Proof that a peer is who it says: what a finished handshake yields, good for one `Node.admit`. */
export class AuthenticatedPeer {
  readonly id: PeerId;
  readonly incarnation: bigint;
  /** Longest envelope it takes. */
  readonly envelopeBytesMax: number;
  #handle: HandshakeHandle | undefined;

  static {
    takeHandle = (peer) => {
      const handle = peer.#handle;
      if (handle === undefined || handle.isDeleted()) throw new BBError("unauthenticated", "this proof was used already");
      peer.#handle = undefined;
      return handle;
    };
  }

  /** Only a handshake can: anything else has no handle to show. */
  private constructor(bridge: Bridge, handle: HandshakeHandle) {
    const at = handle.peer();
    if (at === 0) throw new BBError("unauthenticated", "the handshake is not done");
    const view = bridge.view();
    this.incarnation = view.getBigUint64(at, true);
    this.envelopeBytesMax = view.getUint32(at + 12, true);
    this.id = peerIdFromBytes(bridge.copy(at + 20, view.getUint32(at + 16, true)));
    this.#handle = handle;
  }

  /** Of a handshake that is done; for `Handshake`. */
  static of(bridge: Bridge, handle: HandshakeHandle): AuthenticatedPeer {
    return new AuthenticatedPeer(bridge, handle);
  }
}

/** The engine's part of a proof, once; for `Node.admit`. */
export function handleOfProof(peer: AuthenticatedPeer): HandshakeHandle {
  return takeHandle(peer);
}

const states = ["asks", "sends", "waits", "done", "refused"] as const;
const requestKinds = ["generate", "agree", "sign", "verify", "seal", "open"] as const;
const bindingKinds = { none: 0, dtls: 1, "in-process": 2 } as const;
const recordBytes = 120;
const zeroNonce = new Uint8Array(12);
const messageMax = 4_096; // the engine refuses a longer one
const earlyMax = 8;

/** Milliseconds a handshake may take. */
export const handshakeMs = 10_000;
/** Handshakes under way that a peer has at most. */
export const halfOpenMax = 64;

/** One handshake. `close` it when its channel goes; it frees itself when it is refused or its proof is used. */
export class Handshake {
  readonly #bridge: Bridge;
  readonly #handle: HandshakeHandle;
  readonly #options: HandshakeOptions;
  readonly #events: HandshakeEvents;
  readonly #secrets: HandshakeSecrets;
  /** Messages that came while something was being computed. */
  readonly #early: Bytes[] = [];
  #computing = false;
  #going = false;
  #over = false;

  /** Throws `bad_argument` for an identity without a key. Nothing is reported before `begin`. */
  constructor(engine: Engine, options: HandshakeOptions, events: HandshakeEvents) {
    this.#bridge = insideOf(engine).bridge;
    this.#options = options;
    this.#events = events;
    this.#secrets = options.crypto.secrets();
    this.#handle = new this.#bridge.module.Handshake(this.#bridge.engine);
    const record = beginRecord(options);
    try {
      this.#bridge.scoped(() => this.#bridge.check(this.#handle.begin(this.#bridge.put(record), record.length)));
    } catch (error) {
      this.#handle.delete();
      throw error;
    }
  }

  /** What came after the last message of the handshake while its proof was being checked; once. */
  takeEarly(): Bytes[] {
    return this.#early.splice(0);
  }

  /** The keys of what is sent afterwards. */
  get secrets(): HandshakeSecrets {
    return this.#secrets;
  }

  /** Sends the first message, if this side opened the channel. */
  begin(): void {
    this.#go();
  }

  /** Takes a message of the other side. */
  receive(message: Bytes): void {
    if (this.#over) return;
    if (this.#computing) {
      // Out of turn, for the engine to refuse; or what the initiator, who is done, says next.
      if (this.#early.length < earlyMax) this.#early.push(message.slice(0, messageMax + 1));
      return;
    }
    this.#bridge.scoped(() => this.#handle.receive(this.#bridge.put(message), message.length));
    this.#go();
  }

  /** The time is over. */
  timeOut(): void {
    if (this.#over) return;
    this.#handle.timeOut();
    this.#go();
  }

  /** Gives up; nothing is reported any more. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#handle.delete();
  }

  /** Goes on as far as it can. An answer may come while a message is being sent, so this may be asked for within itself. */
  #go(): void {
    if (this.#going) return;
    this.#going = true;
    this.#steps();
    this.#going = false;
  }

  #steps(): void {
    while (!this.#over && !this.#computing) {
      switch (states[this.#handle.state() & 0xff]) {
        case "asks": {
          let result: Awaitable<Bytes | undefined>;
          try {
            result = this.#compute();
          } catch {
            result = undefined;
          }
          if (!(result instanceof Promise)) {
            this.#answer(result);
            break;
          }
          this.#computing = true;
          const resume = (bytes: Bytes | undefined): void => {
            this.#computing = false;
            if (this.#over) return;
            this.#answer(bytes);
            this.#go();
          };
          result.then(resume, () => resume(undefined));
          return;
        }
        case "sends": {
          const message = this.#bridge.copy(this.#handle.messageAt(), this.#handle.messageSize());
          this.#handle.sent();
          this.#events.send(message);
          break;
        }
        case "done": {
          this.#over = true;
          this.#events.done(AuthenticatedPeer.of(this.#bridge, this.#handle));
          return;
        }
        case "refused": {
          this.#over = true;
          const reason = this.#handle.refusal();
          const at = this.#handle.state() >>> 16;
          this.#handle.delete();
          this.#events.refused(new BBError(reason, refusals[reason] ?? "the handshake was refused", { at }));
          return;
        }
        default: {
          const early = this.#early.shift();
          if (early === undefined) return;
          this.#bridge.scoped(() => this.#handle.receive(this.#bridge.put(early), early.length));
        }
      }
    }
  }

  #answer(bytes: Bytes | undefined): void {
    if (bytes === undefined) this.#handle.decline();
    else this.#bridge.scoped(() => this.#handle.answer(bytes.length === 0 ? 0 : this.#bridge.put(bytes), bytes.length));
  }

  /** Undefined, or a rejection, declines. */
  #compute(): Awaitable<Bytes | undefined> {
    const at = this.#handle.request();
    const view = this.#bridge.view();
    const bytes = (offset: number): Bytes => this.#bridge.copy(view.getUint32(at + offset, true), view.getUint32(at + offset + 4, true));
    const agreement = (): KeyAgreement => keyAgreements[view.getUint8(at + 1) - 1] ?? "X25519";
    const by: HandshakeRole = view.getUint8(at + 3) === 1 ? "initiator" : "responder";
    const { identity, crypto } = this.#options;
    switch (requestKinds[view.getUint8(at)]) {
      case "generate": return this.#secrets.generate(agreement());
      case "agree": return then(this.#secrets.agree(agreement(), bytes(4), bytes(12)), () => new Uint8Array(0));
      case "sign": return identity.sign(bytes(20));
      case "verify": {
        const algorithm: SignatureAlgorithm = signatureAlgorithms[view.getUint8(at + 2) - 1] ?? "Ed25519";
        return then(crypto.verify(algorithm, bytes(4), bytes(20), bytes(28)), (good) => (good ? new Uint8Array(0) : undefined));
      }
      case "seal": return this.#secrets.handshake(by).seal(zeroNonce, bytes(12), bytes(20));
      case "open": return this.#secrets.handshake(by).open(zeroNonce, bytes(12), bytes(20));
      default: return undefined;
    }
  }
}

function then<A, B>(value: Awaitable<A>, f: (value: A) => B): Awaitable<B> {
  return value instanceof Promise ? value.then(f) : f(value);
}

function mask<T>(names: readonly T[], known: readonly T[]): number {
  return names.reduce((bits, name) => bits | (1 << known.indexOf(name)), 0);
}

function beginRecord(options: HandshakeOptions): Bytes {
  const { role, identity, crypto, binding, networkId = new Uint8Array(0), expected = new Uint8Array(0) } = options;
  if (networkId.length > 0xffff) throw new BBError("bad_argument", `a network name of ${networkId.length} bytes`);
  const record = new Uint8Array(recordBytes);
  const view = viewOf(record);
  view.setUint8(0, role === "initiator" ? 1 : 2);
  view.setUint8(1, mask(crypto.agreements, keyAgreements));
  view.setUint8(2, mask(crypto.algorithms, signatureAlgorithms));
  view.setUint8(3, bindingKinds[binding.kind]);
  view.setUint32(8, Math.min(options.envelopeBytesMax, 0xffff_ffff), true);
  view.setUint16(12, identity.publicKey.length, true);
  view.setUint16(14, networkId.length, true);
  view.setBigUint64(16, options.incarnation, true);
  options.random(record.subarray(24, 56));
  if (binding.kind === "dtls") {
    record.set(binding.initiator, 56);
    record.set(binding.responder, 88);
  }
  return concatBytes([record, identity.publicKey, networkId, expected]);
}

const refusals: Readonly<Record<string, string>> = {
  too_long: "a handshake message is too long",
  malformed: "a handshake message is malformed",
  unexpected: "a message came when none was due",
  wrong_network: "the other side belongs to another network",
  reflection: "our own words came back",
  agreement: "there is no key agreement in common",
  signature_algorithm: "one side cannot check the other's signatures",
  bad_agreement: "the other side's ephemeral key is none",
  tampered: "somebody changed the messages, or the other end is on another channel",
  bad_signature: "the other side does not have the key it names",
  wrong_peer: "the other side is not the peer that was called",
  delegation: "the other side speaks for another key",
  late: "the other side took too long",
  cryptography: "the platform could not compute what the handshake needs",
};
