// The same exposure on six venues: live ones answered with recordings, the others recorded, faults named, the split.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { open, start, until } from './lib/page.mjs';

let site;
before(async () => { site = await start(); });
after(() => site.close());

const BTC = '#/venues?venue=binance&mode=isolated&p=BTCUSDT,long,0.5,-,10,-,-';
const rows = (page) => page.locator('.venue-table tbody tr').evaluateAll((all) => all.map((r) => [...r.children].map((c) => c.textContent)));

test('every venue live, by its own rules', async () => {
  const { page, context, complaints } = await open(site, { hash: BTC });
  await until(() => page.locator('section.venues').getAttribute('aria-busy'), (b) => b === 'false', 'the finer answer', 60000);
  await until(() => rows(page), (r) => r.length === 7, 'every venue', 60000);
  const table = await rows(page);
  assert.deepEqual(table.map((r) => r[0].toLowerCase().match(/^(binance|bybit|okx|hyperliquid|dydx|gmx|kraken)/)[0]), ['binance', 'bybit', 'okx', 'hyperliquid', 'dydx', 'gmx', 'kraken']);
  // All at about the same price, none liquidated at quite the same one.
  const levels = table.map((r) => r[2].split(/[^\d.\u202f ]/)[0]);
  assert.ok(new Set(levels).size >= 4, `${levels}`);
  const text = await page.locator('section.venues').textContent();
  assert.match(text, /What the differences come from/);
  assert.ok(await page.locator('.differences li').count() >= 2);
  await page.getByText('Where the figures are from').click();
  const sources = await page.locator('section.venues details').last().textContent();
  assert.match(sources, /price .* old/);
  assert.doesNotMatch(sources, /recorded/);
  // Divided between two.
  await page.getByLabel('Divide it between').selectOption('binance');
  await until(() => page.locator('section.venues').textContent(), (t) => /At least one liquidated/.test(t), 'the split', 30000);
  assert.deepEqual(complaints, []);
  await context.close();
});

test('a venue that lies by thirty percent is marked, one that fails is named, the others stand', async () => {
  const { page, context } = await open(site, { hash: BTC.replace('venues', 'desk'), faults: { 'www.okx.com': 451 } });
  await page.route('https://api.bybit.com/v5/market/tickers**', (route) => {
    const told = JSON.parse(readFileSync(new URL('../../core/tests/fixtures/bybit/tickers_BTCUSDT.json', import.meta.url)));
    told.result.list[0].markPrice = '46900';
    return route.fulfill({ status: 200, contentType: 'application/json', body: JSON.stringify(told), headers: { 'access-control-allow-origin': '*' } });
  });
  await page.getByRole('link', { name: 'Venues', exact: true }).click();
  await until(() => rows(page), (r) => r.length >= 5 && r.some((x) => /out of line/.test(x[1])), 'the lie', 60000);
  const table = await rows(page);
  assert.match(table.find((r) => /out of line/.test(r[1]))[0].toLowerCase(), /bybit/);
  await page.getByText('Where the figures are from').click();
  assert.match(await page.locator('section.venues details').last().textContent(), /451/);
  await context.close();
});

test('offline, all six are recorded and said to be', async () => {
  const { page, context, complaints } = await open(site, { hash: BTC, faults: { '*': 'abort' }, clock: false });
  await until(() => page.locator('section.venues').getAttribute('aria-busy'), (b) => b === 'false', 'an answer', 60000);
  await until(() => rows(page), (r) => r.length === 6, 'six venues', 60000);
  await page.getByText('Where the figures are from').click();
  assert.ok((await page.locator('section.venues details').last().textContent()).match(/recorded/g).length >= 6);
  assert.deepEqual(complaints, []);
  await context.close();
});
