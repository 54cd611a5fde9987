// One peer of the demonstration: its data, its two models (the shared one and the one that learns alone) and its rounds.
import {
  Calls, FederatedRounds, Peer, accuracy, softmax, type Driver, type Engine, type Host, type Identity, type PeerId, type RoundEvent, type RoundsRole,
  type FloatTensor, type Transport,
} from "bytesandbrains";
import type { Share } from "./shares.js";
import { batchSize, type Part, type Program } from "./program.js";
import { readReport, reportTensor, type PeerReport } from "./reports.js";

/** What a learner is made of. */
export interface LearnerOptions {
  readonly engine: Engine;
  readonly program: Program;
  readonly share: Share;
  readonly identity: Identity;
  readonly transports: readonly Transport[];
  readonly driver: Driver;
  readonly host: Host;
  /** The part it plays; a client names its server. */
  readonly part: Part;
  readonly server?: PeerId;
  /** Seed of the models: the same for all, as averages of models only mean something from a common start. */
  readonly modelSeed: number;
  /** Seed of the order of its own images. */
  readonly dataSeed: number;
  readonly rounds?: number;
  readonly minContributions?: number;
  readonly roundDeadlineMs?: number;
  readonly restMs?: number;
}

/** What is measured after a round. */
export interface Measured {
  /** Share of held-out digits of all classes that the shared model gets right. */
  readonly accuracy: number;
  /** The same for the model that learned alone, after as many rounds of training. */
  readonly alone: number;
  readonly aloneLoss: number;
}

const inputs = 784;
const layers = "784-64-10";
const learningRate = 0.05;
const momentum = 0.9;
const measuredBatch = 200; // a few milliseconds in one go
const maxStaleness = 1; // a peer that comes back with an old model may not drag the average back

function roleOf(options: LearnerOptions): RoundsRole {
  if (options.part !== "client") return { kind: options.part };
  if (options.server === undefined) throw new TypeError("a client needs to know its server");
  return { kind: "client", server: options.server };
}

/** A peer that learns. */
export class Learner {
  readonly peer: Peer;
  readonly rounds: FederatedRounds<Measured>;
  readonly share: Share;
  readonly #transports: readonly Transport[];
  readonly #calls: Calls;
  #onReport: (from: PeerId, report: PeerReport) => void = () => undefined;

  private constructor(peer: Peer, options: LearnerOptions) {
    this.peer = peer;
    this.share = options.share;
    this.#transports = options.transports;
    this.#calls = new Calls(peer, options.host);
    this.rounds = new FederatedRounds<Measured>({
      peer,
      host: options.host,
      role: roleOf(options),
      samples: options.share.train.count,
      evaluate: () => this.#measure(),
      ...(options.rounds === undefined ? {} : { rounds: options.rounds }),
      ...(options.minContributions === undefined ? {} : { minContributions: options.minContributions }),
      ...(options.roundDeadlineMs === undefined ? {} : { roundDeadlineMs: options.roundDeadlineMs }),
      ...(options.restMs === undefined ? {} : { restMs: options.restMs }),
    });
    this.#listenForReports();
    this.rounds.on("round", (event) => this.#tellNeighbours(event));
  }

  /** Installs the programs; nothing moves before `start`. */
  static async create(options: LearnerOptions): Promise<Learner> {
    const { share, program, modelSeed, dataSeed } = options;
    const model = { layers, learning_rate: learningRate, momentum, seed: modelSeed };
    const peer = await Peer.create({
      engine: options.engine,
      artifacts: program.artifacts,
      targets: program.targets[options.part],
      config: {
        data: { images: share.train.images, labels: share.train.labels, features: inputs, batch_size: batchSize, seed: dataSeed },
        model,
        alone: model,
        ...(options.part === "client" ? {} : { aggregator: { min_contributions: 1, max_staleness: maxStaleness } }), // the server's is the only one
      },
      identity: options.identity,
      transports: options.transports,
      driver: options.driver,
      host: options.host,
    });
    return new Learner(peer, options);
  }

  /** Bytes of frames over all transports. */
  traffic(): { sent: number; received: number } {
    return this.#transports.reduce((sum, transport) => {
      const { bytesSent, bytesReceived } = transport.stats();
      return { sent: sum.sent + bytesSent, received: sum.received + bytesReceived };
    }, { sent: 0, received: 0 });
  }

  /** Called with every report of a neighbour. */
  onReport(f: (from: PeerId, report: PeerReport) => void): void {
    this.#onReport = f;
  }

  /** Joins the others. */
  async start(): Promise<void> {
    await this.peer.start();
  }

  /** Learns until the last round, or until `stop`. */
  async run(): Promise<void> {
    await this.rounds.run();
  }

  /** Leaves the others and lets go of everything. */
  async stop(): Promise<void> {
    this.rounds.stop();
    this.#calls.close();
    await this.peer.stop();
  }

  /** Probability of each digit for one image of 784 numbers from 0 (paper) to 1 (ink). */
  async classify(pixels: Float32Array): Promise<number[]> {
    return softmax((await this.#predict("Predict", { data: pixels, shape: [1, inputs] })).data);
  }

  async #predict(target: string, x: FloatTensor): Promise<FloatTensor> {
    return await this.#calls.tensor(target, { x }, "logits");
  }

  async #measure(): Promise<Measured> {
    const shared = await accuracy((x) => this.#predict("Predict", x), this.share.heldOut, { batch: measuredBatch });
    const aloneLoss = Number(await this.#calls.one("TrainAlone", {}, "loss"));
    const alone = await accuracy((x) => this.#predict("PredictAlone", x), this.share.heldOut, { batch: measuredBatch });
    return { accuracy: shared, alone, aloneLoss };
  }

  #listenForReports(): void {
    const reporters = new Map<bigint, PeerId>();
    this.peer.on("event", ({ target, topic, exec, value }) => {
      if (target !== "Report_peers") return;
      if (topic === "reporter") {
        if (reporters.size >= 64) reporters.clear();
        reporters.set(exec, value as PeerId);
      } else if (topic === "reported") {
        const from = reporters.get(exec);
        reporters.delete(exec);
        const report = readReport(value);
        if (from !== undefined && report !== undefined) this.#onReport(from, report);
      }
    });
  }

  #tellNeighbours({ round, loss, evaluation }: RoundEvent<Measured>): void {
    const peers = this.rounds.neighbours();
    if (evaluation === undefined || peers.length === 0) return;
    const report = reportTensor({ round, loss: loss ?? 0, accuracy: evaluation.accuracy, alone: evaluation.alone, digits: this.share.digits });
    // A neighbour that misses one hears the next, so a failure is not worth more than a line in the peer's own events.
    this.peer.invoke("Report", { peers, report }).catch(() => undefined);
  }
}
