// One table of one run: the same simulated position natively, in WASM, and in the tools people use. `cargo xtask bench` gives
// the Python of its environment as an argument; without it Python's rows are left out, loudly.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { chances } from './browser.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const python = process.argv[2];
const ONE = 'one position, hourly steps';

function lines(what, file, args) {
  console.error(`   ${what}`);
  const out = execFileSync(file, args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 26 });
  return out.split('\n').filter((l) => l.startsWith('{')).map((l) => JSON.parse(l));
}

const native = lines('native', 'cargo', ['bench', '--quiet', '-p', 'headroom-core', '--bench', 'simulation']);
const node = lines('WASM in Node', 'node', ['tests/bench/simulation.mjs']);
console.error('   WASM in Chromium');
const chromium = await chances();
const others = lines('plain JavaScript', 'node', ['tests/bench/reference.mjs']).map((l) => ({ ...l, name: 'javascript, Node' }));
if (python) others.push(...lines('Python: numpy, numba, QuantLib (a minute)', python, ['tests/bench/reference.py', 'numpy', 'numba', 'quantlib']));
else console.log('SKIPPED: numpy, numba and QuantLib, since no Python environment could be made.');

const all = [...native, ...node, ...chromium];
const rate = (name) => [...all, ...others].find((r) => r.name === name && (r.work ?? ONE) === ONE)?.path_steps_per_second;
const of = (name) => (value) => (value && rate(name) ? `${(value / rate(name)).toFixed(1)}` : '–');
const million = (x) => (x ? (x / 1e6).toFixed(1) : '–');
const ms = (s) => (s === undefined ? '–' : (s * 1000).toFixed(s < 0.1 ? 1 : 0));
const row = (cells) => console.log(cells.map((c, i) => (i ? String(c).padStart(12) : String(c).padEnd(34))).join(''));

console.log('\nOne 3x long, σ 80 %, 30 days, 720 hourly steps with bridge, funding every 8 hours: one thread unless said\n');
row(['', 'M steps/s', '× numpy', '× JS', '× QuantLib', 'ms to ±0.1', 'p, %', '±']);
for (const r of [...all.filter((a) => a.work === ONE), ...others]) {
  const v = r.path_steps_per_second;
  row([r.name, million(v), of('numpy')(v), of('javascript, Node')(v), of('quantlib')(v), ms(r.time_to_error), (r.probability * 100).toFixed(2), (r.standard_error * 100).toFixed(2)]);
}
console.log('\nOther work of the engine: ms until the error is at most 0.1 points, and until the whole answer\n');
row(['', 'M steps/s', 'ms to ±0.1', 'ms whole', 'paths', 'steps', 'p, %', '±']);
for (const work of [...new Set(all.map((a) => a.work))]) {
  console.log(work);
  for (const r of all.filter((a) => a.work === work)) {
    row([`  ${r.name}`, million(r.path_steps_per_second), ms(r.time_to_error), ms(r.whole_answer), r.paths, r.steps, (r.probability * 100).toFixed(2), (r.standard_error * 100).toFixed(2)]);
  }
}
console.log('\nRates count the steps of the finest grid; "ms to ±0.1" includes reading the request and all rounds. The engine needs fewer paths for an error than plain sampling does: that is in the second figure, not in the first.');
