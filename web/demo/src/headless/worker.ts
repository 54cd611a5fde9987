// The process of one peer in a headless run. Its orders come from the process that started it; without that one it ends.
import { Engine, fileIdentity, nodeWebSocket, peerIdFromText, platformHost, workerDriver } from "bytesandbrains";
import { hubTransport } from "bytesandbrains/transports/hub";
import { Learner } from "../learner.js";
import { compileProgram } from "../program.js";
import type { FromPeer, ToPeer } from "./messages.js";
import { describeTrouble, recordOf } from "./telling.js";

type Setup = Extract<ToPeer, { type: "setup" }>;

function tell(message: FromPeer): void {
  if (process.connected) process.send?.(message);
}

async function prepare(setup: Setup): Promise<Learner> {
  const engine = await Engine.load();
  const host = platformHost();
  const learner = await Learner.create({
    engine,
    program: compileProgram(engine, setup.topology),
    share: setup.share,
    identity: await fileIdentity(setup.identity),
    transports: [hubTransport({ url: setup.hubUrl, room: "headless", webSocket: nodeWebSocket })],
    driver: workerDriver(host),
    host,
    part: setup.part,
    ...(setup.server === undefined ? {} : { server: peerIdFromText(setup.server) }),
    modelSeed: setup.modelSeed,
    dataSeed: setup.dataSeed,
    rounds: setup.rounds,
  });
  describeTrouble(learner, (text) => tell({ type: "note", text: `peer ${setup.peer}: ${text}` }));
  const count = (): void => tell({ type: "neighbours", count: learner.rounds.neighbours().length });
  learner.peer.on("link", count);
  learner.peer.on("link-down", count);
  learner.rounds.on("round", (event) => tell({ type: "round", record: recordOf(event), traffic: learner.traffic() }));
  await learner.start();
  count();
  return learner;
}

function fail(error: unknown): void {
  tell({ type: "failed", text: error instanceof Error ? error.message : String(error) });
  process.exitCode = 1;
  process.disconnect?.();
}

let learner: Promise<Learner> | undefined;
let stopping = false;

process.on("message", (message: ToPeer) => {
  switch (message.type) {
    case "setup":
      learner = prepare(message);
      learner.catch(fail);
      return;
    case "go":
      learner?.then(async (one) => {
        await one.run();
        if (!stopping) tell({ type: "finished", traffic: one.traffic() });
      }).catch(fail);
      return;
    case "stop":
      stopping = true;
      learner?.then((one) => one.stop()).catch(() => undefined).finally(() => process.exit(0));
      return;
    default:
      message satisfies never;
  }
});
process.on("disconnect", () => process.exit());
process.on("SIGINT", () => undefined); // a terminal sends Ctrl+C to everybody; the process that started this one decides
