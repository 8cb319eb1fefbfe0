// What a person feels: recalculation in the worker, and the longest task of the main thread while a slider is dragged.
import { liquidationPrice, open, start } from '../e2e/lib/page.mjs';

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
