// The watch: the gauge says what the engine says of the same bars, alerts are told once, the check-in shows what changed.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { number, open, start, until } from './lib/page.mjs';
import { FIVE_MINUTES } from './lib/replay.mjs';

let site;
before(async () => { site = await start(); });
after(() => site.close());

const ROOT = new URL('../../', import.meta.url);
const BTC = (leverage) => `#/watch?venue=binance&mode=isolated&p=BTCUSDT,long,0.5,-,${leverage},-,-`;
const text = (page) => page.locator('section.watch').textContent();

/** The liquidation price as the check-in has it now. */
async function liquidationPrice(page) {
  return number(await until(() => page.locator('.checkin tbody tr').nth(1).locator('td').nth(1).textContent(), (s) => /\d/.test(s), 'a liquidation price', 20000));
}

test('the gauge says what the engine says of the same bars', async () => {
  const { page, context, complaints } = await open(site, { hash: BTC(10) });
  await until(() => page.locator('.gauge .reading strong').allTextContents(), (t) => t.length === 4, 'four chances', 20000);
  const engine = await import(new URL('target/engine/headroom_core.js', ROOT));
  engine.initSync({ module: readFileSync(new URL('target/engine/headroom_core_bg.wasm', ROOT)) });
  const shown = await page.locator('.gauge .reading .scale').evaluateAll((all) => all.map((e) => e.getAttribute('aria-label')));
  for (const [i, threshold] of [-0.02, 0.02].entries()) {
    const answer = engine.evaluate({ op: 'warning', market: { candles: { interval: '5m', rows: FIVE_MINUTES } }, horizons_minutes: [15, 30], event: { return_threshold: threshold } });
    for (const [k, f] of answer.forecasts.entries()) {
      const said = Number(shown[2 * i + k].match(/([\d.]+)\s*%/)[1]) / 100;
      assert.ok(Math.abs(said / f.probability - 1) < 0.06, `${said} ${f.probability}`);
    }
  }
  // Funding is known, a book is not: the one is a provisional part with its prior, the other is said to be missing.
  await page.getByText('Provisional parts').first().click();
  const parts = await page.locator('.gauge').first().locator('tr').allTextContents();
  assert.match(parts.find((p) => p.startsWith('funding')), /funding[\d.]+0\.03/);
  assert.match(parts.find((p) => p.startsWith('book')), /no feed/);
  assert.match(await text(page), /With what is provisional: [\d.]+/);
  await page.getByText('What drives it').first().click();
  assert.ok(await page.locator('.drivers tbody tr').count() >= 4);
  assert.deepEqual(complaints, []);
  await context.close();
});

test('an alert is told once, is not repeated by a reload, and is taken back', async () => {
  const { page, context } = await open(site, { hash: BTC(3) });
  await liquidationPrice(page);
  await page.getByText('When to tell').click();
  // Anything is above a tenth of a percent of requirement over equity.
  await page.getByLabel('Tell when requirement over equity reaches').fill('0.1');
  const again = async () => {
    await page.getByRole('link', { name: 'Desk', exact: true }).click();
    await page.getByRole('link', { name: 'Watch', exact: true }).click();
    await new Promise((r) => setTimeout(r, 1500));
  };
  // It has to stand for ten seconds.
  await again();
  await page.clock.setFixedTime(Date.UTC(2026, 2, 1, 0, 0, 30));
  await again();
  await until(() => text(page), (t) => /requirement is .* of equity/.test(t) && /told/.test(t), 'the alert', 10000);
  const count = () => page.locator('.alerts tbody tr').count();
  const told = await count();
  await page.reload();
  await until(() => page.locator('section.watch').count(), (n) => n === 1, 'the page');
  await page.clock.setFixedTime(Date.UTC(2026, 2, 1, 0, 2, 0));
  await again();
  await again();
  assert.equal(await count(), told);
  // The way back: a level that is far away.
  await page.getByText('When to tell').click();
  await page.getByLabel('Tell when requirement over equity reaches').fill('90');
  await again();
  await page.clock.setFixedTime(Date.UTC(2026, 2, 1, 0, 3, 0));
  await again();
  await until(() => text(page), (t) => /is back at/.test(t), 'the all-clear', 10000);
  await context.close();
});

test('the check-in shows what changed since the last', async () => {
  const { page, context, complaints } = await open(site, { hash: BTC(10) });
  const level = await liquidationPrice(page);
  await page.getByRole('button', { name: 'I have looked' }).click();
  await page.getByLabel('Leverage, exact').fill('5');
  await until(() => liquidationPrice(page), (p) => p < level - 1000, 'a new level');
  const row = () => page.locator('.checkin tbody tr').nth(1).locator('td').allTextContents();
  await until(row, ([then, now]) => then !== now && /\d/.test(then) && /\d/.test(now), 'then and now');
  assert.match(await page.locator('.checkin').textContent(), /Next in/);
  await page.reload();
  await until(row, ([then]) => /\d/.test(then), 'kept over a reload');
  assert.deepEqual(complaints, []);
  await context.close();
});

test('without a feed the gauge says why, and the rest goes on', async () => {
  const { page, context, complaints } = await open(site, { hash: BTC(10), faults: { '*': 'abort' } });
  await until(() => text(page), (t) => /blocked or unreachable/.test(t), 'the reason', 15000);
  assert.ok(await liquidationPrice(page) > 0);
  await page.getByRole('button', { name: 'I have looked' }).click();
  assert.deepEqual(complaints, []);
  await context.close();
});
