// Writes docs/limits.md from engine/include/bb/limits.h and envelope.h; with --check only says whether it is what they say.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './run.mjs';

const page = join(root, 'docs', 'limits.md');
const limits = readFileSync(join(root, 'engine', 'include', 'bb', 'limits.h'), 'utf8');
const caps = /struct EnvelopeCaps \{\n([\s\S]*?)\n\};/.exec(readFileSync(join(root, 'engine', 'include', 'bb', 'envelope.h'), 'utf8'))[1];

const plain = (number) => (number === undefined ? '' : number === 'UINT64_MAX' ? 'none' : number.replaceAll("'", ','));
const edgeCaps = new Map([...caps.matchAll(/\.(\w+) = ([\d']+)/g)].map(([, name, value]) => [name, value]));
const edgeLimits = new Map([...limits.matchAll(/limits\.(\w+) = ([\d']+);/g)].map(([, name, value]) => [name, value]));

/** Rows of a table out of the fields between two places: sentence, name, default. */
function rows(source, edge) {
  const found = [];
  let heading;
  let sentence = [];
  for (const line of source.split('\n').map((text) => text.trim())) {
    const comment = /^\/\/\/ (.*)/.exec(line);
    const title = /^\/\/ (.*)\.$/.exec(line);
    const field = /^std::uint(?:32|64)_t (\w+) = ([\w']+);/.exec(line);
    if (comment) sentence.push(comment[1]);
    else if (title) heading = title[1];
    else if (field) {
      const [, name, value] = field;
      if (sentence.length === 0) throw new Error(`limits: ${name} has no sentence`);
      found.push({ heading, name, value: plain(value), edge: plain(edge.get(name)), sentence: sentence.join(' ') });
      sentence = [];
    } else sentence = [];
  }
  return found;
}

const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
function table(entries) {
  const head = '| Limit | TypeScript | Default | `edge` | |\n|---|---|---:|---:|---|';
  return [head, ...entries.map(({ name, value, edge, sentence }) => `| \`${name}\` | \`${camel(name)}\` | ${value} | ${edge} | ${sentence} |`)].join('\n');
}

// What the installer calls the caps of an envelope, in both languages.
const installerName = new Map([['total_bytes_max', 'envelope_bytes_max']]);
const sections = new Map([['One inbound envelope', rows(caps, edgeCaps).map((row) => ({ ...row, name: installerName.get(row.name) ?? row.name }))]]);
for (const row of rows(limits.slice(limits.indexOf('struct Limits {')), edgeLimits)) {
  if (!sections.has(row.heading)) sections.set(row.heading, []);
  sections.get(row.heading).push(row);
}
const count = [...sections.values()].flat().length;
const typed = readFileSync(join(root, 'js', 'package', 'src', 'node-types.ts'), 'utf8');
const untyped = [...sections.values()].flat().filter(({ name }) => !typed.includes(`readonly ${camel(name)}?: number`));
if (untyped.length > 0) throw new Error(`limits: NodeLimits lacks ${untyped.map(({ name }) => camel(name)).join(', ')}`);
if (count < 40) throw new Error(`limits: only ${count} fields found`);
const text = `# Limits of a node

Reaching one is a typed refusal, a counted drop or a step: never growth, never an abort. Times are nanoseconds. A limit without a number under
\`edge\` is the same there. Written from \`engine/include/bb/limits.h\` and \`envelope.h\` by \`scripts/lib/limits.mjs\`.

${[...sections].map(([heading, entries]) => `## ${heading}\n\n${table(entries)}\n`).join('\n')}`;

if (!process.argv.includes('--check')) writeFileSync(page, text);
else if (!existsSync(page) || readFileSync(page, 'utf8') !== text) {
  console.error('docs/limits.md is not what the headers say: run node scripts/lib/limits.mjs');
  process.exit(1);
}
console.log(`limits: ${count}`);
