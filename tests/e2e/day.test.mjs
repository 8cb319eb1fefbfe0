// A day of streams at speed: the tab's memory stays where it was, nothing piles up, the worker lives.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { liquidationPrice, open, start, until } from './lib/page.mjs';

let site;
before(async () => { site = await start(); });
after(() => site.close());

const HOURS = 24;

/** Resident memory of the browser's page processes in MB. */
async function resident(browser) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  return processInfo.filter((p) => p.type === 'renderer').reduce((sum, p) => {
    const line = readFileSync(`/proc/${p.id}/status`, 'utf8').match(/VmRSS:\s+(\d+) kB/);
    return sum + (line ? Number(line[1]) / 1024 : 0);
  }, 0);
}

test('24 hours of streams: memory within a tenth, no listeners left over, the worker alive', { timeout: 300_000 }, async () => {
  const { page, context, complaints } = await open(site, { hash: '#/desk?venue=binance&mode=isolated&p=BTCUSDT,long,0.5,60000,10,-,-', clock: false });
  await page.addInitScript(() => {
    class Venue {
      constructor(url) { this.url = url; this.readyState = 0; window.venues = [...(window.venues ?? []), this]; setTimeout(() => { this.readyState = 1; this.onopen?.({}); }, 5); }
      send() {}
      close() { this.readyState = 3; }
    }
    window.WebSocket = Venue;
    // One hour of a venue: a price each second, a book twice a second (every fiftieth missing), a candle, now and then a liquidation.
    window.hour = async (h) => {
      const find = (part) => window.venues.findLast((v) => v.onmessage && v.url.includes(part));
      const market = find('/market/');
      const book = find('/public/');
      const from = Date.now();
      let n = h * 1e7;
      for (let s = 0; s < 3600; s++) {
        const time = from + s;
        const price = 66000 + 500 * Math.sin(s / 300) + (s % 7);
        const say = (venue, data) => venue?.onmessage?.({ data: JSON.stringify({ stream: 'x', data }) });
        say(market, { e: 'markPriceUpdate', E: time, s: 'BTCUSDT', p: String(price), i: String(price - 3), r: '0.0001', T: time + 3.6e6 });
        say(market, { e: 'kline', E: time, s: 'BTCUSDT', k: { t: Math.floor(time / 60000) * 60000, T: 0, s: 'BTCUSDT', i: '1m', o: String(price), c: String(price), h: String(price + 1), l: String(price - 1), v: '12' } });
        for (let k = 0; k < 2; k++) {
          const before = n;
          n += s % 50 === 49 && k === 1 ? 20 : 10;
          const at = (d) => [(price + d).toFixed(1), String((s * 7 + k) % 5)];
          say(book, { e: 'depthUpdate', E: time, T: time, s: 'BTCUSDT', U: before + 1, u: n, pu: s % 50 === 49 ? before - 1 : before, b: [at(-1), at(-2), at(-50)], a: [at(1), at(2), at(50)] });
        }
        if (s % 10 === 0) say(market, { e: 'forceOrder', E: time, o: { s: 'BTCUSDT', S: s % 20 ? 'SELL' : 'BUY', q: '0.1', z: '0.1', p: '66000', ap: String(price), T: time * 10 + h } });
        if (s % 450 === 449) await new Promise((r) => setTimeout(r, 260));
      }
    };
  });
  await page.reload();
  await until(() => page.evaluate(() => ['/market/', '/public/'].every((p) => window.venues?.some((v) => v.onmessage && v.url.includes(p)))), Boolean, 'the streams');
  await liquidationPrice(page);
  const cdp = await context.newCDPSession(page);
  await cdp.send('Performance.enable');
  const settle = async () => {
    await cdp.send('HeapProfiler.collectGarbage');
    await new Promise((r) => setTimeout(r, 1500));
    await cdp.send('HeapProfiler.collectGarbage');
    const { metrics } = await cdp.send('Performance.getMetrics');
    const of = (name) => metrics.find((m) => m.name === name).value;
    return { resident: await resident(site.browser), heap: of('JSHeapUsedSize') / 1e6, listeners: of('JSEventListeners'), nodes: of('Nodes') };
  };
  const figures = [];
  for (let h = 0; h < HOURS; h++) {
    await page.evaluate((n) => window.hour(n), h);
    // The first hours fill what has a limit.
    if (h === 5 || h === HOURS - 1) figures.push(await settle());
  }
  const [early, late] = figures;
  console.log(`after 6 hours ${JSON.stringify(early)}, after 24 hours ${JSON.stringify(late)}`);
  assert.ok(late.resident < early.resident * 1.1, 'resident memory of the tab');
  assert.ok(late.listeners <= early.listeners * 1.1 + 5, 'listeners');
  assert.ok(late.nodes <= early.nodes * 1.1 + 50, 'nodes');
  // The worker reads on.
  await page.locator('.streams summary').click();
  const count = async () => Number((await page.locator('.streams tbody tr').first().locator('td').nth(2).textContent()).replaceAll(/\D/g, ''));
  const before = await count();
  assert.ok(before > 150_000, `${before} messages heard`);
  await page.evaluate(() => window.hour(99));
  await until(count, (n) => n > before, 'more messages');
  assert.deepEqual(complaints, []);
  await context.close();
});
