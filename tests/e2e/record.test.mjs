// The track record: made from the year shipped with the page, with a bar that moves, a stop, and a say on the desk.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { open, start, until } from './lib/page.mjs';

let site;
before(async () => { site = await start(); });
after(() => site.close());

const account = 'venue=binance&mode=isolated&p=XRPUSDT,long,500,-,10,-,-';
const told = (page) => until(() => page.locator('section.record').textContent(), (t) => /beat constant|cannot be told/.test(t), 'a verdict', 60000);

test('the record of a year is walked in the page, its bar moves, and the desk goes by it', async () => {
  const { page, context, complaints } = await open(site, { hash: `#/record?${account}`, faults: { '*': 'abort' }, clock: false });
  const shares = new Set();
  const began = Date.now();
  while (Date.now() - began < 60000 && !/beat constant|cannot be told/.test(await page.locator('section.record').textContent())) {
    const share = await page.locator('.walking progress').first().getAttribute('value', { timeout: 100 }).catch(() => null);
    if (share !== null) shares.add(share);
    await page.waitForTimeout(40);
  }
  const verdict = await page.locator('.verdict').textContent();
  assert.match(verdict, /Over 1.?004 times from .*\(90 % interval/, 'counts, dates and an interval');
  assert.ok(shares.size >= 4, `the bar moved: ${[...shares]}`);
  assert.ok(Date.now() - began < 60000, 'within a minute');
  for (const name of ['Said against happened', 'Which model carried how much', 'Where prices ended in the fan', 'Skill over constant volatility', 'Worst misses']) {
    await page.getByText(name).first().waitFor();
  }
  // The storm of October 2025 is the miss that everybody had.
  assert.match(await page.locator('.misses').textContent(), /10 Oct 2025/);
  assert.match(await page.locator('.record .plot').nth(1).textContent(), /has carried most since/);
  const day = await page.locator('.plot').first().textContent();
  await page.getByText('7 d', { exact: true }).first().click();
  await until(() => page.locator('.plot').first().textContent(), (t) => t !== day && /within 7 d/.test(t), 'another horizon');
  // The address carries the page, and the desk says what it goes by.
  assert.match(await page.evaluate(() => location.hash), /^#\/record\?/);
  await page.getByRole('link', { name: 'Desk', exact: true }).click();
  await until(() => page.locator('.chance .origin').first().textContent(), (t) => /Corrected by the record of 1.?004 forecasts of XRPUSDT.*most since/.test(t), 'the desk goes by the record', 30000);
  assert.deepEqual(complaints, []);
  await context.close();
});

test('where nothing beats the plain model the page says so in one sentence, and the desk shows the plain model', async () => {
  const { page, context } = await open(site, { hash: '#/record?venue=binance&mode=isolated&p=BTCUSDT,long,0.5,-,10,-,-', faults: { '*': 'abort' }, clock: false });
  await told(page);
  assert.match(await page.locator('.verdict').textContent(), /cannot be told from constant volatility.*The desk shows the plain model\./);
  await page.getByRole('link', { name: 'Desk', exact: true }).click();
  await until(() => page.locator('.chance .origin').first().textContent(), (t) => /Constant volatility.*on the record of these markets no model is better/.test(t), 'the plain model on the desk', 30000);
  await context.close();
});

test('the walk can be stopped and begun again; another instrument gets its own', async () => {
  const { page, context } = await open(site, { hash: `#/record?${account}`, faults: { '*': 'abort' }, clock: false });
  await page.getByRole('button', { name: 'Stop' }).click({ timeout: 20000 });
  await page.getByText('Stopped.').waitFor();
  await page.getByRole('button', { name: 'Try again' }).click();
  await told(page);
  await context.close();
});
