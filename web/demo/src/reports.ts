// What peers tell each other about how they are doing, as the tensor it travels in. It comes from strangers, so every number is checked.
import type { FloatTensor } from "bytesandbrains";

/** How a peer is doing. */
export interface PeerReport {
  readonly round: number;
  readonly loss: number;
  /** Share of held-out digits that the shared model gets right, 0 to 1. */
  readonly accuracy: number;
  /** The same for the model that learned alone. */
  readonly alone: number;
  /** The digits the peer knows. */
  readonly digits: readonly number[];
}

const fields = 5;
const classes = 10;
const roundMax = 1 << 24; // the largest range in which every whole number is a 32-bit float

/** A report as a tensor: round, loss, accuracy, accuracy alone, and the digits as the sum of their powers of two. */
export function reportTensor(report: PeerReport): FloatTensor {
  const digits = report.digits.reduce((sum, digit) => sum + 2 ** digit, 0);
  return { data: Float32Array.of(report.round, report.loss, report.accuracy, report.alone, digits), shape: [fields] };
}

/** Reads a report; undefined when it is none. */
export function readReport(value: unknown): PeerReport | undefined {
  if (typeof value !== "object" || value === null || !("data" in value) || !(value.data instanceof Float32Array)) return undefined;
  const [round = -1, loss = -1, accuracy = -1, alone = -1, digits = -1] = value.data;
  const whole = Number.isInteger(round) && round >= 0 && round <= roundMax && Number.isInteger(digits) && digits >= 0 && digits < 2 ** classes;
  const shares = accuracy >= 0 && accuracy <= 1 && alone >= 0 && alone <= 1 && loss >= 0 && Number.isFinite(loss);
  if (value.data.length !== fields || !whole || !shares) return undefined;
  return { round, loss, accuracy, alone, digits: Array.from({ length: classes }, (_, digit) => digit).filter((digit) => (digits >> digit) & 1) };
}
