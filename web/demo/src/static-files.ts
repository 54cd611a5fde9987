// Serving the page: the files of one folder, read into memory once, with the headers a page under a strict policy needs.
import { readdirSync, readFileSync, statSync } from "node:fs";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { join, sep } from "node:path";

/** The policy the page is served with; the engine needs nothing beyond it. */
export const contentSecurityPolicy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' ws: wss:; worker-src 'self'";

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  map: "application/json",
  json: "application/json",
  wasm: "application/wasm",
  svg: "image/svg+xml",
  png: "image/png",
  ico: "image/x-icon",
  webmanifest: "application/manifest+json",
};

interface Held {
  readonly bytes: Uint8Array;
  readonly type: string;
}

function typeOf(name: string): string | undefined {
  return types[name.slice(name.lastIndexOf(".") + 1)];
}

function collect(folder: string, prefix: string, into: Map<string, Held>): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) collect(path, `${prefix}${name}/`, into);
    else {
      const type = typeOf(name);
      if (type !== undefined) into.set(`${prefix}${name}`, { bytes: readFileSync(path), type });
    }
  }
}

/** The common headers of everything that is served. */
export function answer(response: ServerResponse, status: number, type: string, body: string | Uint8Array, withBody = true): void {
  response.writeHead(status, {
    "content-type": type,
    "content-length": typeof body === "string" ? Buffer.byteLength(body) : body.length,
    "content-security-policy": contentSecurityPolicy,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-cache",
  });
  response.end(withBody ? body : undefined);
}

/**
 * Answers requests with the files below `folder`. Only what was there at the start is ever served, by its exact path, so no
 * request reaches the file system. Throws when there is no `index.html`.
 */
export function staticFiles(folder: string): RequestListener {
  const files = new Map<string, Held>();
  collect(folder.endsWith(sep) ? folder : folder + sep, "/", files);
  const index = files.get("/index.html");
  if (index === undefined) throw new Error(`${folder} holds no index.html; build first`);
  files.set("/", index);
  return (request: IncomingMessage, response: ServerResponse) => {
    const withBody = request.method !== "HEAD";
    if (request.method !== "GET" && withBody) {
      answer(response, 405, "text/plain; charset=utf-8", "Only GET and HEAD are answered.\n");
      return;
    }
    const path = (request.url ?? "/").split("?")[0] ?? "/";
    const file = files.get(path);
    if (file === undefined) answer(response, 404, "text/plain; charset=utf-8", "There is nothing here.\n", withBody);
    else answer(response, 200, file.type, file.bytes, withBody);
  };
}
