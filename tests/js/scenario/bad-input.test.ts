// What goes wrong is said in a sentence: unknown options, unusable files, a busy port, an address where nobody is.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { demoProgram, runNode } from "./command.js";

const limitMs = 30_000;
const run = (...args: string[]): ReturnType<typeof runNode> => runNode(demoProgram, args, limitMs);

test("--help prints the options and ends with 0", async () => {
  const { code, out } = await run("--help");
  assert.equal(code, 0);
  for (const option of ["--headless", "--peers", "--topology", "--data", "--seed", "--json", "--in-process", "--kill", "--join", "--lan"]) assert.ok(out.includes(option), option);
});

const wrong: readonly (readonly [args: string[], message: RegExp])[] = [
  [["--rounds"], /--rounds wants a value/],
  [["--headless", "--bogus"], /unknown option "--bogus"/],
  [["--headless", "--peers", "0"], /--peers wants a whole number from 1 to 32/],
  [["--headless", "--peers", "5x"], /--peers wants a whole number/],
  [["--headless", "--topology", "ring"], /mesh or server, not "ring"/],
  [["--headless", "--kill", "9@2"], /--kill wants PEER@ROUND/],
  [["--headless", "--topology", "server", "--kill", "1@5"], /--kill wants another peer than 1, the server/],
  [["--headless", "--return", "5"], /--return needs --kill/],
  [["--headless", "--in-process", "--kill", "2@2"], /--kill needs processes/],
  [["--headless", "--seed", "1", "--seed", "2"], /--seed is given twice/],
  [["--peers", "3"], /--peers does not go with the page; add --headless/],
  [["--port", "70000"], /--port wants a whole number from 0 to 65535/],
];
for (const [args, message] of wrong) {
  test(`${args.join(" ")}: a sentence, the usage and 2`, async () => {
    const { code, err, out } = await run(...args);
    assert.match(err, message);
    assert.match(err, /Usage:/);
    assert.equal(code, 2);
    assert.equal(out, "");
  });
}

test("IDX files that are missing or malformed are named, with the position", async () => {
  const folder = await mkdtemp(join(tmpdir(), "bb-idx-"));
  try {
    const missing = await run("--headless", "--data", join(folder, "nowhere"));
    assert.equal(missing.code, 1);
    assert.match(missing.err, /nowhere.* holds neither train-images-idx3-ubyte nor train-images-idx3-ubyte\.gz/);

    await writeFile(join(folder, "train-images-idx3-ubyte"), Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28, 1, 2, 3));
    await writeFile(join(folder, "train-labels-idx1-ubyte"), Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 1, 2));
    const short = await run("--headless", "--data", folder, "--json");
    assert.equal(short.code, 1);
    assert.match(short.err, /train-images-idx3-ubyte: images: 1568 bytes announced, 3 present \(at byte 19\)/);
    assert.equal(short.out, "");

    await writeFile(join(folder, "train-images-idx3-ubyte"), Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 0));
    const exchanged = await run("--headless", "--data", folder);
    assert.match(exchanged.err, /magic number 00000801 instead of 00000803 \(images and labels exchanged\?\)/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("a busy port is named", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    const { code, err } = await run("--port", String(port));
    assert.equal(code, 1);
    assert.match(err, new RegExp(`port ${port} on 127\\.0\\.0\\.1 is in use by another program; choose another port`));
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});

test("joining where nobody is, or nothing of ours, is said", async () => {
  const nobody = await run("--join", "http://127.0.0.1:9/");
  assert.equal(nobody.code, 1);
  assert.match(nobody.err, /http:\/\/127\.0\.0\.1:9 cannot be reached/);
  const nonsense = await run("--join", "not an address");
  assert.equal(nonsense.code, 1);
  assert.match(nonsense.err, /"not an address" is not an address such as/);
});
