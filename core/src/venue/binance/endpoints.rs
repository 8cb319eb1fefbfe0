//! Addresses of binance that the page asks.

use crate::venue::endpoint::{DAY, Endpoint, HostLimit, MB, Role, Socket, get};

pub(super) const HOSTS: &[HostLimit] = &[
    HostLimit {
        host: "fapi.binance.com",
        weight_per_minute: 2400,
    },
    HostLimit {
        host: "dapi.binance.com",
        weight_per_minute: 2400,
    },
];

#[rustfmt::skip]
pub(super) const ENDPOINTS: &[Endpoint] = &[
    get("binance.exchange_info", Role::Listings, "linear", "https://fapi.binance.com/fapi/v1/exchangeInfo", 1, DAY, 12 * MB),
    get("binance.premium_index", Role::Quote, "linear", "https://fapi.binance.com/fapi/v1/premiumIndex?symbol={symbol}", 1, 5, MB),
    get("binance.klines", Role::Candles, "linear", "https://fapi.binance.com/fapi/v1/klines?symbol={symbol}&interval={interval}&limit=1000", 5, 60, 2 * MB),
    get("binance.klines", Role::History, "linear", "https://fapi.binance.com/fapi/v1/klines?symbol={symbol}&interval={interval}&startTime={start}&limit=1500", 10, DAY, 2 * MB),
    get("binance.funding_rate", Role::Funding, "linear", "https://fapi.binance.com/fapi/v1/fundingRate?symbol={symbol}&limit=1000", 1, 600, MB),
    get("binance.funding_info", Role::Terms, "linear", "https://fapi.binance.com/fapi/v1/fundingInfo", 1, DAY, 2 * MB),
    get("binance.open_interest", Role::Interest, "linear", "https://fapi.binance.com/fapi/v1/openInterest?symbol={symbol}", 1, 60, MB),
    get("binance.open_interest_hist", Role::InterestHistory, "linear", "https://fapi.binance.com/futures/data/openInterestHist?symbol={symbol}&period=1h&limit=500", 1, 300, MB),
    get("binance.depth", Role::Book, "linear", "https://fapi.binance.com/fapi/v1/depth?symbol={symbol}&limit=1000", 20, 30, MB),
    get("binance.exchange_info", Role::Listings, "inverse", "https://dapi.binance.com/dapi/v1/exchangeInfo", 1, DAY, 6 * MB),
    get("binance.premium_index", Role::Quote, "inverse", "https://dapi.binance.com/dapi/v1/premiumIndex?symbol={symbol}", 10, 10, MB),
    get("binance.klines", Role::Candles, "inverse", "https://dapi.binance.com/dapi/v1/klines?symbol={symbol}&interval={interval}&limit=1000", 5, 60, 2 * MB),
    get("binance.funding_rate", Role::Funding, "inverse", "https://dapi.binance.com/dapi/v1/fundingRate?symbol={symbol}&limit=1000", 1, 600, MB),
    get("binance.mark_price_klines", Role::MarkCandles, "linear", "https://fapi.binance.com/fapi/v1/markPriceKlines?symbol={symbol}&interval={interval}&limit=1000", 5, 60, 2 * MB),
    get("binance.agg_trades", Role::Trades, "linear", "https://fapi.binance.com/fapi/v1/aggTrades?symbol={symbol}&limit=1000", 20, 60, MB),
    get("binance.long_short_ratio", Role::Ratio, "linear", "https://fapi.binance.com/futures/data/globalLongShortAccountRatio?symbol={symbol}&period=5m&limit=500", 1, 300, MB),
    get("binance.time", Role::Time, "all", "https://fapi.binance.com/fapi/v1/time", 1, 600, MB),
];

/// The streams of prices and of books have different addresses since March 2026.
pub(super) const SOCKETS: &[Socket] = &[
    Socket {
        source: "binance.stream",
        family: "linear",
        url: "wss://fstream.binance.com/market/stream?streams={streams}",
        subscribe: &["{lower}@markPrice@1s", "{lower}@kline_1m", "{lower}@forceOrder"],
        ping: None,
        book_from_list: false,
        silent_seconds: 30,
    },
    Socket {
        source: "binance.stream",
        family: "linear",
        url: "wss://fstream.binance.com/public/stream?streams={streams}",
        subscribe: &["{lower}@depth@500ms"],
        ping: None,
        book_from_list: true,
        silent_seconds: 30,
    },
    Socket {
        source: "binance.stream",
        family: "inverse",
        url: "wss://dstream.binance.com/stream?streams={streams}",
        subscribe: &["{lower}@markPrice@1s", "{lower}@kline_1m", "{lower}@forceOrder"],
        ping: None,
        book_from_list: false,
        silent_seconds: 30,
    },
];
