// Reads www/data/events, as tools/make_events.py packs it.
import { gunzipSync } from 'node:zlib';

/** The exact rows of a file of the library; see tools/make_events.py. */
export function unpack(bytes) {
  const p = JSON.parse(gunzipSync(bytes));
  const digits = Math.round(-Math.log10(p.tick));
  const price = (ticks) => Number((ticks / 10 ** digits).toFixed(digits));
  const gaps = new Map(p.gaps);
  const rows = [];
  let [close, t] = [0, p.from - p.step];
  for (let k = 0; k < p.rows; k += 1) {
    t += p.step * (1 + (gaps.get(k) ?? 0));
    const before = close;
    close += p.c[k];
    const open = p.o[k] + (k ? before : close);
    rows.push([t, price(open), price(Math.max(open, close) + p.h[k]), price(Math.min(open, close) - p.l[k]), price(close), p.v[k]]);
  }
  return { step: p.step, rows, funding: p.funding };
}

/** Bars of a longer step; a bar with any part is kept. */
export function longer({ step, rows, funding }, wanted) {
  if (step === wanted) return { step, rows, funding };
  const out = [];
  for (const r of rows) {
    const t = r[0] - (r[0] % wanted);
    const b = out.at(-1);
    if (b?.[0] === t) [b[2], b[3], b[4], b[5]] = [Math.max(b[2], r[2]), Math.min(b[3], r[3]), r[4], b[5] + r[5]];
    else out.push([t, ...r.slice(1)]);
  }
  return { step: wanted, rows: out, funding };
}
