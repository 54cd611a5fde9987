// What every transport does, as cases for any test runner. Each makes a pair of transports that meet, and throws where one breaks its word.
import { equalBytes, type Bytes } from "../bytes.js";
import { RandomStream } from "../data/prng.js";
import { BBError } from "../errors.js";
import { smallestFrameMax } from "../link/session.js";
import type { Host } from "../host.js";
import type { PeerId } from "../peer-id.js";
import type { LinkId, Transport, TransportEvent } from "../transports/transport.js";

/** Two transports that find each other when both are started. */
export interface TransportPair {
  readonly transports: readonly [Transport, Transport];
  readonly peerIds: readonly [PeerId, PeerId];
  readonly host: Host;
  /** Lets go of what is around them: servers, networks. */
  close(): void | Promise<void>;
}

/** One case. */
export interface SuiteCase {
  readonly name: string;
  run(): Promise<void>;
}

type EventOf<K extends TransportEvent["type"]> = Extract<TransportEvent, { type: K }>;

const waitMs = 15_000;

class End {
  readonly transport: Transport;
  readonly events: TransportEvent[] = [];
  /** Set while a call is running that may not report anything. */
  calling = false;
  reentered = false;
  link: LinkId = -1;

  constructor(transport: Transport) {
    this.transport = transport;
    transport.on((event) => {
      this.reentered ||= this.calling;
      this.events.push(event);
    });
  }

  of<K extends TransportEvent["type"]>(type: K): EventOf<K>[] {
    return this.events.filter((event): event is EventOf<K> => event.type === type);
  }

  send(parts: readonly Bytes[], link = this.link): "sent" | "full" | "closed" {
    this.calling = true;
    try {
      return this.transport.send(link, parts);
    } finally {
      this.calling = false;
    }
  }

  async sendAll(frames: readonly Bytes[]): Promise<void> {
    for (const frame of frames) {
      for (let answer = this.send([frame]); answer !== "sent"; answer = this.send([frame])) {
        check(answer === "full", "the link is open");
        const before = this.of("writable").length;
        await until(() => this.of("writable").length > before, "`full` is followed by `writable`");
      }
    }
  }
}

function check(holds: boolean, rule: string): asserts holds {
  if (!holds) throw new BBError("nonconforming", rule);
}

