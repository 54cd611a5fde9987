// What everybody at one address agrees on: the room, the seed of the model, and where a newcomer takes its seat.
import { BBError, describeError, peerIdToText, type PeerId } from "bytesandbrains";

/** Room of the hub in which the page's peers meet. */
export const pageRoom = "digits";
/** Seed of the model all peers of the page start from. */
export const pageModelSeed = 1;

/** A seat: which share of the digits a newcomer takes. */
export interface Seat {
  readonly seat: number;
  readonly seats: number;
  readonly hubUrl: string;
  /** Milliseconds after which the seat is to be asked for again. */
  readonly renewMs: number;
}

const renewMs = 25_000;
const seatsMax = 1_000;

function whole(value: unknown, low: number, high: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= low && value <= high;
}

/** Takes or keeps the seat of a peer at the address of a page. Rejects with `bad_url`, `unreachable` or `bad_answer`. */
export async function takeSeat(address: string, peerId: PeerId): Promise<Seat> {
  let url: URL;
  try {
    url = new URL("seat", address);
  } catch (error) {
    throw new BBError("bad_url", `"${address}" is not an address such as http://127.0.0.1:8787/`, { cause: error });
  }
  url.searchParams.set("peer", peerIdToText(peerId));
  let answer: unknown;
  try {
    const response = await fetch(url);
    if (!response.ok) throw new BBError("bad_answer", `${url.origin} answered ${response.status}; is it the page's address?`);
    answer = await response.json();
  } catch (error) {
    if (error instanceof BBError) throw error;
    throw new BBError("unreachable", `${url.origin} cannot be reached or is no page of this demonstration: ${describeError(error)}`, { cause: error });
  }
  const { seat, seats } = (typeof answer === "object" && answer !== null ? answer : {}) as { seat?: unknown; seats?: unknown };
  if (!whole(seats, 1, seatsMax) || !whole(seat, 0, seats - 1)) throw new BBError("bad_answer", `${url.origin} answered with no seat`);
  return { seat, seats, hubUrl: new URL("hub", address).href, renewMs };
}

/** Gives the seat of a peer back; of no consequence when it fails, as seats lapse by themselves. */
export async function leaveSeat(address: string, peerId: PeerId): Promise<void> {
  const url = new URL("seat", address);
  url.searchParams.set("left", peerIdToText(peerId));
  await fetch(url, { keepalive: true }).catch(() => undefined);
}
