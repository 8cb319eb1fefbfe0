// The engine package outside the page: in Node, and as types.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CHANCES } from './lib/chances.mjs';

const ROOT = new URL('../../', import.meta.url);
const ENGINE = new URL('target/engine/headroom_core.js', ROOT);

const request = {
  op: 'liquidation', explain: true, id: 1,
  account: { venue: 'binance', margin_mode: 'cross', wallet_balance: 20000, positions: [
    { symbol: 'BTCUSDT', side: 'long', size: 0.5, entry_price: 60000, mark_price: 60500, leverage: 3 },
    { symbol: 'ETHUSDT', side: 'short', size: 5, entry_price: 2000, mark_price: 1980, leverage: 3 },
  ] },
};

test('Node and the native command line give the same answer to the bit', async () => {
  const engine = await import(ENGINE);
  engine.initSync({ module: readFileSync(new URL('target/engine/headroom_core_bg.wasm', ROOT)) });
  const text = engine.evaluateJson(JSON.stringify(request));
  // Simulated paths included: every transcendental function is libm's on both sides.
  const { account } = request;
  const market = (volatility) => ({ volatility, funding_rate: 0.0002, funding_interval_hours: 8 });
  const chance = { op: 'probability', account, markets: { BTCUSDT: market(0.6), ETHUSDT: market(0.9) }, correlations: [['BTCUSDT', 'ETHUSDT', 0.8]], horizons_hours: [24, 168], target_standard_error: 0.005, seed: 3 };
  const lines = [request, chance].map((r) => JSON.stringify(r));
  const native = execFileSync('cargo', ['run', '--quiet', '-p', 'headroom-core', '--bin', 'headroom'], { cwd: ROOT, input: `${lines.join('\n')}\n`, encoding: 'utf8' });
  assert.equal(`${lines.map((l) => engine.evaluateJson(l)).join('\n')}\n`, native);
  assert.deepEqual(engine.evaluate(request), JSON.parse(text));
  assert.throws(() => engine.liquidation({ account: {} }), { name: 'EngineError', code: 'invalid_input', field: 'account.venue' });
});

/** A request's pieces spread over so many runs, as over workers, each piece done by another one. */
function spread(Run, text, workers) {
  const runs = Array.from({ length: workers }, () => new Run(text));
  for (;;) {
    const pending = [...runs[0].pending()];
    // Whoever did not merge works from the request and the piece's number alone. Done backwards, merged in order.
    const numbers = pending.map((piece, k) => [k, piece]).reverse().map(([k, piece]) => [k, runs[k % workers].piece(piece)]);
    if (runs[0].merge(numbers.sort((a, b) => a[0] - b[0]).map((n) => n[1]))) return runs[0].answer();
  }
}

test('a probability has the same bits natively and in Node, in one piece or spread over one or four workers', async () => {
  const engine = await import(ENGINE);
  engine.initSync({ module: readFileSync(new URL('target/engine/headroom_core_bg.wasm', ROOT)) });
  const lines = Object.values(CHANCES).map((r) => JSON.stringify(r));
  const native = execFileSync('cargo', ['run', '--quiet', '-p', 'headroom-core', '--bin', 'headroom'], { cwd: ROOT, input: `${lines.join('\n')}\n`, encoding: 'utf8' }).trim().split('\n');
  Object.keys(CHANCES).forEach((name, k) => {
    assert.ok(JSON.parse(native[k]).model.paths > 2000, native[k]);
    assert.equal(engine.evaluateJson(lines[k]), native[k], `${name}, at once`);
    for (const workers of [1, 4]) assert.equal(spread(engine.Run, lines[k], workers), native[k], `${name}, ${workers} workers`);
  });
});

