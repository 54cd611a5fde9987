// What the peers of a run have reported, the progress lines about it and the table and the document at the end.
import type { HeadlessOptions } from "../options.js";

/** One finished round of one peer. Rounds count from 1 here, as people do. */
export interface RoundRecord {
  readonly round: number;
  /** Mean loss of the local steps; null when the training of this round failed. */
  readonly loss: number | null;
  readonly accuracy: number;
  readonly alone: number;
  readonly contributors: number;
  readonly ms: number;
}

/** Bytes of frames of one peer, without what its channels add. */
export interface Traffic {
  readonly sent: number;
  readonly received: number;
}

/** One peer of the document. */
export interface PeerResult {
  readonly peer: number;
  readonly digits: readonly number[];
  readonly samples: number;
  readonly accuracy: number;
  readonly alone: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Rounds of the others after which its process ended and came back. */
  readonly killedAfter: number | null;
  readonly returnedAfter: number | null;
  readonly finished: boolean;
  readonly rounds: readonly RoundRecord[];
}

/** The document that `--json` prints. */
export interface RunResult {
  readonly topology: string;
  readonly peers: number;
  readonly rounds: number;
  readonly seed: number;
  readonly data: string;
  readonly inProcess: boolean;
  /** Mean and lowest accuracy of the shared model at the end; highest of a model that learned alone. */
  readonly accuracy: { readonly mean: number; readonly lowest: number };
  readonly alone: { readonly highest: number };
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly durationMs: number;
  readonly notes: readonly string[];
  readonly perPeer: readonly PeerResult[];
}

interface Entry {
  readonly digits: readonly number[];
  readonly samples: number;
  readonly records: RoundRecord[];
  before: Traffic; // of processes that are gone
  traffic: Traffic;
  live: boolean;
  finished: boolean;
  killedAfter: number | null;
  returnedAfter: number | null;
}

const notesMax = 1_000;
const none: Traffic = { sent: 0, received: 0 };

/** A share as a percentage. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** A number of bytes for people. */
export function bytesText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(0)} KB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

