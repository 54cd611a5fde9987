// Running other programs from the scripts: paths, a child process with its output shown or kept, a stage with its seconds.
import { spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder that holds the repository. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** How many compile jobs a build may run at once. */
export const jobs = Math.max(1, Math.min(availableParallelism(), 8));

/** A program ended with a failure; its message says all there is to say. */
export class StageError extends Error {}

/**
 * Runs a program to its end. With `log`, the output goes to that file and only its end is shown when the program fails;
 * without, the program writes to this terminal.
 */
export function run(command, args, { log, env, cwd = root, onLine } = {}) {
  return new Promise((done, failed) => {
    const show = [command, ...args].join(' ');
    if (log) mkdirSync(dirname(log), { recursive: true });
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: log ? ['ignore', 'pipe', 'pipe'] : 'inherit',
    });
    const file = log ? createWriteStream(log) : undefined;
    let tail = '';
    for (const stream of log ? [child.stdout, child.stderr] : []) {
      let partial = '';
      stream.setEncoding('utf8');
      stream.on('data', (text) => {
        file.write(text);
        // Compilers report the first cause first, so the kept part is long enough for several errors.
        tail = (tail + text).slice(-16_000);
        if (!onLine) return;
        const lines = (partial + text).split('\n');
        partial = lines.pop().slice(-4096);
        lines.forEach(onLine);
      });
    }
    child.on('error', (error) => failed(new StageError(`${command} cannot be started: ${error.message}`)));
    child.on('close', (code, signal) => {
      file?.end();
      if (code === 0) return done();
      if (log) process.stderr.write(`\n${tail}\n(all of it is in ${log})\n`);
      failed(new StageError(`'${show}' ${signal ? `was ended by ${signal}` : `ended with code ${code}`}`));
    });
  });
}

/** Prints a headline, does the work, prints the seconds. */
export async function stage(name, work) {
  const started = performance.now();
  console.log(`── ${name}`);
  const note = await work();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`── ${name}: done in ${seconds} s${typeof note === 'string' ? ` (${note})` : ''}`);
}

/** Configures and builds one CMake preset; `targets` limits what is built. */
export async function cmake(preset, targets = []) {
  const folder = join(root, 'build', preset);
  const log = (step) => join(root, 'build', 'logs', `${preset}-${step}.log`);
  // CMake reads the presets only when it is asked to; everything else it notices by itself.
  const [made, presets] = [join(folder, 'build.ninja'), join(root, 'CMakePresets.json')];
  if (!existsSync(made) || statSync(made).mtimeMs < statSync(presets).mtimeMs) await run('cmake', ['--preset', preset], { log: log('configure') });
  let shown = 0;
  const onLine = (line) => {
    // One line in twenty is enough to see that it moves.
    const step = /^\[(\d+)\/(\d+)\] (.*)/.exec(line);
    if (!step || Number(step[1]) < shown + 20) return;
    shown = Number(step[1]);
    console.log(`   ${preset} [${step[1]}/${step[2]}] ${step[3].slice(0, 100)}`);
  };
  const targetArgs = targets.length > 0 ? ['--target', ...targets] : [];
  await run('cmake', ['--build', '--preset', preset, '-j', String(jobs), ...targetArgs], { log: log('build'), onLine });
}

/** What every script does with an error: say it in one line and end with a failure. */
export function fail(error) {
  console.error(error instanceof StageError ? `error: ${error.message}` : error);
  process.exit(1);
}
