// Two ends of a stream over links that break, lag and overtake: every message arrives, once, in the order of its lane.
import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes, equalBytes, type Bytes } from "../../../../js/package/src/bytes.js";
import { RandomStream } from "../../../../js/package/src/data/prng.js";
import { BBError } from "../../../../js/package/src/errors.js";
import { encodeFrame, firstCredit, headerLength, type Lane } from "../../../../js/package/src/link/frames.js";
import type { HeldAccount } from "../../../../js/package/src/link/incoming.js";
import type { LinkSession } from "../../../../js/package/src/link/session.js";
import { PeerStream } from "../../../../js/package/src/link/stream.js";
import type { LinkPath } from "../../../../js/package/src/transports/transport.js";
import { testHost } from "../../support/identities.js";

/** A link in memory with the face of a session: its frames wait until the test delivers them. */
class Wire {
  readonly frames: Bytes[] = [];
  readonly session: LinkSession;
  open = true;
  /** Frames it takes before it is not ready. */
  room = Number.POSITIVE_INFINITY;
  bytes = 0;

  constructor(path: LinkPath, frameMax: number) {
    const face = {
      path, frameMax, incarnation: 1n,
      send: (parts: readonly Bytes[]): void => {
        const frame = concatBytes(parts);
        this.bytes += frame.length;
        if (this.open) this.frames.push(frame);
      },
    };
    this.session = Object.defineProperty(face, "ready", { get: () => this.frames.length < this.room }) as unknown as LinkSession;
  }
}

class End {
  readonly stream: PeerStream;
  readonly got: Bytes[] = [];
  readonly dropped: string[] = [];
  readonly account: HeldAccount = { held: 0, heldMax: 100_000_000 };
  readonly outlived: bigint[] = [];
  full = false;

  constructor(number: bigint, host = testHost(), messageMax = 80_000_000) {
    this.stream = new PeerStream(host, 1n, number, messageMax, this.account, {
      deliver: (message) => {
        if (this.full) return false;
        this.got.push(Uint8Array.from(message));
        return true;
      },
      acknowledged: () => undefined,
      carries: () => undefined,
      dropped: (reason) => this.dropped.push(reason),
      outlived: (incarnation) => this.outlived.push(incarnation),
      ended: () => undefined,
    });
  }
}

/** Two ends and the links between them. */
class Pair {
  readonly host = testHost();
  readonly left: End;
  readonly right: End;
  readonly links: { toRight: Wire; toLeft: Wire }[] = [];

  constructor(messageMax?: number) {
    this.left = new End(11n, this.host, messageMax);
    this.right = new End(22n, this.host, messageMax);
  }

  connect(path: LinkPath, frameMax = 16_384): { toRight: Wire; toLeft: Wire } {
    const link = { toRight: new Wire(path, frameMax), toLeft: new Wire(path, frameMax) };
    this.links.push(link);
    this.left.stream.add(link.toRight.session);
    this.right.stream.add(link.toLeft.session);
    return link;
  }

  /** A link breaks: what is under way on it is lost. */
  cut(link: { toRight: Wire; toLeft: Wire }): void {
    this.links.splice(this.links.indexOf(link), 1);
    link.toRight.open = link.toLeft.open = false;
    this.left.stream.remove(link.toRight.session);
    this.right.stream.remove(link.toLeft.session);
  }

  /** Delivers one frame of a link; false when it has none. */
  deliver(link: { toRight: Wire; toLeft: Wire }, toRight: boolean): boolean {
    const frame = (toRight ? link.toRight : link.toLeft).frames.shift();
    if (frame === undefined) return false;
    const [end, session] = toRight ? [this.right, link.toLeft.session] : [this.left, link.toRight.session];
    end.stream.receive(session, frame);
    this.left.stream.pump();
    this.right.stream.pump();
    return true;
  }

  settle(): void {
    for (let moved = true; moved;) {
      moved = false;
      for (const link of [...this.links]) {
        while (this.deliver(link, true)) moved = true;
        while (this.deliver(link, false)) moved = true;
      }
      if (!moved && this.host.nextTimer() !== null) {
        this.host.advance(25);
        moved = this.links.some(({ toRight, toLeft }) => toRight.frames.length + toLeft.frames.length > 0);
      }
    }
  }
}

function message(lane: Lane, number: number, length: number): Bytes {
  const bytes = new Uint8Array(Math.max(5, length)).fill(number);
  bytes[0] = lane;
  new DataView(bytes.buffer).setUint32(1, number);
  return bytes;
}