function mean(numbers: readonly number[]): number {
  return numbers.length === 0 ? 0 : numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

/** Keeps the score of a run. */
export class Scoreboard {
  readonly #options: HeadlessOptions;
  readonly #entries: Entry[] = [];
  readonly #notes: string[] = [];
  readonly #print: (line: string) => void;
  readonly #startedMs: number;
  readonly #now: () => number;
  #shown = 0;

  constructor(options: HeadlessOptions, print: (line: string) => void, now: () => number) {
    this.#options = options;
    this.#print = print;
    this.#now = now;
    this.#startedMs = now();
  }

  /** Adds the next peer; peers count from 1. */
  add(digits: readonly number[], samples: number): void {
    this.#entries.push({ digits, samples, records: [], before: none, traffic: none, live: true, finished: false, killedAfter: null, returnedAfter: null });
  }

  /** Something worth a line. */
  note(text: string): void {
    if (this.#notes.length < notesMax) this.#notes.push(text);
    this.#print(text);
  }

  /** A peer finished a round. */
  finishedRound(peer: number, record: RoundRecord, traffic: Traffic): void {
    const entry = this.#entry(peer);
    entry.records.push(record);
    entry.traffic = traffic;
    this.#showProgress();
  }

  /** A peer finished the last round. */
  finished(peer: number, traffic: Traffic): void {
    const entry = this.#entry(peer);
    entry.finished = true;
    entry.traffic = traffic;
    this.#showProgress();
  }

  /** The peer's process is gone; `planned` when it was killed as asked. */
  gone(peer: number, planned: boolean): void {
    const entry = this.#entry(peer);
    entry.live = false;
    entry.before = { sent: entry.before.sent + entry.traffic.sent, received: entry.before.received + entry.traffic.received };
    entry.traffic = none;
    if (planned) entry.killedAfter = this.roundsOfOthers(peer);
  }

  /** The peer's process was started again. */
  back(peer: number): void {
    const entry = this.#entry(peer);
    entry.live = true;
    entry.returnedAfter = this.roundsOfOthers(peer);
  }

  /** The round that every other live peer has finished. */
  roundsOfOthers(peer: number): number {
    const others = this.#entries.filter((entry, index) => index !== peer - 1 && entry.live);
    return others.length === 0 ? 0 : Math.min(...others.map((entry) => entry.records.at(-1)?.round ?? 0));
  }

  /** True when every live peer has finished, and at least one has. */
  get allFinished(): boolean {
    return this.#entries.some((entry) => entry.finished) && this.#entries.every((entry) => entry.finished || !entry.live);
  }

  /** Peers that are neither gone nor finished. */
  get working(): number[] {
    return this.#entries.flatMap((entry, index) => (entry.live && !entry.finished ? [index + 1] : []));
  }

  /** All there is to say. */
  result(): RunResult {
    const perPeer = this.#entries.map((entry, index): PeerResult => ({
      peer: index + 1,
      digits: entry.digits,
      samples: entry.samples,
      accuracy: entry.records.at(-1)?.accuracy ?? 0,
      alone: entry.records.at(-1)?.alone ?? 0,
      bytesSent: entry.before.sent + entry.traffic.sent,
      bytesReceived: entry.before.received + entry.traffic.received,
      killedAfter: entry.killedAfter,
      returnedAfter: entry.returnedAfter,
      finished: entry.finished,
      rounds: entry.records,
    }));
    const finished = perPeer.filter((peer) => peer.finished);
    const counted = finished.length > 0 ? finished : perPeer; // nobody has, when the run was interrupted
    const { topology, peers, rounds, seed, data, inProcess } = this.#options;
    return {
      topology, peers, rounds, seed, data: data ?? "generated", inProcess,
      accuracy: { mean: mean(counted.map((peer) => peer.accuracy)), lowest: counted.length === 0 ? 0 : Math.min(...counted.map((peer) => peer.accuracy)) },
      alone: { highest: counted.length === 0 ? 0 : Math.max(...counted.map((peer) => peer.alone)) },
      bytesSent: perPeer.reduce((sum, peer) => sum + peer.bytesSent, 0),
      bytesReceived: perPeer.reduce((sum, peer) => sum + peer.bytesReceived, 0),
      durationMs: Math.round(this.#now() - this.#startedMs),
      notes: this.#notes,
      perPeer,
    };
  }

  #entry(peer: number): Entry {
    const entry = this.#entries[peer - 1];
    if (entry === undefined) throw new RangeError(`peer ${peer} of ${this.#entries.length}`);
    return entry;
  }

  /** A line for each round that all live peers have finished. */
  #showProgress(): void {
    const live = this.#entries.filter((entry) => entry.live);
    if (live.length === 0) return;
    const done = Math.min(...live.map((entry) => entry.records.at(-1)?.round ?? 0));
    for (; this.#shown < done; this.#shown++) {
      const round = this.#shown + 1;
      const records = live.flatMap((entry) => entry.records.filter((record) => record.round === round).slice(-1));
      if (records.length === 0) continue;
      const accuracies = records.map((record) => record.accuracy);
      const losses = records.flatMap((record) => (record.loss === null ? [] : [record.loss]));
      this.#print([
        `round ${String(round).padStart(String(this.#options.rounds).length)}/${this.#options.rounds}`,
        `together ${percent(mean(accuracies)).padStart(7)} (${percent(Math.min(...accuracies))} to ${percent(Math.max(...accuracies))})`,
        `alone ${percent(mean(records.map((record) => record.alone)))}`,
        `loss ${mean(losses).toFixed(3)}`,
        `peers ${records.length}`,
      ].join("   "));
    }
  }
}

function unfinished(peer: PeerResult): string {
  return peer.killedAfter === null || peer.returnedAfter !== null ? "did not finish" : `killed after round ${peer.killedAfter}`;
}

/** The result as a table for the terminal. */
export function resultTable(result: RunResult): string {
  const rows = [["peer", "digits", "images", "together", "alone", "sent", "received", ""]];
  for (const peer of result.perPeer) {
    const fate = !peer.finished ? unfinished(peer) : peer.returnedAfter !== null ? `was away from round ${peer.killedAfter ?? 0} to ${peer.returnedAfter}` : "";
    rows.push([String(peer.peer), peer.digits.join(" "), String(peer.samples), percent(peer.accuracy), percent(peer.alone), bytesText(peer.bytesSent), bytesText(peer.bytesReceived), fate]);
  }
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  const lines = rows.map((row) => row.map((cell, column) => (column === 1 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join("   ").trimEnd());
  const { accuracy, alone } = result;
  const rounds = Math.max(0, ...result.perPeer.map((peer) => peer.rounds.at(-1)?.round ?? 0));
  lines.splice(1, 0, "-".repeat(lines[0]?.length ?? 0));
  lines.push("", `Together ${percent(accuracy.mean)} of unseen digits of all ten classes, alone at most ${percent(alone.highest)}; ${rounds} rounds in ${(result.durationMs / 1000).toFixed(1)} s.`);
  return lines.join("\n");
}
