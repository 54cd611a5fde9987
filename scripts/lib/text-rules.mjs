// Rules that a text search can decide: every file introduces itself, none grows too long, some words and calls stay out.
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './run.mjs';

const linesMax = 600;
const bytesMax = 1_000_000;

/** A file's own way of writing a comment; a file of another kind needs none. */
const comments = [
  [/\.(cpp|cc|h|ts|mts|mjs|js|proto)$/, /^(#!.*\n)?\s*(\/\/|\/\*)/],
  [/(CMakeLists\.txt|\.cmake|\.sh)$/, /^(#!.*\n)?\s*#/],
  [/^scripts\/[^/.]+$/, /^#!.*\n\s*(#|\/\/)/],
  [/\.md$/, /^# /],
];

/** What stays out, where, and why. */
const banned = [
  [/\.(cpp|cc|h|ts|mjs|js|proto|cmake)$/, /\b(TODO|FIXME|XXX)\b/, 'open work belongs into an issue'],
  [/./, /(?<![\w.])\/(work|root|home)\/[a-z]/, 'a path of one machine'],
  [/^(engine|ops|wasm)\/.*\.(cpp|h)$/, /\bstd::(shared_ptr|make_shared)\b/, 'one owner per object'],
  [/^(engine|ops|wasm)\/.*\.(cpp|h)$/, /\bstd::format\b|#include <(iostream|format|regex)>/, 'costs more bytes than the engine may have'],
  [/^(engine|ops|wasm)\/.*\.(cpp|h)$/, /\bstd::chrono::\w+_clock\b|\bstd::random_device\b|(?<![\w:.>])(rand|time|clock)\(\)/, 'time and chance are arguments'],
  [/^(engine|ops|wasm)\/.*\.(cpp|h)$/, /\b(dynamic_cast|typeid)\b/, 'there is no type information at run time'],
  [/^js\/package\/src\/.*\.ts$/, /\beval\(|\bnew Function\(|^export default\b|: any\b|\bas any\b/m, 'not in the package'],
];

/** What git tracks or would track. */
function projectFiles() {
  const list = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 });
  return [...new Set(list.split('\0'))].filter((path) => path && statSync(join(root, path), { throwIfNoEntry: false })?.isFile());
}

const found = [];
const files = projectFiles();
for (const path of files) {
  const { size } = statSync(join(root, path));
  const isData = path.startsWith('tests/vectors/') || path === 'package-lock.json' || path === 'LICENSE';
  if (size > bytesMax) found.push(`${path}: ${size} bytes, at most ${bytesMax}`);
  if (isData || size > bytesMax) continue;
  const text = readFileSync(join(root, path), 'utf8');
  if (text.includes('\0')) continue;
  const lines = text.split('\n').length - 1;
  if (lines > linesMax) found.push(`${path}: ${lines} lines, at most ${linesMax}`);
  const comment = comments.find(([kind]) => kind.test(path));
  if (comment && !comment[1].test(text)) found.push(`${path}:1: a file starts with a comment that says what it is`);
  if (path === 'scripts/lib/text-rules.mjs') continue;
  for (const [kind, pattern, reason] of banned) {
    const match = kind.test(path) ? pattern.exec(text) : null;
    if (match) found.push(`${path}:${text.slice(0, match.index).split('\n').length}: '${match[0]}': ${reason}`);
  }
}
for (const text of found) console.error(text);
console.log(`text rules: ${files.length} files, ${found.length} violations`);
process.exit(found.length === 0 ? 0 : 1);