function checkOrder(got: readonly Bytes[], sent: readonly Bytes[]): void {
  for (const lane of [0, 1]) {
    const [arrived, expected] = [got, sent].map((messages) => messages.filter((bytes) => bytes[0] === lane));
    assert.equal(arrived?.length, expected?.length, `messages of lane ${lane}`);
    arrived?.forEach((bytes, index) => assert.ok(equalBytes(bytes, expected?.[index] ?? new Uint8Array(0)), `message ${index} of lane ${lane}`));
  }
}

test("messages of all lengths arrive, control before bulk that waits", () => {
  const pair = new Pair();
  pair.connect("direct");
  pair.settle();
  const sent = [message(1, 0, 3_000_000), message(1, 1, 0), message(0, 0, 100), message(1, 2, 70_000)];
  for (const bytes of sent) pair.left.stream.send(bytes, (bytes[0] ?? 0) as Lane);
  pair.settle();
  checkOrder(pair.right.got, sent);
  assert.equal(pair.right.got[0]?.[0], 0, "control came first");
  assert.deepEqual([pair.left.stream.bytes, pair.left.stream.messages, pair.right.account.held], [0, 0, 0]);
});

test("no more is under way than was granted, and nothing is granted while there is no room", () => {
  const pair = new Pair();
  const { toRight } = pair.connect("direct");
  pair.settle();
  pair.right.full = true;
  const sent = Array.from({ length: 20 }, (_, index) => message(1, index, 100_000));
  for (const bytes of sent) pair.left.stream.send(bytes, 1);
  pair.settle();
  assert.ok(toRight.bytes <= 2 * firstCredit[1] + 100 * headerLength, `${toRight.bytes} bytes`);
  assert.deepEqual(pair.right.got, []);
  assert.ok(pair.right.stream.waiting);
  pair.right.full = false;
  pair.right.stream.retry();
  pair.settle();
  checkOrder(pair.right.got, sent);
});

test("S2: a transfer that is cut goes on where it was, not from the beginning", () => {
  const pair = new Pair();
  const whole = message(1, 1, 8_000_000);
  const first = pair.connect("direct");
  pair.left.stream.send(whole, 1);
  let delivered = 0;
  while (delivered < 5_000_000) {
    for (const toRight of [false, true]) {
      const bytes = (toRight ? first.toRight : first.toLeft).frames[0]?.length ?? 0;
      if (pair.deliver(first, toRight) && toRight) delivered += bytes;
    }
  }
  pair.cut(first);
  const second = pair.connect("direct");
  pair.settle();
  checkOrder(pair.right.got, [whole]);
  assert.ok(second.toRight.bytes < whole.length - 4_500_000, `${second.toRight.bytes} bytes over the second link`);
});

test("messages move to a better link in the middle, and back when it breaks", () => {
  const pair = new Pair();
  const sent = Array.from({ length: 6 }, (_, index) => message(1, index, 900_000));
  const hub = pair.connect("hub");
  for (const bytes of sent) pair.left.stream.send(bytes, 1);
  for (let step = 0; step < 40; step++) pair.deliver(hub, step % 2 === 0);
  const direct = pair.connect("direct");
  // What is still under way on the old link arrives late, while the new one carries already.
  for (let step = 0; step < 60; step++) pair.deliver(direct, step % 2 === 0);
  for (let step = 0; step < 10; step++) pair.deliver(hub, true);
  assert.equal(pair.left.stream.carrier, direct.toRight.session);
  const before = hub.toRight.bytes;
  for (let step = 0; step < 100; step++) pair.deliver(direct, step % 2 === 0);
  assert.equal(hub.toRight.bytes, before, "the hub carries nothing more");
  pair.cut(direct);
  assert.equal(pair.left.stream.carrier, hub.toRight.session);
  pair.settle();
  checkOrder(pair.right.got, sent);
});

