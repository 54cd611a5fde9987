// A connection without a socket, for tests of the hub's core: what the hub sends is kept, and how fast it drains is said by the test.
import assert from "node:assert/strict";
import type { HubCore } from "../../../../js/package/src/hub/core.js";
import type { HubMessage } from "../../../../js/package/src/hub/messages.js";
import type { HubConnection, HubSession } from "../../../../js/package/src/hub/options.js";
import { decodeControl, encodeControl, writeRelayHeader } from "../../../../js/package/src/hub/protocol.js";
import { peerIdFromNumber, type PeerId } from "../../../../js/package/src/peer-id.js";

/** One fake client of a hub. */
export class FakeClient implements HubConnection {
  readonly session: HubSession;
  readonly control: HubMessage[] = [];
  readonly relayed: Uint8Array[] = [];
  readonly texts: string[] = [];
  closedWith: { code: number; reason: string } | undefined;
  pings = 0;
  /** While true nothing leaves the buffer. */
  stuck = false;
  #buffered = 0;

  constructor(core: HubCore) {
    this.session = core.accept(this);
  }

  send(bytes: Uint8Array): void {
    if (this.closedWith !== undefined) return;
    if (this.stuck) this.#buffered += bytes.length;
    if (bytes[0] === 1) this.control.push(decodeControl(bytes));
    else this.relayed.push(Uint8Array.from(bytes));
  }

  sendText(text: string): void {
    this.texts.push(text);
  }

  buffered(): number {
    return this.#buffered;
  }

  ping(): void {
    this.pings++;
  }

  close(code: number, reason: string): void {
    this.closedWith ??= { code, reason };
  }

  /** Lets the buffer run empty. */
  flow(): void {
    this.stuck = false;
    this.#buffered = 0;
    this.session.drained();
  }

  hello(peer: number | PeerId, room = "room", version = 1, networkId = new Uint8Array(0)): void {
    const peerId = typeof peer === "number" ? peerIdFromNumber(peer) : peer;
    this.session.message(encodeControl({ kind: "hello", hello: { version, networkId, room: new TextEncoder().encode(room), peerId, caps: 0 } }));
  }

  /** Number the hub gave in its Welcome. */
  get number(): number {
    const welcome = this.of("welcome")[0];
    assert.ok(welcome !== undefined, "no Welcome yet");
    return welcome.welcome.session;
  }

  of<K extends HubMessage["kind"]>(kind: K): Extract<HubMessage, { kind: K }>[] {
    return this.control.filter((message): message is Extract<HubMessage, { kind: K }> => message.kind === kind);
  }

  /** Sends a relay message with `length` bytes behind the header, all of the given value. */
  relay(to: number, length: number, value = 7, lane: 0 | 1 = 1): void {
    const message = new Uint8Array(8 + length).fill(value);
    writeRelayHeader(message, lane, to);
    this.session.message(message);
  }
}
