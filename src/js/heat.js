// The map of liquidations: levels through time behind the candles, the ladder of today beside them. Numbers only, drawn as told.
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const LADDER = 0.26;

const short = (x) => {
  for (const [unit, size] of [['B', 1e9], ['M', 1e6], ['k', 1e3]]) if (Math.abs(x) >= size) return `${(x / size).toPrecision(3)} ${unit}`;
  return x.toFixed(0);
};

/**
 * `data`: { heat: { times, low, high, long, short } | null, candles: [[t, o, h, l, c]], levels: [[price, long, short, seen share]],
 * price, own: price | null, from: price | null, to: price | null, low, high }. Resolves nothing; `canvas.headroom` keeps what a pointer asks.
 */
export function drawHeat(canvas, json) {
  const d = JSON.parse(json);
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [canvas.clientWidth, canvas.clientHeight];
  if (!w || !h) return;
  canvas.width = Math.round(w * ratio);
  canvas.height = Math.round(h * ratio);
  const g = canvas.getContext('2d');
  g.scale(ratio, ratio);
  g.clearRect(0, 0, w, h);
  const [axis, foot] = [64, 18];
  const split = Math.round((w - axis) * (1 - LADDER));
  const bottom = h - foot;
  const y = (p) => bottom - (bottom - 6) * (p - d.low) / (d.high - d.low);
  const [long, shorts, text, soft, danger] = ['--long', '--short', '--text', '--text-soft', '--danger'].map(css);
  const bars = d.candles;
  const [t0, t1] = [bars[0]?.[0] ?? 0, bars.at(-1)?.[0] ?? 1];
  const x = (t) => split * (t - t0) / Math.max(t1 - t0, 1);

  if (d.heat) {
    const { times, low, high } = d.heat;
    const rows = d.heat.long[0].length;
    // The 99th of a hundred is full colour: one heavy level must not wash the rest out.
    const all = [...d.heat.long, ...d.heat.short].flat().filter((v) => v > 0).sort((a, b) => a - b);
    const most = all[Math.floor(all.length * 0.99)] || 1;
    const step = (high - low) / rows;
    for (const [cells, colour] of [[d.heat.long, long], [d.heat.short, shorts]]) {
      g.fillStyle = colour;
      cells.forEach((column, i) => {
        const left = x(i ? times[i - 1] : t0);
        const width = Math.max(x(times[i]) - left, 1) + 0.5;
        column.forEach((v, k) => {
          if (v <= 0) return;
          g.globalAlpha = 0.75 * Math.sqrt(Math.min(v / most, 1));
          const top = y(low + (k + 1) * step);
          if (top < bottom && y(low + k * step) > 0) g.fillRect(left, top, width, y(low + k * step) - top + 0.5);
        });
      });
    }
    g.globalAlpha = 1;
  }

  g.strokeStyle = text;
  g.lineWidth = 1;
  g.beginPath();
  for (const [t, , high, low] of bars) {
    g.moveTo(x(t), y(high));
    g.lineTo(x(t), Math.max(y(low), y(high) + 1));
  }
  g.stroke();

  // Today's ladder: seen in full colour, inferred lighter.
  const inside = d.levels.filter(([p]) => p >= d.low && p <= d.high);
  const most = Math.max(...inside.map(([, a, b]) => Math.max(a, b)), 1);
  const width = w - axis - split - 8;
  const each = d.levels.length > 1 ? Math.max(Math.abs(y(d.levels[1][0]) - y(d.levels[0][0])), 1) : 4;
  for (const [p, a, b, seen] of inside) {
    for (const [v, colour] of [[a, long], [b, shorts]]) {
      if (v <= 0) continue;
      const bar = width * v / most;
      g.fillStyle = colour;
      g.globalAlpha = 0.45;
      g.fillRect(split + 8, y(p) - each / 2, bar, each);
      g.globalAlpha = 1;
      g.fillRect(split + 8, y(p) - each / 2, bar * seen, each);
    }
  }
  g.globalAlpha = 1;

  g.font = '11px system-ui, sans-serif';
  g.fillStyle = soft;
  for (let k = 0; k <= 6; k += 1) {
    const p = d.low + (d.high - d.low) * k / 6;
    g.fillText(p >= 1000 ? Math.round(p).toLocaleString('en').replaceAll(',', '\u202f') : p.toPrecision(4), w - axis + 6, Math.min(Math.max(y(p) + 4, 10), bottom));
  }
  const day = (t) => new Date(t).toISOString().slice(0, 10);
  g.fillText(day(t0), 2, h - 4);
  g.textAlign = 'right';
  g.fillText(day(t1), split, h - 4);
  g.fillText(`longest bar ${short(most)}`, w - axis, h - 4);
  g.textAlign = 'left';

  const line = (p, colour, words, dash, indent = 0) => {
    if (p === null || p < d.low || p > d.high) return;
    g.strokeStyle = colour;
    g.fillStyle = colour;
    g.setLineDash(dash);
    g.beginPath();
    g.moveTo(0, y(p));
    g.lineTo(w - axis, y(p));
    g.stroke();
    g.setLineDash([]);
    const at = 4 + indent;
    const size = g.measureText(words).width;
    g.fillStyle = css('--bg');
    g.globalAlpha = 0.8;
    g.fillRect(at - 2, y(p) - 14, size + 4, 13);
    g.globalAlpha = 1;
    g.fillStyle = colour;
    g.fillText(words, at, y(p) - 4);
  };
  line(d.price, text, 'now', [2, 3]);
  line(d.own, danger, 'your liquidation', []);
  line(d.from, soft, 'pushed to', [6, 4], 110);
  line(d.to, danger, 'after forced orders', [6, 4], 190);
  canvas.headroom = { low: d.low, high: d.high, bottom, levels: d.levels, split };
}

/** What stands at a pointer's height: [price, long, short, seen share], or undefined. */
export function heatAt(canvas, offsetY) {
  const k = canvas.headroom;
  if (!k || offsetY > k.bottom || !k.levels.length) return undefined;
  const price = k.low + (k.high - k.low) * (k.bottom - offsetY) / (k.bottom - 6);
  const nearest = k.levels.reduce((a, b) => (Math.abs(b[0] - price) < Math.abs(a[0] - price) ? b : a));
  return Float64Array.of(price, nearest[1], nearest[2], nearest[3]);
}
