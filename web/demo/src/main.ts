// The demonstration: serves the page, runs peers in the terminal, or joins a page from the terminal.
import { BBError } from "bytesandbrains";
import { DataError } from "./headless/data.js";
import { runJoined } from "./headless/join.js";
import { runHeadless } from "./headless/run.js";
import { parseOptions, usage, UsageError, type DemoOptions } from "./options.js";
import { servePage } from "./serve.js";

const usageCode = 2;

async function run(options: DemoOptions, signal: AbortSignal): Promise<number> {
  switch (options.mode) {
    case "help":
      process.stdout.write(usage);
      return 0;
    case "serve":
      return await servePage(options, signal);
    case "headless":
      return await runHeadless(options, signal);
    case "join":
      return await runJoined(options, signal);
    default:
      return options satisfies never;
  }
}

/** The sentence for people; anything unforeseen keeps its stack. */
function sentence(error: unknown): string {
  if (error instanceof BBError) return `${error.detail}${error.at === undefined ? "" : ` (at byte ${error.at})`}`;
  if (error instanceof DataError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

async function main(): Promise<number> {
  const interrupt = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => interrupt.abort()); // once: a second one ends at once
  }
  try {
    return await run(parseOptions(process.argv.slice(2)), interrupt.signal);
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`npm start: ${error.message}\n\n${usage}`);
      return usageCode;
    }
    process.stderr.write(`npm start: ${sentence(error)}\n`);
    return 1;
  }
}

main().then((code) => {
  process.exitCode = code;
  process.stdout.write("", () => process.exit()); // what was written before is out by then
}, (error: unknown) => {
  process.stderr.write(`${sentence(error)}\n`);
  process.exit(1);
});
