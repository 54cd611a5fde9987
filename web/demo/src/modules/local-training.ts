// The local steps of a round, shared by both ways of learning together.
import type { Graph, ModelSlot, Output } from "bytesandbrains";

/** How the local steps of a round are cut. */
export interface LocalTraining {
  /** Mini-batches in a round. */
  readonly steps: number;
  /**
   * Ops they are spread over. One op runs without a pause, so a page takes more of them; the result is the same, and peers
   * that cut differently learn together all the same.
   */
  readonly pieces: number;
}

/** Trains on the peer's own data; the mean loss of the first piece, which says how good the merged model is on this data. */
export function trainInPieces(g: Graph, model: ModelSlot, { steps, pieces }: LocalTraining): Output {
  const loss = model.train(g, { steps: Math.floor(steps / pieces) + (steps % pieces) });
  for (let piece = 1; piece < pieces; piece++) model.train(g, { steps: Math.floor(steps / pieces) });
  return loss;
}
