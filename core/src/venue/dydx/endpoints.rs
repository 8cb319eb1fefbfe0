//! Addresses of dydx that the page asks.

use crate::venue::endpoint::{DAY, Endpoint, HostLimit, MB, Role, Socket, get};

pub(super) const HOSTS: &[HostLimit] = &[HostLimit {
    host: "indexer.dydx.trade",
    weight_per_minute: 600,
}];

#[rustfmt::skip]
pub(super) const ENDPOINTS: &[Endpoint] = &[
    get("dydx.perpetual_markets", Role::Listings, "all", "https://indexer.dydx.trade/v4/perpetualMarkets", 1, DAY, 4 * MB),
    get("dydx.perpetual_markets", Role::Quote, "linear", "https://indexer.dydx.trade/v4/perpetualMarkets?ticker={symbol}", 1, 10, MB),
    get("dydx.candles", Role::Candles, "linear", "https://indexer.dydx.trade/v4/candles/perpetualMarkets/{symbol}?resolution={interval}&limit=1000", 2, 60, 2 * MB),
    get("dydx.candles", Role::InterestHistory, "linear", "https://indexer.dydx.trade/v4/candles/perpetualMarkets/{symbol}?resolution=1HOUR&limit=500", 2, 300, 2 * MB),
    get("dydx.historical_funding", Role::Funding, "linear", "https://indexer.dydx.trade/v4/historicalFunding/{symbol}?limit=1000", 2, 600, MB),
    get("dydx.orderbook", Role::Book, "linear", "https://indexer.dydx.trade/v4/orderbooks/perpetualMarket/{symbol}", 1, 30, 2 * MB),
    get("dydx.trades", Role::Trades, "linear", "https://indexer.dydx.trade/v4/trades/perpetualMarket/{symbol}?limit=500", 1, 60, MB),
];

pub(super) const SOCKETS: &[Socket] = &[Socket {
    source: "dydx.stream",
    family: "linear",
    url: "wss://indexer.dydx.trade/v4/ws",
    subscribe: &[
        r#"{"type":"subscribe","channel":"v4_markets","batched":true}"#,
        r#"{"type":"subscribe","channel":"v4_orderbook","id":"{symbol}","batched":true}"#,
        r#"{"type":"subscribe","channel":"v4_trades","id":"{symbol}","batched":true}"#,
    ],
    // The venue pings by the protocol itself, which the browser answers.
    ping: None,
    book_from_list: false,
    silent_seconds: 60,
}];
