// From a module to an artifact.
import { describeError } from "./errors.js";
import { Artifact } from "./artifact.js";
import { JsComponentClass, type ComponentClass } from "./component.js";
import { insideOf, type Engine } from "./engine.js";
import { compileError, graphOf } from "./graph.js";
import type { Module } from "./module.js";
import type { CompilerHandle } from "./wasm/glue.js";

/** Settings of a compilation. */
export interface CompileOptions {
  /** What one network hop may take; 100 ms unless said. */
  readonly perHopBudgetMs?: number;
  /** Values whose type stays open may meet ports of a specific type; the op then checks when it runs. */
  readonly permissiveTypes?: boolean;
}

/** One op of the model that a stage edits. */
export interface EditedNode {
  readonly name: string;
  readonly domain: string;
  readonly op: string;
  /** The function it is in. */
  readonly function: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly meta: {
    get(key: string): string | undefined;
    set(key: string, value: string): void;
    delete(key: string): void;
    keys(): string[];
  };
}

/** The model as a stage sees it. Good only while the stage runs. */
export interface ModelEditor {
  /**
   * The ops of all functions, in order; with an argument those of an op type (`Send`), of a domain
   * (`ai.bytesandbrains.wire`), or both by the last part of the domain (`wire.Send`).
   */
  nodes(which?: string): EditedNode[];
}

/** A step of the compilation that the caller adds. What it throws refuses the program. */
export type Stage = (model: ModelEditor) => void;

/**
 * Compiles modules.
 *
 * ```ts
 * const artifact = new Compiler(engine).bind("model", engine.builtin.Mlp).compile(new Round());
 * ```
 */
export class Compiler {
  readonly #engine: Engine;
  readonly #bindings: [string, ComponentClass][] = [];
  readonly #aliases: [string, string][] = [];
  readonly #stages: { readonly name: string; readonly run: Stage; readonly recorded: boolean }[] = [];
  #options: CompileOptions = {};

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** The component class that fills a slot. */
  bind(slot: string, component: ComponentClass): this {
    this.#bindings.push([slot, component]);
    return this;
  }

  /** `slot` is the same component as `other`, which is bound. */
  alias(slot: string, other: string): this {
    this.#aliases.push([slot, other]);
    return this;
  }

  option(options: CompileOptions): this {
    this.#options = { ...this.#options, ...options };
    return this;
  }

  /** Adds a stage after the last pass (or, `recorded`, before the first). Stages run in the order given. */
  stage(name: string, run: Stage, when: "final" | "recorded" = "final"): this {
    this.#stages.push({ name, run, recorded: when === "recorded" });
    return this;
  }

  /** Compiles. Throws a `CompileError` that says what is wrong and where. */
  compile(module: Module): Artifact {
    const { bridge, host } = insideOf(this.#engine);
    const recorder = new bridge.module.Recorder(bridge.engine);
    const compiler = new bridge.module.Compiler(bridge.engine);
    let thrown: { readonly error: unknown } | undefined;
    const before = host.stage;
    try {
      this.#record(module, recorder);
      for (const [slot, component] of this.#bindings) {
        if (component instanceof JsComponentClass) host.register(component);
        compiler.bind(slot, component.typeName);
      }
      for (const [slot, other] of this.#aliases) compiler.alias(slot, other);
      if (this.#options.perHopBudgetMs !== undefined) compiler.perHopBudget(this.#options.perHopBudgetMs);
      if (this.#options.permissiveTypes !== undefined) compiler.permissiveTypes(this.#options.permissiveTypes);
      this.#stages.forEach(({ name, recorded }, index) => compiler.stage(name, index, recorded));
      host.stage = (index) => {
        try {
          this.#stages[index]?.run(editorOf(compiler));
          return 0;
        } catch (error) {
          thrown ??= { error };
          compiler.failStage(describeError(error));
          return -1;
        }
      };
      if (compiler.compile(recorder) < 0) {
        const error = compileError(bridge);
        if (thrown !== undefined) error.cause = thrown.error;
        throw error;
      }
      return Artifact.from(this.#engine, bridge.copy(compiler.outputAt(), compiler.outputSize()));
    } finally {
      host.stage = before;
      compiler.delete();
      recorder.delete();
    }
  }

  #record(module: Module, recorder: Parameters<typeof graphOf>[1]): void {
    const { bridge } = insideOf(this.#engine);
    const check = (status: number): void => {
      if (status < 0) throw compileError(bridge);
    };
    check(recorder.beginRoot(module.name));
    const graph = graphOf(this.#engine, recorder);
    module.body(graph);
    check(recorder.endRoot());
    check(recorder.beginBootstrap());
    module.bootstrap(graph);
    check(recorder.endBootstrap());
  }
}

interface NodeDescription {
  readonly name: string;
  readonly domain: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
}

function editorOf(compiler: CompilerHandle): ModelEditor {
  return {
    nodes(which) {
      const found: EditedNode[] = [];
      for (let at = 0; at < compiler.functionCount(); at++) {
        const functionName = compiler.functionName(at);
        for (let position = 0; position < compiler.nodeCount(at); position++) {
          const described = JSON.parse(compiler.node(at, position)) as NodeDescription;
          if (which === undefined || matches(described, which)) found.push(editedNode(compiler, functionName, at, position, described));
        }
      }
      return found;
    },
  };
}

function matches({ domain, op }: NodeDescription, which: string): boolean {
  return op === which || domain === which || `${domain}.${op}` === which || `${domain.slice(domain.lastIndexOf(".") + 1)}.${op}` === which;
}

function editedNode(compiler: CompilerHandle, functionName: string, at: number, position: number, described: NodeDescription): EditedNode {
  const meta = new Map(Object.entries(described.meta));
  return {
    name: described.name, domain: described.domain, op: described.op, function: functionName, inputs: described.inputs, outputs: described.outputs,
    meta: {
      get: (key) => meta.get(key),
      set(key, value) {
        if (compiler.setMetadata(at, position, key, value)) meta.set(key, value);
      },
      delete(key) {
        if (compiler.eraseMetadata(at, position, key)) meta.delete(key);
      },
      keys: () => [...meta.keys()],
    },
  };
}
