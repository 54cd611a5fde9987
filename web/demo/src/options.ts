// The command line of the demonstration.
import { hubPortDefault } from "bytesandbrains/hub";

/** Who averages. */
export type Topology = "mesh" | "server";

/** A peer that is killed once its neighbours have finished one round, and started again once they have finished another. */
export interface KillPlan {
  readonly peer: number;
  readonly killAfter: number;
  readonly returnAfter: number | undefined;
}

/** Serves the page. */
export interface ServeOptions {
  readonly mode: "serve";
  readonly port: number;
  readonly lan: boolean;
}

/** Several peers in the terminal. */
export interface HeadlessOptions {
  readonly mode: "headless";
  readonly peers: number;
  readonly rounds: number;
  readonly topology: Topology;
  readonly data: string | undefined;
  readonly seed: number;
  readonly json: boolean;
  readonly inProcess: boolean;
  readonly kill: KillPlan | undefined;
}

/** One peer in the terminal that joins others at an address. */
export interface JoinOptions {
  readonly mode: "join";
  readonly address: string;
  readonly rounds: number | undefined;
  readonly data: string | undefined;
  readonly seed: number;
  readonly json: boolean;
}

/** All ways to run. */
export type DemoOptions = ServeOptions | HeadlessOptions | JoinOptions | { readonly mode: "help" };

/** Something is wrong with the command line. */
export class UsageError extends Error {}

/** The text of `--help`. */
export const usage = `Usage: npm start                       serve the page: open the address it prints, in as many tabs as you like
       npm start -- --headless [...]   several peers in this terminal, each in its own process
       npm start -- --join ADDRESS     one peer in this terminal that joins the page at ADDRESS

Page
  --port N               port of page and hub (default ${hubPortDefault}; 0 takes a free one)
  --lan                  let other devices in the network in

Headless
  --peers N              number of peers (default 5, 1 to 32)
  --rounds N             rounds (default 30)
  --topology WAY         mesh: every peer averages (default); server: peer 1 averages for all
  --data DIR             IDX files (train-images-idx3-ubyte and so on, plain or .gz) instead of generated digits
  --seed N               seed of data and models (default 1)
  --json                 one JSON document on the standard output, progress on the standard error
  --in-process           all peers in one process on a virtual clock: the same seed gives the same numbers
  --kill PEER@ROUND      kill the process of that peer (1 to N) once the others have finished that round
  --return ROUND         start it again once they have finished that one

Join
  --rounds N, --data DIR, --seed N, --json   as above; without --rounds it goes on until it is interrupted

  --help                 this text
`;

interface Words {
  values: Map<string, string>;
  flags: Set<string>;
}

const withValue = new Set(["--port", "--peers", "--rounds", "--topology", "--data", "--seed", "--kill", "--return", "--join"]);
const withoutValue = new Set(["--headless", "--json", "--in-process", "--lan", "--help"]);
const allowed: Record<"serve" | "headless" | "join", ReadonlySet<string>> = {
  serve: new Set(["--port", "--lan"]),
  headless: new Set(["--headless", "--peers", "--rounds", "--topology", "--data", "--seed", "--json", "--in-process", "--kill", "--return"]),
  join: new Set(["--join", "--rounds", "--data", "--seed", "--json"]),
};

function readWords(words: readonly string[]): Words {
  const found: Words = { values: new Map(), flags: new Set() };
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    const equals = word.indexOf("=");
    const name = equals < 0 ? word : word.slice(0, equals);
    if (name === "-h") found.flags.add("--help");
    else if (withoutValue.has(name)) {
      if (equals >= 0) throw new UsageError(`${name} takes no value`);
      found.flags.add(name);
    } else if (withValue.has(name)) {
      const value = equals >= 0 ? word.slice(equals + 1) : words[++at];
      if (value === undefined || value === "" || (equals < 0 && value.startsWith("--"))) throw new UsageError(`${name} wants a value`);
      if (found.values.has(name)) throw new UsageError(`${name} is given twice`);
      found.values.set(name, value);
    } else throw new UsageError(`unknown option "${word}"`);
  }
  return found;
}

function whole(words: Words, name: string, byDefault: number, low: number, high: number): number {
  const text = words.values.get(name);
  if (text === undefined) return byDefault;
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= low && value <= high)) throw new UsageError(`${name} wants a whole number from ${low} to ${high}, not "${text}"`);
  return value;
}

function killPlan(words: Words, peers: number, rounds: number, topology: Topology): KillPlan | undefined {
  const text = words.values.get("--kill");
  if (text === undefined) {
    if (words.values.has("--return")) throw new UsageError("--return needs --kill");
    return undefined;
  }
  const match = /^(\d{1,3})@(\d{1,6})$/.exec(text);
  const [peer, killAfter] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || peer < 1 || peer > peers || killAfter < 1 || killAfter >= rounds) {
    throw new UsageError(`--kill wants PEER@ROUND with a peer from 1 to ${peers} and a round from 1 to ${rounds - 1}, not "${text}"`);
  }
  if (topology === "server" && peer === 1) throw new UsageError("--kill wants another peer than 1, the server: the others have to finish rounds without it");
  if (peers < 2) throw new UsageError("--kill needs at least two peers, so that someone goes on");
  const returnAfter = words.values.has("--return") ? whole(words, "--return", 0, killAfter, rounds - 1) : undefined;
  return { peer, killAfter, returnAfter };
}

const seedMax = 4_294_967_295;

/** Reads the command line. Throws `UsageError`. */
export function parseOptions(args: readonly string[]): DemoOptions {
  const words = readWords(args);
  if (words.flags.has("--help")) return { mode: "help" };
  const mode = words.flags.has("--headless") ? "headless" : words.values.has("--join") ? "join" : "serve";
  for (const name of [...words.values.keys(), ...words.flags]) {
    if (!allowed[mode].has(name)) throw new UsageError(`${name} does not go with ${mode === "serve" ? "the page; add --headless" : `--${mode}`}`);
  }
  const data = words.values.get("--data");
  const seed = whole(words, "--seed", 1, 0, seedMax);
  const json = words.flags.has("--json");
  if (mode === "serve") return { mode, port: whole(words, "--port", hubPortDefault, 0, 65_535), lan: words.flags.has("--lan") };
  if (mode === "join") {
    const rounds = words.values.has("--rounds") ? whole(words, "--rounds", 1, 1, 1_000_000) : undefined;
    return { mode, address: words.values.get("--join") ?? "", rounds, data, seed, json };
  }
  const peers = whole(words, "--peers", 5, 1, 32);
  const rounds = whole(words, "--rounds", 30, 1, 100_000);
  const topology = words.values.get("--topology") ?? "mesh";
  if (topology !== "mesh" && topology !== "server") throw new UsageError(`--topology wants mesh or server, not "${topology}"`);
  const inProcess = words.flags.has("--in-process");
  const kill = killPlan(words, peers, rounds, topology);
  if (kill !== undefined && inProcess) throw new UsageError("--kill needs processes to kill; it does not go with --in-process");
  return { mode, peers, rounds, topology, data, seed, json, inProcess, kill };
}