test("over links that break and come at random, both ways, nothing is lost, repeated or out of order", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const stream = new RandomStream(seed);
    const pair = new Pair();
    const sent: [Bytes[], Bytes[]] = [[], []];
    const paths: readonly LinkPath[] = ["hub", "direct", "relayed", "local"];
    for (let step = 0; step < 600; step++) {
      const choice = stream.below(20);
      if (choice === 0 && pair.links.length < 3) pair.connect(paths[stream.below(4)] ?? "hub", 2_048 + stream.below(40_000));
      else if (choice === 1 && pair.links.length > 0) pair.cut(pair.links[stream.below(pair.links.length)]!);
      else if (choice < 5) {
        const way = stream.below(2);
        const lane = stream.below(2) as Lane;
        const bytes = message(lane, sent[way]?.length ?? 0, stream.below(4) === 0 ? stream.below(200_000) : stream.below(2_000));
        sent[way]?.push(bytes);
        (way === 0 ? pair.left : pair.right).stream.send(bytes, lane);
      } else if (choice === 5) pair.host.advance(10);
      else if (pair.links.length > 0) {
        const link = pair.links[stream.below(pair.links.length)]!;
        for (let frames = stream.below(6); frames > 0; frames--) pair.deliver(link, stream.below(2) === 0);
      }
    }
    for (const link of [...pair.links]) pair.cut(link);
    pair.connect("direct");
    pair.settle();
    checkOrder(pair.right.got, sent[0]);
    checkOrder(pair.left.got, sent[1]);
    assert.deepEqual([pair.left.stream.bytes, pair.right.stream.bytes, pair.left.account.held, pair.right.account.held], [0, 0, 0, 0], `seed ${seed}`);
  }
});

test("a message over the receiver's cap is said to be refused, and what follows arrives", () => {
  const pair = new Pair(10_000);
  pair.connect("direct");
  pair.settle();
  const good = message(1, 2, 9_000);
  pair.left.stream.send(message(1, 1, 50_000), 1);
  pair.left.stream.send(good, 1);
  pair.settle();
  assert.deepEqual(pair.left.dropped, ["over_cap"]);
  checkOrder(pair.right.got, [good]);
  assert.equal(pair.left.stream.bytes, 0);
});

test("what is acknowledged late, over the link before, is no lie", () => {
  const pair = new Pair();
  const hub = pair.connect("hub");
  pair.settle();
  const sent = Array.from({ length: 4 }, (_, index) => message(1, index, 5_000));
  for (const bytes of sent) pair.left.stream.send(bytes, 1);
  while (pair.deliver(hub, true));
  // The receiver's word of what it has waits on the hub, while another link that knows less of it comes up and begins again.
  const direct = pair.connect("direct");
  const stale = encodeFrame({ type: "have", own: 22n, known: 11n, incarnation: 0n, lanes: [{ next: 0, held: 0 }, { next: 0, held: 0 }] });
  direct.toLeft.frames.length = 0;
  direct.toRight.room = 0; // nothing of it is sent again so far
  pair.left.stream.receive(direct.toRight.session, stale);
  pair.left.stream.receive(hub.toRight.session, encodeFrame({ type: "credit", granted: [0, 0], acknowledged: [0, 4] }));
  assert.deepEqual([pair.left.stream.bytes, pair.left.stream.messages], [0, 0]);
  direct.toRight.room = Number.POSITIVE_INFINITY;
  pair.settle();
  checkOrder(pair.right.got, sent);
});

test("what a peer may not do is refused", () => {
  const refused = (f: (pair: Pair, link: { toRight: Wire; toLeft: Wire }) => void, code = "protocol"): void => {
    const pair = new Pair();
    const link = pair.connect("direct");
    pair.settle();
    assert.throws(() => f(pair, link), (error) => error instanceof BBError && error.code === code);
  };
  refused((pair, link) => pair.left.stream.receive(link.toRight.session, encodeFrame({ type: "credit", granted: [0, 0], acknowledged: [1, 0] })));
  refused((pair, link) => pair.left.stream.receive(link.toRight.session, new Uint8Array(24).fill(255)));
  const held = new Pair();
  held.left.account.held = 99_999_000;
  const link = held.connect("direct");
  held.settle();
  held.right.stream.send(message(1, 1, 50_000), 1);
  assert.throws(() => held.settle(), (error) => error instanceof BBError && error.code === "over_cap");
  assert.ok(link.toRight.open);
});

test("a stream with another number of the same life tells that the life was used before", () => {
  const pair = new Pair();
  const link = pair.connect("direct");
  pair.left.stream.receive(link.toRight.session, encodeFrame({ type: "have", own: 22n, known: 99n, incarnation: 1n, lanes: [{ next: 4, held: 0 }, { next: 0, held: 0 }] }));
  assert.deepEqual(pair.left.outlived, [1n]);
  pair.left.stream.receive(link.toRight.session, encodeFrame({ type: "have", own: 22n, known: 0n, incarnation: 7n, lanes: [{ next: 0, held: 0 }, { next: 0, held: 0 }] }));
  assert.deepEqual(pair.left.outlived, [1n, 7n]);
});