async function until(condition: () => boolean, rule: string): Promise<void> {
  const end = Date.now() + waitMs;
  while (!condition()) {
    check(Date.now() < end, rule);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function codeOf(f: () => unknown): string {
  try {
    f();
  } catch (error) {
    return error instanceof BBError ? error.code : String(error);
  }
  return "";
}

async function rejection(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return error instanceof BBError ? error.code : String(error);
  }
  return "";
}

/** The cases; `make` is called for each of them. Run one after the other. */
export function transportSuite(make: () => TransportPair | Promise<TransportPair>): SuiteCase[] {
  const cases: SuiteCase[] = [];
  const add = (name: string, body: (left: End, right: End, pair: TransportPair) => Promise<void>): void => {
    cases.push({
      name,
      run: async () => {
        const pair = await make();
        const [left, right] = [new End(pair.transports[0]), new End(pair.transports[1])];
        try {
          await Promise.all([left, right].map((end, index) => end.transport.start({ host: pair.host, peerId: pair.peerIds[index as 0 | 1] })));
          await until(() => left.of("link-up").length > 0 && right.of("link-up").length > 0, "the two meet");
          for (const end of [left, right]) end.link = end.of("link-up")[0]?.link ?? -1;
          await body(left, right, pair);
          check(!left.reentered && !right.reentered, "nothing is reported from within `send`");
        } finally {
          await Promise.all([left.transport.close(), right.transport.close()]);
          await pair.close();
        }
      },
    });
  };

  add("both ends agree about the link, and one of them opened it", async (left, right, pair) => {
    const [one, other] = [left.of("link-up")[0], right.of("link-up")[0]];
    check(one !== undefined && other !== undefined, "both have it");
    check(one.initiator !== other.initiator, "exactly one end is the initiator");
    check(one.binding.kind === other.binding.kind && one.path === other.path, "binding and path are the same at both ends");
    check(one.frameMax >= smallestFrameMax && other.frameMax >= smallestFrameMax, `a link takes frames of ${smallestFrameMax} bytes`);
    check(one.peerHint === undefined || equalBytes(one.peerHint, pair.peerIds[1]), "a hint names the other peer");
    check(left.transport.links().length === 1 && left.transport.links()[0]?.link === one.link, "`links` lists it");
    check(left.of("status").at(-1)?.status === "open", "the transport is open");
  });

  add("frames of all lengths arrive whole and in order, both ways", async (left, right) => {
    const stream = new RandomStream(3);
    const frameMax = Math.min(left.transport.links()[0]?.frameMax ?? 0, right.transport.links()[0]?.frameMax ?? 0);
    const frames = [0, 1, frameMax, ...Array.from({ length: 200 }, () => stream.below(stream.below(8) === 0 ? frameMax : 300))].map((length, index) => {
      const frame = new Uint8Array(length).fill(index);
      if (length > 4) new DataView(frame.buffer).setUint32(0, index);
      return frame;
    });
    await Promise.all([left.sendAll(frames), right.sendAll(frames)]);
    for (const end of [left, right]) {
      await until(() => end.of("frame").length >= frames.length, "every frame arrives");
      end.of("frame").forEach(({ bytes, link }, index) => check(link === end.link && equalBytes(bytes, frames[index] ?? new Uint8Array(0)), `frame ${index} is what was sent`));
    }
    const total = frames.reduce((sum, frame) => sum + frame.length, 0);
    const { framesSent, bytesSent } = left.transport.stats();
    const { framesReceived, bytesReceived } = right.transport.stats();
    check(framesSent === frames.length && framesReceived === frames.length && bytesSent === total && bytesReceived === total, "frames and their bytes are counted");
  });

  add("the parts of a frame are taken before `send` returns", async (left, right) => {
    const part = Uint8Array.of(1, 2, 3);
    check(left.send([part, Uint8Array.of(4), part.subarray(0, 1)]) === "sent", "there is room");
    part.fill(255);
    await until(() => right.of("frame").length === 1, "the frame arrives");
    check(equalBytes(right.of("frame")[0]?.bytes ?? new Uint8Array(0), Uint8Array.of(1, 2, 3, 4, 1)), "as it was");
  });

  add("much more than a channel buffers arrives, and nothing is lost", async (left, right) => {
    const frame = new Uint8Array(Math.min(16_000, left.transport.links()[0]?.frameMax ?? 0));
    const count = Math.ceil(24_000_000 / frame.length);
    let arrived = 0;
    right.transport.on((event) => {
      if (event.type === "frame") {
        check(new DataView(event.bytes.buffer, event.bytes.byteOffset).getUint32(0) === arrived, "in order");
        arrived++;
        // What comes back is what tells sockets that their buffer has drained.
        if (arrived % 4 === 0) right.transport.send(event.link, [new Uint8Array(1)]);
      }
    });
    for (let index = 0; index < count; index++) {
      new DataView(frame.buffer).setUint32(0, index);
      await left.sendAll([frame]);
    }
    await until(() => arrived === count, "all of it arrives");
  });

  add("a frame beyond the limit is the caller's mistake, and a link that is none is closed", async (left) => {
    const frameMax = left.transport.links()[0]?.frameMax ?? 0;
    check(codeOf(() => left.send([new Uint8Array(frameMax), new Uint8Array(1)])) === "over_cap", "it throws `over_cap`");
    check(left.send([new Uint8Array(1)]) === "sent", "and the link goes on");
    check(left.send([new Uint8Array(1)], 987_654) === "closed", "an unknown link is closed");
  });

  add("a link that is closed goes down here at once, and brings nothing more", async (left, right) => {
    await left.transport.close(left.link, "protocol");
    await until(() => left.of("link-down").length === 1, "it goes down");
    check(left.of("link-down")[0]?.code === "protocol", "for the reason given");
    check(left.send([new Uint8Array(1)]) === "closed" && left.transport.links().every(({ link }) => link !== left.link), "it is closed");
    const before = left.of("frame").length;
    right.send([new Uint8Array(1)]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    check(left.of("frame").filter(({ link }) => link === left.link).length === before, "nothing comes from it");
  });

  add("the end of a transport is the end of its links, at both ends", async (left, right) => {
    await left.transport.close();
    await left.transport.close();
    await until(() => left.of("status").at(-1)?.status === "closed", "it says that it is closed");
    check(left.of("link-down").length === 1 && left.of("link-down")[0]?.code === "closed", "its link went down");
    check(left.send([new Uint8Array(1)]) === "closed" && left.transport.links().length === 0, "nothing can be sent");
    await until(() => right.of("link-down").length === 1, "the other end is told");
    check(right.of("link-down")[0]?.retryable === true, "it may come back");
  });

  add("waiting for a link can be given up, and ends with the transport", async (left, _, pair) => {
    check(await rejection(left.transport.start({ host: pair.host, peerId: pair.peerIds[0] })) === "already_started", "it starts once");
    const giveUp = new AbortController();
    const nobody = new Uint8Array(pair.peerIds[1]) as Uint8Array as PeerId;
    nobody[nobody.length - 1] = (nobody[nobody.length - 1] ?? 0) ^ 1;
    const waiting = rejection(left.transport.connect({ peerId: nobody }, { signal: giveUp.signal }));
    giveUp.abort();
    check(await waiting === "aborted", "it rejects with `aborted`");
    const ended = rejection(left.transport.connect({ peerId: nobody }));
    await left.transport.close();
    check(await ended === "closed", "it rejects with `closed`");
  });
  return cases;
}
