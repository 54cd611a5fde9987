// A headless run from the command line: data, peers, table or document, exit code.
import { performance } from "node:perf_hooks";
import type { HeadlessOptions } from "../options.js";
import { digitsPerPeer, makeShares } from "../shares.js";
import { DataError, loadDigits } from "./data.js";
import { runInProcess } from "./in-process.js";
import { ProcessRun, StandstillError } from "./processes.js";
import { resultTable, Scoreboard } from "./scoreboard.js";

/** Runs and resolves with the exit code: 0, or 1 when peers have disappeared or nothing moves any more. */
export async function runHeadless(options: HeadlessOptions, signal: AbortSignal): Promise<number> {
  // With --json the standard output belongs to the document.
  const print = (line: string): void => void (options.json ? process.stderr : process.stdout).write(`${line}\n`);
  const { train, test } = await loadDigits(options.data, options.seed);
  const shares = makeShares(train, test, options.peers, options.seed);
  const empty = shares.findIndex((share) => share.train.count === 0);
  if (empty >= 0) throw new DataError(`there are too few images for ${options.peers} peers: peer ${empty + 1} would have none`);
  print(`${options.peers} peers, ${options.topology}, ${digitsPerPeer} of ten digits each, ${train.count} training images, measured on ${shares[0]?.heldOut.count ?? 0} unseen ones`);

  const board = new Scoreboard(options, print, () => performance.now());
  for (const share of shares) board.add(share.digits, share.train.count);
  let code = 0;
  try {
    if (options.inProcess) await runInProcess(options, shares, board, signal);
    else {
      const run = new ProcessRun(options, shares, board);
      await run.run(signal);
      if (run.disappeared > 0) code = 1;
    }
  } catch (error) {
    if (!(error instanceof StandstillError)) throw error;
    board.note(error.message);
    code = signal.aborted ? 130 : 1;
  }
  const result = board.result();
  if (options.json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  else print(`\n${resultTable(result)}`);
  return code;
}
