// The hub itself, without any socket: connections come in through `accept`, everything else happens on the host's clock.
// It relays opaque bytes between the members of a room and tells them who is there; it trusts none of them.
import { toHex, type Bytes } from "../bytes.js";
import { BBError, describeError } from "../errors.js";
import type { Host } from "../host.js";
import { peerIdToText } from "../peer-id.js";
import { TokenBucket } from "./buckets.js";
import { controlKind, hubErrors, hubVersion, relayKind, type Hello, type HubErrorName, type HubMessage } from "./messages.js";
import { announcedLimits, hubSettings, type HubConnection, type HubOptions, type HubSession, type HubSettings } from "./options.js";
import { Outbox, type QueueAccount } from "./outbox.js";
import { decodeControl, encodeControl, helloMax, readRelayHeader, writeRelayHeader } from "./protocol.js";
import { Room, type RoomMember } from "./room.js";

/** Figures about a running hub. */
export interface HubFigures {
  readonly connections: number;
  readonly rooms: number;
  readonly members: number;
  readonly queuedBytes: number;
  readonly relayedFrames: number;
  readonly relayedBytes: number;
  readonly refused: Readonly<Record<string, number>>;
}

const burstSeconds = 5; // a hub that was busy for a moment finds more waiting than one second's worth
const sweepMs = 10_000;
const controlBacklogMax = 1_048_576; // presence and quota for a member who does not read at all
const retryAfterMs = 2_000;
const closeCodeBase = 4_000; // WebSocket close codes for applications start here
const goingAway = 1_001;

/** What a session hands on to its hub. */
interface SessionOwner {
  now(): number;
  received(session: Session, data: Bytes | string): void;
  forget(session: Session): void;
}

class Session implements HubSession {
  readonly owner: SessionOwner;
  readonly connection: HubConnection;
  readonly openedMs: number;
  readonly frames: TokenBucket;
  readonly bytes: TokenBucket;
  seenMs: number;
  pingedMs: number;
  room: Room | undefined;
  entry: RoomMember | undefined;
  open = true;

  constructor(owner: SessionOwner, connection: HubConnection, settings: HubSettings) {
    const nowMs = owner.now();
    this.owner = owner;
    this.connection = connection;
    this.openedMs = nowMs;
    this.seenMs = nowMs;
    this.pingedMs = nowMs;
    this.frames = new TokenBucket(settings.framesPerSecond, settings.framesPerSecond * burstSeconds, nowMs);
    this.bytes = new TokenBucket(settings.bytesPerSecond, Math.max(settings.bytesPerSecond * burstSeconds, settings.frameMax * 4), nowMs);
  }

  message(data: Bytes | string): void {
    if (this.open) this.owner.received(this, data);
  }

  alive(): void {
    this.seenMs = this.owner.now();
  }

  drained(): void {
    this.entry?.outbox.pump();
  }

  closed(): void {
    this.owner.forget(this);
  }
}

/**
 * A hub on web standards only; an adapter feeds it connections.
 *
 * ```ts
 * const hub = new HubCore({ roomMax: 100 }, platformHost());
 * const session = hub.accept(connection); // then session.message(bytes) for each message
 * ```
 */
export class HubCore {
  readonly #settings: HubSettings;
  readonly #host: Host;
  readonly #sessions = new Set<Session>();
  readonly #bySession = new Map<number, Session>();
  readonly #rooms = new Map<string, Room>();
  readonly #owner: SessionOwner;
  readonly #account: QueueAccount = { queued: 0 };
  readonly #refused = new Map<string, number>();
  #halfOpen = 0;
  #lastSession = 0;
  #relayedFrames = 0;
  #relayedBytes = 0;
  #cancelSweep: (() => void) | undefined;
  #draining = false;
  #whenEmpty: (() => void)[] = [];

