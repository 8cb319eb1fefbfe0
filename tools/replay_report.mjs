// Writes docs/replay.md: a static 3x position against plans through every event of the library. Run by `cargo xtask replay`.
//
// Every series of every event is entered every six hours from a day and a half after its beginning, and held for three days at most, on
// the side that the event hurts and on the other. One event is one draw: intervals resample events, not entries.
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { longer, unpack } from './events.mjs';

const root = new URL('..', import.meta.url);
const events = JSON.parse(readFileSync(new URL('www/data/events/index.json', root)));
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const INTERVAL = { 60000: '1m', 180000: '3m', 300000: '5m', 900000: '15m', 3600000: '1h' };
const PLANS = [
  ['capped chance', { kind: 'probability_cap', max_liquidation_probability: 0.01, horizon_hours: 24 }],
  ['even volatility', { kind: 'volatility_target', target_volatility: 1.2 }],
  ['hedged, band 0.5', { kind: 'static', hedge: 'H', target_delta: 1.5, band: 0.5 }],
  ['hedged, daily', { kind: 'static', hedge: 'H', target_delta: 1.5, band: 0, check_every_hours: 24 }],
  ['capped and hedged', { kind: 'probability_cap', max_liquidation_probability: 0.01, horizon_hours: 24, hedge: 'H', target_delta: 1.5, band: 0.5 }],
];

const engine = spawn(new URL('target/release/headroom', root).pathname, { stdio: ['pipe', 'pipe', 'inherit'] });
const answers = createInterface({ input: engine.stdout })[Symbol.asyncIterator]();
async function ask(request) {
  engine.stdin.write(`${JSON.stringify(request)}\n`);
  const answer = JSON.parse((await answers.next()).value);
  if (answer.error) throw new Error(JSON.stringify(answer.error));
  return answer;
}

const cells = [];
let runs = 0;
const began = performance.now();
for (const event of events) {
  const packed = new Map(event.series.map((s) => [s.symbol, unpack(readFileSync(new URL(`www/data/events/${s.file}`, root)))]));
  for (const s of event.series) {
    const main = packed.get(s.symbol);
    // Hedged with BTC; BTC with ETH. The finer of two clocks goes by the coarser.
    const other = packed.get(s.symbol.startsWith('BTC') ? 'ETHUSDT' : 'BTCUSDT') ?? packed.get('BTC-PERP');
    const step = Math.max(main.step, other.step);
    const [a, b] = [longer(main, step), longer(other, step)];
    const market = (m) => ({ candles: { interval: INTERVAL[step], rows: m.rows }, funding: m.funding });
    const from = a.rows[0][0] + 1.5 * DAY;
    const until = a.rows.at(-1)[0] + step;
    if (until - from < 4 * DAY) continue;
    for (const side of ['long', 'short']) {
      const [kind, plan] = PLANS[0];
      const answer = await ask({
        op: 'replay', markets: { A: market(a), H: market(b) }, symbol: 'A', equity: 10000, leverage: 3, side, policy: plan,
        beside: PLANS.slice(1).map(([, p]) => (side === 'long' || !p.hedge ? p : { ...p, target_delta: -1.5 })),
        costs: { taker_fee: 0.0005, slippage: 0.0002 }, maintenance_margin_rate: 0.005, from, until: until, curve_points: 2,
        sweep: { every_hours: 6, hold_hours: Math.min(72, Math.floor((until - from) / HOUR) - 24) },
      });
      const { sweep } = answer;
      runs += sweep.starts * (PLANS.length + 1);
      cells.push({ event: event.id + event.kind, kind: event.kind, symbol: s.symbol, side, hurt: (event.kind === 'crash') === (side === 'long'), starts: sweep.starts, alone: sweep.static, plans: [sweep.policy, ...sweep.beside], name: kind });
    }
  }
  process.stderr.write(`${event.id} `);
}
engine.stdin.end();
const seconds = (performance.now() - began) / 1000;

