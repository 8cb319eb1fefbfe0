// Feeds that fail in every way that was thought of: the page stays usable and says what is wrong. Streams that gap, fall silent, flood
// and lie about time.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { liquidationPrice, number, open, start, until } from './lib/page.mjs';
import { NOW } from './lib/replay.mjs';

let site;
before(async () => { site = await start(); });
after(() => site.close());

const BTC = '#/desk?venue=binance&mode=isolated&p=BTCUSDT,long,0.5,60000,10,-,-';
const HOST = 'fapi.binance.com';
const complaint = (page) => page.locator('.blocked').allTextContents().then((t) => t.join(' '));
const lines = (name) => readFileSync(new URL(`../../core/tests/fixtures/streams/${name}.ndjson`, import.meta.url), 'utf8').trim().split('\n');
const MARK = (time, price) => JSON.stringify({ stream: 'btcusdt@markPrice@1s', data: { e: 'markPriceUpdate', E: time, s: 'BTCUSDT', p: String(price), i: String(price), r: '0.0001', T: time + 3.6e6 } });

const renamed = (text) => text.replaceAll('"markPrice"', '"mark_px"').replaceAll('"symbols"', '"list"').replaceAll('"fundingRate"', '"rate"');
const FAULTS = [
  ['429', 429, /too many requests \(429\)/],
  ['403', 403, /refuses this address \(403\)/],
  ['418', 418, /too many requests \(429\)|418/],
  ['451', 451, /not offered in this place \(451\)/],
  ['500', 500, /error of its own/],
  ['truncated JSON', (t) => t.slice(0, t.length / 2), /cut short/],
  ['HTML', { body: '<!doctype html><h1>Attention required</h1>' }, /HTML, not JSON/],
  ['wrong types', (t) => t.replaceAll(/"(\d[\d.]*)"/g, 'true'), /must be a number|must be text|unusable/],
  ['empty lists', { body: '[]' }, /must be an object|has no|unusable/],
  ['an empty answer', { body: '' }, /is empty/],
  ['renamed fields', renamed, /is missing/],
  ['numbers that are none', (t) => t.replaceAll(/"markPrice":\s*"[^"]*"/g, '"markPrice":"NaN"'), /must be a number/],
];

for (const [name, fault, words] of FAULTS) {
  test(`${name}: the page goes on and names it`, async () => {
    const { page, context, complaints } = await open(site, { hash: BTC, faults: { [HOST]: fault } });
    await until(() => complaint(page), (t) => words.test(t) && t.includes(HOST), 'the fault named', 15000);
    const before = await liquidationPrice(page);
    // Usable: half the leverage moves the price away.
    await page.getByLabel('Leverage, exact').fill('5');
    await until(() => liquidationPrice(page), (p) => p < before - 3000, 'a new liquidation price');
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

test('a time-out is named, and the prices of another venue stand in', async () => {
  const { page, context, complaints } = await open(site, { hash: BTC, faults: { [HOST]: 'hang' } });
  await until(() => complaint(page), (t) => /did not answer within 10 s/.test(t), 'the time-out', 25000);
  const row = page.getByRole('row', { name: /Bybit/ });
  await until(() => row.textContent(), (t) => /reached in/.test(t), 'Bybit reached', 25000);
  await row.getByRole('button', { name: 'Use its prices' }).click();
  await until(() => page.locator('section.data').textContent(), (t) => /The price shown is of Bybit instead/.test(t), 'the label');
  assert.match(await page.locator('.strip, header, main').first().textContent(), /.+/);
  assert.ok(await liquidationPrice(page) > 0);
  assert.deepEqual(complaints, []);
  await context.close();
});

test('an answer brought by hand is read and labelled; a wrong one is refused in words', async () => {
  const { page, context } = await open(site, { hash: BTC, faults: { '*': 'abort' } });
  await until(() => complaint(page), (t) => /blocked or unreachable/.test(t), 'the block');
  await page.getByLabel('Which answer').selectOption({ label: 'binance.premium_index' });
  await page.getByLabel("The venue's answer").fill('<html>');
  await page.getByRole('button', { name: 'Read it' }).click();
  await until(() => page.locator('.ways .fault').textContent(), (t) => /HTML, not JSON/.test(t), 'the refusal');
  const told = JSON.parse(readFileSync(new URL('../../core/tests/fixtures/binance/premium_index_BTCUSDT.json', import.meta.url)));
  await page.getByLabel("The venue's answer").fill(JSON.stringify({ ...told, markPrice: '61234.5' }));
  await page.getByRole('button', { name: 'Read it' }).click();
  await until(() => page.locator('.ways').textContent(), (t) => /Read: 1 prices/.test(t), 'the receipt');
  await until(() => page.locator('section.data').textContent(), (t) => /given by you/.test(t), 'the label');
  await context.close();
});

test('prices of a stream are followed, requests give way to it, and a closed one is opened again', async () => {
  const sockets = [];
  const { page, context, asked, complaints } = await open(site, {
    hash: BTC,
    clock: false,
    streams: { '/market/': (ws) => { sockets.push(ws); for (const line of lines('binance')) ws.send(line); ws.send(MARK(Date.now(), 70000)); } },
  });
  await until(() => page.locator('.streams summary').textContent(), (t) => /of 2 open/.test(t), 'streams');
  await page.locator('.streams summary').click();
  await until(() => page.locator('.price-now, .mark, main').first().textContent(), (t) => /70\s?000/.test(t.replaceAll('\u202f', ' ')), 'the streamed price');
  const timer = setInterval(() => sockets.at(-1)?.send(MARK(Date.now(), 71000)), 500);
  await new Promise((r) => setTimeout(r, 1500));
  const before = asked.filter((a) => a.includes('premiumIndex')).length;
  await new Promise((r) => setTimeout(r, 11000));
  // Asked every five seconds without the stream.
  assert.ok(asked.filter((a) => a.includes('premiumIndex')).length - before <= 1, 'requests go on as if there were no stream');
  clearInterval(timer);
  const count = sockets.length;
  await sockets.at(-1).close({ code: 1006 });
  await until(() => page.locator('.streams').textContent(), (t) => /closed .*again in/.test(t), 'the loss said');
  await until(async () => sockets.length, (n) => n > count, 'another try', 15000);
  assert.deepEqual(complaints, []);
  await context.close();
});

test('a book with a missing change begins anew', async () => {
  let socket;
  const depth = (U, u, pu) => JSON.stringify({ stream: 'btcusdt@depth@500ms', data: { e: 'depthUpdate', E: NOW, T: NOW, s: 'BTCUSDT', U, u, pu, b: [['66000.0', '1']], a: [['67500.0', '2']] } });
  const { page, context, asked } = await open(site, { hash: BTC, clock: false, streams: { '/public/': (ws) => { socket = ws; ws.send(depth(1, 2, 0)); ws.send(depth(3, 5, 2)); } } });
  await until(async () => asked.filter((a) => a.includes('/fapi/v1/depth')).length, (n) => n >= 1, 'the list asked for', 15000);
  await page.locator('.streams summary').click();
  await new Promise((r) => setTimeout(r, 2500));
  socket.send(depth(50, 60, 49));
  await until(() => page.locator('.streams').textContent(), (t) => /[2-9] book begun anew/.test(t), 'the gap said', 10000);
  await until(async () => asked.filter((a) => a.includes('/fapi/v1/depth')).length, (n) => n >= 2, 'the list asked for again', 15000);
  await context.close();
});

test('a stream that opens and stays silent is ended and told; the clock of the device is doubted when it is an hour off', async () => {
  const { page, context } = await open(site, { hash: BTC, clock: false });
  // The recorded clock of the venue is months behind this device's.
  await until(() => page.locator('.clock').textContent(), (t) => /clock of this device is .* ahead of that of Binance/.test(t), 'the clock');
  await page.locator('.streams summary').click();
  await page.clock.install();
  await page.clock.fastForward(40_000);
  await until(() => page.locator('.streams').textContent(), (t) => /silent for \d+ s: opened anew/.test(t), 'the silence said', 10000);
  assert.ok(await liquidationPrice(page) > 0);
  await context.close();
});

test('a flood and a burst of ten thousand liquidations stop nothing', async () => {
  const burst = (i) => JSON.stringify({ stream: 'btcusdt@forceOrder', data: { e: 'forceOrder', E: NOW + i, o: { s: 'BTCUSDT', S: 'SELL', q: '0.1', z: '0.1', p: '66000', ap: String(66000 + (i % 50) / 10), T: NOW + i } } });
  const { page, context, complaints } = await open(site, { hash: BTC, clock: false });
  // A venue inside the page, so that the flood is not slowed by the test's own wire.
  await page.addInitScript(() => {
    class Venue extends EventTarget {
      constructor(url) { super(); this.url = url; this.readyState = 0; window.venues = [...(window.venues ?? []), this]; setTimeout(() => { this.readyState = 1; this.onopen?.({}); }, 5); }
      send() {}
      close() { this.readyState = 3; }
    }
    window.WebSocket = Venue;
    window.tasks = [];
    new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((e) => e.duration))).observe({ type: 'longtask' });
  });
  await page.reload();
  await until(() => page.evaluate(() => window.venues?.some((v) => v.onmessage && v.url.includes('/market/'))), Boolean, 'a stream');
  await liquidationPrice(page);
  await new Promise((r) => setTimeout(r, 6000));
  await page.evaluate(() => { window.tasks.length = 0; });
  const frames = Array.from({ length: 10_000 }, (_, i) => burst(i));
  await page.evaluate(async (all) => {
    const venue = window.venues.findLast((v) => v.onmessage && v.url.includes('/market/'));
    for (let i = 0; i < all.length; i += 200) {
      // Told twice.
      for (const f of [...all.slice(i, i + 200), ...all.slice(i, i + 20)]) venue.onmessage?.({ data: f });
      await new Promise((r) => setTimeout(r, 60));
    }
    await new Promise((r) => setTimeout(r, 1500));
  }, frames);
  const [tasks] = [await page.evaluate(() => window.tasks)];
  assert.deepEqual(tasks.filter((t) => t > 50), [], 'tasks over 50 ms on the main thread');
  await page.locator('.streams summary').click();
  const told = await page.locator('.streams').textContent();
  assert.match(told.replaceAll('\u202f', ''), /1[01]\d{3}/);
  // Faster than it can be read: the oldest is dropped, and counted.
  await page.evaluate(() => {
    const venue = window.venues.findLast((v) => v.onmessage && v.url.includes('/market/'));
    const frame = JSON.stringify({ stream: 'x', data: { e: 'markPriceUpdate', E: 1, s: 'BTCUSDT', p: '66000' } });
    for (let i = 0; i < 30_000; i++) venue.onmessage?.({ data: frame });
  });
  await until(() => page.locator('.streams').textContent(), (t) => /dropped, too fast/.test(t), 'the drop said', 10000);
  const before = await liquidationPrice(page);
  await page.getByLabel('Leverage, exact').fill('4');
  await until(() => liquidationPrice(page), (p) => p < before - 1000, 'a usable page');
  assert.deepEqual(complaints, []);
  await context.close();
});

test('dYdX, GMX and Kraken are live; a pool venue is counted wallet by wallet', async () => {
  for (const [venue, symbol] of [['dydx', 'BTC-USD'], ['gmx', 'BTC-USD'], ['kraken', 'PF_XBTUSD']]) {
    const { page, context, complaints } = await open(site, { hash: `#/desk?venue=${venue}&mode=isolated&p=${symbol},long,0.5,60000,10,-,-` });
    await until(() => page.locator('section.data').textContent(), (t) => !/recorded/i.test(t) && !/unusable|blocked/.test(t), `${venue} live`, 10000);
    const level = await liquidationPrice(page);
    assert.ok(level > 50000 && level < 60000, `${venue} ${level}`);
    assert.deepEqual(complaints, [], venue);
    await context.close();
  }
  const { page, context } = await open(site, { hash: '#/cascade?venue=gmx&mode=isolated&p=BTC-USD,long,0.5,60000,10,-,-' });
  await until(() => page.locator('.wallets').textContent(), (t) => /8 open positions counted/.test(t), 'the census', 20000);
  assert.ok(number('1') === 1);
  await context.close();
});
