// The hot path as an application of the npm package sees it: frames in and envelopes out through TypeScript, 64 per poll.
//   node bench-glue.mjs <folder of bench-models>      prints JSON: {"rows":[{"key","ns"}]}
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Engine, Node, UnverifiedPeer, fromHex, peerIdFromNumber, peerIdToText, toHex } from '../../js/package/dist/entry/node.js';

const folder = process.argv[2];
if (folder === undefined) {
  console.error('bench-glue: name the folder of the bench-models');
  process.exit(2);
}
const batch = 64;
const rows = [];

// Long enough that V8 has compiled what is hot, in both languages.
const warmUpMs = 400;
const measureMs = 200;

function median(key, units, work) {
  const began = performance.now();
  while (performance.now() - began < warmUpMs) work();
  const runs = [];
  const measured = performance.now();
  while (runs.length < 15 || performance.now() - measured < measureMs) {
    const start = process.hrtime.bigint();
    work();
    runs.push(Number(process.hrtime.bigint() - start) / units);
  }
  runs.sort((a, b) => a - b);
  rows.push({ key, ns: runs[Math.floor(runs.length / 2)] });
}

function require(condition, what) {
  if (condition) return;
  console.error(`bench-glue: ${what}`);
  process.exit(1);
}

const engine = await Engine.load();
let now = 0;
const install = (model) =>
  Node.install(engine, {
    peer: peerIdFromNumber(1n),
    artifacts: [new Uint8Array(readFileSync(join(folder, `${model}.onnx`)))],
    targets: [model],
    limits: { ingressMax: 8192 },
    seed: 1n,
    incarnation: 1n,
  });
const walk = (node, ops) => {
  let records = 0;
  node.poll((now += 0.001), { ops }).walk(() => records++);
  return records;
};

{
  const node = install('recv_bare');
  const peer = node.admit(UnverifiedPeer.claim(peerIdFromNumber(2n)));
  // One destination, one fill of eight bytes for site 0, correlation present and empty: 61 bytes.
  const frame = fromHex('0a0da5030a0008000000000000000112280a0ae201000000000000000012100800000000000000070707070707070720bdd2a888cce18cc11d1a003801');
  require(frame.length === 61, `the envelope has ${frame.length} bytes`);
  median(`iii_a_${batch}`, 1024, () => {
    for (let i = 0; i < 1024; i += batch) {
      for (let k = 0; k < batch; k++) require(node.receive(peer, frame).status === 'accepted', 'a frame was refused');
      require(walk(node, 100_000) === batch, 'not one event per envelope');
    }
  });
  node.close();
}
{
  const node = install('send1');
  const target = peerIdFromNumber(100n);
  node.addPeer(target, [`/p2p/${peerIdToText(target)}`]);
  const x = new Uint8Array(8).fill(7);
  // The model declares no port types, so the list of peers goes in as its wire form.
  const peers = { typeHash: 0x64d32aef2d363637n, bytes: fromHex(`01000000000000000a00000000000000${toHex(target)}`) };
  let bytes = 0;
  median('iv_1', 1024, () => {
    for (let i = 0; i < 1024; i += batch) {
      for (let k = 0; k < batch; k++) node.invoke('send1', { x, peers });
      let sent = 0;
      for (const step of node.poll((now += 0.001), { ops: 100_000 })) {
        if (step.kind !== 'send') continue;
        sent++;
        // What a transport is handed: the encoded envelope, which it takes before it returns.
        for (const part of step.parts()) bytes += part.length;
      }
      require(sent === batch, 'not one envelope per invocation');
    }
  });
  require(bytes > 0, 'nothing was sent');
  node.close();
}
{
  const node = install('chain1000');
  const x = new Uint8Array(8).fill(7);
  median('i_8', 1000, () => {
    node.mask('all');
    node.deliverEvent('chain1000', 'x', x);
    require(walk(node, 100_000) === 1001, 'steps of the chain');
  });
  node.close();
}
console.log(JSON.stringify({ rows }));
process.exit(0);