  constructor(options: HubOptions, host: Host) {
    this.#settings = hubSettings(options);
    this.#host = host;
    this.#owner = {
      now: () => host.now(),
      received: (session, data) => this.#received(session, data),
      forget: (session) => this.#forget(session),
    };
  }

  /** The settings in force. */
  get settings(): HubSettings {
    return this.#settings;
  }

  /** Takes a connection in. A refused one gets an Error and is closed; its session then does nothing. */
  accept(connection: HubConnection): HubSession {
    const session = new Session(this.#owner, connection, this.#settings);
    this.#sessions.add(session);
    this.#halfOpen++;
    if (this.#draining) this.#fail(session, "draining", "the hub is closing");
    else if (this.#sessions.size > this.#settings.connectionsMax || this.#halfOpen > this.#settings.halfOpenMax) {
      this.#fail(session, "hub_full", "the hub has no room for another connection");
    }
    this.#planSweep();
    return session;
  }

  /** Figures, for `/health` and tests. */
  figures(): HubFigures {
    let members = 0;
    for (const room of this.#rooms.values()) members += room.size;
    return {
      connections: this.#sessions.size,
      rooms: this.#rooms.size,
      members,
      queuedBytes: this.#account.queued,
      relayedFrames: this.#relayedFrames,
      relayedBytes: this.#relayedBytes,
      refused: Object.fromEntries(this.#refused),
    };
  }

  /** The figures in the text form that collectors read. */
  metrics(): string {
    const { refused, ...rest } = this.figures();
    const lines = Object.entries(rest).map(([name, value]) =>
      `bytesandbrains_hub_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)} ${value}`);
    for (const [code, count] of Object.entries(refused)) lines.push(`bytesandbrains_hub_refused{code="${code}"} ${count}`);
    return `${lines.join("\n")}\n`;
  }

  /** Tells everybody that the hub goes, waits for them to leave and closes the rest. */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    const notice = encodeControl({ kind: "drain", graceMs, url: "" });
    for (const session of this.#sessions) session.connection.send(notice);
    if (this.#sessions.size > 0 && graceMs > 0) {
      await new Promise<void>((resolve) => {
        const cancel = this.#host.timer(graceMs, resolve);
        this.#whenEmpty.push(() => {
          cancel();
          resolve();
        });
      });
    }
    for (const session of [...this.#sessions]) {
      session.connection.close(goingAway, "the hub is closing");
      this.#forget(session);
    }
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
  }

  #received(session: Session, data: Bytes | string): void {
    const nowMs = this.#host.now();
    session.seenMs = nowMs;
    if (!session.frames.take(1, nowMs)) return this.#fail(session, "rate", `more than ${this.#settings.framesPerSecond} messages a second`);
    if (!session.bytes.take(data.length, nowMs)) return this.#fail(session, "rate", `more than ${this.#settings.bytesPerSecond} bytes a second`);
    if (typeof data === "string") {
      if (data === "ping") session.connection.sendText("pong");
      else if (data !== "pong") this.#fail(session, "malformed", "a text message other than ping and pong");
      return undefined;
    }
    if (data.length > this.#settings.frameMax) return this.#fail(session, "over_cap", `a message of ${data.length} bytes, at most ${this.#settings.frameMax}`);
    try {
      if (data[0] === relayKind) this.#relay(session, data);
      else if (data[0] === controlKind) this.#control(session, data);
      else this.#fail(session, "malformed", "neither a control nor a relay message");
    } catch (error) {
      if (error instanceof BBError && error.code in hubErrors) this.#fail(session, error.code as HubErrorName, error.message);
      else this.#fail(session, "malformed", describeError(error));
    }
    return undefined;
  }

  #forget(session: Session): void {
    if (!this.#sessions.delete(session)) return;
    session.open = false;
    const { room, entry } = session;
    if (room === undefined || entry === undefined) this.#halfOpen--;
    else {
      this.#bySession.delete(entry.member.session);
      room.leave(entry);
      if (room.size === 0) {
        room.close();
        this.#rooms.delete(room.name);
      }
    }
    if (this.#sessions.size === 0) {
      for (const resolve of this.#whenEmpty.splice(0)) resolve();
    }
  }

  #fail(session: Session, name: HubErrorName, detail: string): void {
    if (!session.open) return;
    const { code, retry } = hubErrors[name];
    this.#refused.set(name, (this.#refused.get(name) ?? 0) + 1);
    session.connection.send(encodeControl({ kind: "error", code, detail, retryAfterMs: retry ? retryAfterMs : 0 }));
    session.connection.close(closeCodeBase + code, name);
    this.#forget(session);
  }

  #control(session: Session, data: Bytes): void {
    if (session.entry === undefined && data.length > helloMax) throw new BBError("over_cap", `a Hello of ${data.length} bytes, at most ${helloMax}`);
    const message = decodeControl(data);
    if (message.kind === "hello" && session.entry === undefined) return this.#welcome(session, message.hello);
    if (message.kind === "signal" && session.entry !== undefined) return this.#signal(session, session.entry, message);
    if (message.kind === "leave") {
      session.connection.close(1_000, "left");
      this.#forget(session);
      return undefined;
    }
    throw new BBError("malformed", `a ${message.kind} message at this point`);
  }

  #welcome(session: Session, hello: Hello): void {
    if (hello.version !== hubVersion) throw new BBError("version", `version ${hello.version}, this hub speaks ${hubVersion}`);
    const name = `${toHex(hello.networkId)}/${toHex(hello.room)}`;
    const key = peerIdToText(hello.peerId);
    let room = this.#rooms.get(name);
    const older = room?.byKey(key);
    if (older !== undefined) {
      const replaced = this.#bySession.get(older.member.session);
      if (replaced !== undefined) this.#fail(replaced, "replaced", "the same peer id joined again");
      room = this.#rooms.get(name); // gone, if the older one was alone in it
    }
    if (room !== undefined && room.size >= this.#settings.roomMax) throw new BBError("room_full", `${this.#settings.roomMax} members are the most a room takes`);
    room ??= new Room(name, this.#host, this.#settings.presenceMs);
    this.#rooms.set(name, room);

    const number = ++this.#lastSession;
    const member = { session: number, peerId: hello.peerId, caps: hello.caps, sinceMs: Math.floor(this.#host.now()) };
    const outbox = new Outbox(session.connection, this.#settings, this.#account, (sender, writable) => {
      this.#send(this.#bySession.get(sender), encodeControl({ kind: "quota", session: number, writable }));
    });
    const entry: RoomMember = { member, key, outbox, control: (bytes) => this.#send(session, bytes), joinedAt: 0, toldOf: 0 };
    session.connection.send(encodeControl({
      kind: "welcome",
      welcome: { session: number, leaseSeconds: Math.ceil(this.#settings.leaseMs / 1000), limits: announcedLimits(this.#settings), members: room.list() },
    }));
    session.room = room;
    session.entry = entry;
    this.#halfOpen--;
    this.#bySession.set(number, session);
    room.join(entry);
  }

  /** Control messages go at once; a member who reads none of them is let go. */
  #send(session: Session | undefined, bytes: Bytes): void {
    if (session === undefined || !session.open) return;
    if (session.connection.buffered() > this.#settings.queueMax + controlBacklogMax) {
      // Not from within a flush over all members: the room changes by it.
      this.#host.timer(0, () => this.#fail(session, "overloaded", "too much is waiting for this member"));
      return;
    }
    session.connection.send(bytes);
  }

  #relay(session: Session, data: Bytes): void {
    const { room, entry } = session;
    const { lane, session: destination } = readRelayHeader(data);
    if (room === undefined || entry === undefined) throw new BBError("malformed", "a relay message before the Hello");
    const own = entry.member.session;
    if (destination === 0 || destination === own || destination > this.#lastSession) throw new BBError("malformed", `a relay message to session ${destination}`);
    const target = room.get(destination);
    if (target === undefined) {
      // It left, or never was in this room: either way the sender is told that it is not there.
      this.#send(session, encodeControl({ kind: "presence", joined: [], left: [destination], revision: room.revision }));
      return;
    }
    room.introduce(entry, target);
    writeRelayHeader(data, lane, own);
    if (!target.outbox.relay(own, lane, data)) throw new BBError("quota", `more sent to session ${destination} than was granted`);
    this.#relayedFrames++;
    this.#relayedBytes += data.length;
    if (this.#account.queued > this.#settings.memoryMax) this.#relieve();
  }

  /** Small and rare, so it goes past the queues, like everything the hub itself says. */
  #signal(session: Session, entry: RoomMember, message: Extract<HubMessage, { kind: "signal" }>): void {
    const { room } = session;
    const target = room?.get(message.session);
    if (room === undefined || message.session === entry.member.session) throw new BBError("malformed", `a signal to session ${message.session}`);
    if (target === undefined) {
      this.#send(session, encodeControl({ kind: "presence", joined: [], left: [message.session], revision: room.revision }));
      return;
    }
    room.introduce(entry, target);
    target.control(encodeControl({ ...message, session: entry.member.session }));
  }

  /** Lets the member go for whom most is waiting. */
  #relieve(): void {
    let slowest: Session | undefined;
    for (const session of this.#bySession.values()) {
      if ((session.entry?.outbox.queued ?? 0) > (slowest?.entry?.outbox.queued ?? 0)) slowest = session;
    }
    if (slowest !== undefined) this.#fail(slowest, "overloaded", "the hub keeps more than it may, and most of it for this member");
  }

  #planSweep(): void {
    if (this.#cancelSweep !== undefined || this.#sessions.size === 0) return;
    const everyMs = Math.min(sweepMs, this.#settings.helloMs, this.#settings.leaseMs / 6);
    this.#cancelSweep = this.#host.timer(everyMs, () => {
      this.#cancelSweep = undefined;
      this.#sweep();
      this.#planSweep();
    });
  }

  #sweep(): void {
    const nowMs = this.#host.now();
    const { leaseMs, helloMs } = this.#settings;
    for (const session of [...this.#sessions]) {
      if (session.entry === undefined && nowMs - session.openedMs >= helloMs) this.#fail(session, "late_hello", "no Hello in time");
      else if (nowMs - session.seenMs >= leaseMs) this.#fail(session, "lease", "no sign of life");
      else if (nowMs - Math.max(session.seenMs, session.pingedMs) >= leaseMs / 3) {
        session.pingedMs = nowMs;
        session.connection.ping();
      }
      session.entry?.outbox.pump();
    }
  }
}
