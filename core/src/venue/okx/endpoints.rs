//! Addresses of okx that the page asks.

use crate::venue::endpoint::{DAY, Endpoint, HostLimit, MB, Role, Socket, get};

pub(super) const HOSTS: &[HostLimit] = &[HostLimit {
    host: "www.okx.com",
    weight_per_minute: 300,
}];

#[rustfmt::skip]
pub(super) const ENDPOINTS: &[Endpoint] = &[
    get("okx.instruments", Role::Listings, "all", "https://www.okx.com/api/v5/public/instruments?instType=SWAP", 1, DAY, 4 * MB),
    get("okx.position_tiers", Role::Tiers, "all", "https://www.okx.com/api/v5/public/position-tiers?instType=SWAP&tdMode=isolated&instFamily={family}", 1, DAY, MB),
    get("okx.mark_price", Role::Quote, "all", "https://www.okx.com/api/v5/public/mark-price?instType=SWAP&instId={symbol}", 1, 5, MB),
    get("okx.index_tickers", Role::Terms, "all", "https://www.okx.com/api/v5/market/index-tickers?instId={family}", 1, 15, MB),
    get("okx.funding_rate", Role::Terms, "all", "https://www.okx.com/api/v5/public/funding-rate?instId={symbol}", 1, 30, MB),
    get("okx.funding_rate_history", Role::Funding, "all", "https://www.okx.com/api/v5/public/funding-rate-history?instId={symbol}&limit=100", 1, 600, MB),
    get("okx.candles", Role::Candles, "all", "https://www.okx.com/api/v5/market/candles?instId={symbol}&bar={interval}&limit=300", 1, 60, MB),
    get("okx.open_interest", Role::Interest, "all", "https://www.okx.com/api/v5/public/open-interest?instType=SWAP&instId={symbol}", 1, 60, MB),
    get("okx.open_interest_history", Role::InterestHistory, "all", "https://www.okx.com/api/v5/rubik/stat/contracts/open-interest-history?instId={symbol}&period=1H&limit=100", 2, 300, MB),
    get("okx.books", Role::Book, "all", "https://www.okx.com/api/v5/market/books?instId={symbol}&sz=400", 1, 30, MB),
    get("okx.mark_price_candles", Role::MarkCandles, "all", "https://www.okx.com/api/v5/market/mark-price-candles?instId={symbol}&bar={interval}&limit=100", 2, 60, MB),
    get("okx.trades", Role::Trades, "all", "https://www.okx.com/api/v5/market/trades?instId={symbol}&limit=500", 1, 60, MB),
    get("okx.liquidation_orders", Role::Liquidations, "all", "https://www.okx.com/api/v5/public/liquidation-orders?instType=SWAP&state=filled&instFamily={family}&limit=100", 1, 60, MB),
    get("okx.long_short_account_ratio", Role::Ratio, "all", "https://www.okx.com/api/v5/rubik/stat/contracts/long-short-account-ratio-contract?instId={symbol}&period=5m", 2, 300, MB),
    get("okx.time", Role::Time, "all", "https://www.okx.com/api/v5/public/time", 1, 600, MB),
];

pub(super) const SOCKETS: &[Socket] = &[Socket {
    source: "okx.stream",
    family: "all",
    url: "wss://ws.okx.com:8443/ws/v5/public",
    subscribe: &[
        r#"{"op":"subscribe","args":[{"channel":"mark-price","instId":"{symbol}"},{"channel":"index-tickers","instId":"{family}"},{"channel":"funding-rate","instId":"{symbol}"},{"channel":"open-interest","instId":"{symbol}"},{"channel":"books","instId":"{symbol}"}]}"#,
        r#"{"op":"subscribe","args":[{"channel":"liquidation-orders","instType":"SWAP"}]}"#,
    ],
    ping: Some(("ping", 25)),
    book_from_list: false,
    silent_seconds: 35,
}];