/** One request of each operation that computes beside the account's own. */
function others(markets) {
  let state = 7;
  const unit = () => (state = (state * 16807) % 2147483647) / 2147483647;
  const events = [];
  for (let t = 1.7e12, k = 0; k < 400; k += 1) events.push([(t += Math.floor(unit() < 0.5 ? 800 * unit() : 60000 * unit()) + 1), unit() < 0.6 ? 'long' : 'short', 100 + 900 * unit()]);
  const wallets = Array.from({ length: 300 }, (_, k) => ({ id: `w${k}`, side: k % 3 ? 'long' : 'short', size: 1 + 20 * unit(), entry_price: 100, liquidation_price: k % 3 ? 100 - 30 * unit() : 100 + 30 * unit() }));
  const candles = JSON.parse(readFileSync(new URL('core/tests/vectors/warning.json', ROOT))).candles;
  const day = (rate) => ({ volatility: 0.7, funding_rate: rate, funding_interval_hours: 8 });
  const rows = markets.BTCUSDT.candles.rows;
  return [
    { op: 'hawkes', events, end: events.at(-1)[0] + 1000, marked: true },
    { op: 'cascade', price: 100, wallets, impact: { notional_per_percent: 9000 }, shock: { move: -0.08 }, options: { venue: 'hyperliquid', mark_share: 0.6, insurance_fund: 100, evaporation: 3 } },
    { op: 'cascade', price: 100, wallets, impact: { notional_per_percent: 9000, power: 1.4 }, shock: { volatility: 1.2 }, runs: 2000, seed: 3, own: { side: 'long', liquidation_price: 90 } },
    { op: 'linked_cascade', markets: [{ symbol: 'A', price: 100, move: -0.1, impact: { notional_per_percent: 5000 } }, { symbol: 'B', price: 50, impact: { notional_per_percent: 3000, power: 1.3 } }],
      accounts: Array.from({ length: 40 }, (_, k) => ({ id: `w${k}`, collateral: 60 + 3 * k, positions: [{ symbol: 'A', side: k % 5 ? 'long' : 'short', size: 5, entry_price: 100 + k / 10 }, { symbol: 'B', side: 'long', size: 4, entry_price: 49 }] })) },
    { op: 'liquidation_map', wallets, price: 60000, market: { ...markets.BTCUSDT, open_interest: rows.map((r, k) => [r[0], 1000 + (k % 97)]) } },
    { op: 'replay', markets, symbol: 'ETHUSDT', equity: 1e4, leverage: 8, side: 'long', policy: { kind: 'probability_cap', hedge: 'BTCUSDT', band: 0.2 }, costs: { impact: 0.01 }, sweep: { every_hours: 48, hold_hours: 240 } },
    { op: 'venues', candidate: { asset: 'BTC', side: 'short', notional: 3e4, margin: 4e3, horizon_hours: 48, price: 66000 }, markets: { binance: markets.BTCUSDT, hyperliquid: day(0.0001), dydx: day(-0.0002) }, split: [['binance', 0.5], ['dydx', 0.5]], seed: 5 },
    { op: 'alerts', observations: Array.from({ length: 2000 }, (_, k) => ({ time: 1.772e12 + k * 300e3, position: 'BTC', watched: k % 2 ? 'warning' : 'margin_ratio', value: 0.2 * Math.abs(Math.sin(k / 40)) * (k % 2 ? 1 : 4) })), settings: undefined },
    { op: 'warning', market: { candles: { interval: '5m', rows: candles }, liquidations: events.map(([t, side, n]) => [Math.min(t, candles.at(-1)[0]), side, 100, n]) }, horizons_minutes: [15, 25, 90], provisional: [['book', 0.4], ['funding', 3]], outcomes: Array.from({ length: 300 }, (_, k) => ({ log_odds: -2 + Math.sin(k), values: [['book', Math.cos(k)], ['forced_selling', k % 5]], happened: k % 7 === 0 })) },
  ];
}

