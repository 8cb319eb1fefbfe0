// The price pane on TradingView's lightweight-charts, loaded when first shown. Everything it draws is also in a table.
// Its own logo needs an inline style, which the content policy refuses: the attribution stands in the page's foot.
const library = () => import(new URL('vendor/lightweight-charts.mjs', document.baseURI));

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const colours = () => ({
  layout: { background: { color: 'transparent' }, textColor: css('--text-soft'), fontFamily: css('--font'), attributionLogo: false },
  grid: { vertLines: { color: css('--line-soft') }, horzLines: { color: css('--line-soft') } },
  rightPriceScale: { borderColor: css('--line') },
  timeScale: { borderColor: css('--line'), timeVisible: true, secondsVisible: false },
});

const candleColours = () => ({
  upColor: css('--long'), downColor: css('--short'), wickUpColor: css('--long'), wickDownColor: css('--short'), borderVisible: false,
});

export class PriceChart {
  constructor(element, onHover) {
    this.element = element;
    this.lines = [];
    this.pending = {};
    this.ready = library().then((lc) => {
      if (this.gone) return;
      this.lc = lc;
      this.chart = lc.createChart(element, {
        ...colours(), autoSize: true, crosshair: { mode: lc.CrosshairMode.Normal },
        handleScroll: { vertTouchDrag: false }, handleScale: { axisPressedMouseMove: true, mouseWheel: true, pinch: true },
      });
      this.series = this.chart.addSeries(lc.CandlestickSeries, { ...candleColours(), autoscaleInfoProvider: (base) => this.scale(base()) });
      this.chart.subscribeCrosshairMove((p) => {
        const bar = p.seriesData?.get(this.series);
        onHover(bar ? Float64Array.of(bar.time * 1000, bar.open, bar.high, bar.low, bar.close) : undefined);
      });
      for (const [name, value] of Object.entries(this.pending)) this[name](value);
    });
  }

  // The lines a person came for stay in view beside the candles, unless they are absurdly far.
  scale(info) {
    if (!info?.priceRange) return info;
    let { minValue, maxValue } = info.priceRange;
    const close = this.last ?? maxValue;
    for (const { price } of this.wanted ?? []) {
      if (price > close * 0.2 && price < close * 3) {
        minValue = Math.min(minValue, price);
        maxValue = Math.max(maxValue, price);
      }
    }
    return { ...info, priceRange: { minValue, maxValue } };
  }

  // Flat rows of [time ms, open, high, low, close].
  candles(flat) {
    if (!this.series) return void (this.pending.candles = flat);
    const rows = [];
    for (let i = 0; i < flat.length; i += 5) {
      rows.push({ time: flat[i] / 1000, open: flat[i + 1], high: flat[i + 2], low: flat[i + 3], close: flat[i + 4] });
    }
    this.last = rows.at(-1)?.close;
    this.series.setData(rows);
    const first = flat[0];
    if (this.first !== first) {
      this.first = first;
      this.chart.timeScale().setVisibleLogicalRange({ from: rows.length - 24 * 14, to: rows.length + 24 * 7 });
    }
  }

  // [{ price, title, role }], role one of entry, mark, liquidation.
  setLines(json, recolour = false) {
    if (!this.series) return void (this.pending.setLines = json);
    const before = this.wanted;
    this.wanted = JSON.parse(json);
    // Only moved: the lines stay and take their new prices, which is cheap enough for every step of a slider.
    if (!recolour && before?.length === this.wanted.length && before.every((l, i) => l.role === this.wanted[i].role)) {
      this.lines.forEach((line, i) => line.applyOptions({ price: this.wanted[i].price }));
      return;
    }
    for (const line of this.lines) this.series.removePriceLine(line);
    this.lines = this.wanted.map(({ price, title, role }) => this.series.createPriceLine({
      price, title, color: css(`--line-${role}`), lineWidth: role === 'liquidation' ? 2 : 1,
      lineStyle: { entry: this.lc.LineStyle.Dashed, mark: this.lc.LineStyle.Dotted, liquidation: this.lc.LineStyle.Solid }[role], axisLabelVisible: true, axisLabelTextColor: css('--on-line'),
    }));
  }

  // Flat rows of [time ms, 5 %, 25 %, 50 %, 75 %, 95 %]: quantiles of the price ahead, from now on; empty: none.
  fan(flat) {
    if (!this.series) return void (this.pending.fan = flat);
    this.bands ??= [0, 1, 2, 3, 4].map((k) => this.chart.addSeries(this.lc.LineSeries, {
      ...this.bandLook(k), crosshairMarkerVisible: false, lastValueVisible: false, priceLineVisible: false,
    }));
    const hour = 3600;
    // New times ahead would push the candles out of the window.
    const window = this.chart.timeScale().getVisibleLogicalRange();
    this.bands.forEach((band, k) => {
      const points = [];
      // An hour a step, as the candles have, so that time ahead is as wide as time past.
      for (let i = 6; i < flat.length; i += 6) {
        const [t0, t1] = [flat[i - 6] / 1000, flat[i] / 1000];
        for (let t = t0; t < t1; t += hour) {
          points.push({ time: t, value: flat[i - 5 + k] + (flat[i + 1 + k] - flat[i - 5 + k]) * (t - t0) / (t1 - t0) });
        }
      }
      band.setData(points);
    });
    if (window) this.chart.timeScale().setVisibleLogicalRange(window);
  }

  bandLook(k) {
    return { color: css(k === 2 ? '--accent' : '--fan'), lineWidth: 1, lineStyle: k % 4 === 0 ? this.lc.LineStyle.Dotted : this.lc.LineStyle.Solid };
  }

  // Smallest price step.
  tick(step) {
    if (!this.series) return void (this.pending.tick = step);
    const precision = Math.max(0, Math.min(10, Math.round(-Math.log10(step))));
    this.series.applyOptions({ priceFormat: { type: 'price', minMove: step, precision } });
  }

  theme() {
    if (!this.series) return;
    this.chart.applyOptions(colours());
    this.series.applyOptions(candleColours());
    this.bands?.forEach((band, k) => band.applyOptions(this.bandLook(k)));
    if (this.wanted) this.setLines(JSON.stringify(this.wanted), true);
  }

  // A picture of the pane as a PNG data address, or nothing before the library has loaded.
  picture() {
    return this.chart?.takeScreenshot().toDataURL('image/png');
  }

  remove() {
    this.gone = true;
    this.chart?.remove();
    // What is still on its way to this pane finds nothing to draw on.
    this.chart = this.series = undefined;
  }
}
