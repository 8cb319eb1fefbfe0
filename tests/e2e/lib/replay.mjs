// Answers for the exchanges: the real addresses are intercepted in the browser and answered with recorded responses.
import { readFileSync } from 'node:fs';

const fixture = (path) => readFileSync(new URL(`../../../core/tests/fixtures/${path}`, import.meta.url), 'utf8');

/** Time of the recordings: a few seconds after the last recorded hour. */
export const NOW = Date.UTC(2026, 2, 1, 0, 0, 5);

// Host and path (and, for Hyperliquid, the request's type) to a fixture.
const ANSWERS = {
  'fapi.binance.com/fapi/v1/exchangeInfo': 'binance/exchange_info.json',
  'dapi.binance.com/dapi/v1/exchangeInfo': 'binance/cm_exchange_info.json',
  'fapi.binance.com/fapi/v1/premiumIndex': 'binance/premium_index_BTCUSDT.json',
  'fapi.binance.com/fapi/v1/klines': 'binance/klines_BTCUSDT_1h.json',
  'fapi.binance.com/fapi/v1/fundingRate': 'binance/funding_rate_BTCUSDT.json',
  'fapi.binance.com/futures/data/openInterestHist': 'binance/open_interest_hist_BTCUSDT.json',
  'fapi.binance.com/fapi/v1/depth': 'binance/depth_BTCUSDT.json',
  'fapi.binance.com/fapi/v1/fundingInfo': 'binance/funding_info.json',
  'api.bybit.com/v5/market/instruments-info': 'bybit/instruments_info_linear.json',
  'api.bybit.com/v5/market/risk-limit': 'bybit/risk_limit_BTCUSDT.json',
  'api.bybit.com/v5/market/tickers': 'bybit/tickers_BTCUSDT.json',
  'api.bybit.com/v5/market/kline': 'bybit/kline_BTCUSDT_60.json',
  'api.bybit.com/v5/market/funding/history': 'bybit/funding_history_BTCUSDT.json',
  'www.okx.com/api/v5/public/instruments': 'okx/instruments.json',
  'www.okx.com/api/v5/public/position-tiers': 'okx/position_tiers_BTC-USDT.json',
  'www.okx.com/api/v5/public/mark-price': 'okx/mark_price_BTC-USDT-SWAP.json',
  'www.okx.com/api/v5/market/index-tickers': 'okx/index_tickers_BTC-USDT.json',
  'www.okx.com/api/v5/public/funding-rate': 'okx/funding_rate_BTC-USDT-SWAP.json',
  'www.okx.com/api/v5/public/funding-rate-history': 'okx/funding_rate_history_BTC-USDT-SWAP.json',
  'www.okx.com/api/v5/market/candles': 'okx/candles_BTC-USDT-SWAP_1H.json',
  'api.hyperliquid.xyz/info metaAndAssetCtxs': 'hyperliquid/meta_and_asset_ctxs.json',
  'api.hyperliquid.xyz/info candleSnapshot': 'hyperliquid/candle_snapshot_BTC_1h.json',
  'api.hyperliquid.xyz/info l2Book': 'hyperliquid/l2_book_BTC.json',
  'api.hyperliquid.xyz/info recentTrades': 'hyperliquid/recent_trades.json',
  'api.hyperliquid.xyz/info clearinghouseState': 'hyperliquid/clearinghouse_state_BTC_long.json',
  'stats-data.hyperliquid.xyz/Mainnet/leaderboard': 'hyperliquid/leaderboard.json',
  'api.hyperliquid.xyz/info fundingHistory': 'hyperliquid/funding_history_BTC.json',
};

/**
 * Intercepts every request that leaves the page's own server. `faults` maps a host to what to do instead:
 * 'abort', a status number, { body } or { status, body }. Resolves to the list of intercepted addresses, which grows.
 */
export async function replay(page, faults = {}) {
  const asked = [];
  await page.route((url) => url.hostname !== '127.0.0.1' && url.protocol.startsWith('http'), async (route) => {
    const request = route.request();
    const url = new URL(request.url());
    const type = request.method() === 'POST' ? ` ${JSON.parse(request.postData()).type}` : '';
    asked.push(url.href + type);
    const cors = { 'access-control-allow-origin': '*', 'access-control-allow-headers': 'content-type' };
    const fault = faults[url.hostname] ?? faults['*'];
    if (fault === 'abort') return route.abort('failed');
    if (fault) {
      const { status = 200, body = '' } = typeof fault === 'number' ? { status: fault } : fault;
      return route.fulfill({ status, body, headers: cors });
    }
    // Only one coin was recorded: others are answered as a venue answers an unknown symbol.
    const named = ['symbol', 'instId', 'instFamily'].map((k) => url.searchParams.get(k)).find(Boolean) ?? 'BTC';
    if (!named.startsWith('BTC')) return route.fulfill({ status: 400, body: '{"code":-1121,"msg":"Invalid symbol."}', headers: cors });
    const path = ANSWERS[`${url.hostname}${url.pathname}${type}`];
    if (!path) return route.fulfill({ status: 404, body: 'no fixture', headers: cors });
    return route.fulfill({ status: 200, contentType: 'application/json', body: fixture(path), headers: cors });
  });
  return asked;
}
