// Opens the built page in Debian's Chromium and finds things the way a person would.
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';
import { serve } from './server.mjs';
import { NOW, replay } from './replay.mjs';

const DIST = new URL('../../../dist', import.meta.url).pathname;

/** A browser and a server for one test file; `close` ends both. */
export async function start() {
  const server = await serve(DIST);
  const browser = await chromium.launch({
    executablePath: process.env.CHROME ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
  });
  return {
    url: server.url,
    browser,
    async close() {
      await browser.close();
      server.close();
    },
  };
}

/** A page with the exchanges answered for. `faults` as in replay. Collects what the page complains of. */
export async function open({ browser, url }, { hash = '', faults = {}, streams = {}, viewport = { width: 1440, height: 900 }, colorScheme = 'dark', clock = true, context: options = {} } = {}) {
  const context = await browser.newContext({ viewport, colorScheme, serviceWorkers: 'block', ...options });
  const page = await context.newPage();
  const complaints = [];
  page.on('pageerror', (e) => complaints.push(`error: ${e.message}`));
  page.on('console', (m) => {
    // A failed request is the browser's own line; what the page makes of it is what is tested.
    if (m.type() === 'error' && !m.text().startsWith('Failed to load resource')) complaints.push(m.text());
  });
  if (clock) await page.clock.setFixedTime(NOW);
  const asked = await replay(page, faults, streams);
  await page.goto(url + hash);
  return { page, context, complaints, asked };
}

export const price = (page) => page.locator('.liquidation-price');

/** The liquidation price as a number, once there is one. */
export async function liquidationPrice(page) {
  await page.waitForFunction(() => /\d/.test(document.querySelector('.liquidation-price')?.textContent ?? ''));
  return number(await price(page).textContent());
}

/** "44 803.9" to 44803.9. */
export function number(text) {
  const value = Number(text.replaceAll('\u202f', '').replace('−', '-').replace(/[^0-9.-]/g, ''));
  assert.ok(Number.isFinite(value), `no number in: ${text}`);
  return value;
}

/** Waits until a check on the page holds, and says what was there when it does not. */
export async function until(read, holds, what, timeout = 8000) {
  const end = Date.now() + timeout;
  let last;
  for (;;) {
    last = await read();
    if (holds(last)) return last;
    if (Date.now() > end) assert.fail(`${what}: last seen ${JSON.stringify(last)}`);
    await new Promise((r) => setTimeout(r, 50));
  }
}
