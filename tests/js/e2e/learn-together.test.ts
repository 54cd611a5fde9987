// The whole thing as a visitor sees it: the real server, two pages in Chromium and one peer in a Node.js process learn together.
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { chromium, type Browser, type Page } from "playwright-core";

const startMs = 30_000;
const learnMs = 120_000;

function findRoot(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, "web", "demo", "package.json"))) return folder;
  }
  throw new Error("not inside the repository");
}

const root = findRoot();
const program = join(root, "web", "demo", "dist", "main.js");
const pictures = join(root, "build", "e2e");
const processes: ChildProcess[] = [];
const troubles: string[] = [];
let browser: Browser | undefined;

/** Starts the demonstration; its output so far is what the result returns. */
function start(...args: string[]): () => string {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"], cwd: root });
  processes.push(child);
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (piece: string) => { text += piece; });
  return () => text;
}

async function until<T>(what: string, limitMs: number, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const end = Date.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`${what}: not within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function textOf(page: Page, id: string): Promise<string> {
  return (await page.getByTestId(id).first().textContent()) ?? "";
}

/** A share such as "87.5 %" as a number; undefined while there is none. */
async function shareOf(page: Page, id: string): Promise<number | undefined> {
  const match = /^([\d.]+) %$/.exec(await textOf(page, id));
  return match === null ? undefined : Number(match[1]) / 100;
}

async function bytesOf(page: Page, id: string): Promise<number> {
  const [number = "0", unit = "B"] = (await textOf(page, id)).split(" ");
  return Number(number) * ({ B: 1, KB: 1e3, MB: 1e6, GB: 1e9 }[unit] ?? 0);
}

async function open(address: string, name: string): Promise<Page> {
  assert.ok(browser !== undefined);
  // Each page in a window of its own: a page behind another one gets no animation frames.
  const context = await browser.newContext({ viewport: { width: 1280, height: 960 } });
  const page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") troubles.push(`${name}: ${message.text()}`);
  });
  page.on("pageerror", (error) => troubles.push(`${name}: ${error.message}`));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      console.error(`policy violation: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
    });
  });
  const response = await page.goto(address);
  assert.match(response?.headers()["content-security-policy"] ?? "", /script-src 'self' 'wasm-unsafe-eval'/);
  return page;
}

/** Draws a line with the mouse; coordinates are shares of the pad. */
async function draw(page: Page, points: readonly (readonly [x: number, y: number])[]): Promise<void> {
  const pad = page.getByTestId("pad");
  await pad.scrollIntoViewIfNeeded();
  const box = await pad.boundingBox();
  assert.ok(box !== null);
  const [first, ...rest] = points.map(([x, y]) => [box.x + x * box.width, box.y + y * box.height] as const);
  assert.ok(first !== undefined);
  await page.mouse.move(...first);
  await page.mouse.down();
  for (const point of rest) await page.mouse.move(...point, { steps: 8 });
  await page.mouse.up();
}

before(async () => {
  mkdirSync(pictures, { recursive: true });
  browser = await chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ],
  });
});

after(async () => {
  await browser?.close();
  for (const child of processes) child.kill("SIGKILL");
});

