// One peer in the terminal that joins the page at an address, until it is interrupted or has done its rounds.
import { BBError, Engine, ephemeralIdentity, nodeWebSocket, peerIdToText, platformHost, workerDriver } from "bytesandbrains";
import { hubTransport } from "bytesandbrains/transports/hub";
import { Learner } from "../learner.js";
import type { JoinOptions } from "../options.js";
import { pageModelSeed, pageRoom, takeSeat, type Seat } from "../page-network.js";
import { compileProgram, pagePieces } from "../program.js";
import { makeShares, shareOfSeat, type Share } from "../shares.js";
import { loadDigits } from "./data.js";
import { percent, type RoundRecord } from "./scoreboard.js";
import { describeTrouble, recordOf } from "./telling.js";

const restMs = 100; // the pace of the page, which is meant to be watched

async function shareFor(options: JoinOptions, seat: Seat): Promise<Share> {
  if (options.data === undefined) return shareOfSeat(seat.seat, seat.seats, options.seed);
  const { train, test } = await loadDigits(options.data, options.seed);
  const share = makeShares(train, test, seat.seats, options.seed)[seat.seat];
  if (share === undefined) throw new BBError("bad_seat", `seat ${seat.seat} of ${seat.seats}`);
  return share;
}

function lineOf(record: RoundRecord, learner: Learner): string {
  const { round, loss, accuracy, alone, contributors } = record;
  return `round ${round}   together ${percent(accuracy)}   alone ${percent(alone)}   loss ${(loss ?? 0).toFixed(3)}   merged ${contributors}   peers ${learner.rounds.neighbours().length + 1}`;
}

/** Joins and resolves with the exit code. */
export async function runJoined(options: JoinOptions, signal: AbortSignal): Promise<number> {
  const host = platformHost();
  const identity = await ephemeralIdentity();
  const { peerId } = identity;
  const seat = await takeSeat(options.address, peerId);
  const engine = await Engine.load();
  const share = await shareFor(options, seat);
  const learner = await Learner.create({
    engine,
    program: compileProgram(engine, "mesh", pagePieces),
    share, identity, host,
    transports: [hubTransport({ url: seat.hubUrl, room: pageRoom, webSocket: nodeWebSocket })],
    driver: workerDriver(host),
    part: "mesh",
    modelSeed: pageModelSeed,
    dataSeed: options.seed,
    restMs,
    ...(options.rounds === undefined ? {} : { rounds: options.rounds }),
  });
  const records: RoundRecord[] = [];
  const print = (line: string): void => void (options.json ? process.stderr : process.stdout).write(`${line}\n`);
  describeTrouble(learner, (text) => print(text));
  learner.rounds.on("round", (event) => {
    const record = recordOf(event);
    if (options.json) records.push(record);
    print(lineOf(record, learner));
  });
  signal.addEventListener("abort", () => learner.rounds.stop(), { once: true });
  const keep = setInterval(() => void takeSeat(options.address, peerId).catch(() => undefined), seat.renewMs);
  try {
    await learner.start();
    print(`joined ${options.address} as ${peerIdToText(peerId)} with the digits ${share.digits.join(" and ")}`);
    await learner.run();
  } finally {
    clearInterval(keep);
    await learner.stop();
  }
  if (options.json) process.stdout.write(`${JSON.stringify({ peer: peerIdToText(peerId), digits: share.digits, rounds: records }, null, 2)}\n`);
  return 0;
}
