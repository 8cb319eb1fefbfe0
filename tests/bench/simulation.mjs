// The same requests as core/benches/simulation.rs, on the WASM engine. In Node: one JSON line a request. `once` and
// `pooled` use nothing of Node, so that browser.mjs can run them in a page.
//
//   node simulation.mjs

/** One request on one thread: rate of the kernels, seconds to the target error and to the whole answer. */
export function once(Run, text) {
  const start = performance.now();
  const run = new Run(text);
  let pathSteps = 0, kernel = 0, sampling = 0;
  for (;;) {
    const pending = [...run.pending()];
    const extras = pending.some((p) => p >= 2 ** 31);
    pathSteps += pending.reduce((sum, p) => sum + run.pathSteps(p), 0);
    const begin = performance.now();
    const numbers = pending.map((p) => run.piece(p));
    if (!extras) kernel += performance.now() - begin;
    const last = run.merge(numbers);
    if (!extras) sampling = performance.now() - start;
    if (last) break;
  }
  const whole = performance.now() - start;
  const answer = JSON.parse(run.answer());
  run.free();
  return line(answer, { path_steps_per_second: pathSteps / kernel * 1000, time_to_error: sampling / 1000, whole_answer: whole / 1000 });
}

/** The same through a pool: seconds until the error was reached, and until the whole answer. */
export async function pooled(pool, text) {
  const start = performance.now();
  let sampling = 0;
  const answer = JSON.parse(await pool.evaluate(text, { onAnswer: () => { sampling = performance.now() - start; } }));
  return line(answer, { time_to_error: sampling / 1000, whole_answer: (performance.now() - start) / 1000 });
}

function line(answer, timing) {
  if (answer.error) throw new Error(JSON.stringify(answer.error));
  const { probability, standard_error } = answer.horizons.at(-1);
  return { ...timing, paths: answer.model.paths, steps: answer.model.steps, probability, standard_error };
}

export const best = (runs) => runs.reduce((a, b) => (b.time_to_error < a.time_to_error ? b : a));

if (typeof process !== 'undefined' && process.argv[1] === new URL(import.meta.url).pathname) {
  const { readFileSync } = await import('node:fs');
  const root = new URL('../../', import.meta.url);
  const engine = await import(new URL('target/engine/headroom_core.js', root));
  engine.initSync({ module: readFileSync(new URL('target/engine/headroom_core_bg.wasm', root)) });
  const requests = JSON.parse(readFileSync(new URL('requests.json', import.meta.url)));
  for (const [work, request] of Object.entries(requests)) {
    const runs = Array.from({ length: 6 }, () => once(engine.Run, JSON.stringify(request)));
    console.log(JSON.stringify({ name: 'wasm, Node', work, ...best(runs.slice(1)) }));
  }
}
