//! Addresses of kraken that the page asks.

use crate::venue::endpoint::{DAY, Endpoint, HostLimit, MB, Role, Socket, get};

// Public answers cost nothing there: a request a second is meant not to be a burden.
pub(super) const HOSTS: &[HostLimit] = &[HostLimit {
    host: "futures.kraken.com",
    weight_per_minute: 60,
}];

#[rustfmt::skip]
pub(super) const ENDPOINTS: &[Endpoint] = &[
    get("kraken.instruments", Role::Listings, "all", "https://futures.kraken.com/derivatives/api/v3/instruments", 1, DAY, 8 * MB),
    get("kraken.tickers", Role::Quote, "all", "https://futures.kraken.com/derivatives/api/v3/tickers", 1, 10, 2 * MB),
    get("kraken.candles", Role::Candles, "linear", "https://futures.kraken.com/api/charts/v1/trade/{symbol}/{interval}?from={start_seconds}", 1, 60, 2 * MB),
    get("kraken.candles", Role::MarkCandles, "linear", "https://futures.kraken.com/api/charts/v1/mark/{symbol}/{interval}?from={start_seconds}", 1, 60, 2 * MB),
    get("kraken.funding_rates", Role::Funding, "linear", "https://futures.kraken.com/derivatives/api/v4/historicalfundingrates?symbol={symbol}", 1, 3600, 4 * MB),
    get("kraken.orderbook", Role::Book, "linear", "https://futures.kraken.com/derivatives/api/v3/orderbook?symbol={symbol}", 1, 30, 2 * MB),
    get("kraken.history", Role::Liquidations, "linear", "https://futures.kraken.com/derivatives/api/v3/history?symbol={symbol}", 1, 60, MB),
];

pub(super) const SOCKETS: &[Socket] = &[Socket {
    source: "kraken.stream",
    family: "linear",
    url: "wss://futures.kraken.com/ws/v1",
    subscribe: &[
        r#"{"event":"subscribe","feed":"ticker","product_ids":["{symbol}"]}"#,
        r#"{"event":"subscribe","feed":"book","product_ids":["{symbol}"]}"#,
        r#"{"event":"subscribe","feed":"trade","product_ids":["{symbol}"]}"#,
        r#"{"event":"subscribe","feed":"heartbeat"}"#,
    ],
    ping: None,
    book_from_list: false,
    silent_seconds: 45,
}];
