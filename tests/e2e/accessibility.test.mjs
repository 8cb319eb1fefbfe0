import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { liquidationPrice, open, start } from './lib/page.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
let site;
before(async () => { site = await start(); });
after(async () => { await site.close(); });

for (const colorScheme of ['dark', 'light']) {
  for (const width of [360, 1440]) {
    test(`axe finds nothing, ${colorScheme}, ${width} px, with and without the drawer`, async () => {
      const { page, context } = await open(site, { colorScheme, viewport: { width, height: 900 }, hash: '#/desk?venue=binance&mode=cross&wallet=20000&p=BTCUSDT,long,0.5,-,3,-,-&p=ETHUSDT,short,5,2000,3,-,2000' });
      await liquidationPrice(page);
      await page.evaluate(axe);
      const check = async (where) => {
        const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
        assert.deepEqual(violations.map((v) => `${where}: ${v.id} ${v.nodes.map((n) => n.target.join(' ')).join('; ')}`), []);
      };
      await check('desk');
      await page.getByRole('button', { name: 'Explain the liquidation price' }).click();
      await page.locator('dialog[open] li').first().waitFor();
      await check('drawer');
      await page.keyboard.press('Escape');
      await page.getByRole('link', { name: 'Track record' }).click();
      await page.locator('.verdict').waitFor({ timeout: 60000 });
      await check('record');
      for (const name of ['Size', 'Hedge', 'Replay']) {
        await page.getByRole('link', { name, exact: true }).click();
        await page.locator('.plan .big output').first().waitFor({ timeout: 60000 });
        await check(name);
      }
      await page.getByRole('link', { name: 'Cascade', exact: true }).click();
      await page.locator('.chances table').waitFor({ timeout: 60000 });
      await check('Cascade');
      await page.getByRole('link', { name: 'Venues', exact: true }).click();
      await page.locator('.venue-table tbody tr').nth(5).waitFor({ timeout: 60000 });
      await check('Venues');
      await context.close();
    });
  }
}
