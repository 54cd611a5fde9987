// Everybody the page knows of: the peers that run in this tab and those it hears from, with what they have said so far.
import type { LinkPath } from "bytesandbrains";
import type { PeerReport } from "../reports.js";

/** A point of a peer's history. */
export interface Moment {
  readonly round: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly alone: number;
  /** Loss of the model that learns alone; known for peers of this tab only. */
  readonly aloneLoss: number | undefined;
}

/** A peer, as the page shows it. */
export interface Member {
  readonly id: string;
  readonly name: string;
  /** Runs in this tab. */
  readonly here: boolean;
  /** The tab's own peer, the first of those that run here. */
  readonly own: boolean;
  /** Position in the order of colours. */
  readonly colour: number;
  digits: readonly number[];
  state: string;
  /** Which way its messages take, for peers somewhere else. */
  path: LinkPath | undefined;
  gone: boolean;
  history: Moment[];
}

const historyMax = 600;
const restartGap = 5; // rounds; a report that is older by less has only taken a slower way
const membersMax = 64;

/** The peers, in the order in which they were first seen. */
export class Roster {
  readonly #members = new Map<string, Member>();
  #count = 0;

  /** All of them. */
  all(): Member[] {
    return [...this.#members.values()];
  }

  /** Those who are there. */
  present(): Member[] {
    return this.all().filter((member) => !member.gone);
  }

  /** The member with this id. */
  get(id: string): Member | undefined {
    return this.#members.get(id);
  }

  /** A peer of this tab. */
  addHere(id: string, name: string, own: boolean, digits: readonly number[]): Member {
    const member = this.#add(id, name, true, own);
    member.digits = digits;
    member.state = "starting";
    return member;
  }

  /** A peer somewhere else was linked. */
  seen(id: string): Member {
    const known = this.#members.get(id);
    if (known !== undefined) {
      if (known.gone && !known.here) known.state = "linked";
      known.gone = false;
      return known;
    }
    const member = this.#add(id, `…${id.slice(-5)}`, false, false);
    member.state = "linked";
    return member;
  }

  /** Messages to a peer take this way. */
  reached(id: string, path: LinkPath): void {
    const member = this.#members.get(id);
    if (member !== undefined) member.path = path;
  }

  /** A peer is gone; its line stays in the charts. */
  lost(id: string): void {
    const member = this.#members.get(id);
    if (member === undefined) return;
    member.gone = true;
    member.state = "gone";
  }

  /** A peer told how it is doing. */
  told(id: string, report: PeerReport): void {
    const member = this.#members.get(id);
    if (member === undefined || member.here) return;
    member.digits = report.digits;
    member.state = "learning";
    this.record(member, { ...report, round: report.round + 1, aloneLoss: undefined });
  }

  /** Adds a point. A peer that started anew starts its line anew; what several peers of this tab heard counts once. */
  record(member: Member, moment: Moment): void {
    const last = member.history.at(-1);
    if (last !== undefined && moment.round <= last.round) {
      if (moment.round > last.round - restartGap) return;
      member.history = [];
    }
    member.history.push(moment);
    if (member.history.length > historyMax) member.history = member.history.filter((_, index) => index % 2 === 0 || index === historyMax);
  }

  #add(id: string, name: string, here: boolean, own: boolean): Member {
    for (const [other, member] of this.#members) {
      if (this.#members.size < membersMax) break;
      if (member.gone) this.#members.delete(other);
    }
    const member: Member = { id, name, here, own, colour: this.#count++, digits: [], state: "", path: undefined, gone: false, history: [] };
    this.#members.set(id, member);
    return member;
  }
}
