// Ways to be called again soon: by a message to oneself (no delay, also in hidden tabs) and by a timer of zero length.
import type { Host } from "../host.js";
import type { Soon } from "./loop.js";

/** Node.js keeps a process alive for a referenced port; browsers have no such notion. */
interface Referenced { ref?(): void; unref?(): void }

/** A caller-back over a message channel; `close` lets go of it. */
export interface MessageSoon {
  readonly soon: Soon;
  close(): void;
}

/** Runs soon by a message to oneself: browsers neither delay nor throttle those, unlike timers. */
export function messageSoon(): MessageSoon {
  let channel: MessageChannel | undefined;
  let waiting: (() => void) | undefined;
  const reference = (held: boolean): void => {
    const port = channel?.port1 as (MessagePort & Referenced) | undefined;
    if (held) port?.ref?.();
    else port?.unref?.();
  };
  const open = (): MessageChannel => {
    const made = new MessageChannel();
    made.port1.onmessage = (): void => {
      const f = waiting;
      waiting = undefined;
      reference(false);
      f?.();
    };
    return made;
  };
  return {
    soon(f) {
      channel ??= open();
      // A cancelled call leaves its message under way; it then serves the next one, early, which is legal.
      waiting = f;
      reference(true);
      channel.port2.postMessage(0);
      return () => {
        if (waiting !== f) return;
        waiting = undefined;
        reference(false);
      };
    },
    close() {
      waiting = undefined;
      channel?.port1.close();
      channel?.port2.close();
      channel = undefined;
    },
  };
}

/** Runs soon by a timer of zero length. */
export function timerSoon(host: Host): Soon {
  return (f) => host.timer(0, f);
}
