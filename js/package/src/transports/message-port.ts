// Links over MessagePorts: between a page and its workers or frames, or any two that were handed the ends of a MessageChannel.
//
// Each end posts `{ hello: 16 random bytes }` until it has heard the other one; the larger number is the initiator. Then frames, each an
// ArrayBuffer that is transferred, and `{ bye: true }` at the end.
import { compareBytes, concatBytes, type Bytes } from "../bytes.js";
import { BBError } from "../errors.js";
import { ChannelTransport, type Channel } from "./channels.js";
import type { LinkId, Transport, TransportContext } from "./transport.js";

/** The part of a MessagePort that is used: that of browsers, Node.js, Deno and Bun, a Worker, or a worker's own scope. */
export interface PortLike {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  removeEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  start?(): void;
  close?(): void;
}

/** Settings of a transport over ports. */
export interface MessagePortTransportOptions {
  /** Ports that are there from the beginning; `add` takes more. */
  readonly ports?: readonly PortLike[];
  /** Longest frame; 256 KiB of a message and its headers when absent. */
  readonly frameMax?: number;
}

const frameMaxDefault = 262_144 + 64;
const helloBytes = 16;

interface End {
  readonly port: PortLike;
  readonly own: Bytes;
  readonly listener: (event: { readonly data: unknown }) => void;
  link: LinkId | undefined;
}

/** A transport over MessagePorts. */
export class MessagePortTransport extends ChannelTransport {
  readonly kind = "message-port";
  readonly #frameMax: number;
  readonly #ends = new Map<PortLike, End>();
  readonly #waiting: PortLike[];

  constructor(options: MessagePortTransportOptions = {}) {
    super();
    this.#frameMax = options.frameMax ?? frameMaxDefault;
    this.#waiting = [...(options.ports ?? [])];
  }

  /** Takes another port. It belongs to the transport from now on, which closes it with its link. */
  add(port: PortLike): void {
    const context = this.context;
    if (context === undefined) this.#waiting.push(port);
    else this.#listen(context, port);
  }

  protected opened(context: TransportContext): void {
    for (const port of this.#waiting.splice(0)) this.#listen(context, port);
  }

  protected ended(): void {
    for (const end of [...this.#ends.values()]) this.#forget(end);
  }

  #listen(context: TransportContext, port: PortLike): void {
    if (this.#ends.has(port)) throw new BBError("bad_argument", "this port is in use already");
    const own = new Uint8Array(helloBytes);
    context.host.random(own);
    const end: End = { port, own, link: undefined, listener: ({ data }) => this.#received(end, data) };
    this.#ends.set(port, end);
    port.addEventListener("message", end.listener);
    port.start?.();
    port.postMessage({ hello: own }, []);
  }

  #received(end: End, data: unknown): void {
    if (data instanceof ArrayBuffer) {
      if (end.link !== undefined) this.frame(end.link, new Uint8Array(data));
      return;
    }
    const { hello, bye } = typeof data === "object" && data !== null ? (data as { hello?: unknown; bye?: unknown }) : {};
    if (hello instanceof Uint8Array && hello.length === helloBytes && end.link === undefined) this.#met(end, hello);
    else if (bye === true && end.link !== undefined) {
      this.#ends.delete(end.port); // there is nobody to say it to
      this.down(end.link, "left", true);
    } else if (end.link !== undefined && hello === undefined) this.down(end.link, "protocol", false);
  }

  #met(end: End, theirs: Uint8Array): void {
    const order = compareBytes(end.own, theirs);
    if (order === 0) return; // our own hello came back
    // The first one may have been posted before the other side listened, where that is a worker that was still starting.
    end.port.postMessage({ hello: end.own }, []);
    const channel: Channel = {
      path: "local", binding: { kind: "in-process" }, initiator: order > 0, frameMax: this.#frameMax,
      send: (parts) => {
        const frame = concatBytes(parts);
        end.port.postMessage(frame.buffer, [frame.buffer]);
        return true; // ports have no buffer to ask about: the credit of the link layer is what bounds them
      },
      close: () => this.#forget(end),
    };
    end.link = this.up(channel);
  }

  #forget(end: End): void {
    end.port.removeEventListener("message", end.listener);
    if (this.#ends.delete(end.port)) end.port.postMessage({ bye: true }, []);
    end.port.close?.();
  }
}

/**
 * A transport over MessagePorts.
 *
 * ```ts
 * const { port1, port2 } = new MessageChannel();
 * worker.postMessage(port2, [port2]);
 * const transport = messagePortTransport({ ports: [port1] });
 * ```
 */
export function messagePortTransport(options: MessagePortTransportOptions = {}): Transport & { add(port: PortLike): void } {
  return new MessagePortTransport(options);
}
