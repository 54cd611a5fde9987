// The programs of the demonstration, compiled: what a peer installs, by the part it plays.
import { Compiler, type Artifact, type Engine } from "bytesandbrains";
import type { Topology } from "./options.js";
import { Predict, Report, TrainAlone } from "./modules/common.js";
import type { LocalTraining } from "./modules/local-training.js";
import { Mesh, MeshMerge } from "./modules/mesh.js";
import { ClientReceive, ClientTrain, ServerMerge } from "./modules/server.js";

/** A peer's part. */
export type Part = "mesh" | "server" | "client";

/** Compiled programs and what to install of them. */
export interface Program {
  readonly artifacts: readonly Artifact[];
  readonly targets: Readonly<Record<Part, readonly string[]>>;
}

/** Mini-batches in a round, and images in each. */
export const stepsPerRound = 20;
export const batchSize = 32;

// A model of 200 KB on its way through a hub to a hidden tab takes longer than the usual tenth of a second.
const perHopBudgetMs = 30_000;

/** Pieces of a round's training at the page, so that no op takes longer than a frame has room for. */
export const pagePieces = 4;

/** Compiles for one way of learning together; `pieces` cuts the training, see `LocalTraining`. */
export function compileProgram(engine: Engine, topology: Topology, pieces = 1): Program {
  const training: LocalTraining = { steps: stepsPerRound, pieces };
  const { Mlp, FedAvg, Dataset } = engine.builtin;
  const compiler = new Compiler(engine)
    .bind("data", Dataset).bind("model", Mlp).bind("alone", Mlp).bind("aggregator", FedAvg)
    .option({ perHopBudgetMs });
  const rounds = topology === "mesh"
    ? [new Mesh(training), new MeshMerge()]
    : [new ClientTrain(training), new ServerMerge(), new ClientReceive()];
  const modules = [...rounds, new Predict("Predict", "model"), new Predict("PredictAlone", "alone"), new TrainAlone(training), new Report()];
  const everybody = ["Predict", "PredictAlone", "TrainAlone", "Report", "Report_peers"];
  return {
    artifacts: modules.map((module) => compiler.compile(module)),
    targets: {
      mesh: ["Mesh", "Mesh_peers", "MeshMerge", ...everybody],
      server: ["ClientTrain", "ClientTrain_peers", "ServerMerge", ...everybody],
      client: ["ClientTrain", "ClientReceive", ...everybody],
    },
  };
}
