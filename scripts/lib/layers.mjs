// Reads every #include of the C++ sources and fails when a layer includes one that it may not see.
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root as projectRoot } from './run.mjs';
import { filesBelow } from './up-to-date.mjs';

/** Layer → the layers it may include; the same table as in CMakeLists.txt. */
export const mayInclude = new Map([
  ['base', []],
  ['proto', []],
  ['wire', ['base', 'proto']],
  ['identity', ['base', 'wire']],
  ['openssl', ['base', 'wire', 'identity']],
  ['ir', ['base', 'proto']],
  ['framework', ['base', 'wire']],
  ['op', ['base', 'wire', 'ir', 'framework']],
  ['runtime', ['base', 'wire', 'ir', 'framework', 'op']],
  ['node', ['base', 'proto', 'wire', 'ir', 'framework', 'op', 'runtime']],
  ['compiler', ['base', 'ir']],
  ['ops', ['base', 'wire', 'ir', 'framework', 'op']],
  ['bindings', ['base', 'wire', 'identity', 'ir', 'framework', 'op', 'runtime', 'node', 'compiler', 'ops']],
]);

/** Third-party headers by how they begin, and the layers that may use them. */
const thirdParty = [
  ['google/protobuf/', ['proto', 'wire', 'ir', 'node']],
  ['openssl/', ['openssl']],
  ['Eigen/', ['ops']],
  ['unsupported/Eigen/', ['ops']],
  ['emscripten', ['bindings']],
  ['wasm_simd128.h', ['ops']],
];

/** Engine layers have a folder each; these live elsewhere. */
const folders = new Map([...mayInclude.keys()].map((layer) => [layer, `engine/${layer}`]));
folders.set('proto', 'proto').set('ops', 'ops').set('bindings', 'wasm/bindings');

const isSource = (path) => /\.(h|hpp|inc|cpp|cc)$/.test(path);

/** The layer a public header declares in its first line, or undefined. */
function declaredLayer(path) {
  return /^\/\/ layer: ([a-z]+)\s*$/.exec(readFileSync(path, 'utf8').split('\n', 1)[0])?.[1];
}

/** Resolves the name in an #include: a layer, `system` for what is not ours, or undefined when nothing has that name. */
function resolveInclude(root, from, name, quoted) {
  if (name.startsWith('bb/')) {
    const path = join(root, 'engine', 'include', name);
    return existsSync(path) ? { layer: declaredLayer(path), isPublic: true } : undefined;
  }
  if (!quoted) return { system: name };
  if (name.endsWith('.pb.h')) {
    const schema = join(root, 'proto', `${basename(name, '.pb.h')}.proto`);
    return existsSync(schema) ? { layer: 'proto' } : undefined;
  }
  for (const [layer, folder] of folders) {
    const candidates = [join(root, name), join(root, 'engine', name), join(dirname(from), name)];
    if (candidates.some((path) => existsSync(path) && !relative(join(root, folder), path).startsWith('..'))) return { layer };
  }
  return undefined;
}

/** Every include of one file that its layer may not have, as text. */
function violations(root, path, layer, isPublic) {
  const found = [];
  const allowed = [layer, ...mayInclude.get(layer)];
  readFileSync(path, 'utf8').split('\n').forEach((line, index) => {
    const match = /^\s*#\s*include\s*(["<])([^">]+)[">]/.exec(line);
    if (!match) return;
    const [, bracket, name] = match;
    const say = (text) => found.push(`${relative(root, path)}:${index + 1}: ${text}`);
    const target = resolveInclude(root, path, name, bracket === '"');
    if (!target) return say(`"${name}" is no file of the project`);
    if (target.system !== undefined) {
      const rule = thirdParty.find(([prefix]) => target.system.startsWith(prefix));
      if (rule && (isPublic || !rule[1].includes(layer))) say(`<${name}> is not for ${isPublic ? 'a public header' : `layer ${layer}`}`);
      return;
    }
    if (isPublic && !target.isPublic) return say(`a public header includes the internal "${name}"`);
    if (!mayInclude.has(target.layer)) return say(`"${name}" declares no layer of the table`);
    if (!allowed.includes(target.layer)) say(`layer ${layer} may not include "${name}" of layer ${target.layer}`);
  });
  return found;
}

/** All violations below a project folder, and how many files were read. */
export function checkLayers(root) {
  const found = [];
  let files = 0;
  for (const [layer, folder] of folders) {
    for (const path of filesBelow(join(root, folder), isSource)) {
      files += 1;
      found.push(...violations(root, path, layer, false));
    }
  }
  for (const path of filesBelow(join(root, 'engine', 'include', 'bb'), isSource)) {
    files += 1;
    const layer = declaredLayer(path);
    if (!mayInclude.has(layer)) found.push(`${relative(root, path)}:1: the first line has to be "// layer: <name>" with a layer of the table`);
    else found.push(...violations(root, path, layer, true));
  }
  return { found, files };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { found, files } = checkLayers(process.argv[2] ?? projectRoot);
  for (const text of found) console.error(text);
  console.log(`layers: ${files} files, ${found.length} violations`);
  process.exit(found.length === 0 && files > 0 ? 0 : 1);
}