test("two pages and a Node.js process learn together what each alone does not know", { timeout: startMs * 3 + learnMs * 2 }, async () => {
  const server = start("--port", "0");
  const address = await until("the server's address", startMs, () => /http:\/\/\S+/.exec(server())?.[0]);
  const first = await open(address, "first page");
  const second = await open(address, "second page");
  const joined = start("--join", address, "--seed", "7");
  const pages = [first, second];

  for (const page of pages) {
    await until("three peers", startMs, async () => ((await textOf(page, "peer-count")) === "3" ? true : undefined));
    assert.equal(await textOf(page, "status"), "learning");
  }
  await until("three peers in the process", startMs, () => (/peers 3\b/.test(joined()) ? true : undefined));

  // Three peers hold six of ten digits, two each: alone 0.2 is the most, together 0.6.
  const held = await Promise.all(pages.map((page) => textOf(page, "own-digits")));
  assert.notEqual(held[0], held[1], "the pages hold different digits");
  for (const page of pages) {
    await until("an accuracy of one half", learnMs, async () => ((await shareOf(page, "together") ?? 0) >= 0.5 ? true : undefined));
    const alone = await shareOf(page, "alone");
    assert.ok(alone !== undefined && alone <= 0.3, `alone ${alone}`);
    assert.ok(await bytesOf(page, "bytes-sent") > 1e6, "models were sent");
    assert.ok(await bytesOf(page, "bytes-received") > 1e6, "models were received");
    assert.equal(await page.getByTestId("peer-row").count(), 3);
  }
  // From page to page without the hub; the process, which has no WebRTC, over it.
  await until("a direct link between the pages", startMs, async () => {
    const found = await first.getByTestId("peer-row").evaluateAll((rows) => rows.map((row) => (row as HTMLElement).dataset["path"]).sort());
    return found.join() === ",direct,hub" ? true : undefined;
  });
  const before = Number(await textOf(first, "round"));
  await until("rounds that advance", startMs, async () => (Number(await textOf(first, "round")) >= before + 3 ? true : undefined));
  assert.match(joined(), /together (5\d|6\d|[789]\d)\.\d %/, "the process learned as well");

  // Two more peers, and every digit is known to somebody.
  await first.getByTestId("add-peer").click();
  await until("a fourth peer", startMs, async () => ((await textOf(second, "peer-count")) === "4" ? true : undefined));
  await first.getByTestId("add-peer").click();
  await until("a fifth peer", startMs, async () => ((await textOf(second, "peer-count")) === "5" ? true : undefined));
  for (const page of pages) {
    await until("all ten digits", learnMs, async () => ((await shareOf(page, "together") ?? 0) >= 0.8 ? true : undefined));
  }

  await draw(first, [[0.46, 0.2], [0.54, 0.14], [0.54, 0.86]]);
  const answer = await until("an answer to a drawing", startMs, async () => {
    const text = await textOf(first, "answer");
    return /^\d$/.test(text) ? text : undefined;
  });
  assert.equal(answer, "1", "an upright line is a one");
  await first.screenshot({ path: join(pictures, "wide.png"), fullPage: true });
  await first.getByTestId("clear").click();
  await until("no answer to nothing", startMs, async () => ((await textOf(first, "answer")) === "–" ? true : undefined));
  await first.getByTestId("sample").click();
  await until("an answer to a sample", startMs, async () => (/^\d$/.test(await textOf(first, "answer")) ? true : undefined));

  await first.getByTestId("pause").click();
  await until("a page that says so", startMs, async () => ((await textOf(first, "status")) === "paused" ? true : undefined));
  await until("a paused peer", startMs, async () => ((await textOf(first, "phase")) === "paused" ? true : undefined));
  const reached = Number(await textOf(second, "round"));
  await until("the others going on", startMs, async () => (Number(await textOf(second, "round")) >= reached + 3 ? true : undefined));
  await first.getByTestId("pause").click();
  await until("a page that caught up", startMs, async () => (Number(await textOf(first, "round")) >= reached + 3 ? true : undefined));

  await second.emulateMedia({ colorScheme: "dark" });
  await second.setViewportSize({ width: 390, height: 844 });
  const overflow = await second.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(overflow, 0, "nothing sticks out on a phone");
  await second.screenshot({ path: join(pictures, "phone-dark.png"), fullPage: true });

  // A page that goes away is gone for the others, who go on.
  await second.context().close();
  await until("a peer less", startMs, async () => ((await textOf(first, "peer-count")) === "4" ? true : undefined));
  const last = Number(await textOf(first, "round"));
  await until("rounds without it", startMs, async () => (Number(await textOf(first, "round")) >= last + 2 ? true : undefined));
  assert.deepEqual(troubles, []);
});
