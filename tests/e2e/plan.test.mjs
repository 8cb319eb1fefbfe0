// The desks that plan: the size of the chosen position, and the hedge.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { number, open, start, until } from './lib/page.mjs';

let site;
before(async () => { site = await start(); });
after(() => site.close());

const cross = 'venue=binance&mode=cross&wallet=20000&p=BTCUSDT,long,0.2,-,3,-,-&p=ETHUSDT,long,3,-,3,-,-';

test('the size desk names the limit that binds, shows each, and puts the size on the desk', async () => {
  const { page, context, complaints } = await open(site, { hash: `#/size?${cross}`, faults: { '*': 'abort' }, clock: false });
  const verdict = page.locator('.plan .verdict');
  await verdict.waitFor({ timeout: 30000 });
  assert.match(await verdict.textContent(), /The limit on .* stops it\./);
  await until(() => page.locator('.plan').getAttribute('aria-busy'), (t) => t === 'false', 'the fine answer', 30000);
  assert.equal(await page.locator('.bars tr.current').count(), 1, 'one limit binds');
  assert.match(await page.locator('.bars').first().textContent(), /Chance of liquidation.*binds|Leverage.*binds|Mean loss.*binds/s);
  assert.match(await page.locator('.heat').textContent(), /BTCUSDT.*ETHUSDT/s);
  await page.getByText('Taken as independent').waitFor();
  // A tighter limit gives a smaller size.
  const size = async () => number(await page.locator('.plan .big output').textContent());
  const loose = await size();
  await page.getByLabel('Mean loss in the worst 1 %, at most').fill('16');
  await until(size, (s) => s < loose * 0.9, 'a smaller size', 30000);
  const wanted = await size();
  await page.getByRole('button', { name: 'Put this size on the desk' }).click();
  await until(() => page.evaluate(() => location.hash), (h) => Math.abs(Number(decodeURIComponent(h).match(/p=BTCUSDT,long,([0-9.]+)/)[1]) / wanted - 1) < 0.01, 'the size on the desk', 10000);
  assert.deepEqual(complaints, []);
  await context.close();
});

test('an account over its limit is told that no size meets it', async () => {
  const { page, context } = await open(site, { hash: '#/size?venue=binance&mode=cross&wallet=3000&p=BTCUSDT,long,0.01,-,3,-,-&p=ETHUSDT,long,8,-,3,-,-', faults: { '*': 'abort' }, clock: false });
  await until(() => page.locator('.plan .verdict').textContent(), (t) => /No size meets the limit .*at 0 the account already has/.test(t), 'why', 30000);
  assert.ok(await page.getByRole('button', { name: 'Put this size on the desk' }).isDisabled());
  await context.close();
});

test('the hedge desk says what to trade, exports it, and keeps paper apart from hand', async () => {
  const { page, context, complaints } = await open(site, { hash: '#/hedge?venue=binance&mode=cross&wallet=20000&p=ETHUSDT,long,10,-,3,-,-', faults: { '*': 'abort' }, clock: false });
  const big = page.locator('.plan .big output');
  await until(() => big.textContent(), (t) => /Short [0-9.,\s]+ BTCUSDT/.test(t), 'a trade', 40000);
  assert.match(await page.locator('.plan .verdict').textContent(), /outside of the band/);
  // The band lies on the held coin's own chart, around its price: after the trade, which goes to one edge and no further.
  const chart = await page.locator('.chart[role=img]').getAttribute('aria-label');
  const at = (name) => Number(chart.match(new RegExp(`${name} ([0-9.,\\s]+)`))[1].replace(/[^0-9.]/g, '').replace(/\.$/, ''));
  assert.ok(at('band, low') <= at('mark') && at('mark') <= at('band, high') && at('band, low') < 0.99 * at('band, high'), chart);
  await page.getByText('On simulated months').waitFor();
  await page.getByText('On the past of these markets').waitFor();
  assert.match(await page.locator('.plan').textContent(), /Which coin kills it/);
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Plan as CSV' }).click()]);
  const rows = readFileSync(await file.path(), 'utf8').trim().split('\n');
  assert.equal(rows[0], 'venue,symbol,side,size,limit');
  assert.match(rows[1], /^binance,BTCUSDT,sell,[0-9.]+,[0-9.]+$/);
  // By hand: in its own list, and the plan does not count it.
  await page.getByRole('button', { name: 'I made this trade myself' }).click();
  const list = (name) => page.locator('.paper figure', { hasText: name }).textContent();
  assert.match(await list('By hand'), /1 trades/);
  assert.match(await list('By the plan'), /0 trades/);
  await page.getByRole('button', { name: 'Start the autopilot' }).click();
  await until(() => list('By the plan'), (t) => /1 trades/.test(t), 'the plan follows on paper', 60000);
  // The hedge that is on on paper leaves nothing to do, and survives a reload.
  await until(() => big.textContent(), (t) => /Nothing to do/.test(t), 'nothing more to do', 60000);
  await page.reload();
  await until(() => list('By the plan'), (t) => /1 trades/.test(t), 'kept', 20000);
  assert.deepEqual(complaints, []);
  await context.close();
});
