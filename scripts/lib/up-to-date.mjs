// Skips a build step whose inputs have not changed: a fingerprint of names, sizes and times, kept beside the build.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { root } from './run.mjs';

/** Every file below a folder that `keep` accepts, sorted; an absent folder has none. */
export function filesBelow(folder, keep = () => true) {
  if (!existsSync(folder)) return [];
  if (statSync(folder).isFile()) return keep(folder) ? [folder] : [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .filter((path) => !path.includes(`${'/'}node_modules${'/'}`) && keep(path))
    .sort();
}

function fingerprint(inputs) {
  const hash = createHash('sha256');
  for (const input of inputs) {
    for (const path of filesBelow(input)) {
      const { size, mtimeMs } = statSync(path);
      hash.update(`${relative(root, path)}|${size}|${mtimeMs}\n`);
    }
  }
  return hash.digest('hex');
}

/** Does `work` unless `inputs` are as they were when `outputs` were made. Prints which of the two happened. */
export async function step(name, { inputs, outputs }, work) {
  const stamp = join(root, 'build', 'stamps', name.replaceAll(/[^a-z0-9]+/gi, '-'));
  const now = fingerprint(inputs);
  if (outputs.every((path) => existsSync(path)) && existsSync(stamp) && readFileSync(stamp, 'utf8') === now) {
    console.log(`   ${name}: up to date`);
    return;
  }
  const started = performance.now();
  rmSync(stamp, { force: true });
  await work();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, now);
  console.log(`   ${name}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
}
