// Where forced selling would start: the map of what is recorded and of what venues answer, wallets, the pushed price.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { number, open, start, until } from './lib/page.mjs';

let site;
before(async () => { site = await start(); });
after(() => site.close());

const BTC = '#/cascade?venue=binance&mode=isolated&p=BTCUSDT,long,0.5,-,10,-,-';
const plan = (page) => page.locator('section.cascade');
const answered = (page) => until(() => plan(page).textContent(), (t) => /Yours is at/.test(t) && /closed/.test(t) && /24 hours/.test(t), 'a map, a push and chances', 60000);

test('offline, the map is of recorded open interest, and the pushed price does what it says', async () => {
  const { page, context, complaints } = await open(site, { hash: BTC, faults: { '*': 'abort' }, clock: false });
  await answered(page);
  const text = await plan(page).textContent();
  assert.match(text, /500 rows of open interest, recorded on binance/);
  assert.match(text, /no order book/);
  assert.match(text, /No wallet is seen here/);
  // Something is drawn.
  const drawn = await page.locator('.heatmap canvas').evaluate((c) => {
    const pixels = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
    const colours = new Set();
    for (let i = 0; i < pixels.length; i += 4 * 97) colours.add(pixels.slice(i, i + 3).join());
    return colours.size;
  });
  assert.ok(drawn > 50, `${drawn} colours`);
  await page.locator('.heatmap canvas').hover({ position: { x: 300, y: 200 } });
  await until(() => page.locator('.heatmap .cursor').textContent(), (t) => /^At .* of longs/.test(t), 'what is under the pointer');
  // A further push never forces less; the other way hurts the other side.
  const slider = page.getByLabel('Outside move of the price in percent');
  const forced = async (percent) => {
    const before = await page.locator('.push .verdict').textContent();
    await slider.fill(String(percent));
    return until(() => page.locator('.push .verdict').textContent(), (t) => t !== before, `a push of ${percent}`);
  };
  const amount = (t) => {
    const [, value, unit] = t.match(/^([\d.\u202f]+)\s?([kMB]?)/);
    return Number(value.replaceAll('\u202f', '')) * { '': 1, k: 1e3, M: 1e6, B: 1e9 }[unit];
  };
  const sizes = [];
  for (const p of [-5, -15, -25]) sizes.push(amount(await forced(p)));
  assert.ok(sizes[0] <= sizes[1] && sizes[1] <= sizes[2] && sizes[2] > 0, `${sizes}`);
  assert.match(await forced(15), /of shorts are closed/);
  await page.getByRole('button', { name: 'Play' }).click();
  await until(() => page.locator('.push tr.faint').count(), (n) => n > 0, 'rounds to come');
  await until(() => page.locator('.push tr.faint').count(), (n) => n === 0, 'all rounds played', 20000);
  // The darkest case is told beside it.
  await until(() => page.locator('.push').textContent(), (t) => /If nobody refilled the book/.test(t), 'the other case');
  await page.getByText('Book alone').click();
  await until(() => page.locator('.push').textContent(), (t) => /With the book refilled as usual/.test(t), 'the cases change places');
  assert.deepEqual(complaints, []);
  await context.close();
});

test('live Binance: open interest and book of the venue, with their age', async () => {
  const { page, context, complaints, asked } = await open(site, { hash: BTC });
  await answered(page);
  const text = await plan(page).textContent();
  assert.match(text, /500 rows of open interest, fetched/);
  assert.match(text, /order book fetched/);
  assert.ok(asked.some((a) => a.includes('openInterestHist')) && asked.some((a) => a.includes('/depth')));
  assert.deepEqual(complaints, []);
  await context.close();
});

test('Hyperliquid: wallets found in trades and on the leaderboard are read, told apart and measured against the book', async () => {
  const { page, context, asked } = await open(site, { hash: '#/cascade?venue=hyperliquid&mode=isolated&p=BTC,long,0.5,-,10,-,-', clock: false });
  await until(() => plan(page).textContent(), (t) => /3 wallets read/.test(t), 'three wallets', 30000);
  await until(() => plan(page).textContent(), (t) => /Largest ten/.test(t), 'their concentration', 30000);
  const text = await plan(page).textContent();
  assert.match(text, /0x0000…000[123]/);
  const [, seen] = text.match(/seen: ([\d.]+)\s?% of longs/);
  assert.ok(Number(seen) > 0, seen);
  // Three equal wallets: as many as equal ones is three, the largest a third.
  const cell = (name) => page.getByRole('row', { name: new RegExp(`^${name}`) }).first().locator('td').first().textContent();
  assert.equal(number(await cell('As many as equal ones')), 3);
  assert.match(await cell('Largest ten'), /100/);
  await page.getByRole('button', { name: 'Also the largest accounts' }).click();
  await until(() => asked.filter((a) => a.includes('leaderboard')).length, (n) => n === 1, 'the leaderboard is asked for');
  await context.close();
});

test('a file of wallets counts, a broken one says where', async () => {
  const { page, context } = await open(site, { hash: BTC, faults: { '*': 'abort' }, clock: false });
  await answered(page);
  const file = (text) => page.locator('#wallet-file').setInputFiles({ name: 'mine.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });
  await file('id,side,size,entry_price,liquidation_price\na,long,3000,66000,61000\nb,short,10,66000,80000\n');
  await until(() => plan(page).textContent(), (t) => /2 rows of mine\.csv/.test(t) && /Largest ten/.test(t), 'the file on the map', 20000);
  await file('id,side,size,entry_price,liquidation_price\na,long,3000,66000,61000\nb,up,10,66000,80000\n');
  await page.locator('.wallets .fault').filter({ hasText: 'Line 3: up is neither long nor short.' }).waitFor();
  // What was read before stays.
  assert.match(await plan(page).textContent(), /2 rows of mine\.csv/);
  await context.close();
});

test('a venue that tells no open interest says what can be done', async () => {
  const { page, context } = await open(site, { hash: '#/cascade?venue=dydx&mode=cross&p=XRP-USD,long,500,1,3,-,1', faults: { '*': 'abort' }, clock: false });
  await page.locator('section.cascade .fault').filter({ hasText: 'drop a file of wallets' }).waitFor({ timeout: 30000 });
  await context.close();
});
