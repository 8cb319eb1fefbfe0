// Writes docs/track-record.md: the record of the models on every series in www/data/history, by the native command line.
//     cargo build --release -p headroom-core && node tools/track_record.mjs
// `cargo xtask record` does both.
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';

const ROOT = new URL('../', import.meta.url);
const path = (p) => new URL(p, ROOT).pathname;
const LEVERAGES = [2, 3, 5, 8, 10, 15, 20, 25];
const HOURS = [4, 24, 72, 168];

const percent = (p, digits = 1) => (p === null || p === undefined ? '–' : `${(100 * p).toFixed(digits)} %`);
const signed = (p, digits = 1) => (p === null || p === undefined ? '–' : `${p >= 0 ? '+' : '−'}${Math.abs(100 * p).toFixed(digits)}`);
const interval = (i) => (i ? ` (${signed(i[0])} to ${signed(i[1])})` : '');
const day = (t) => new Date(t).toISOString().slice(0, 10);
const span = (h) => (h < 72 ? `${h} h` : `${h / 24} d`);

const series = readdirSync(path('www/data/history')).filter((f) => f.endsWith('.json')).sort();
const records = series.map((file) => {
  const candles = JSON.parse(readFileSync(path(`www/data/history/${file}`)));
  const request = { op: 'calibration', market: { candles }, model: { kind: 'auto' }, leverages: LEVERAGES, horizons_hours: HOURS, every_hours: 8 };
  const answer = JSON.parse(execFileSync(path('target/release/headroom'), { input: JSON.stringify(request), maxBuffer: 1e9 }));
  if (answer.error) throw new Error(`${file}: ${answer.error.field} ${answer.error.message}`);
  process.stderr.write(`${file}: ${candles.rows.length} bars\n`);
  return { name: file.replace('.json', '').replace('-', ' '), bars: candles.rows.length, ...answer };
});
const version = JSON.parse(execFileSync(path('target/release/headroom'), { input: '{"op":"describe"}', maxBuffer: 1e9 })).version;

const cell = (r, leverage, side, hours) => r.scores.find((s) => s.leverage === leverage && s.side === side && s.horizon_hours === hours);
const near = [10, 20].flatMap((l) => ['long', 'short'].flatMap((side) => [24, 72].map((h) => [l, side, h])));
const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;

const out = [];
const line = (text = '') => out.push(text);
const table = (head, rows) => {
  line(`| ${head.join(' | ')} |`);
  line(`|${head.map((_, i) => (i ? '---:' : '---')).join('|')}|`);
  for (const row of rows) line(`| ${row.join(' | ')} |`);
  line();
};

