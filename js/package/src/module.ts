// A program, or a part of one.
import type { Graph, Output } from "./graph.js";

/**
 * Derive from it and write the program in `body`. The name is part of the addresses by which peers reach the program, so it is given
 * explicitly: a minified class has another name than the one in the sources.
 *
 * ```ts
 * class Double extends Module {
 *   readonly #backend = slot.backend("backend");
 *   constructor() { super("Double"); }
 *   body(g: Graph) { const x = g.input("x", t.tensor.f32); g.output("y", this.#backend.add(g, x, x)); }
 * }
 * ```
 */
export abstract class Module {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** Records the program. Called once for each program that contains this module. */
  abstract body(g: Graph): void;

  /** Records what prepares the program on a peer; a host asks for it with `Node.bootstrap`. Nothing unless overridden. */
  bootstrap(_g: Graph): void {
    // Most programs need no preparation.
  }

  /** Calls this module from the body of another: values for its inputs in, its outputs by port. */
  call(g: Graph, inputs: Readonly<Record<string, Output>> = {}): Record<string, Output> {
    return g.call(this, inputs);
  }
}
