// The members of one room and the news about them: comings and goings are gathered, and nobody hears from a
// stranger, since the news goes out before the first message of a new member.
import type { Bytes } from "../bytes.js";
import type { Host } from "../host.js";
import { encodeControl } from "./protocol.js";
import type { Member } from "./messages.js";
import type { Outbox } from "./outbox.js";

/** A member as its room keeps it. */
export interface RoomMember {
  readonly member: Member;
  /** Text of the peer id, the key under which it is unique. */
  readonly key: string;
  readonly outbox: Outbox;
  /** Sends a control message. */
  control(bytes: Bytes): void;
  /** Revision at which it came. */
  joinedAt: number;
  /** Latest revision it has been told of. */
  toldOf: number;
}

/** One room. */
export class Room {
  readonly name: string;
  readonly #host: Host;
  readonly #presenceMs: number;
  readonly #members = new Map<number, RoomMember>();
  readonly #byKey = new Map<string, RoomMember>();
  #joined: { revision: number; member: Member }[] = [];
  #left: { revision: number; session: number }[] = [];
  #revision = 0;
  #lastFlushMs = Number.NEGATIVE_INFINITY;
  #cancelTimer: (() => void) | undefined;

  constructor(name: string, host: Host, presenceMs: number) {
    this.name = name;
    this.#host = host;
    this.#presenceMs = presenceMs;
  }

  get size(): number {
    return this.#members.size;
  }

  get revision(): number {
    return this.#revision;
  }

  get(session: number): RoomMember | undefined {
    return this.#members.get(session);
  }

  byKey(key: string): RoomMember | undefined {
    return this.#byKey.get(key);
  }

  /** Everybody present. */
  list(): Member[] {
    return [...this.#members.values()].map((entry) => entry.member);
  }

  /** Lets a member in; the caller has told it of everybody else. */
  join(entry: RoomMember): void {
    this.#revision++;
    entry.joinedAt = this.#revision;
    entry.toldOf = this.#revision;
    this.#members.set(entry.member.session, entry);
    this.#byKey.set(entry.key, entry);
    this.#joined.push({ revision: this.#revision, member: entry.member });
    this.#plan();
  }

  /** Lets a member go. */
  leave(entry: RoomMember): void {
    const { session } = entry.member;
    if (!this.#members.delete(session)) return;
    if (this.#byKey.get(entry.key) === entry) this.#byKey.delete(entry.key);
    this.#revision++;
    this.#joined = this.#joined.filter((news) => news.member.session !== session);
    this.#left.push({ revision: this.#revision, session });
    for (const other of this.#members.values()) other.outbox.forget(session);
    entry.outbox.clear();
    this.#plan();
  }

  /** Makes sure that `to` has heard of `from`. */
  introduce(from: RoomMember, to: RoomMember): void {
    if (to.toldOf < from.joinedAt) this.#flush();
  }

  /** Ends all timers; the room is empty. */
  close(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #plan(): void {
    if (this.#cancelTimer !== undefined) return;
    const waitMs = Math.max(0, this.#lastFlushMs + this.#presenceMs - this.#host.now());
    this.#cancelTimer = this.#host.timer(waitMs, () => {
      this.#cancelTimer = undefined;
      this.#flush();
    });
  }

  #flush(): void {
    this.close();
    this.#lastFlushMs = this.#host.now();
    // Members who came at different times lack different news; most lack the same, so one encoding serves them.
    const encoded = new Map<string, Uint8Array>();
    for (const entry of this.#members.values()) {
      const joined = this.#joined.filter((news) => news.revision > entry.toldOf).map((news) => news.member);
      const left = this.#left.filter((news) => news.revision > entry.toldOf).map((news) => news.session);
      entry.toldOf = this.#revision;
      if (joined.length === 0 && left.length === 0) continue;
      const key = `${joined.map((member) => member.session).join()}/${left.join()}`;
      let bytes = encoded.get(key);
      if (bytes === undefined) {
        bytes = encodeControl({ kind: "presence", joined, left, revision: this.#revision });
        encoded.set(key, bytes);
      }
      entry.control(bytes);
    }
    this.#joined = [];
    this.#left = [];
  }
}
