// The engine for tests: one per test file, from the module that the build made, and small programs and helpers around it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Engine } from "../../../js/package/src/engine.js";
import { Module } from "../../../js/package/src/module.js";
import type { Graph } from "../../../js/package/src/graph.js";
import type { Node } from "../../../js/package/src/node.js";
import type { EventStep, SendStep, Step } from "../../../js/package/src/steps.js";

/** The project's folder: tests are compiled somewhere below it and run from it. */
export const root = process.cwd();
/** Where the build puts the module. */
export const wasmPath = join(root, "js", "package", "dist", "engine.wasm");
export const wasmUrl = pathToFileURL(wasmPath);

/** The module's bytes. */
export function wasmBytes(): Uint8Array {
  return readFileSync(wasmPath);
}

/** A new engine. */
export function loadEngine(): Promise<Engine> {
  return Engine.load(wasmBytes());
}

/** A module written as a function. */
export class Written extends Module {
  readonly #write: (g: Graph) => void;

  constructor(name: string, write: (g: Graph) => void) {
    super(name);
    this.#write = write;
  }

  body(g: Graph): void {
    this.#write(g);
  }
}

/** All steps of polls until nothing is left to do; envelopes are copied, since the next poll voids them. */
export function settle(node: Node, nowMs = 0): { steps: Step[]; envelopes: Uint8Array[] } {
  const steps: Step[] = [];
  const envelopes: Uint8Array[] = [];
  for (let polls = 0; polls < 1000; polls++) {
    const block = node.poll(nowMs);
    for (const step of block) {
      steps.push(step);
      if (step.kind === "send") envelopes.push((step as SendStep).bytes());
    }
    if (!block.more) break;
  }
  return { steps, envelopes };
}

/** The events among steps. */
export function events(steps: readonly Step[]): EventStep[] {
  return steps.filter((step): step is EventStep => step.kind === "event");
}
