// The comparison of six venues in Node: a coarse chance at once, as the page asks for it first; as a ratio to one liquidation request in
// the same run. Also shared out to two threads, venue by venue, as two workers would. Run: node tests/bench/venues.mjs
import { readFileSync } from 'node:fs';
import { Worker, isMainThread, parentPort } from 'node:worker_threads';

const ROOT = new URL('../../', import.meta.url);
const engine = await import(new URL('target/engine/headroom_core.js', ROOT));
engine.initSync({ module: readFileSync(new URL('target/engine/headroom_core_bg.wasm', ROOT)) });

const names = ['binance', 'bybit', 'okx', 'hyperliquid', 'dydx', 'gmx'];
const history = JSON.parse(readFileSync(new URL('www/data/candles/binance-BTC.json', ROOT)));
const funding = Array.from({ length: 500 }, (_, k) => [1.772e12 - (500 - k) * 8 * 3.6e6, 0.0001 * Math.sin(k)]);
const book = { bids: Array.from({ length: 500 }, (_, k) => [66940 - k, 0.5]), asks: Array.from({ length: 500 }, (_, k) => [66941 + k, 0.5]) };
const request = (some) => ({
  op: 'venues',
  candidate: { asset: 'BTC', side: 'long', notional: 33470, margin: 3347, horizon_hours: 168, price: 66940 },
  markets: Object.fromEntries(some.map((n) => [n, { volatility: 0.55, funding, funding_interval_hours: 8, book: n === 'gmx' ? undefined : book }])),
  terms: { bybit: { instrument: { kind: 'linear', tiers: [{ floor: 0, maintenance_margin_rate: 0.005, max_leverage: 100 }] } }, okx: { instrument: { kind: 'linear', contract_size: 0.01, tiers: [{ floor: 0, maintenance_margin_rate: 0.004, max_leverage: 100 }] } } },
  model: { kind: 'gbm' }, target_standard_error: 0.01, seed: 1,
});

if (!isMainThread) {
  parentPort.on('message', (text) => parentPort.postMessage(engine.evaluateJson(text)));
} else {
  const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];
  const time = async (work, n = 15) => {
    const times = [];
    for (let i = 0; i < n; i++) {
      const start = performance.now();
      await work();
      times.push(performance.now() - start);
    }
    return median(times);
  };
  const account = { venue: 'binance', margin_mode: 'isolated', positions: [{ symbol: 'BTCUSDT', side: 'long', size: 0.5, entry_price: 66940, mark_price: 66940, leverage: 10 }] };
  const one = JSON.stringify({ op: 'liquidation', account });
  const reference = await time(() => { for (let i = 0; i < 100; i++) engine.evaluateJson(one); }) / 100;
  const all = JSON.stringify(request(names));
  const failed = JSON.parse(engine.evaluateJson(all)).rows.filter((r) => r.error);
  if (failed.length) throw new Error(JSON.stringify(failed));
  const single = await time(() => engine.evaluateJson(all));
  const workers = [0, 1].map(() => new Worker(new URL(import.meta.url)));
  const halves = [names.slice(0, 3), names.slice(3)].map((h) => JSON.stringify(request(h)));
  const ask = (w, text) => new Promise((resolve) => { w.once('message', resolve); w.postMessage(text); });
  await Promise.all(workers.map((w, k) => ask(w, halves[k])));
  const two = await time(() => Promise.all(workers.map((w, k) => ask(w, halves[k]))));
  await Promise.all(workers.map((w) => w.terminate()));
  console.log(`one liquidation ${reference.toFixed(3)} ms; six venues ${single.toFixed(1)} ms on one thread (${(single / reference).toFixed(0)} times), ${two.toFixed(1)} ms on two; history of ${history.rows.length} hours not used by this model`);
}
