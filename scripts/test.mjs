// npm test: every suite there is, each from a fresh build; the first failing stage ends it. A suite that cannot run has failed.
import { execFile } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { StageError, cmake, fail, jobs, root, run, stage } from './lib/run.mjs';

const compiled = join(root, 'build', 'js');

/** Sources' tests below a folder of tests/js, as the compiled files Node.js runs. */
async function testFiles(...folders) {
  const { filesBelow } = await import('./lib/up-to-date.mjs');
  return folders.flatMap((folder) => filesBelow(join(root, 'tests', 'js', folder), (path) => path.endsWith('.test.ts'))
    .map((path) => path.replace(root, compiled).replace(/\.ts$/, '.js')));
}

async function nativeTests(preset) {
  await cmake(preset);
  await run('ctest', ['--preset', preset, '-j', String(jobs)]);
}

async function compileTests() {
  rmSync(compiled, { recursive: true, force: true });
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  await run(process.execPath, [tsc, '-p', join(root, 'tests', 'js')], { log: join(root, 'build', 'logs', 'tsc-tests.log') });
}

/** The vectors once more, through the WebAssembly build of the same runner. */
async function wasmVectors() {
  const program = join(root, 'build', 'wasm', 'tests', 'bb_vectors.cjs');
  if (existsSync(program)) return run(process.execPath, [program, process.env.BB_VECTORS ?? join(root, 'tests', 'vectors')]);
  if (existsSync(join(root, 'tests', 'native', 'golden', 'wasm'))) throw new StageError(`${program} was not built`);
}

/** The first seeds of the simulator, whose traces must be the same whatever compiled the engine. */
async function simulationHashes() {
  const builds = { 'g++': ['build/dev/tests/bb_sim'], 'clang with sanitizers': ['build/asan/tests/bb_sim'], WebAssembly: [process.execPath, 'build/wasm/tests/bb_sim.cjs'] };
  const hashes = await Promise.all(Object.entries(builds).map(async ([name, [command, ...args]]) => {
    const { stdout } = await promisify(execFile)(command, [...args, '--seeds', '20', '--steps', '2000', '--hashes'], { cwd: root });
    const lines = stdout.trim().split('\n');
    if (lines.length !== 20) throw new StageError(`the simulator built by ${name} tells ${lines.length} hashes of 20`);
    return [name, lines];
  }));
  const [[, expected], ...others] = hashes;
  for (const [name, lines] of others) {
    const at = lines.findIndex((line, i) => line !== expected[i]);
    if (at >= 0) throw new StageError(`seed ${at + 1} runs otherwise when built by ${name}: ${lines[at]}, not ${expected[at]}`);
  }
  console.log(`20 seeds have the same traces in ${hashes.length} builds`);
}

async function nodeTests(files, ...options) {
  await run(process.execPath, ['--test', '--test-timeout=600000', ...options, ...files]);
}

async function main() {
  await stage('Setup', () => run('scripts/setup', []));
  await stage('Native tests, g++', () => nativeTests('dev'));
  await stage('Native tests, clang with sanitizers', () => nativeTests('asan'));
  await stage('WebAssembly build', () => cmake('wasm'));
  await stage('WebAssembly vectors', wasmVectors);
  await stage('Simulation hashes', simulationHashes);
  await stage('JavaScript build', async () => {
    const { buildJavaScript } = await import('./build.mjs');
    await buildJavaScript();
  });
  await stage('JavaScript tests, compile', compileTests);
  // The end-to-end test runs last and alone: it times out on a machine that is busy with others.
  const first = await testFiles('unit', 'golden', 'scenario', 'runtimes', 'packaging');
  const last = await testFiles('e2e');
  const listed = new Set([...first, ...last]);
  const forgotten = (await testFiles('')).filter((path) => !listed.has(path));
  if (forgotten.length > 0) throw new StageError(`no suite runs ${forgotten.join(', ')}`);
  if (last.length === 0) throw new StageError('tests/js/e2e holds no *.test.ts');
  await stage('JavaScript tests', () => nodeTests(first));
  // No line of our own after this, whatever comes: the last words are the test runner's.
  console.log('── End-to-end tests');
  await nodeTests(last, '--test-concurrency=1').catch(() => process.exit(1));
}

await main().catch(fail);
