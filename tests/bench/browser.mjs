// What a person feels: recalculation in the worker, and the longest task of the main thread while a slider is dragged.
//
//   node browser.mjs        these two; table.mjs uses `chances`
import { readFileSync } from 'node:fs';
import { liquidationPrice, open, start } from '../e2e/lib/page.mjs';

const HERE = new URL('./', import.meta.url);

/** Timings of the simulation in Chromium: on one thread without a pool, and in pools of one and two workers. */
export async function chances() {
  const site = await start();
  const page = await site.browser.newPage();
  const requests = JSON.parse(readFileSync(new URL('requests.json', HERE)));
  const [simulation, reference] = ['simulation.mjs', 'reference.mjs'].map((f) => readFileSync(new URL(f, HERE), 'utf8'));
  await page.goto(`${site.url}engine/headroom_core.d.ts`);
  const out = [];
  for (const [work, request] of Object.entries(requests)) {
    out.push(...await page.evaluate(async ({ work, text, simulation }) => {
      const own = await import(URL.createObjectURL(new Blob([simulation], { type: 'text/javascript' })));
      const engine = await import(new URL('/engine/headroom_core.js', location.href));
      await engine.default({ module_or_path: new URL('/engine/headroom_core_bg.wasm', location.href) });
      const { Pool } = await import(new URL('/engine/pool.js', location.href));
      const lines = [{ name: 'wasm, Chromium', work, ...own.best([1, 2, 3, 4, 5].map(() => own.once(engine.Run, text))) }];
      for (const size of [1, 2]) {
        const pool = new Pool({ size });
        const runs = [];
        for (let k = 0; k < 6; k++) runs.push(await own.pooled(pool, text));
        pool.close();
        lines.push({ name: `wasm, Chromium, ${size} worker${size > 1 ? 's' : ''}`, work, ...own.best(runs.slice(1)) });
      }
      return lines;
    }, { work, text: JSON.stringify(request), simulation }));
  }
  out.push({ ...await page.evaluate(async (reference) => {
    const { run } = await import(URL.createObjectURL(new Blob([reference], { type: 'text/javascript' })));
    run(10_000);
    return [1, 2, 3].map(() => run(100_000)).reduce((a, b) => (b.seconds < a.seconds ? b : a));
  }, reference), name: 'javascript, Chromium', work: 'one position, hourly steps' });
  await site.close();
  return out;
}

if (process.argv[1] === new URL(import.meta.url).pathname) await pageTimes();

async function pageTimes() {
  const site = await start();
  const { page } = await open(site, { clock: false });
  await liquidationPrice(page);

  // Round trip of one request, message both ways included, against an empty message to the same kind of worker.
  const times = await page.evaluate(async () => {
    const request = JSON.stringify({ op: 'liquidation', explain: true, account: { venue: 'binance', margin_mode: 'cross', wallet_balance: 20000, positions: ['BTCUSDT', 'ETHUSDT', 'SOLUSDT', 'XRPUSDT', 'ADAUSDT'].map((symbol) => ({ symbol, side: 'long', size: 1, entry_price: 100, mark_price: 101, leverage: 3 })) } });
    const worker = new Worker(new URL('engine/worker.js', document.baseURI), { type: 'module' });
    await new Promise((r) => { worker.onmessage = r; });
    const once = (text) => new Promise((r) => { worker.onmessage = (e) => r(e.data.text); worker.postMessage({ id: 1, text }); });
    const measure = async (text) => {
      for (let i = 0; i < 50; i++) await once(text);
      // The browser's clock is coarse: batches of 50 are timed and divided.
      const all = [];
      for (let i = 0; i < 40; i++) {
        const t = performance.now();
        for (let k = 0; k < 50; k++) await once(text);
        all.push((performance.now() - t) / 50);
      }
      all.sort((a, b) => a - b);
      return { median: all[20], p95: all[38] };
    };
    return { refused: await measure('{}'), five: await measure(request) };
  });
  console.log('worker round trip, ms (reference: an empty request, refused)');
  for (const [name, t] of Object.entries(times)) console.log(`  ${name.padEnd(8)} median ${t.median.toFixed(3)}  p95 ${t.p95.toFixed(3)}  ratio ${(t.median / times.refused.median).toFixed(1)}`);

  await page.evaluate(() => {
    window.tasks = [];
    new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((e) => e.duration))).observe({ type: 'longtask', buffered: false });
  });
  const box = await page.locator('input[type=range]').boundingBox();
  await page.mouse.move(box.x + box.width * 0.2, box.y + box.height / 2);
  await page.mouse.down();
  for (let i = 0; i <= 300; i++) {
    await page.mouse.move(box.x + box.width * (0.2 + 0.6 * Math.abs(Math.sin(i / 20))), box.y + box.height / 2);
  }
  await page.mouse.up();
  await page.waitForTimeout(300);
  const tasks = await page.evaluate(() => window.tasks);
  console.log(`main thread while dragging: ${tasks.length} tasks over 50 ms${tasks.length ? `, longest ${Math.max(...tasks).toFixed(0)} ms` : ''}`);
  await site.close();
}
