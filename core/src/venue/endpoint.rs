//! Addresses as data: the page fetches by this list, the tests' replay server answers by it, and the page's content
//! policy is made from it. Nothing here does any I/O.

use crate::market::Venue;
use serde::Serialize;

/// One request. `{symbol}`, `{interval}`, `{start}`, `{end}`, `{family}` and `{cursor}` in `url` and `body` are filled by the caller.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Endpoint {
    /// `venue.endpoint`: how `normalize` calls its answer.
    pub source: &'static str,
    pub venue: Venue,
    /// Which contracts it serves: "linear", "inverse" or "all"; "history": linear ones, from `{start}` on.
    pub family: &'static str,
    pub method: &'static str,
    pub url: &'static str,
    /// JSON template of a POST body.
    pub body: Option<&'static str>,
    /// Cost against the host's limit.
    pub weight: u32,
    /// How often it is worth asking again.
    pub every_seconds: u32,
    pub max_bytes: u32,
}

/// Request weight a host allows each minute, kept to half by the page.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct HostLimit {
    pub host: &'static str,
    pub weight_per_minute: u32,
}

pub const HOSTS: &[HostLimit] = &[
    HostLimit {
        host: "fapi.binance.com",
        weight_per_minute: 2400,
    },
    HostLimit {
        host: "dapi.binance.com",
        weight_per_minute: 2400,
    },
    HostLimit {
        host: "api.bybit.com",
        weight_per_minute: 7200,
    },
    HostLimit {
        host: "www.okx.com",
        weight_per_minute: 300,
    },
    HostLimit {
        host: "api.hyperliquid.xyz",
        weight_per_minute: 1200,
    },
    HostLimit {
        host: "stats-data.hyperliquid.xyz",
        weight_per_minute: 10,
    },
];

const DAY: u32 = 86_400;
const MB: u32 = 1_000_000;

const fn get(
    source: &'static str,
    venue: Venue,
    family: &'static str,
    url: &'static str,
    weight: u32,
    every_seconds: u32,
    max_bytes: u32,
) -> Endpoint {
    Endpoint {
        source,
        venue,
        family,
        method: "GET",
        url,
        body: None,
        weight,
        every_seconds,
        max_bytes,
    }
}

const fn info(source: &'static str, body: &'static str, weight: u32, every_seconds: u32, max_bytes: u32) -> Endpoint {
    Endpoint {
        source,
        venue: Venue::Hyperliquid,
        family: "linear",
        method: "POST",
        url: "https://api.hyperliquid.xyz/info",
        body: Some(body),
        weight,
        every_seconds,
        max_bytes,
    }
}

