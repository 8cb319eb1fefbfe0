// The pool of workers in a real browser: the same bits as elsewhere, and nothing lost when a worker dies.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { CHANCES } from './lib/chances.mjs';
import { start } from './lib/page.mjs';

const ROOT = new URL('../../', import.meta.url);
let site, page, engine;
before(async () => {
  site = await start();
  page = await site.browser.newPage();
  // Any page of the site's origin will do; the engine package is what is tested.
  await page.goto(`${site.url}engine/headroom_core.d.ts`.replace('//engine', '/engine'));
  engine = await import(new URL('target/engine/headroom_core.js', ROOT));
  engine.initSync({ module: readFileSync(new URL('target/engine/headroom_core_bg.wasm', ROOT)) });
});
after(async () => { await site.close(); });

/** Runs `work(Pool, argument)` in the page. */
const inPage = (work, argument) => page.evaluate(`(async () => {
  const { Pool } = await import(new URL('/engine/pool.js', location.href));
  return (${work})(Pool, ${JSON.stringify(argument)});
})()`);

for (const [name, request] of Object.entries(CHANCES)) {
  test(`${name}: one worker, four workers and Node give the same bits`, async () => {
    const text = JSON.stringify(request);
    const expected = engine.evaluateJson(text);
    for (const size of [1, 4]) {
      const got = await inPage(async (Pool, { text, size }) => {
        const pool = new Pool({ size });
        const shares = [];
        const answers = [];
        const answer = await pool.evaluate(text, { onProgress: (s) => shares.push(s), onAnswer: (a) => answers.push(JSON.parse(a).horizons[0].probability) });
        pool.close();
        return { answer, shares, answers };
      }, { text, size });
      assert.equal(got.answer, expected, `${size} workers`);
      assert.ok(got.shares.length >= 2 && got.shares.at(-1) === 1 && got.shares.every((s, i) => s >= (got.shares[i - 1] ?? 0) * 0.8), `${got.shares}`);
      // Answers on the way are real ones, and the last of them is the final probability.
      assert.ok(got.answers.length >= 1 && got.answers.at(-1) === JSON.parse(expected).horizons[0].probability, `${got.answers}`);
    }
  });
}

test('workers that die while they work, merge or start are replaced, and the bits are the same', async () => {
  const text = JSON.stringify(CHANCES['five isolated']);
  const expected = engine.evaluateJson(text);
  for (const moment of ['pieces', 'merge', 'text']) {
    const got = await inPage(async (Pool, { text, moment }) => {
      let made = 0, killed = 0;
      const makeWorker = (url) => {
        made += 1;
        const worker = new Worker(url, { type: 'module' });
        const post = worker.postMessage.bind(worker);
        worker.postMessage = (message) => {
          post(message);
          // The first two workers die, the first with the sums.
          if (message[moment] && killed < 2 && made <= 3) {
            killed += 1;
            worker.terminate();
            setTimeout(() => worker.onerror(new ErrorEvent('error', { message: 'out of memory' })), 5);
          }
        };
        return worker;
      };
      const pool = new Pool({ size: 2, makeWorker });
      const answer = await pool.evaluate(text);
      pool.close();
      return { answer, killed };
    }, { text, moment });
    assert.ok(got.killed >= 1, moment);
    assert.equal(got.answer, expected, moment);
  }
});

test('a pool whose workers always die says so instead of trying for ever', async () => {
  const failure = await inPage(async (Pool, text) => {
    const makeWorker = () => new Worker(URL.createObjectURL(new Blob(['throw new Error("broken")'])));
    try {
      return await new Pool({ size: 2, makeWorker }).evaluate(text);
    } catch (error) {
      return { name: error.name, message: error.message };
    }
  }, JSON.stringify(CHANCES.jumps));
  assert.match(failure.message, /stopped again and again/);
});

test('a worker that reports a breakdown is replaced; a listener that throws or asks anew stops nothing', async () => {
  const [text, other] = [JSON.stringify(CHANCES.jumps), JSON.stringify(CHANCES['one position'])];
  const got = await inPage(async (Pool, { text, other }) => {
    let made = 0;
    const makeWorker = (url) => {
      made += 1;
      // The first is up to nothing but telling of its end, as worker.js does after a trap.
      return made === 1
        ? new Worker(URL.createObjectURL(new Blob(['onmessage = () => postMessage({ failed: "unreachable" })'])))
        : new Worker(url, { type: 'module' });
    };
    const pool = new Pool({ size: 2, makeWorker });
    const reported = [];
    globalThis.reportError = (e) => reported.push(e.message);
    const answer = await pool.evaluate(text, { onAnswer: () => { throw new Error('mine'); } });
    let inner;
    const outer = await pool.evaluate(text, { onProgress: (share) => { if (share === 1) inner = pool.evaluate(other); } }).catch((e) => e.name);
    const own = await inner;
    pool.close();
    return { answer, reported, outer, own, made };
  }, { text, other });
  assert.equal(got.answer, engine.evaluateJson(text));
  assert.ok(got.reported.length >= 1 && got.reported.every((m) => m === 'mine'));
  assert.equal(got.outer, 'AbortError');
  assert.equal(got.own, engine.evaluateJson(other));
  assert.ok(got.made >= 3);
});

test('a newer request takes the place of an older one; a signal and cancel stop it; refusals are answers', async () => {
  const [slow, quick] = [JSON.stringify({ ...CHANCES['five isolated'], target_standard_error: 0.0002 }), JSON.stringify(CHANCES.jumps)];
  const got = await inPage(async (Pool, { slow, quick }) => {
    const pool = new Pool({ size: 2 });
    const fate = (p) => p.then(() => 'answered', (e) => e.name);
    const first = fate(pool.evaluate(slow));
    const second = pool.evaluate(quick);
    const dropped = await first;
    const answer = await second;
    const control = new AbortController();
    const third = fate(pool.evaluate(slow, { signal: control.signal }));
    setTimeout(() => control.abort(), 50);
    const aborted = await third;
    const fourth = fate(pool.evaluate(slow));
    setTimeout(() => pool.cancel(), 50);
    const cancelled = await fourth;
    // Begun anew from inside a listener.
    let inner;
    const outer = await fate(pool.evaluate(slow, { onAnswer: () => { inner ??= pool.evaluate(quick); } }));
    const refused = await pool.evaluate('{"op":"probability"}');
    const after = await pool.evaluate(quick);
    pool.close();
    return { dropped, answer, aborted, cancelled, outer, inner: await inner.catch((e) => e.name), refused, after };
  }, { slow, quick });
  const expected = engine.evaluateJson(quick);
  assert.deepEqual([got.dropped, got.aborted, got.cancelled, got.outer], ['AbortError', 'AbortError', 'AbortError', 'AbortError']);
  assert.equal(got.answer, expected);
  assert.equal(got.after, expected);
  assert.ok(got.inner === expected || got.inner === 'AbortError');
  assert.equal(JSON.parse(got.refused).error.code, 'invalid_input');
});
