// What transports over single channels (sockets, ports, data channels) have in common: numbered links, their events and counts.
import { totalLength, type Bytes } from "../bytes.js";
import { BBError } from "../errors.js";
import type { PeerId } from "../peer-id.js";
import { checkFrameLength, waitForLink } from "./dial.js";
import { Listeners } from "./listeners.js";
import type {
  Abort, ChannelBinding, DialTarget, LinkCode, LinkId, LinkInfo, LinkPath, Transport, TransportContext, TransportEvent, TransportStats, TransportStatus,
} from "./transport.js";

/** A channel as a transport sees it. */
export interface Channel {
  readonly peerHint?: PeerId;
  readonly path: LinkPath;
  readonly binding: ChannelBinding;
  readonly initiator: boolean;
  readonly frameMax: number;
  /** Takes a frame; false when it is full, after which `writable` is to be called. */
  send(parts: readonly Bytes[]): boolean;
  /** Lets go of it; nothing is reported any more. */
  close(code: LinkCode): void;
}

interface Open {
  readonly channel: Channel;
  owesWritable: boolean;
}

/** Base of transports whose links are channels of their own. */
export abstract class ChannelTransport implements Transport {
  abstract readonly kind: string;
  readonly #listeners = new Listeners<TransportEvent>();
  readonly #open = new Map<LinkId, Open>();
  readonly #stats = { framesSent: 0, bytesSent: 0, framesReceived: 0, bytesReceived: 0 };
  #context: TransportContext | undefined;
  #status: TransportStatus = "closed";
  #last = 0;

  /** What it was started with; undefined before and after. */
  protected get context(): TransportContext | undefined {
    return this.#context;
  }

  /** Gets ready; what it throws, `start` rejects with. */
  protected abstract opened(context: TransportContext): void | Promise<void>;
  /** The end of the transport; its channels are closed already. */
  protected abstract ended(): void;

  async start(context: TransportContext): Promise<void> {
    if (this.#context !== undefined) throw new BBError("already_started", "the transport runs already");
    this.#context = context;
    try {
      await this.opened(context);
    } catch (error) {
      this.#context = undefined;
      throw error;
    }
    if (this.#context === undefined) throw new BBError("closed", "the transport was closed");
    this.setStatus("open");
  }

  connect(target: DialTarget, options: Abort = {}): Promise<LinkId> {
    return waitForLink(this, target, options);
  }

  links(): LinkInfo[] {
    return [...this.#open].map(([link, { channel }]) => ({
      link, path: channel.path, initiator: channel.initiator, frameMax: channel.frameMax, ...(channel.peerHint === undefined ? {} : { peerHint: channel.peerHint }),
    }));
  }

  send(link: LinkId, parts: readonly Bytes[]): "sent" | "full" | "closed" {
    const open = this.#open.get(link);
    if (open === undefined) return "closed";
    const size = totalLength(parts);
    checkFrameLength(size, open.channel.frameMax);
    if (!open.channel.send(parts)) {
      open.owesWritable = true;
      return "full";
    }
    this.#stats.framesSent++;
    this.#stats.bytesSent += size;
    return "sent";
  }

  async close(link?: LinkId, code: LinkCode = "closed"): Promise<void> {
    if (link !== undefined) {
      this.down(link, code, false);
      return;
    }
    if (this.#context === undefined) return;
    this.#context = undefined;
    for (const open of [...this.#open.keys()]) this.down(open, "closed", false);
    this.ended();
    this.setStatus("closed");
  }

  on(f: (event: TransportEvent) => void): () => void {
    return this.#listeners.add(f);
  }

  stats(): TransportStats {
    return { ...this.#stats };
  }

  /** A channel is ready. */
  protected up(channel: Channel): LinkId {
    const link = ++this.#last;
    this.#open.set(link, { channel, owesWritable: false });
    this.emit({
      type: "link-up", link, path: channel.path, binding: channel.binding, initiator: channel.initiator, frameMax: channel.frameMax,
      ...(channel.peerHint === undefined ? {} : { peerHint: channel.peerHint }),
    });
    return link;
  }

  /** A frame came. One longer than is allowed ends the link. */
  protected frame(link: LinkId, bytes: Bytes): void {
    const open = this.#open.get(link);
    if (open === undefined) return;
    if (bytes.length > open.channel.frameMax) {
      this.down(link, "over_cap", false);
      return;
    }
    this.#stats.framesReceived++;
    this.#stats.bytesReceived += bytes.length;
    this.emit({ type: "frame", link, bytes });
  }

  /** A channel that was full has room again. */
  protected writable(link: LinkId): void {
    const open = this.#open.get(link);
    if (open?.owesWritable !== true) return;
    open.owesWritable = false;
    this.emit({ type: "writable", link });
  }

  /** A channel is gone, or is to go. */
  protected down(link: LinkId, code: LinkCode, retryable: boolean): void {
    const open = this.#open.get(link);
    if (open === undefined) return;
    this.#open.delete(link);
    open.channel.close(code);
    this.emit({ type: "link-down", link, code, retryable });
  }

  protected setStatus(status: TransportStatus, retryAfterMs?: number): void {
    if (status === this.#status) return;
    this.#status = status;
    this.emit(retryAfterMs === undefined ? { type: "status", status } : { type: "status", status, retryAfterMs });
  }

  protected emit(event: TransportEvent): void {
    this.#listeners.emit(event);
  }
}
