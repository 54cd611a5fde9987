#!/usr/bin/env node
// The command line of the package: `bytesandbrains hub` runs a hub until it is interrupted.
import { BBError, describeError } from "./errors.js";
import { hubPortDefault, startHub } from "./hub/node.js";

const usage = `Usage: bytesandbrains hub [--port N] [--host ADDRESS] [--quiet]

  hub               relays messages between peers and tells them who is there

  --port N          port to listen on (default ${hubPortDefault}; 0 takes a free one)
  --host ADDRESS    address to listen on (default 127.0.0.1; 0.0.0.0 lets the network in)
  --quiet           print nothing but errors
  --help            this text
`;

interface HubArguments {
  port: number;
  address: string;
  quiet: boolean;
}

class UsageError extends Error {}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw new UsageError(`--port wants a number from 0 to 65535, not "${text}"`);
  return port;
}

function parseHub(words: readonly string[]): HubArguments {
  const found: HubArguments = { port: hubPortDefault, address: "127.0.0.1", quiet: false };
  for (let index = 0; index < words.length; index++) {
    const [name = "", ...rest] = (words[index] ?? "").split("=");
    const value = (): string => {
      const text = rest.length > 0 ? rest.join("=") : words[++index];
      if (text === undefined || text === "") throw new UsageError(`${name} wants a value`);
      return text;
    };
    switch (name) {
      case "--port": found.port = parsePort(value()); break;
      case "--host": found.address = value(); break;
      case "--quiet": found.quiet = true; break;
      default: throw new UsageError(`unknown option "${words[index] ?? ""}"`);
    }
  }
  return found;
}

async function runHub(words: readonly string[]): Promise<void> {
  const { port, address, quiet } = parseHub(words);
  const log = quiet ? (): void => undefined : (line: string): void => console.log(line);
  const hub = await startHub({ port, host: address, log });
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    hub.close().then(() => process.exit(0), (error: unknown) => {
      console.error(`bytesandbrains: ${describeError(error)}`);
      process.exit(1);
    });
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
}

async function main(words: readonly string[]): Promise<void> {
  const [command, ...rest] = words;
  if (words.includes("--help") || words.includes("-h") || command === "help") {
    console.log(usage);
    return;
  }
  if (command === undefined) throw new UsageError("a command is missing");
  if (command !== "hub") throw new UsageError(`unknown command "${command}"`);
  await runHub(rest);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  if (error instanceof UsageError) {
    console.error(`bytesandbrains: ${error.message}\n\n${usage}`);
    process.exitCode = 2;
  } else {
    console.error(`bytesandbrains: ${error instanceof BBError ? error.detail : describeError(error)}`);
    process.exitCode = 1;
  }
});
