// What waits for one member: relay messages by sender and lane, served in turn, each sender held to its credit.
//
// Invariants: per sender `forwarded <= received <= granted`; a sender keeping to its credit is never refused, so nothing is ever
// dropped; what waits for one member is at most the sum of the windows, which shrink as senders become more.
import type { Bytes } from "../bytes.js";
import { firstCredit, relayCost } from "./messages.js";
import type { HubConnection, HubSettings } from "./options.js";

interface Flow {
  readonly sender: number;
  received: number;
  forwarded: number;
  granted: number;
  readonly lanes: readonly [Bytes[], Bytes[]];
}

/** Bytes waiting in all outboxes of a hub. */
export interface QueueAccount {
  queued: number;
}

/** The waiting messages of one member. */
export class Outbox {
  readonly #connection: HubConnection;
  readonly #settings: HubSettings;
  readonly #account: QueueAccount;
  readonly #grant: (sender: number, writable: number) => void;
  readonly #flows = new Map<number, Flow>();
  /** Flows with waiting messages, per lane, in the order of their turn. */
  readonly #turns: readonly [Flow[], Flow[]] = [[], []];
  #queued = 0;

  constructor(connection: HubConnection, settings: HubSettings, account: QueueAccount, grant: (sender: number, writable: number) => void) {
    this.#connection = connection;
    this.#settings = settings;
    this.#account = account;
    this.#grant = grant;
  }

  /** Cost of what waits here. */
  get queued(): number {
    return this.#queued;
  }

  /** Takes a message with its header already rewritten; false when the sender had no credit for it. */
  relay(sender: number, lane: 0 | 1, message: Bytes): boolean {
    let flow = this.#flows.get(sender);
    if (flow === undefined) {
      flow = { sender, received: 0, forwarded: 0, granted: firstCredit(this.#settings.queueMax), lanes: [[], []] };
      this.#flows.set(sender, flow);
    }
    const cost = relayCost(message.length);
    if (flow.received + cost > flow.granted) return false;
    flow.received += cost;
    const waiting = flow.lanes[lane];
    if (waiting.length === 0) this.#turns[lane].push(flow);
    waiting.push(message);
    this.#queued += cost;
    this.#account.queued += cost;
    this.pump();
    return true;
  }

  /** Hands over what the connection takes: control before bulk, one message of each sender in turn. */
  pump(): void {
    while (this.#queued > 0 && this.#connection.buffered() < this.#settings.queueMax) {
      const lane = this.#turns[0].length > 0 ? 0 : 1;
      const flow = this.#turns[lane].shift();
      const message = flow?.lanes[lane].shift();
      if (flow === undefined || message === undefined) return;
      if (flow.lanes[lane].length > 0) this.#turns[lane].push(flow);
      flow.forwarded += this.#release(message);
      this.#connection.send(message);
      this.#renew(flow);
    }
  }

  /** Drops what a departed sender left behind: its receiver has been told that it is gone and would not take it. */
  forget(sender: number): void {
    const flow = this.#flows.get(sender);
    if (flow === undefined) return;
    this.#flows.delete(sender);
    for (const lane of [0, 1] as const) {
      for (const message of flow.lanes[lane]) this.#release(message);
      const turn = this.#turns[lane].indexOf(flow);
      if (turn >= 0) this.#turns[lane].splice(turn, 1);
    }
  }

  /** Lets go of everything. */
  clear(): void {
    this.#account.queued -= this.#queued;
    this.#queued = 0;
    this.#flows.clear();
    this.#turns[0].length = 0;
    this.#turns[1].length = 0;
  }

  #release(message: Bytes): number {
    const cost = relayCost(message.length);
    this.#queued -= cost;
    this.#account.queued -= cost;
    return cost;
  }

  #renew(flow: Flow): void {
    const { queueMax } = this.#settings;
    const window = Math.max(firstCredit(queueMax), Math.floor(queueMax / this.#flows.size));
    const wanted = flow.forwarded + window;
    if (wanted - flow.granted < window / 2) return;
    flow.granted = wanted;
    this.#grant(flow.sender, wanted);
  }
}
