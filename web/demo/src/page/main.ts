// The page: starts the tab's own peer by itself, shows what happens, answers drawings.
import { Engine, describeError } from "bytesandbrains";
import { Crew, crewMax } from "./crew.js";
import { Pad } from "./pad.js";
import { Roster } from "./roster.js";
import { View, type ViewState } from "./view.js";

const askAgainMs = 400; // the answer to a drawing changes while the model learns

async function main(): Promise<void> {
  const roster = new Roster();
  let crew: Crew | undefined;
  let connection: ViewState["connection"] = "starting";
  let drawn: Float32Array | undefined;
  let adding = false;
  let painting = false;

  const view = new View({
    pause: () => crew?.setPaused(!crew.paused),
    add: () => void add(),
    clear: () => pad.clear(),
    sample: () => {
      const heldOut = crew?.members[0]?.share.heldOut;
      if (heldOut !== undefined) pad.show(heldOut, Math.floor(Math.random() * heldOut.count));
    },
    remove: (id) => void crew?.remove(id).catch((error: unknown) => view.alert(describeError(error))),
  });
  const pad = new Pad(view.pad, (pixels) => {
    drawn = pixels;
    if (pixels === undefined) view.answer(undefined);
    else void ask();
  });

  const paint = (): void => {
    painting = false;
    const { sent, received } = crew?.traffic() ?? { sent: 0, received: 0 };
    view.show({
      roster, connection, sent, received,
      paused: crew?.paused ?? false,
      canAdd: crew !== undefined && !adding && crew.members.length > 0 && crew.members.length < crewMax,
    });
  };
  /** Many things change between two frames; they are painted once. */
  const changed = (): void => {
    if (painting) return;
    painting = true;
    if (document.visibilityState === "hidden") setTimeout(paint, 500);
    else requestAnimationFrame(paint);
  };

  let asking = false;
  const ask = async (): Promise<void> => {
    const learner = crew?.members[0]?.learner;
    if (asking || drawn === undefined || learner === undefined) return;
    asking = true;
    try {
      const shares = await learner.classify(drawn);
      if (drawn !== undefined) view.answer(shares);
    } catch (error) {
      view.alert(describeError(error));
    } finally {
      asking = false;
    }
  };

  const add = async (): Promise<void> => {
    if (crew === undefined || adding) return;
    adding = true;
    changed();
    try {
      const { learner } = await crew.add();
      view.alert("");
      if (crew.members.length === 1) {
        connection = "live";
        learner.peer.on("transport", ({ transport, status }) => {
          if (transport !== "hub" || status === undefined) return;
          connection = status === "open" ? "live" : "broken";
          changed();
        });
      }
    } catch (error) {
      view.alert(`A peer could not be started: ${describeError(error)}`);
    } finally {
      adding = false;
      changed();
    }
  };

  changed();
  window.addEventListener("resize", changed);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  crew = new Crew(await Engine.load(), roster, changed);
  window.addEventListener("pagehide", () => crew?.leave());
  // A page brought back from the browser's cache has lost its seat and its links.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
  setInterval(() => void ask(), askAgainMs);
  await add();
}

main().catch((error: unknown) => {
  const place = document.getElementById("alert");
  if (place !== null) {
    place.textContent = `The page could not start: ${describeError(error)}`;
    place.hidden = false;
  }
  console.error(error);
});
