// Running the commands of the demonstration as a user does, with a limit on their time.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

function findRoot(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, "web", "demo", "package.json"))) return folder;
  }
  throw new Error("not inside the repository");
}

/** The repository's folder. */
export const root = findRoot();
/** What `npm start` runs once everything is built. */
export const demoProgram = join(root, "web", "demo", "dist", "main.js");

/** How a command ended. */
export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a program of this repository with Node.js; killed, with a rejection, when it takes longer than `limitMs`. */
export function runNode(program: string, args: readonly string[], limitMs: number): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"], cwd: root });
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => { out += text; });
    child.stderr.setEncoding("utf8").on("data", (text: string) => { err += text; });
    const limit = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`${args.join(" ")} took longer than ${limitMs} ms; so far:\n${err}\n${out}`));
    }, limitMs);
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(limit);
      resolve({ code, out, err });
    });
  });
}

/** One round of one peer in the document of `--json`. */
export interface RoundRecord {
  readonly round: number;
  readonly loss: number | null;
  readonly accuracy: number;
  readonly alone: number;
  readonly contributors: number;
  readonly ms: number;
}

/** One peer in the document of `--json`. */
export interface PeerResult {
  readonly peer: number;
  readonly digits: readonly number[];
  readonly accuracy: number;
  readonly alone: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly killedAfter: number | null;
  readonly returnedAfter: number | null;
  readonly finished: boolean;
  readonly rounds: readonly RoundRecord[];
}

/** The document of `--json`. */
export interface RunResult {
  readonly topology: string;
  readonly accuracy: { readonly mean: number; readonly lowest: number };
  readonly alone: { readonly highest: number };
  readonly durationMs: number;
  readonly notes: readonly string[];
  readonly perPeer: readonly PeerResult[];
}

/** Runs a headless demonstration with `--json` and reads its document; rejects unless it ends with 0. */
export async function runHeadless(args: readonly string[], limitMs: number): Promise<RunResult> {
  const { code, out, err } = await runNode(demoProgram, ["--headless", "--json", ...args], limitMs);
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code ?? "a signal"}:\n${err}`);
  return JSON.parse(out) as RunResult;
}
