// Requests whose answers must have the same bits everywhere: every model, one position and several.
import { readFileSync } from 'node:fs';

const ROOT = new URL('../../../', import.meta.url);

const tiers = [{ floor: 0, maintenance_margin_rate: 0.005, max_leverage: 100 }];
const position = (symbol, side, leverage) => ({ symbol, side, size: 1, entry_price: 100, mark_price: 100, leverage, instrument: { kind: 'linear', tiers } });
const candles = (name) => JSON.parse(readFileSync(new URL(`www/data/candles/${name}.json`, ROOT)));
const recorded = (name) => {
  const c = candles(name);
  return c.rows ? c : { interval: '1h', rows: c };
};
const funding = { funding_rate: 0.0002, funding_interval_hours: 8 };
const process = { funding_process: { mean: 0.0001, persistence: 0.8, deviation: 0.0002, correlation: 0.3 }, funding_cap: 0.003, funding_floor: -0.003 };

const one = (kind, market, more = {}) => ({
  op: 'probability', account: { venue: 'binance', margin_mode: 'isolated', positions: [position('A', 'long', 8)] },
  markets: { A: { ...funding, ...market } }, horizons_hours: [24, 168], model: { kind }, target_standard_error: 0.002, seed: 7, ...more,
});

export const CHANCES = {
  'one position': one('gbm', { volatility: 0.8 }, { leverages: [3, 10], target_probability: 0.02, id: 'x' }),
  jumps: one('jump_diffusion', { volatility: 0.6, jumps: { intensity: 30, mean: -0.02, deviation: 0.06 } }),
  garch: one('garch', { ...process, garch: { step_hours: 1, omega: 1.5e-6, alpha: 0.08, gamma: 0.04, beta: 0.88, degrees_of_freedom: 5, variance_now: 1e-4 } }),
  'past shocks, two assets, cross': {
    op: 'probability', account: { venue: 'binance', margin_mode: 'cross', wallet_balance: 30, positions: [position('A', 'long', 5), position('B', 'short', 5)] },
    markets: { A: { ...funding, candles: recorded('binance-BTC') }, B: { ...funding, candles: recorded('binance-ETH') } },
    horizons_hours: [24, 72], model: { kind: 'filtered_historical' }, target_standard_error: 0.003, seed: 7,
  },
  'five isolated': {
    op: 'probability', account: { venue: 'binance', margin_mode: 'isolated', positions: ['A', 'B', 'C', 'D', 'E'].map((s, i) => position(s, i % 2 ? 'short' : 'long', 5 + i)) },
    markets: Object.fromEntries(['A', 'B', 'C', 'D', 'E'].map((s, i) => [s, { ...funding, volatility: 0.5 + 0.1 * i }])),
    correlations: ['A', 'B', 'C', 'D', 'E'].flatMap((a, i, all) => all.slice(0, i).map((b) => [a, b, 0.6])),
    horizons_hours: [168], model: { kind: 'gbm' }, target_standard_error: 0.003, seed: 7,
  },
};
