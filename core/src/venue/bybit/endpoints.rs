//! Addresses of bybit that the page asks.

use crate::venue::endpoint::{DAY, Endpoint, HostLimit, MB, Role, Socket, get};

pub(super) const HOSTS: &[HostLimit] = &[HostLimit {
    host: "api.bybit.com",
    weight_per_minute: 7200,
}];

#[rustfmt::skip]
pub(super) const ENDPOINTS: &[Endpoint] = &[
    get("bybit.instruments_info", Role::Listings, "linear", "https://api.bybit.com/v5/market/instruments-info?category=linear&limit=1000", 1, DAY, 6 * MB),
    get("bybit.risk_limit", Role::Tiers, "linear", "https://api.bybit.com/v5/market/risk-limit?category=linear&symbol={symbol}", 1, DAY, MB),
    get("bybit.tickers", Role::Quote, "linear", "https://api.bybit.com/v5/market/tickers?category=linear&symbol={symbol}", 1, 5, MB),
    get("bybit.kline", Role::Candles, "linear", "https://api.bybit.com/v5/market/kline?category=linear&symbol={symbol}&interval={interval}&limit=1000", 1, 60, 2 * MB),
    get("bybit.kline", Role::History, "linear", "https://api.bybit.com/v5/market/kline?category=linear&symbol={symbol}&interval={interval}&start={start}&end={end}&limit=1000", 1, DAY, 2 * MB),
    get("bybit.funding_history", Role::Funding, "linear", "https://api.bybit.com/v5/market/funding/history?category=linear&symbol={symbol}&limit=200", 1, 600, MB),
    get("bybit.open_interest", Role::InterestHistory, "linear", "https://api.bybit.com/v5/market/open-interest?category=linear&symbol={symbol}&intervalTime=1h&limit=200", 1, 300, MB),
    get("bybit.orderbook", Role::Book, "linear", "https://api.bybit.com/v5/market/orderbook?category=linear&symbol={symbol}&limit=200", 1, 30, MB),
    get("bybit.instruments_info", Role::Listings, "inverse", "https://api.bybit.com/v5/market/instruments-info?category=inverse&limit=1000", 1, DAY, 6 * MB),
    get("bybit.risk_limit", Role::Tiers, "inverse", "https://api.bybit.com/v5/market/risk-limit?category=inverse&symbol={symbol}", 1, DAY, MB),
    get("bybit.tickers", Role::Quote, "inverse", "https://api.bybit.com/v5/market/tickers?category=inverse&symbol={symbol}", 1, 5, MB),
    get("bybit.kline", Role::Candles, "inverse", "https://api.bybit.com/v5/market/kline?category=inverse&symbol={symbol}&interval={interval}&limit=1000", 1, 60, 2 * MB),
    get("bybit.funding_history", Role::Funding, "inverse", "https://api.bybit.com/v5/market/funding/history?category=inverse&symbol={symbol}&limit=200", 1, 600, MB),
    get("bybit.mark_price_kline", Role::MarkCandles, "linear", "https://api.bybit.com/v5/market/mark-price-kline?category=linear&symbol={symbol}&interval={interval}&limit=1000", 1, 60, 2 * MB),
    get("bybit.recent_trade", Role::Trades, "linear", "https://api.bybit.com/v5/market/recent-trade?category=linear&symbol={symbol}&limit=1000", 1, 60, MB),
    get("bybit.account_ratio", Role::Ratio, "linear", "https://api.bybit.com/v5/market/account-ratio?category=linear&symbol={symbol}&period=5min&limit=500", 1, 300, MB),
    get("bybit.time", Role::Time, "all", "https://api.bybit.com/v5/market/time", 1, 600, MB),
];

pub(super) const SOCKETS: &[Socket] = &[
    Socket {
        source: "bybit.stream",
        family: "linear",
        url: "wss://stream.bybit.com/v5/public/linear",
        subscribe: &[
            r#"{"op":"subscribe","args":["tickers.{symbol}","kline.1.{symbol}","allLiquidation.{symbol}","orderbook.200.{symbol}"]}"#,
        ],
        ping: Some((r#"{"op":"ping"}"#, 20)),
        book_from_list: false,
        silent_seconds: 45,
    },
    Socket {
        source: "bybit.stream",
        family: "inverse",
        url: "wss://stream.bybit.com/v5/public/inverse",
        subscribe: &[
            r#"{"op":"subscribe","args":["tickers.{symbol}","kline.1.{symbol}","allLiquidation.{symbol}","orderbook.200.{symbol}"]}"#,
        ],
        ping: Some((r#"{"op":"ping"}"#, 20)),
        book_from_list: false,
        silent_seconds: 45,
    },
];
