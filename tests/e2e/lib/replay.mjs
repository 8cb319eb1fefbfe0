// Answers for the exchanges: the real addresses are intercepted in the browser and answered with recorded responses.
import { readFileSync } from 'node:fs';

const fixture = (path) => readFileSync(new URL(`../../../core/tests/fixtures/${path}`, import.meta.url), 'utf8');

/** Time of the recordings: a few seconds after the last recorded hour. */
export const NOW = Date.UTC(2026, 2, 1, 0, 0, 5);

/** Recorded bars of five minutes (a test vector of the engine), moved in time so that the last one has just ended. */
export const FIVE_MINUTES = (() => {
  const rows = JSON.parse(readFileSync(new URL('../../../core/tests/vectors/warning.json', import.meta.url))).candles.slice(-1000);
  const shift = Math.floor(NOW / 300e3) * 300e3 - 300e3 - rows.at(-1)[0];
  return rows.map((r) => [r[0] + shift, ...r.slice(1)]);
})();

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
  'fapi.binance.com/fapi/v1/time': 'binance/time.json',
  'api.bybit.com/v5/market/time': 'bybit/time.json',
  'www.okx.com/api/v5/public/time': 'okx/time.json',
  'indexer.dydx.trade/v4/perpetualMarkets': 'dydx/perpetual_markets.json',
  'indexer.dydx.trade/v4/candles/perpetualMarkets/BTC-USD': 'dydx/candles_BTC-USD_1HOUR.json',
  'indexer.dydx.trade/v4/historicalFunding/BTC-USD': 'dydx/historical_funding_BTC-USD.json',
  'indexer.dydx.trade/v4/orderbooks/perpetualMarket/BTC-USD': 'dydx/orderbook_BTC-USD.json',
  'arbitrum-api.gmxinfra.io/prices/tickers': 'gmx/tickers.json',
  'arbitrum-api.gmxinfra.io/markets/info': 'gmx/markets_info.json',
  'arbitrum-api.gmxinfra.io/prices/candles': 'gmx/candles_BTC_1h.json',
  'gmx.squids.live/gmx-synthetics-arbitrum:prod/api/graphql positions': 'gmx/positions_BTC.json',
  'futures.kraken.com/derivatives/api/v3/instruments': 'kraken/instruments.json',
  'futures.kraken.com/derivatives/api/v3/tickers': 'kraken/tickers.json',
  'futures.kraken.com/derivatives/api/v3/orderbook': 'kraken/orderbook.json',
  'futures.kraken.com/derivatives/api/v4/historicalfundingrates': 'kraken/funding_rates_PF_XBTUSD.json',
  'futures.kraken.com/api/charts/v1/trade/PF_XBTUSD/1h': 'kraken/candles_PF_XBTUSD_1h.json',
  'www.deribit.com/api/v2/public/get_volatility_index_data': 'deribit/volatility_index.json',
  'www.deribit.com/api/v2/public/get_book_summary_by_currency': 'deribit/book_summary.json',
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
 * 'abort', 'hang', a status number, { body } or { status, body }, or a function of the answer's text that gives another text. `streams` maps
 * a part of a socket's address to what plays the venue there: a function of Playwright's WebSocketRoute. Other sockets open and say nothing. Resolves to the list of intercepted addresses, which grows.
 */
export async function replay(page, faults = {}, streams = {}) {
  const asked = [];
  await page.routeWebSocket(() => true, (socket) => {
    asked.push(socket.url());
    const part = Object.keys(streams).find((p) => socket.url().includes(p));
    if (part) streams[part](socket);
  });
  await page.route((url) => url.hostname !== '127.0.0.1' && url.protocol.startsWith('http'), async (route) => {
    const request = route.request();
    const url = new URL(request.url());
    const posted = request.method() === 'POST' ? JSON.parse(request.postData()) : {};
    // Hyperliquid names what it is asked for; a GraphQL query begins with it.
    const name = posted.type ?? posted.query?.match(/\w+/)[0];
    const type = name ? ` ${name}` : '';
    asked.push(url.href + type);
    const cors = { 'access-control-allow-origin': '*', 'access-control-allow-headers': 'content-type' };
    const fault = faults[url.hostname] ?? faults['*'];
    if (fault === 'abort') return route.abort('failed');
    if (fault === 'hang') return undefined;
    if (fault && typeof fault !== 'function') {
      const { status = 200, body = '' } = typeof fault === 'number' ? { status: fault } : fault;
      return route.fulfill({ status, body, headers: cors });
    }
    // Only one coin was recorded: others are answered as a venue answers an unknown symbol.
    const named = ['symbol', 'instId', 'instFamily'].map((k) => url.searchParams.get(k)).find(Boolean) ?? 'BTC';
    if (!named.startsWith('BTC')) return route.fulfill({ status: 400, body: '{"code":-1121,"msg":"Invalid symbol."}', headers: cors });
    const path = ANSWERS[`${url.hostname}${url.pathname}${type}`];
    if (!path) return route.fulfill({ status: 404, body: 'no fixture', headers: cors });
    const five = url.searchParams.get('interval') === '5m' && path.includes('klines');
    const body = five ? JSON.stringify(FIVE_MINUTES.map((r) => [r[0], ...r.slice(1, 6).map(String), r[0] + 299999])) : fixture(path);
    return route.fulfill({ status: 200, contentType: 'application/json', body: typeof fault === 'function' ? fault(body, url) : body, headers: cors });
  });
  return asked;
}
