// The link to one other member of a hub's room: how much the hub takes for it, and what was sent of that.
import { totalLength, type Bytes } from "../bytes.js";
import { firstCredit, relayCost, relayHeaderLength, type HubLimits, type Member } from "../hub/messages.js";
import { writeRelayHeader } from "../hub/protocol.js";
import type { PeerId } from "../peer-id.js";
import type { LinkId } from "./transport.js";

/** State of one link. */
export class HubLink {
  readonly id: LinkId;
  readonly session: number;
  readonly peerId: PeerId;
  readonly initiator: boolean;
  /** A `writable` event is owed. */
  owesWritable = false;
  #granted: number;
  #sent = 0;

  constructor(id: LinkId, own: number, member: Member, limits: HubLimits) {
    this.id = id;
    this.session = member.session;
    this.peerId = member.peerId;
    this.initiator = own < member.session;
    this.#granted = firstCredit(limits.queueMax);
  }

  /** Takes more credit; credit never shrinks. */
  grant(writable: number): void {
    this.#granted = Math.max(this.#granted, writable);
  }

  /** True when the hub takes a message of this length for it. */
  takes(length: number): boolean {
    return relayCost(length) <= this.#granted - this.#sent;
  }

  /** The relay message of a frame. */
  message(parts: readonly Bytes[]): Uint8Array<ArrayBuffer> {
    const message = new Uint8Array(relayHeaderLength + totalLength(parts));
    writeRelayHeader(message, 0, this.session);
    let at = relayHeaderLength;
    for (const part of parts) {
      message.set(part, at);
      at += part.length;
    }
    this.#sent += relayCost(message.length);
    return message;
  }
}
