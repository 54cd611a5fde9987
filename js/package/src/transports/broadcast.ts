// Tabs of one browser and origin find each other, without any server. Every message goes to all of them, so this is for a few tabs.
//
// Messages are objects: `{ from, here: peer id }` announces, `{ from, to, here }` answers, `{ from, to, frame }` carries, `{ from, bye }` leaves.
// A tab that is closed or crashes lets go of a lock, which is how the others know, where there are locks.
import { concatBytes, equalBytes, toHex } from "../bytes.js";
import { BBError } from "../errors.js";
import { peerIdFromBytes, type PeerId } from "../peer-id.js";
import { ChannelTransport, type Channel } from "./channels.js";
import type { LinkId, Transport, TransportContext } from "./transport.js";

/** Settings of a broadcast transport. */
export interface BroadcastTransportOptions {
  /** Name of the room: tabs of one origin that name the same one meet. */
  readonly room: string;
  /** Other tabs a tab links with; 7 when absent. */
  readonly linksMax?: number;
}

interface Message {
  readonly from: string;
  readonly to?: string;
  readonly network: string;
  readonly here?: Uint8Array;
  readonly frame?: Uint8Array;
  readonly bye?: boolean;
}

const frameMax = 65_536 + 64; // every tab gets a copy
const linksMaxDefault = 7;
const nameBytes = 16;
const namePattern = /^[0-9a-f]{32}$/;

function isMessage(data: unknown): data is Message {
  if (typeof data !== "object" || data === null) return false;
  const { from, to, network, here, frame } = data as Partial<Record<keyof Message, unknown>>;
  return typeof from === "string" && namePattern.test(from) && (to === undefined || typeof to === "string") && typeof network === "string" &&
    (here === undefined || here instanceof Uint8Array) && (frame === undefined || frame instanceof Uint8Array);
}

/** A transport among tabs. */
export class BroadcastTransport extends ChannelTransport {
  readonly kind = "broadcast";
  readonly #room: string;
  readonly #linksMax: number;
  readonly #others = new Map<string, { readonly link: LinkId; readonly stopWatching: () => void }>();
  #channel: BroadcastChannel | undefined;
  #own = "";
  #network = "";
  #peerId: PeerId | undefined;
  #letGo: (() => void) | undefined;

  constructor(options: BroadcastTransportOptions) {
    super();
    if (typeof BroadcastChannel === "undefined") throw new BBError("no_broadcast_channel", "this runtime has no BroadcastChannel");
    this.#room = options.room;
    this.#linksMax = options.linksMax ?? linksMaxDefault;
  }

  protected opened(context: TransportContext): void {
    const name = new Uint8Array(nameBytes);
    context.host.random(name);
    this.#own = toHex(name);
    this.#network = toHex(context.networkId ?? new Uint8Array(0));
    this.#peerId = context.peerId;
    this.#letGo = holdLock(lockName(this.#own));
    this.#channel = new BroadcastChannel(`bytesandbrains:${this.#room}`);
    this.#channel.onmessage = (event: MessageEvent<unknown>) => this.#received(event.data);
    this.#post({ here: context.peerId });
  }

  protected ended(): void {
    this.#post({ bye: true });
    this.#channel?.close();
    this.#channel = undefined;
    this.#letGo?.();
    this.#letGo = undefined;
    for (const { stopWatching } of this.#others.values()) stopWatching();
    this.#others.clear();
  }

  #post(message: Omit<Message, "from" | "network">): void {
    this.#channel?.postMessage({ from: this.#own, network: this.#network, ...message });
  }

  #received(data: unknown): void {
    if (!isMessage(data) || data.network !== this.#network || data.from === this.#own || (data.to !== undefined && data.to !== this.#own)) return;
    const known = this.#others.get(data.from);
    if (data.bye === true) this.#gone(data.from, "left");
    else if (data.frame !== undefined) {
      if (known !== undefined && data.to === this.#own) this.frame(known.link, data.frame);
    } else if (data.here !== undefined && known === undefined) this.#met(data.from, data.here, data.to === undefined);
  }

  #met(name: string, here: Uint8Array, answer: boolean): void {
    let peerHint: PeerId;
    try {
      peerHint = peerIdFromBytes(here);
    } catch (error) {
      if (error instanceof BBError) this.emit({ type: "error", error, retryable: false });
      return;
    }
    if (this.#peerId !== undefined && equalBytes(peerHint, this.#peerId)) return; // the same peer twice: one of them is leaving
    if (this.#others.size >= this.#linksMax) {
      this.emit({ type: "error", error: new BBError("over_cap", `more than ${this.#linksMax} other tabs`), retryable: false });
      return;
    }
    if (answer && this.#peerId !== undefined) this.#post({ to: name, here: this.#peerId });
    const channel: Channel = {
      peerHint, path: "local", binding: { kind: "none" }, initiator: this.#own < name, frameMax,
      send: (parts) => {
        const frame = concatBytes(parts);
        this.#post({ to: name, frame });
        return true;
      },
      close: () => {
        this.#others.get(name)?.stopWatching();
        this.#others.delete(name);
      },
    };
    const link = this.up(channel);
    this.#others.set(name, { link, stopWatching: watchLock(lockName(name), () => this.#gone(name, "lost")) });
  }

  #gone(name: string, code: "left" | "lost"): void {
    const known = this.#others.get(name);
    if (known !== undefined) this.down(known.link, code, true);
  }
}

function lockName(name: string): string {
  return `bytesandbrains:tab:${name}`;
}

function locks(): LockManager | undefined {
  return typeof navigator === "undefined" ? undefined : (Reflect.get(navigator, "locks") as LockManager | undefined);
}

/** Holds a lock until the result is called, or the tab is gone. */
function holdLock(name: string): () => void {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  void locks()?.request(name, () => held).catch(() => undefined);
  return release;
}

/** Calls `gone` when whoever holds a lock has let go of it, unless the result was called before. */
function watchLock(name: string, gone: () => void): () => void {
  const stop = new AbortController();
  locks()?.request(name, { signal: stop.signal }, () => gone()).catch(() => undefined); // stopped
  return () => stop.abort();
}

/**
 * A transport among the tabs of one browser and origin.
 *
 * ```ts
 * const peer = await Peer.create({ engine, artifact, transports: [broadcastTransport({ room: "lab" })] });
 * ```
 */
export function broadcastTransport(options: BroadcastTransportOptions): Transport {
  return new BroadcastTransport(options);
}
