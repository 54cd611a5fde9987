// What a hub allows, with defaults, and the two sides of a connection as the hub sees them.
import type { Bytes } from "../bytes.js";
import { BBError } from "../errors.js";
import type { HubLimits } from "./messages.js";

/** Limits of a hub; each has a default. */
export interface HubOptions {
  /** Longest binary message, relay header included; 65,592 (64 KiB of a message, and the headers of frame, record and relay) when absent. */
  readonly frameMax?: number;
  /** Messages a second from one connection; 20,000. Five seconds' worth may come at once. */
  readonly framesPerSecond?: number;
  /** Bytes a second from one connection; 64 MiB. Five seconds' worth may come at once. */
  readonly bytesPerSecond?: number;
  /** Members of one room; 64, at most 500. */
  readonly roomMax?: number;
  /** Bytes kept for a destination that reads slowly; 256 KiB. */
  readonly queueMax?: number;
  /** Open connections; 4,096. */
  readonly connectionsMax?: number;
  /** Connections that have not said Hello yet; 512. */
  readonly halfOpenMax?: number;
  /** Bytes kept for all destinations together; 256 MiB. Beyond it the slowest one is let go. */
  readonly memoryMax?: number;
  /** Milliseconds of silence, pings unanswered, after which a member is let go; 150,000. */
  readonly leaseMs?: number;
  /** Milliseconds a connection has to say Hello; 10,000. */
  readonly helloMs?: number;
  /** Milliseconds over which comings and goings are gathered; 250. */
  readonly presenceMs?: number;
}

/** All settings of a hub, checked. */
export type HubSettings = Required<HubOptions>;

const defaults: HubSettings = {
  frameMax: 65_592,
  framesPerSecond: 20_000,
  bytesPerSecond: 67_108_864,
  roomMax: 64,
  queueMax: 262_144,
  connectionsMax: 4_096,
  halfOpenMax: 512,
  memoryMax: 268_435_456,
  leaseMs: 150_000,
  helloMs: 10_000,
  presenceMs: 250,
};

const ranges: Record<keyof HubSettings, readonly [low: number, high: number]> = {
  frameMax: [2_048, 1_048_576],
  framesPerSecond: [1, 1_000_000],
  bytesPerSecond: [1_024, 1e12],
  roomMax: [1, 500],
  queueMax: [131_072, 67_108_864],
  connectionsMax: [1, 1_000_000],
  halfOpenMax: [1, 1_000_000],
  memoryMax: [1_048_576, 1e12],
  leaseMs: [100, 86_400_000],
  helloMs: [10, 600_000],
  presenceMs: [0, 60_000],
};

/** Fills in the defaults. Throws `bad_option` for a value out of range. */
export function hubSettings(options: HubOptions): HubSettings {
  const settings = { ...defaults };
  for (const name of Object.keys(ranges) as (keyof HubSettings)[]) {
    const value = options[name];
    if (value === undefined) continue;
    const [low, high] = ranges[name];
    if (!(value >= low && value <= high)) throw new BBError("bad_option", `${name} is ${value}, legal is ${low} to ${high}`);
    settings[name] = value;
  }
  return settings;
}

/** The part of the settings a member is told. */
export function announcedLimits(settings: HubSettings): HubLimits {
  const { frameMax, framesPerSecond, bytesPerSecond, roomMax, queueMax } = settings;
  return { frameMax, framesPerSecond, bytesPerSecond, roomMax, queueMax };
}

/** One connection, as its adapter offers it to the hub. After `close` all calls do nothing. */
export interface HubConnection {
  send(bytes: Bytes): void;
  sendText(text: string): void;
  /** Bytes handed over and not yet on their way. */
  buffered(): number;
  /** Asks the other side for a sign of life; its answer goes to `HubSession.alive`. */
  ping(): void;
  close(code: number, reason: string): void;
}

/** What the adapter tells the hub about its connection. */
export interface HubSession {
  /** A message came. A byte array becomes the hub's: it rewrites the header in place. */
  message(data: Bytes | string): void;
  /** The other side answered a ping. */
  alive(): void;
  /** `buffered` has gone down. */
  drained(): void;
  /** The connection is gone. */
  closed(): void;
}