line('# Track record');
line();
line(`Written by \`cargo xtask record\` (engine ${version}) from the hourly candles shipped with the page; do not edit. What is forecast and how it is scored: [method/forecast.md](method/forecast.md). What the models are: [model-card.md](model-card.md).`);
line();
line(`Every eight hours, from the close of a bar: isolated linear positions of ${LEVERAGES.join(', ')}x, long and short, maintenance 0.5 %, within ${HOURS.map(span).join(', ')}; touched means that a later bar's high or low reached the level. Each forecast uses what was known at its time. Intervals are 5 % to 95 %, with whole days (or whole horizons) drawn again.`);
line();
line('These series are not unseen by the people who wrote the models: the learned layer was fitted to BTC, ETH, XRP and ADA before 2024, its form was fixed on data before 2024, and 2024 to 2026 was looked at. Assets and periods that nobody here has seen are the fair judge.');
line();
line('## All assets');
line();
line('Skill is one less the ratio of Brier scores, in percent, all leverages, sides and horizons together. Where its interval does not lie above 0 the page says so and shows the plain model.');
line();
table(
  ['series', 'bars', 'first forecast', 'last', 'times', 'skill over plain', 'the desk shows'],
  records.map((r) => [r.name, r.bars, day(r.from), day(r.until), r.standing.forecasts, `${signed(r.skill_gbm)}${interval(r.skill_gbm_interval)}`, r.has_skill ? 'the combination' : 'the plain model']),
);
line('## Near levels');
line();
line('Skill over the plain model in percent, with how many positions were liquidated. Below 20 no interval is told.');
line();
table(
  ['series', ...near.map(([l, side, h]) => `${l}x ${side} ${span(h)}`), 'mean'],
  records.map((r) => {
    const cells = near.map((c) => cell(r, ...c)).filter(Boolean);
    const known = cells.map((s) => s.skill_gbm).filter((s) => s !== null);
    return [r.name, ...cells.map((s) => `${signed(s.skill_gbm)}${interval(s.skill_gbm_interval)}, ${s.events}`), signed(mean(known))];
  }),
);
const all = records.flatMap((r) => near.map((c) => cell(r, ...c))).filter((s) => s && s.skill_gbm !== null);
const below = all.filter((s) => s.skill_gbm_interval && s.skill_gbm_interval[1] < 0);
line(`Mean over these ${all.length} cells: ${signed(mean(all.map((s) => s.skill_gbm)))} % over the plain model, ${signed(mean(all.map((s) => s.skill_climatology).filter((s) => s !== null)))} % over climatology. Significantly below the plain model: ${below.length} of ${all.length}. The aim was +5 % on average and none significantly below.`);
line();
line('## Far levels: 3x and 5x');
line();
line('Mean said against what happened. A few storms make all of the touches: one more or less of them changes a ratio by much.');
line();
table(
  ['series', ...HOURS.flatMap((h) => [`${span(h)} said`, 'happened', 'plain said'])],
  records.map((r) => [
    r.name,
    ...HOURS.flatMap((h) => {
      const far = r.scores.filter((s) => s.leverage >= 3 && s.leverage <= 5 && s.horizon_hours === h);
      const n = far.reduce((a, s) => a + s.forecasts, 0);
      const sum = (f) => far.reduce((a, s) => a + f(s) * s.forecasts, 0) / n;
      return [percent(sum((s) => s.mean_forecast), 2), percent(far.reduce((a, s) => a + s.events, 0) / n, 2), percent(sum((s) => s.mean_forecast_gbm), 2)];
    }),
  ]).map((row) => row),
);
line('## Reliability within 24 hours');
line();
line('All leverages and sides together: mean said, how often it happened, the band in which nine of ten groups would lie were the forecasts right, and the number of forecasts.');
line();
for (const r of records) {
  const h = r.horizons.find((x) => x.horizon_hours === 24);
  line(`**${r.name}**: ${h.reliability.map((row, i) => `${percent(row[0], 2)} said, ${percent(row[1], 2)} happened (${percent(h.reliability_bands[i][0], 2)} to ${percent(h.reliability_bands[i][1], 2)}), ${row[2]}`).join('; ')}.`);
  line();
}
line('## The fan');
line();
line('Share of prices that ended in the middle half and in the middle nine tenths of the distribution made before (plain model in brackets). Then, of windows that do not overlap, how many ended in the lowest and the highest hundredth, with the p-values of Kupiec (each tail holds 1 %) and Christoffersen (such ends do not cluster).');
line();
for (const hours of [24, 168]) {
  line(`Within ${span(hours)}:`);
  line();
  table(
    ['series', 'middle half', 'nine tenths', 'windows', 'below 1 %', 'above 99 %', 'Kupiec below', 'above', 'Christoffersen'],
    records.map((r) => {
      const f = r.fan.find((x) => x.horizon_hours === hours);
      return [r.name, `${percent(f.coverage_50, 0)} (${percent(f.coverage_50_gbm, 0)})`, `${percent(f.coverage_90, 0)} (${percent(f.coverage_90_gbm, 0)})`, f.apart, f.below_1, f.above_1, f.kupiec_below.toFixed(3), f.kupiec_above.toFixed(3), f.christoffersen.toFixed(3)];
    }),
  );
}
line('## Which model carries how much now');
line();
table(
  ['series, 24 h', ...records[0].members, 'leading since'],
  records.map((r) => {
    const s = r.standing.horizons.find((x) => x.horizon_hours === 24);
    return [r.name, ...s.weights.map((w) => percent(w, 0)), `${s.leading}, ${day(s.since)}`];
  }),
);
line('## Worst misses');
line();
for (const r of records) {
  line(`**${r.name}**: ${r.misses.slice(0, 4).map((m) => `${day(m.time)} ${m.leverage}x ${m.side} within ${span(m.horizon_hours)}: said ${percent(m.forecast, 2)}, ${m.happened ? 'touched' : 'not touched'}`).join('; ')}.`);
  line();
}
writeFileSync(path('docs/track-record.md'), `${out.join('\n').trimEnd()}\n`);
process.stderr.write('written docs/track-record.md\n');
