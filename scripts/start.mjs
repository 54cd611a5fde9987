// npm start: installs and builds what is missing, then runs the demonstration with every argument given here.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { cmake, fail, root, run, stage } from './lib/run.mjs';

/** Everything that has to exist before the demonstration runs. */
async function prepare() {
  await stage('Setup', () => run('scripts/setup', []));
  await stage('WebAssembly engine', () => cmake('wasm', ['bb']));
  await stage('JavaScript', async () => {
    const { buildJavaScript } = await import('./build.mjs');
    await buildJavaScript();
  });
}

/** The demonstration takes over: its signals, its exit code. */
function start(args) {
  const child = spawn(process.execPath, [join(root, 'web', 'demo', 'dist', 'main.js'), ...args], { stdio: 'inherit', cwd: process.cwd() });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // A terminal sends Ctrl+C to both of us, and twice would mean "now".
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on('error', fail);
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

await prepare().catch(fail);
start(process.argv.slice(2));