#[rustfmt::skip]
pub const ENDPOINTS: &[Endpoint] = &[
    get("binance.exchange_info", Venue::Binance, "linear", "https://fapi.binance.com/fapi/v1/exchangeInfo", 1, DAY, 12 * MB),
    get("binance.premium_index", Venue::Binance, "linear", "https://fapi.binance.com/fapi/v1/premiumIndex?symbol={symbol}", 1, 5, MB),
    get("binance.klines", Venue::Binance, "linear", "https://fapi.binance.com/fapi/v1/klines?symbol={symbol}&interval={interval}&limit=1000", 5, 60, 2 * MB),
    get("binance.klines", Venue::Binance, "history", "https://fapi.binance.com/fapi/v1/klines?symbol={symbol}&interval={interval}&startTime={start}&limit=1500", 10, DAY, 2 * MB),
    get("binance.funding_rate", Venue::Binance, "linear", "https://fapi.binance.com/fapi/v1/fundingRate?symbol={symbol}&limit=1000", 1, 600, MB),
    get("binance.funding_info", Venue::Binance, "linear", "https://fapi.binance.com/fapi/v1/fundingInfo", 1, DAY, 2 * MB),
    get("binance.open_interest", Venue::Binance, "linear", "https://fapi.binance.com/fapi/v1/openInterest?symbol={symbol}", 1, 60, MB),
    get("binance.open_interest_hist", Venue::Binance, "linear", "https://fapi.binance.com/futures/data/openInterestHist?symbol={symbol}&period=1h&limit=500", 1, 300, MB),
    get("binance.depth", Venue::Binance, "linear", "https://fapi.binance.com/fapi/v1/depth?symbol={symbol}&limit=1000", 20, 30, MB),
    get("binance.exchange_info", Venue::Binance, "inverse", "https://dapi.binance.com/dapi/v1/exchangeInfo", 1, DAY, 6 * MB),
    get("binance.premium_index", Venue::Binance, "inverse", "https://dapi.binance.com/dapi/v1/premiumIndex?symbol={symbol}", 10, 10, MB),
    get("binance.klines", Venue::Binance, "inverse", "https://dapi.binance.com/dapi/v1/klines?symbol={symbol}&interval={interval}&limit=1000", 5, 60, 2 * MB),
    get("binance.funding_rate", Venue::Binance, "inverse", "https://dapi.binance.com/dapi/v1/fundingRate?symbol={symbol}&limit=1000", 1, 600, MB),

    get("bybit.instruments_info", Venue::Bybit, "linear", "https://api.bybit.com/v5/market/instruments-info?category=linear&limit=1000", 1, DAY, 6 * MB),
    get("bybit.risk_limit", Venue::Bybit, "linear", "https://api.bybit.com/v5/market/risk-limit?category=linear&symbol={symbol}", 1, DAY, MB),
    get("bybit.tickers", Venue::Bybit, "linear", "https://api.bybit.com/v5/market/tickers?category=linear&symbol={symbol}", 1, 5, MB),
    get("bybit.kline", Venue::Bybit, "linear", "https://api.bybit.com/v5/market/kline?category=linear&symbol={symbol}&interval={interval}&limit=1000", 1, 60, 2 * MB),
    get("bybit.kline", Venue::Bybit, "history", "https://api.bybit.com/v5/market/kline?category=linear&symbol={symbol}&interval={interval}&start={start}&end={end}&limit=1000", 1, DAY, 2 * MB),
    get("bybit.funding_history", Venue::Bybit, "linear", "https://api.bybit.com/v5/market/funding/history?category=linear&symbol={symbol}&limit=200", 1, 600, MB),
    get("bybit.open_interest", Venue::Bybit, "linear", "https://api.bybit.com/v5/market/open-interest?category=linear&symbol={symbol}&intervalTime=1h&limit=200", 1, 300, MB),
    get("bybit.orderbook", Venue::Bybit, "linear", "https://api.bybit.com/v5/market/orderbook?category=linear&symbol={symbol}&limit=200", 1, 30, MB),
    get("bybit.instruments_info", Venue::Bybit, "inverse", "https://api.bybit.com/v5/market/instruments-info?category=inverse&limit=1000", 1, DAY, 6 * MB),
    get("bybit.risk_limit", Venue::Bybit, "inverse", "https://api.bybit.com/v5/market/risk-limit?category=inverse&symbol={symbol}", 1, DAY, MB),
    get("bybit.tickers", Venue::Bybit, "inverse", "https://api.bybit.com/v5/market/tickers?category=inverse&symbol={symbol}", 1, 5, MB),
    get("bybit.kline", Venue::Bybit, "inverse", "https://api.bybit.com/v5/market/kline?category=inverse&symbol={symbol}&interval={interval}&limit=1000", 1, 60, 2 * MB),
    get("bybit.funding_history", Venue::Bybit, "inverse", "https://api.bybit.com/v5/market/funding/history?category=inverse&symbol={symbol}&limit=200", 1, 600, MB),

    get("okx.instruments", Venue::Okx, "all", "https://www.okx.com/api/v5/public/instruments?instType=SWAP", 1, DAY, 4 * MB),
    get("okx.position_tiers", Venue::Okx, "all", "https://www.okx.com/api/v5/public/position-tiers?instType=SWAP&tdMode=isolated&instFamily={family}", 1, DAY, MB),
    get("okx.mark_price", Venue::Okx, "all", "https://www.okx.com/api/v5/public/mark-price?instType=SWAP&instId={symbol}", 1, 5, MB),
    get("okx.index_tickers", Venue::Okx, "all", "https://www.okx.com/api/v5/market/index-tickers?instId={family}", 1, 15, MB),
    get("okx.funding_rate", Venue::Okx, "all", "https://www.okx.com/api/v5/public/funding-rate?instId={symbol}", 1, 30, MB),
    get("okx.funding_rate_history", Venue::Okx, "all", "https://www.okx.com/api/v5/public/funding-rate-history?instId={symbol}&limit=100", 1, 600, MB),
    get("okx.candles", Venue::Okx, "all", "https://www.okx.com/api/v5/market/candles?instId={symbol}&bar={interval}&limit=300", 1, 60, MB),
    get("okx.open_interest", Venue::Okx, "all", "https://www.okx.com/api/v5/public/open-interest?instType=SWAP&instId={symbol}", 1, 60, MB),
    get("okx.open_interest_history", Venue::Okx, "all", "https://www.okx.com/api/v5/rubik/stat/contracts/open-interest-history?instId={symbol}&period=1H&limit=100", 2, 300, MB),
    get("okx.books", Venue::Okx, "all", "https://www.okx.com/api/v5/market/books?instId={symbol}&sz=400", 1, 30, MB),

    info("hyperliquid.meta_and_asset_ctxs", r#"{"type":"metaAndAssetCtxs"}"#, 20, 30, 2 * MB),
    info("hyperliquid.candle_snapshot", r#"{"type":"candleSnapshot","req":{"coin":"{symbol}","interval":"{interval}","startTime":{start}}}"#, 20, 60, 2 * MB),
    info("hyperliquid.funding_history", r#"{"type":"fundingHistory","coin":"{symbol}","startTime":{start}}"#, 20, 600, MB),
    info("hyperliquid.l2_book", r#"{"type":"l2Book","coin":"{symbol}"}"#, 2, 30, MB),
    info("hyperliquid.recent_trades", r#"{"type":"recentTrades","coin":"{symbol}"}"#, 20, 60, MB),
    get("hyperliquid.leaderboard", Venue::Hyperliquid, "wallets", "https://stats-data.hyperliquid.xyz/Mainnet/leaderboard", 1, DAY, 60 * MB),
    info("hyperliquid.clearinghouse_state", r#"{"type":"clearinghouseState","user":"{symbol}"}"#, 2, 30, MB),
];

/// Names that `normalize` accepts, each once, including answers the page does not fetch by itself.
pub fn sources() -> Vec<&'static str> {
    let mut names: Vec<_> = ENDPOINTS
        .iter()
        .map(|e| e.source)
        .chain(["hyperliquid.meta", "hyperliquid.all_perp_metas"])
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The endpoint with this source for this contract family.
pub fn endpoint(source: &str, family: &str) -> Option<&'static Endpoint> {
    ENDPOINTS
        .iter()
        .find(|e| e.source == source && (e.family == family || e.family == "all"))
}
