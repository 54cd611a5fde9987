// What transports have in common: waiting for a link that comes up by itself, and the length check of `send`.
import { BBError } from "../errors.js";
import { samePeer } from "../peer-id.js";
import type { Abort, DialTarget, LinkId, Transport } from "./transport.js";

/** Refuses a frame that is too long: a mistake of the caller, who was told the limit. */
export function checkFrameLength(length: number, frameMax: number): void {
  if (length > frameMax) throw new BBError("over_cap", `a frame of ${length} bytes, at most ${frameMax} are taken`);
}

/** Resolves with the link to the peer, now or when it comes up; rejects with `aborted` or, when the transport closes, `closed`. */
export function waitForLink(transport: Transport, target: DialTarget, options: Abort): Promise<LinkId> {
  const existing = transport.links().find((entry) => entry.peerHint !== undefined && samePeer(entry.peerHint, target.peerId));
  if (existing !== undefined) return Promise.resolve(existing.link);
  const { signal } = options;
  if (signal?.aborted === true) return Promise.reject(new BBError("aborted", "the wait for a link was given up"));
  return new Promise<LinkId>((resolve, reject) => {
    const finish = (): void => {
      stop();
      signal?.removeEventListener("abort", onAbort);
    };
    const onAbort = (): void => {
      finish();
      reject(new BBError("aborted", "the wait for a link was given up"));
    };
    const stop = transport.on((event) => {
      if (event.type === "link-up" && event.peerHint !== undefined && samePeer(event.peerHint, target.peerId)) {
        finish();
        resolve(event.link);
      } else if (event.type === "status" && event.status === "closed") {
        finish();
        reject(new BBError("closed", "the transport was closed"));
      }
    });
    signal?.addEventListener("abort", onAbort);
  });
}
