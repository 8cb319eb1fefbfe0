// The cascade's kernels in WebAssembly (V8) beside native ones, as ratios to sorting the same positions in the same run.
// `cargo xtask bench` builds `core/examples/cascade_kernel.rs` for both and runs this with the native program's path.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const [, , native, wasm] = process.argv;
const { instance } = await WebAssembly.instantiate(readFileSync(wasm), {});
const kernel = instance.exports;
const lines = execFileSync(native, { encoding: 'utf8' }).trim().split('\n').map((l) => JSON.parse(l));
const time = (name, positions, work) => {
  const times = Array.from({ length: 9 }, () => {
    const start = performance.now();
    work();
    return performance.now() - start;
  }).sort((a, b) => a - b);
  lines.push({ where: 'wasm', kernel: name, positions, ms: times[4], result: Math.round(work()) });
};
for (const n of [10_000, 100_000, 1_000_000]) {
  kernel.make(n);
  time('sort', n, () => kernel.sort());
  time('cascade', n, () => kernel.cascade());
}
kernel.make(100_000);
time('10000 runs', 100_000, () => kernel.stochastic(10_000));

const find = (where, name, n) => lines.find((l) => l.where === where && l.kernel === name && l.positions === n);
console.log('positions  kernel      native ms  wasm ms  native/sort  wasm/native  closed or mean');
for (const l of lines.filter((l) => l.where === 'native')) {
  const w = find('wasm', l.kernel, l.positions);
  const reference = find('native', 'sort', l.positions);
  if (w.result !== l.result) throw new Error(`${l.kernel} ${l.positions}: ${l.result} natively, ${w.result} in WebAssembly`);
  console.log(`${String(l.positions).padStart(9)}  ${l.kernel.padEnd(10)}  ${l.ms.toFixed(2).padStart(9)}  ${w.ms.toFixed(2).padStart(7)}  ${(l.ms / reference.ms).toFixed(3).padStart(11)}  ${(w.ms / l.ms).toFixed(2).padStart(11)}  ${l.result}`);
}
