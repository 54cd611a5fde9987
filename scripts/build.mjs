// Builds the JavaScript half: js/package/dist from its sources and the WebAssembly module, web/demo/dist from the demonstration.
import { chmodSync, copyFileSync, existsSync, lstatSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { StageError, fail, root, run } from './lib/run.mjs';
import { filesBelow, step } from './lib/up-to-date.mjs';

const packageFolder = join(root, 'js', 'package');
const source = join(packageFolder, 'src');
const dist = join(packageFolder, 'dist');
const wasm = join(root, 'build', 'wasm', 'wasm');
const demo = join(root, 'web', 'demo');
const compilerOptions = join(root, 'tsconfig.base.json');
const toolVersions = join(root, 'package-lock.json');
const self = [join(root, 'scripts', 'build.mjs'), join(root, 'scripts', 'lib', 'up-to-date.mjs')];

/** What package.json exports, by source file. Each keeps its path, so that `dist/` reads like `src/`. */
const entries = [
  'entry/node.ts',
  'entry/web.ts',
  'hub/index.ts',
  'identity/noble.ts',
  'transports/memory.ts',
  'transports/hub.ts',
  'transports/websocket.ts',
  'transports/message-port.ts',
  'transports/broadcast.ts',
  'transports/webrtc.ts',
  'testing/index.ts',
  'data/index.ts',
  'bin.ts',
];

/** The entries whose folder exists: a missing file in an existing folder is an error, not a smaller package. */
function presentEntries() {
  return entries.filter((entry) => {
    if (existsSync(join(source, entry))) return true;
    const folder = dirname(join(source, entry));
    if (existsSync(folder) && folder !== source) throw new StageError(`js/package/src/${entry} is exported by the package and does not exist`);
    console.log(`   package: no ${entry}, left out`);
    return false;
  });
}

/** esbuild is loaded late: a fresh clone has it only after scripts/setup. */
async function bundle(options) {
  const { build } = await import('esbuild');
  try {
    await build({ bundle: true, format: 'esm', target: 'es2022', minify: true, legalComments: 'none', logLevel: 'warning', logOverride: { 'ignored-bare-import': 'silent' }, absWorkingDir: root, ...options });
  } catch (error) {
    throw new StageError(`esbuild: ${error.message}`);
  }
}

const tsc = (project, ...more) => run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', project, ...more], { log: join(root, 'build', 'logs', `tsc-${basename(project)}.log`) });

async function generateHub() {
  const script = join(root, 'scripts', 'lib', 'generate-hub.mjs');
  if (!existsSync(script)) return;
  await step('hub schema', { inputs: [script, join(source, 'hub', 'hub.proto'), toolVersions], outputs: [] }, () => run(process.execPath, [script]));
}

async function buildGlue() {
  const [module, binary] = [join(wasm, 'bb.mjs'), join(wasm, 'bb.wasm')];
  if (!existsSync(module)) {
    if (existsSync(join(source, 'entry'))) throw new StageError('build/wasm/wasm/bb.mjs is missing: run cmake --preset wasm && cmake --build --preset wasm');
    console.log('   WebAssembly glue: no module built, left out');
    return;
  }
  const outputs = [join(dist, 'glue', 'bb.mjs'), join(dist, 'engine.wasm')];
  await step('WebAssembly glue', { inputs: [module, binary, toolVersions, ...self], outputs }, async () => {
    await bundle({ entryPoints: [module], outfile: outputs[0], platform: 'neutral' });
    copyFileSync(binary, outputs[1]);
  });
}

/** One call for all entries: they share chunks, so a class is one class whichever entry it came through. */
async function buildPackage() {
  const present = presentEntries();
  if (present.length === 0) return;
  const outputs = present.map((entry) => join(dist, entry.replace(/\.ts$/, '.js')));
  const glueTypes = join(source, 'wasm', 'glue.d.ts');
  const inputs = [source, join(dist, 'glue'), join(packageFolder, 'package.json'), join(packageFolder, 'tsconfig.json'), compilerOptions, toolVersions, ...self];
  await step('package code', { inputs, outputs }, async () => {
    removeBelow(dist, (path) => /\.js(\.map)?$/.test(path));
    mkdirSync(dist, { recursive: true });
    copyFileSync(join(root, 'LICENSE'), join(dist, 'LICENSE'));
    await bundle({
      entryPoints: present.map((entry) => join(source, entry)),
      outbase: source,
      outdir: dist,
      splitting: true,
      chunkNames: 'chunks/[name]-[hash]',
      sourcemap: 'linked',
      platform: 'neutral',
      mainFields: ['module', 'main'],
      external: ['ws', 'node:*'],
      alias: { '#engine-glue': join(dist, 'glue', 'bb.mjs') },
    });
    const program = join(dist, 'bin.js');
    if (existsSync(program)) {
      chmodSync(program, 0o755);
      linkProgram(program);
    }
  });
  await step('package types', { inputs: [source, join(packageFolder, 'tsconfig.json'), compilerOptions, toolVersions], outputs: present.map((entry) => join(dist, entry.replace(/\.ts$/, '.d.ts'))) }, async () => {
    removeBelow(dist, (path) => path.endsWith('.d.ts'));
    await tsc(packageFolder);
    if (existsSync(glueTypes)) {
      mkdirSync(join(dist, 'wasm'), { recursive: true });
      copyFileSync(glueTypes, join(dist, 'wasm', 'glue.d.ts'));
    }
  });
}

/** What a renamed or deleted source left behind would be published. */
function removeBelow(folder, which) {
  for (const path of filesBelow(folder, which)) rmSync(path);
}

/** npm links programs at install time, when this one did not exist yet. */
function linkProgram(program) {
  const link = join(root, 'node_modules', '.bin', 'bytesandbrains');
  if (lstatSync(link, { throwIfNoEntry: false })) return;
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(relative(dirname(link), program), link);
}

/**
 * Node.js runs what tsc emits; the page gets one minified file per entry in `dist/page/assets`, its static files in
 * `dist/page` and the module beside them, where the bundled loader looks for `../engine.wasm`.
 */
async function buildDemo() {
  const demoSource = join(demo, 'src');
  if (!existsSync(demoSource)) {
    console.log('   demo: no sources, left out');
    return;
  }
  const demoDist = join(demo, 'dist');
  const inputs = [demoSource, filesBelow(demo, (path) => /\.(html|css|svg|png|ico|webmanifest)$/.test(path) && !path.startsWith(demoDist)), join(dist, 'entry'), join(dist, 'chunks'), join(dist, 'engine.wasm'), join(demo, 'tsconfig.json'), compilerOptions, toolVersions, ...self].flat();
  await step('demo', { inputs, outputs: [join(demoDist, 'main.js'), join(demoDist, 'page', 'index.html')] }, async () => {
    rmSync(demoDist, { recursive: true, force: true });
    await tsc(demo);
    const page = join(demoDist, 'page');
    const pageEntries = filesBelow(join(demoSource, 'page'), (path) => /(^|\/)(main|[a-z-]*worker)\.ts$/.test(path));
    if (pageEntries.length === 0) throw new StageError('web/demo/src/page/main.ts does not exist');
    await bundle({ entryPoints: pageEntries, outbase: join(demoSource, 'page'), outdir: join(page, 'assets'), platform: 'browser', conditions: ['browser'], sourcemap: 'linked' });
    copyFileSync(join(dist, 'engine.wasm'), join(page, 'engine.wasm'));
    for (const folder of [demo, join(demoSource, 'page')]) {
      for (const path of filesBelow(folder, (file) => /\.(html|css|svg|png|ico|webmanifest)$/.test(file) && dirname(file) === folder)) copyFileSync(path, join(page, basename(path)));
    }
    if (!existsSync(join(page, 'index.html'))) throw new StageError('web/demo/index.html does not exist');
  });
}

/** All of it, in order; each step prints one line. */
export async function buildJavaScript() {
  await generateHub();
  await buildGlue();
  await buildPackage();
  await buildDemo();
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await buildJavaScript().catch(fail);
