// What one fixed piece of work costs in plain JavaScript: the chance that one position is liquidated within 30 days.
//
//   node reference.mjs
//
// The same work as reference.py, where it is described: a 3x long of 1 unit at price 1, 720 hourly steps, the survival
// of a Brownian bridge on each, funding every 8 hours. The answer is 10.67 %. One JSON line, best of three runs.
// `run` uses nothing of Node and can be imported by a worker of a page unchanged.

const STEPS = 720, PAY_EVERY = 8;
const SIGMA = 0.8, YEAR = 8760;
const MARGIN = 1 / 3, MMR = 0.005, FUNDING = 0.0001;
const VARIANCE = SIGMA * SIGMA / YEAR;
const DRIFT = -VARIANCE / 2, SD = Math.sqrt(VARIANCE);
const BRIDGE = -2 / VARIANCE;
// From here on exp(BRIDGE * d0 * d1) = exp(-40) is lost in 1 - exp(...): leaving it out changes no bit of the result.
const CERTAIN = 20 * VARIANCE;
const TARGET = 0.001;
const TO_UNIT = 2 ** -31; // a signed 32-bit integer to [-1, 1)

/** Fills `z` (an even length) with normal numbers: Marsaglia's polar method on the generator sfc32. */
function fill(z, state) {
  // The state in locals while it is used: in registers instead of memory.
  let a = state[0], b = state[1], c = state[2], count = state[3];
  for (let i = 0; i < z.length; i += 2) {
    let u, v, s;
    do {
      let t = (((a + b) | 0) + count) | 0;
      count = (count + 1) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = (((c << 21) | (c >>> 11)) + t) | 0;
      u = t * TO_UNIT;
      t = (((a + b) | 0) + count) | 0;
      count = (count + 1) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = (((c << 21) | (c >>> 11)) + t) | 0;
      v = t * TO_UNIT;
      s = u * u + v * v;
    } while (s >= 1 || s === 0);
    const f = Math.sqrt(-2 * Math.log(s) / s);
    z[i] = u * f;
    z[i + 1] = v * f;
  }
  state[0] = a; state[1] = b; state[2] = c; state[3] = count;
}

/** Chance that one path is dead at its end. Between payments the distance to the barrier moves as the price does. */
function walk(z, state) {
  let alive = 1, margin = MARGIN;
  let barrier = Math.log((1 - margin) / (1 - MMR));
  let d0 = -barrier;
  for (let paid = 0; paid < STEPS; paid += PAY_EVERY) {
    fill(z, state);
    for (let i = 0; i < PAY_EVERY; i++) {
      const d1 = d0 + (DRIFT + SD * z[i]);
      if (d1 <= 0) return 1;
      if (d0 * d1 < CERTAIN) alive *= 1 - Math.exp(BRIDGE * d0 * d1);
      d0 = d1;
    }
    const logPrice = d0 + barrier;
    margin -= FUNDING * Math.exp(logPrice);
    barrier = Math.log((1 - margin) / (1 - MMR));
    d0 = logPrice - barrier;
    if (d0 <= 0) return 1;
  }
  return 1 - alive;
}

/** One timed run; a first, short one warms the compiler up. */
export function run(paths) {
  const z = new Float64Array(PAY_EVERY);
  const state = new Int32Array([0x9e3779b9, 0x243f6a88, 0xb7e15162, 1]);
  // Seeds differ in few bits at first: sfc32 is mixed by a few rounds before use.
  for (let i = 0; i < 4; i++) fill(z, state);
  let total = 0, squares = 0;
  const start = performance.now();
  for (let i = 0; i < paths; i++) {
    const gone = walk(z, state);
    total += gone;
    squares += gone * gone;
  }
  const seconds = (performance.now() - start) / 1000;
  const probability = total / paths;
  const variance = (squares / paths - probability ** 2) * paths / (paths - 1);
  const rate = paths * STEPS / seconds;
  return {
    name: 'javascript', paths, steps: STEPS, seconds, path_steps_per_second: rate, probability,
    standard_error: Math.sqrt(variance / paths), time_to_error: variance / TARGET ** 2 * STEPS / rate,
  };
}

if (typeof process !== 'undefined' && process.argv[1] === new URL(import.meta.url).pathname) {
  run(10_000);
  const runs = [1, 2, 3].map(() => run(250_000));
  const best = runs.reduce((a, b) => (b.seconds < a.seconds ? b : a));
  const digits = (key) => (key === 'path_steps_per_second' ? 0 : 6);
  const round = (key, value) => (typeof value === 'number' ? Number(value.toFixed(digits(key))) : value);
  console.log(JSON.stringify(best, round));
}
