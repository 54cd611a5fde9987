// The vectors of the reference against the WebAssembly build of the engine: the same runner that the native tests call.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

// This file runs as build/js/tests/js/unit/vectors.test.js.
const root = fileURLToPath(new URL('../../../../../', import.meta.url));
const program = join(root, 'build', 'wasm', 'tests', 'bb_vectors.cjs');
const vectors = process.env['BB_VECTORS'] ?? join(root, 'tests', 'vectors');

const scratch = mkdtempSync(join(tmpdir(), 'bb-vectors-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

interface Run {
  readonly status: number | null;
  readonly output: string;
  readonly checks: number;
  readonly failed: number;
}

function run(directory: string): Run {
  const child = spawnSync(process.execPath, [program, directory], { encoding: 'utf8', timeout: 120_000 });
  const output = child.stdout + child.stderr;
  const counts = /^vectors: (\d+) checks, (\d+) failed/m.exec(output);
  assert.ok(counts, `no report in: ${output}`);
  return { status: child.status, output, checks: Number(counts[1]), failed: Number(counts[2]) };
}

/** A copy of the vectors in which one text of one file is replaced. */
function changed(name: string, file: string, from: string, to: string): string {
  const directory = join(scratch, name);
  cpSync(vectors, directory, { recursive: true });
  const text = readFileSync(join(directory, file), 'utf8');
  assert.ok(text.includes(from), `${file} holds ${from}`);
  rmSync(join(directory, file));
  writeFileSync(join(directory, file), text.replace(from, to));
  return directory;
}

test('the WebAssembly engine agrees with every vector of the reference', (context) => {
  const { status, output, checks, failed } = run(vectors);
  context.diagnostic(output.split('\n')[0] ?? '');
  assert.equal(failed, 0, output);
  assert.equal(status, 0, output);
  assert.ok(checks > 6000, output);
});

test('a changed vector, a missing file and a missing directory are failures', () => {
  const digit = run(changed('digit', 'addresses.json', '0008000000000000ffff', '0008000000000000fffe'));
  assert.equal(digit.status, 1);
  assert.match(digit.output, /addresses\.json: peer_ids\[5\]/);
  const verdict = run(changed('verdict', join('envelopes', 'envelopes.json'), '"got_bytes": 4097', '"got_bytes": 4098'));
  assert.equal(verdict.status, 1);
  assert.match(verdict.output, /bad_suffix_4097\.bin`: error got: expected 4098, got 4097/);
  const incomplete = changed('incomplete', 'values.json', '"types"', '"typos"');
  assert.equal(run(incomplete).status, 1);
  const nothing = run(join(scratch, 'nothing'));
  assert.equal(nothing.status, 1);
  assert.equal(nothing.failed, 3);
});
