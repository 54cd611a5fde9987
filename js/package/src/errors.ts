// The one error class of the package: a stable code for programs, a position for parsers, a sentence for people.

/** Extra facts an error may carry. */
export interface BBErrorOptions {
  /** Position in the input (a byte offset unless the thrower says otherwise). */
  readonly at?: number;
  /** The error underneath, when there is one. */
  readonly cause?: unknown;
}

/**
 * What every call of the package throws or rejects with.
 *
 * ```ts
 * try { parseIdxLabels(bytes); } catch (error) {
 *   if (error instanceof BBError && error.code === "truncated") console.error(error.detail, error.at);
 * }
 * ```
 */
export class BBError extends Error {
  /** Stable word for programs, for example `port_in_use`. */
  readonly code: string;
  /** Position in the input, when the error is about one. */
  declare readonly at?: number;
  /** The sentence without the code. */
  readonly detail: string;

  constructor(code: string, detail: string, options: BBErrorOptions = {}) {
    super(options.at === undefined ? `${code}: ${detail}` : `${code}: ${detail} (at ${options.at})`,
      options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "BBError";
    this.code = code;
    this.detail = detail;
    if (options.at !== undefined) this.at = options.at;
  }
}

/** Text of anything that was thrown, for messages. */
export function describeError(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
