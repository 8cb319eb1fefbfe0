// The past lived through: left alone and by a rule, with what the shipped year holds.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { open, start, until } from './lib/page.mjs';

let site;
before(async () => { site = await start(); });
after(() => site.close());

const money = (text) => Number(text.replace(/[^0-9.−-]/g, '').replace('−', '-'));

test('a 10x long through the worst days of the year: left alone it ends, and the page says what the rule did', async () => {
  const { page, context, complaints } = await open(site, { hash: '#/replay?venue=binance&mode=isolated&p=XRPUSDT,long,500,-,10,-,-', faults: { '*': 'abort' }, clock: false });
  const plan = page.locator('section.replay');
  await until(() => plan.textContent(), (t) => /Left alone.*liquidated/.test(t), 'an answer', 60000);
  assert.match(await plan.locator('h2').textContent(), /What would 10x long XRPUSDT have lived through\?/);
  assert.match(await plan.textContent(), /recorded hours of XRPUSDT/);
  // Left alone nothing is left; the parts of each column add up to what is.
  const cells = await plan.locator('.bars tbody tr td').allTextContents();
  for (const column of [0, 1]) {
    const parts = cells.filter((_, k) => k % 2 === column).map(money);
    assert.ok(Math.abs(10000 + parts.slice(0, 5).reduce((a, b) => a + b, 0) - parts[5]) < 0.06, `${parts}`);
  }
  assert.ok(Math.abs(money(cells[11])) < 0.01);
  // A rise instead of a fall, and the other rule.
  const windows = await page.locator('#replay-window').locator('option').allTextContents();
  assert.ok(windows.length === 6 && /in three days/.test(windows[0]) && windows[3].startsWith('+') && windows[5] === 'Everything', `${windows}`);
  const before = await plan.locator('.answer').textContent();
  await page.locator('#replay-window').selectOption({ index: 3 });
  await until(() => plan.locator('.answer').textContent(), (t) => t !== before, 'another window');
  await page.getByText('Even volatility').click();
  await page.getByLabel('Volatility of equity a year').fill('60');
  await until(() => plan.locator('.verdict').first().textContent(), (t) => /rule/.test(t), 'a verdict');
  // One entry a day.
  await page.getByRole('button', { name: 'Enter on every day of the year' }).click();
  await until(() => plan.textContent(), (t) => /Of 3\d\d entries \d+ ended in liquidation left alone and \d+ by the rule/.test(t), 'the sweep', 60000);
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Curves as CSV' }).click()]);
  assert.equal(file.suggestedFilename(), 'headroom-replay.csv');
  assert.match(await page.evaluate(() => location.hash), /^#\/replay\?/);
  assert.deepEqual(complaints, []);
  await context.close();
});

test('an instrument whose past is not known says so', async () => {
  const { page, context } = await open(site, { hash: '#/replay?venue=hyperliquid&mode=isolated&p=HYPE,long,5,30,3,-,30', faults: { '*': 'abort' }, clock: false });
  await page.locator('section.replay .fault').filter({ hasText: 'No year of hours of HYPE' }).waitFor({ timeout: 30000 });
  await context.close();
});
