// The past lived through: left alone and by a rule, with what the shipped year holds.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { unpack } from '../../tools/events.mjs';
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
  const sums = async () => {
    const rows = await plan.locator('.bars tbody tr').evaluateAll((all) => all.slice(0, 6).map((r) => [...r.querySelectorAll('td')].map((c) => c.textContent)));
    const columns = rows[0].map((_, k) => rows.map((r) => money(r[k])));
    for (const parts of columns) {
      assert.ok(Math.abs(10000 + parts.slice(0, 5).reduce((x, y) => x + y, 0) - parts[5]) < 0.06, `${parts}`);
    }
    return columns;
  };
  const columns = await sums();
  assert.equal(columns.length, 3, 'two plans and nothing done');
  assert.ok(Math.abs(columns[2][5]) < 0.01);
  // A rise instead of a fall, and the other rule.
  const windows = await page.locator('#replay-window').locator('option').allTextContents();
  assert.ok(windows.length === 6 && /in three days/.test(windows[0]) && windows[3].startsWith('+') && windows[5] === 'Everything', `${windows}`);
  const before = await plan.locator('.answer').textContent();
  await page.locator('#replay-window').selectOption({ index: 3 });
  await until(() => plan.locator('.answer').textContent(), (t) => t !== before, 'another window');
  await page.getByLabel('Kept by').selectOption('Even volatility');
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

/** A 3x long from the highest close on, fee, slippage and funding paid, bar by bar: when it ends. Written for this test alone. */
function ends({ rows, funding, step }, before) {
  const entry = rows.filter((r) => r[0] < before).reduce((a, b) => (b[4] > a[4] ? b : a));
  const size = 30000 / entry[4];
  let cash = 10000 - 30000 * 0.0007;
  for (const [t, open, , low] of rows.slice(rows.indexOf(entry) + 1)) {
    for (const [at, rate] of funding) if (at >= t && at < t + step) cash -= size * open * rate;
    if (cash + size * (low - entry[4]) <= 0.005 * size * low) return t;
  }
  return null;
}

const MAY = '#/replay?venue=binance&mode=isolated&p=BTCUSDT,long,0.5,-,3,-,-';

test('May 2021 by the minute: 3x from the high ends in the minute that a loop of this test finds, six plans, and a hand on the time', async () => {
  const { page, context, complaints } = await open(site, { hash: MAY, faults: { '*': 'abort' }, clock: false });
  const plan = page.locator('section.replay');
  await until(() => page.locator('#replay-event option').count(), (n) => n > 40, 'the library', 30000);
  await page.getByLabel('What').selectOption('2021-05-19-crash');
  await until(() => plan.textContent(), (t) => /15640 bars of BTCUSDT/.test(t), 'the minutes', 30000);
  assert.match(await plan.textContent(), /Prices are of the spot market/);
  const died = ends(unpack(readFileSync(new URL('../../www/data/events/2021-05-19-crash/binance-BTCUSDT.bin', import.meta.url))), Date.UTC(2021, 4, 19, 13, 10));
  const minute = new Date(died).toISOString().slice(11, 16);
  await until(() => plan.locator('.answer').textContent(), (t) => t.includes(`Left alone0.00liquidated 19 May 2021 ${minute} UTC`), `its end at ${minute}`, 30000);
  // Six plans and doing nothing; each column adds up.
  await until(() => plan.locator('.bars thead th').count(), (n) => n === 8, 'seven columns');
  const rows = await plan.locator('.bars tbody tr').evaluateAll((all) => all.slice(0, 6).map((r) => [...r.querySelectorAll('td')].map((c) => c.textContent)));
  for (let k = 0; k < 7; k += 1) {
    const parts = rows.map((r) => money(r[k]));
    assert.ok(Math.abs(10000 + parts.slice(0, 5).reduce((x, y) => x + y, 0) - parts[5]) < 0.06, `${parts}`);
  }
  // Scrubbed to the end the level is passed; at the beginning there is room, a chance and a warning.
  const then = plan.locator('.scrub');
  await until(() => then.textContent(), (t) => /Room to liquidation\d+\.\d/.test(t) && /2 % against it/.test(t), 'the first minute', 20000);
  await page.getByLabel('Time of the replay').fill('1000');
  await until(() => then.textContent(), (t) => /its level is passed/.test(t), 'the last minute', 20000);
  await page.getByLabel('Time of the replay').fill('0');
  await then.getByRole('button', { name: 'Play' }).click();
  await until(() => page.getByLabel('Time of the replay').inputValue(), (v) => Number(v) > 3, 'time goes on');
  await then.getByRole('button', { name: 'Pause' }).click();
  // A thousand entries.
  await page.getByRole('button', { name: 'Enter a thousand times' }).click();
  await until(() => plan.textContent(), (t) => /Of (9\d\d|10\d\d) entries/.test(t), 'the sweep', 60000);
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Report as a page' }).click()]);
  assert.equal(file.suggestedFilename(), 'headroom-replay.html');
  const html = readFileSync(await file.path(), 'utf8');
  assert.ok(html.startsWith('<!doctype html>') && html.includes('2021-05-19') === false && html.includes('Replay of BTCUSDT') && !html.includes('<script'));
  // Another market of the event.
  await page.locator('#replay-symbol').selectOption('DOGEUSDT');
  await until(() => plan.textContent(), (t) => /bars of DOGEUSDT/.test(t), 'another market', 30000);
  assert.deepEqual(complaints, []);
  await context.close();
});

test('a file of candles is repaired by rule or refused by line', async () => {
  const { page, context } = await open(site, { hash: MAY, faults: { '*': 'abort' }, clock: false });
  const plan = page.locator('section.replay');
  await plan.locator('summary', { hasText: 'A past of your own' }).click();
  const give = (text) => page.locator('#candle-file').setInputFiles({ name: 'mine.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });
  await give('time,open,high,low,close\n1600000000,1,2,3,1\n');
  await plan.locator('.fault').filter({ hasText: 'Line 2' }).waitFor();
  const rows = Array.from({ length: 4000 }, (_, k) => {
    const p = 100 * (1 + 0.2 * Math.sin(k / 200)) * (1 - k / 9000);
    return `${1600000020 + 60 * k},${p},${p * 1.001},${p * 0.999},${p},5`;
  });
  // Two rows change places, one comes twice.
  [rows[10], rows[11]] = [rows[11], rows[10]];
  rows.push(rows[50]);
  await give(`time,open,high,low,close,volume\n${rows.join('\n')}\n`);
  await until(() => plan.textContent(), (t) => /4000 bars of mine\.csv/.test(t) && /put in order of time; 1 with a time/.test(t), 'the file', 20000);
  await until(() => plan.locator('.answer').count(), (n) => n === 1, 'an answer', 20000);
  await context.close();
});

test('an instrument whose past is not known says so', async () => {
  const { page, context } = await open(site, { hash: '#/replay?venue=hyperliquid&mode=isolated&p=HYPE,long,5,30,3,-,30', faults: { '*': 'abort' }, clock: false });
  await page.locator('section.replay .fault').filter({ hasText: 'No year of hours of HYPE' }).waitFor({ timeout: 30000 });
  await context.close();
});
