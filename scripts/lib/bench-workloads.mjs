// The rows of the reference's table (docs/performance.md) and the goals: what each workload is, what the reference took for it, and
// which figures decide.

/** What the calibration loops took on the machine of the reference's figures: nanoseconds, for `copy` per byte. */
export const REFERENCE = { map: 29.1, copy: 0.149 };

const us = 1e3;
const ms = 1e6;

/**
 * `key`: the row's in the benchmark program; `unit`: what one figure is of; `reference`: the reference's median in nanoseconds;
 * `by`: the calibration loop that such work is like; `missing`: why there is no figure of ours.
 */
export const WORKLOADS = [
  { key: '0', what: 'idle poll, empty node', unit: 'poll', reference: 81 },
  { key: 'i_8', what: 'chain of 1000 PassThrough, 8 B, a step per op', unit: 'op', reference: 436 },
  { key: 'i_masked', what: 'the same, steps of ops masked', unit: 'op' },
  { key: 'i_1024', what: 'chain of 1000 PassThrough, 1 KiB', unit: 'op', reference: 540 },
  { key: 'ii_a', what: 'fan-out 1 to 100 and join, 102 ops', unit: 'op', reference: 2087 },
  { key: 'ii_b', what: '250 stacked diamonds, 750 ops', unit: 'op', reference: 487 },
  { key: 'iii_a_1', what: 'inbound envelope to one op, batch 1', unit: 'envelope', reference: 1609 },
  { key: 'iii_a_64', what: 'inbound envelope to one op, batch 64', unit: 'envelope', reference: 1494 },
  { key: 'iii_b', what: 'inbound envelope through three gates, batch 1', unit: 'envelope', reference: 3622 },
  { key: 'iii_c', what: 'decode of that envelope alone', unit: 'envelope', reference: 171 },
  { key: 'iv_1', what: 'invoke, send to 1 peer, encode', unit: 'envelope', reference: 4327 },
  { key: 'iv_16', what: 'invoke, send to 16 peers, encode', unit: 'envelope', reference: 662 },
  { key: 'iv_b', what: 'encode of one envelope alone', unit: 'envelope', reference: 56 },
  { key: 'v_1', what: 'event of 1 KiB in and out, batch 1', unit: 'event', reference: 1140 },
  { key: 'v_64', what: 'event of 1 KiB in and out, batch 64', unit: 'event', reference: 1274 },
  { key: 'v_1024', what: 'event of 1 KiB in and out, batch 1024', unit: 'event', reference: 1404 },
  { key: 'vi_a', what: 'idle poll, 10,000 parked ops', unit: 'poll', reference: 13.73 * us },
  { key: 'vi_a_100k', what: 'idle poll, 100,000 parked ops', unit: 'poll' },
  { key: 'vi_b', what: 'one more event to park, 10,000 parked', unit: 'event', reference: 16.39 * us },
  { key: 'vii_a', what: 'tensor of 512x512 f32 from wire bytes', unit: 'tensor', reference: 380.07 * us, by: 'copy' },
  { key: 'vii_b', what: 'tensor of 512x512 f32 to wire bytes', unit: 'tensor', reference: 977.14 * us, by: 'copy' },
  { key: 'vii_c', what: 'inbound envelope with that tensor', unit: 'envelope', reference: 373.64 * us, by: 'copy' },
  { key: 'vii_d', what: 'the same, at a port of the backend', unit: 'envelope', reference: 419.37 * us, by: 'copy' },
  { key: 'viii_matmul_256', what: 'MatMul 256x256 f32', unit: 'op', reference: 359.03 * us, by: 'copy' },
  { key: 'viii_matmul_512', what: 'MatMul 512x512 f32', unit: 'op', reference: 2.9 * ms, by: 'copy' },
  { key: 'viii_add', what: 'Add 512x512 f32', unit: 'op', reference: 47.62 * us, by: 'copy' },
  { key: 'viii_relu', what: 'Relu 512x512 f32', unit: 'op', reference: 35.65 * us, by: 'copy' },
  { key: 'viii_exp', what: 'Exp 512x512 f32', unit: 'op', reference: 490.64 * us, missing: 'not yet: kernels are another issue' },
  { key: 'viii_softmax', what: 'Softmax 512x512 f32', unit: 'op', reference: 1.181 * ms, missing: 'not yet: kernels are another issue' },
  { key: 'viii_sum', what: 'ReduceSum 512x512 f32', unit: 'op', reference: 23.18 * us, missing: 'not yet: kernels are another issue' },
  { key: 'viii_tanh', what: 'Tanh 512x512 f32', unit: 'op', reference: 1.435 * ms, missing: 'not yet: kernels are another issue' },
  { key: 'viii_e', what: 'inbound 4x4 tensor to Neg', unit: 'envelope', reference: 2433, missing: 'not yet: kernels are another issue' },
  { key: 'ix_a_1000', what: 'idle poll, 1,000 live executions', unit: 'poll', reference: 24.41 * us },
  { key: 'ix_a_10000', what: 'idle poll, 10,000 live executions', unit: 'poll', reference: 260.83 * us },
  { key: 'ix_a_100k', what: 'idle poll, 100,000 live executions', unit: 'poll' },
  { key: 'ix_b', what: 'poll after 1,000 executions have ended', unit: 'execution', reference: 209 },
  { key: 'ix_c', what: 'event to one op, 10,000 live executions', unit: 'event', reference: 508.68 * us },
  { key: 'x_a', what: 'snapshot to bytes, 10,000 peers', unit: 'snapshot', reference: (1.703 + 0.25201) * ms, note: 'x_a and x_b of the reference' },
  { key: 'x_d', what: 'restore from bytes, 10,000 peers', unit: 'restore', reference: (1.079 + 1.912) * ms, note: 'x_c and x_d of the reference' },
  { key: 'x_e', what: 'snapshot and restore, 10,000 peers', unit: 'both', reference: 4.924 * ms },
  { key: 'xi_a_100', what: 'record a chain of 100', unit: 'module', reference: 63.2 * us },
  { key: 'xi_b_100', what: 'compile a chain of 100', unit: 'module', reference: 475.32 * us },
  { key: 'xi_c_100', what: 'install a chain of 100', unit: 'install', reference: 161.69 * us },
  { key: 'xi_a_1000', what: 'record a chain of 1000', unit: 'module', reference: 1.083 * ms },
  { key: 'xi_b_1000', what: 'compile a chain of 1000', unit: 'module', reference: 4.775 * ms },
  { key: 'xi_c_1000', what: 'install a chain of 1000', unit: 'install', reference: 1.556 * ms },
];