// Resampling events with a fixed generator: the page is the same each time.
let state = 12345n;
const random = () => {
  state = (state * 6364136223846793005n + 1442695040888963407n) & ((1n << 64n) - 1n);
  return Number(state >> 11n) / 2 ** 53;
};
const ids = [...new Set(cells.map((c) => c.event))];
function interval(of, chosen) {
  const byEvent = new Map(ids.map((id) => [id, chosen.filter((c) => c.event === id)]));
  const draws = Array.from({ length: 2000 }, () => of(ids.flatMap(() => byEvent.get(ids[Math.floor(random() * ids.length)]))))
    .filter(Number.isFinite).sort((x, y) => x - y);
  return [of(chosen), draws[Math.floor(draws.length * 0.025)], draws[Math.floor(draws.length * 0.975)]];
}
const sum = (list, of) => list.reduce((x, c) => x + of(c), 0);
const measures = (k) => ({
  fewer: (l) => 1 - sum(l, (c) => c.plans[k].liquidated) / sum(l, (c) => c.alone.liquidated),
  // Profit where the static position made one; each cell weighs as its entries do.
  kept: (l) => sum(l, (c) => c.plans[k].upside * c.starts) / sum(l, (c) => c.alone.upside * c.starts),
  gained: (l) => sum(l, (c) => (c.plans[k].mean_return - c.alone.mean_return) * c.starts) / sum(l, (c) => c.starts),
});
const pc = (x) => `${(100 * x).toFixed(1)} %`;
const told = ([x, low, high]) => `${pc(x)} (${pc(low)} to ${pc(high)})`;
const table = (title, chosen) => {
  const rows = PLANS.map(([name], k) => {
    const m = measures(k);
    return `| ${name} | ${sum(chosen, (c) => c.plans[k].liquidated)} of ${sum(chosen, (c) => c.starts)} | ${told(interval(m.fewer, chosen))} | ${told(interval(m.kept, chosen))} | ${told(interval(m.gained, chosen))} |`;
  });
  const still = `| left alone | ${sum(chosen, (c) => c.alone.liquidated)} of ${sum(chosen, (c) => c.starts)} | | | |`;
  return [`## ${title}`, '', '| plan | liquidated | fewer than left alone | upside kept | mean return, more than left alone |', '|---|---|---|---|---|', still, ...rows, ''];
};
const crash = cells.filter((c) => c.hurt);
const assets = new Set(cells.map((c) => c.symbol));
const lines = [
  '# Replay: a static 3x against plans', '',
  `Written by \`cargo xtask replay\`. ${events.length} events, ${assets.size} assets, ${cells.length / 2} series, ${runs.toLocaleString('en')} accounts lived through. Equity 10,000, 3x at the entry, one tier of 0.5 %, fee 0.05 %, slippage 0.02 %, funding where it was recorded. Entered every six hours, held for three days; decisions every hour.`, '',
  'Intervals are 95 %, by resampling events: entries of one event share its days, and the events were chosen because something happened. These are storms, not a year: what a plan costs in calm times is told by the page Replay over a whole year.', '',
  'The plans: *capped chance*: cut when the chance of liquidation within a day passes 1 %. *Even volatility*: leverage 1.2 over volatility. *Hedged*: BTC (for BTC: ETH) against half of the exposure, within a band or once a day. Upside kept: profit in the entries where the static position made one, over the static\'s.', '',
  ...table('On the side that the event hurt', crash),
  ...table('On the other side', cells.filter((c) => !c.hurt)),
  ...table('Both sides', cells),
];
const best = PLANS.map(([name], k) => ({ name, k, fewer: measures(k).fewer(cells), kept: measures(k).kept(cells), gained: measures(k).gained(cells) }));
lines.push('## Read honestly', '',
  'Aim: at least 80 % fewer liquidations with at least 85 % of the upside kept, all costs in.', '',
  ...best.map((b) => `- ${b.name}: ${pc(b.fewer)} fewer, ${pc(b.kept)} of the upside kept: ${b.fewer >= 0.8 && b.kept >= 0.85 ? 'the aim is met' : b.fewer >= 0.8 ? 'liquidations as aimed at, the upside is not' : b.kept >= 0.85 ? 'the upside as aimed at, liquidations are not' : 'neither'}; ${b.gained >= 0 ? 'gained' : 'lost'} ${pc(Math.abs(b.gained))} an entry against doing nothing.`), '');
const lost = cells.map((c) => ({ c, d: (c.plans[0].mean_return - c.alone.mean_return) })).sort((x, y) => x.d - y.d).slice(0, 8);
lines.push('Where the capped chance lost most to doing nothing, on average over the entries of a series:', '', '| event | asset | side | static | capped |', '|---|---|---|---|---|',
  ...lost.map(({ c }) => `| ${c.event.replace(/crash|squeeze/, ' $&')} | ${c.symbol} | ${c.side} | ${pc(c.alone.mean_return)} | ${pc(c.plans[0].mean_return)} |`), '');
lines.push('## Each event', '', 'On the side that it hurt.', '', '| event | series | static liquidated | capped chance | capped and hedged |', '|---|---|---|---|---|');
for (const e of events) {
  const mine = crash.filter((c) => c.event === e.id + e.kind);
  if (!mine.length) continue;
  const share = (of) => pc(sum(mine, of) / sum(mine, (c) => c.starts));
  lines.push(`| ${e.id} ${e.kind}: ${e.title} | ${mine.length} | ${share((c) => c.alone.liquidated)} | ${share((c) => c.plans[0].liquidated)} | ${share((c) => c.plans[4].liquidated)} |`);
}
lines.push('', `The library and its sources: [www/data/SOURCES.md](../www/data/SOURCES.md). What a replay assumes: [method/replay.md](method/replay.md).`);
writeFileSync(new URL('docs/replay.md', root), `${lines.join('\n')}\n`);
console.log(`${lines.slice(0, 45).join('\n')}\n${runs} accounts in ${seconds.toFixed(0)} s`);