test('every other operation has the same bits natively and in Node', async () => {
  const engine = await import(ENGINE);
  engine.initSync({ module: readFileSync(new URL('target/engine/headroom_core_bg.wasm', ROOT)) });
  const history = (name, bars) => {
    const c = JSON.parse(readFileSync(new URL(`www/data/history/${name}.json`, ROOT)));
    return { candles: { interval: c.interval, rows: c.rows.slice(-bars) } };
  };
  const markets = { BTCUSDT: history('binance-BTC', 1200), ETHUSDT: history('binance-ETH', 1200) };
  const position = { symbol: 'ETHUSDT', side: 'long', size: 5, entry_price: 2000, mark_price: 1980 };
  const account = { venue: 'binance', margin_mode: 'cross', wallet_balance: 9000, positions: [position] };
  const requests = [
    ...JSON.parse(readFileSync(new URL('core/tests/vectors/size.json', ROOT))).slice(0, 3).map((c) => c.request),
    { op: 'size', account, candidate: { symbol: 'BTCUSDT', side: 'long', entry_price: 66000 }, markets, limits: { max_liquidation_probability: 0.02, horizon_hours: 24, max_expected_shortfall: 3000 }, model: { kind: 'filtered_historical' }, target_standard_error: 0.005 },
    { op: 'hedge', account, markets, hedge_instrument: { symbol: 'BTCUSDT', price: 66000 }, policy: { cost: 0.0006 }, model: { kind: 'garch' } },
    { op: 'calibration', market: history('binance-XRP', 1500), leverages: [5, 20], horizons_hours: [4, 24] },
    ...others(markets),
  ];
  const lines = requests.map((r) => JSON.stringify(r));
  const native = execFileSync('cargo', ['run', '--quiet', '-p', 'headroom-core', '--bin', 'headroom'], { cwd: ROOT, input: `${lines.join('\n')}\n`, encoding: 'utf8', maxBuffer: 1e8 }).trim().split('\n');
  requests.forEach((r, k) => {
    assert.ok(!('error' in JSON.parse(native[k])), native[k].slice(0, 300));
    assert.equal(engine.evaluateJson(lines[k]), native[k], `${r.op} ${k}`);
  });
});

test('a run refuses what it cannot share, and survives numbers that are no pieces', async () => {
  const engine = await import(ENGINE);
  engine.initSync({ module: readFileSync(new URL('target/engine/headroom_core_bg.wasm', ROOT)) });
  for (const text of ['{', '{"op":"describe","id":4}', JSON.stringify({ ...CHANCES.garch, horizons_hours: [] })]) {
    assert.throws(() => new engine.Run(text), (refused) => 'error' in JSON.parse(refused), text);
  }
  const run = new engine.Run(JSON.stringify(CHANCES.jumps));
  for (const number of [0, 255, 2 ** 24, 15 * 2 ** 24 + 255, 2 ** 31 - 1, 2 ** 31 + 500, 2 ** 32 - 1]) assert.ok(run.piece(number).every(Number.isFinite));
  assert.equal(JSON.parse(run.answer()).error.code, 'not_converged');
  // Too few numbers, and numbers of the wrong length: refused, and the run goes on.
  const right = [...run.pending()].map((piece) => run.piece(piece));
  assert.throws(() => run.merge([]), /numbers/);
  assert.throws(() => run.merge(right.map(() => new Float64Array(1))), /numbers/);
  run.merge(right);
  assert.ok('model' in JSON.parse(run.answer()));
});

test('the declarations compile under tsc --strict and know what can be null', () => {
  const folder = mkdtempSync(join(tmpdir(), 'headroom-types-'));
  writeFileSync(join(folder, 'use.ts'), `
    import { describe, evaluate, funding, liquidation, type FundingRequest, type LiquidationRequest, type LiquidationResponse } from '${ENGINE.pathname}';
    const r: LiquidationRequest = { account: { venue: 'gmx', margin_mode: 'isolated', positions: [{ symbol: 'ETH-USD', side: 'long', size: 1, size_usd: 2000, mark_price: 2000, collateral: { token: 'index', amount: 1, price: 2000 } }] } };
    const a: LiquidationResponse = liquidation({ ...r, explain: true });
    const p: number | null = a.positions[0]!.liquidation_price;
    const f: FundingRequest = { position: r.account.positions[0]!, market: { funding: [[1, 0.0001]] }, horizon_hours: 8 };
    const cost: number = funding(f).expected_cost;
    const any = evaluate({ op: 'liquidation', ...r }, (share: number) => console.log(share));
    if (any.op === 'liquidation') console.log(any.account.equity, p?.toFixed(2), cost, describe({}).version);
    // @ts-expect-error a side is long or short
    liquidation({ account: { venue: 'binance', margin_mode: 'isolated', positions: [{ symbol: 'X', side: 'up', size: 1, mark_price: 1 }] } });
  `);
  execFileSync('node', ['node_modules/typescript/bin/tsc', '--strict', '--noEmit', '--module', 'esnext', '--target', 'es2022', '--moduleResolution', 'bundler', '--lib', 'es2022,dom', join(folder, 'use.ts')], { cwd: ROOT, stdio: 'inherit' });
});
