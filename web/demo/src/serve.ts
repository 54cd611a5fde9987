// Serving the page: the hub and the page on one port, until interrupted.
import { networkInterfaces } from "node:os";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { startHub } from "bytesandbrains/hub";
import type { ServeOptions } from "./options.js";
import { Seats, seatRequests } from "./seats.js";
import { staticFiles } from "./static-files.js";

const pageFolder = fileURLToPath(new URL("./page/", import.meta.url));
const closeGraceMs = 500;

function lanAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((entries) => (entries ?? [])
    .filter((entry) => entry.family === "IPv4" && !entry.internal).map((entry) => entry.address));
}

/** Serves until the signal; resolves with the exit code. */
export async function servePage(options: ServeOptions, signal: AbortSignal): Promise<number> {
  const hub = await startHub({
    port: options.port,
    host: options.lan ? "0.0.0.0" : "127.0.0.1",
    paths: ["/hub"],
    staticHandler: seatRequests(new Seats(), () => performance.now(), staticFiles(pageFolder)),
  });
  console.log(`Open ${hub.pageUrl} in one or more tabs; each is a peer that knows two digits and learns the others from the rest.`);
  if (options.lan) {
    for (const address of lanAddresses()) console.log(`From other devices in the network: http://${address}:${hub.port}/`);
  }
  console.log(`A peer in another terminal: npm start -- --join ${hub.pageUrl}`);
  console.log("Ctrl+C ends.");
  if (!signal.aborted) await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  await hub.close(closeGraceMs);
  return 0;
}