/** Nanoseconds, calibrated; `wasm` may take a fifth more, and the package twice its goal. */
export const GOALS = [
  { key: 'i_8', native: 25, wasm: 45 },
  { key: 'iii_a_64', native: 250, wasm: 450, glue: 450 },
  { key: 'iii_a_1', native: 250, wasm: 450 },
  { key: 'iv_1', native: 300, wasm: 500, glue: 500 },
  { key: '0', native: 60, wasm: 120 },
  { key: 'vi_a', native: 60, wasm: 120 },
  { key: 'ix_a_10000', native: 60, wasm: 120 },
];
export const ALLOWANCE = { native: 1, wasm: 1.2, glue: 2 };

/** Idle polls that may take no more than so many times an idle poll with nothing parked or live. */
export const IDLE = { keys: ['vi_a', 'vi_a_100k', 'ix_a_1000', 'ix_a_10000', 'ix_a_100k'], timesMax: 1.3 };

/** Rows whose instructions are counted. */
export const COUNTED = ['0', 'i_8', 'iii_a_1', 'iii_a_64', 'iv_1', 'iv_16'];

/** Bytes, and milliseconds for the hostile envelope. */
export const MEMORY = { idleNode: { native: 32 * 1024, wasm: 48 * 1024 }, hostileMs: 10, nodes: 10_000, envelopes: 1_000_000, nodesKib: 1024 * 1024 };
