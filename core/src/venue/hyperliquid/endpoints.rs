//! Addresses of hyperliquid that the page asks.

use crate::venue::endpoint::{DAY, Endpoint, HostLimit, MB, Role, Socket, get, post};

pub(super) const HOSTS: &[HostLimit] = &[
    HostLimit {
        host: "api.hyperliquid.xyz",
        weight_per_minute: 1200,
    },
    HostLimit {
        host: "stats-data.hyperliquid.xyz",
        weight_per_minute: 10,
    },
];

const fn info(
    source: &'static str,
    role: Role,
    body: &'static str,
    weight: u32,
    every_seconds: u32,
    max_bytes: u32,
) -> Endpoint {
    let url = "https://api.hyperliquid.xyz/info";
    post(source, "linear", role, url, body, weight, every_seconds, max_bytes)
}

#[rustfmt::skip]
pub(super) const ENDPOINTS: &[Endpoint] = &[
    info("hyperliquid.meta_and_asset_ctxs", Role::Quote, r#"{"type":"metaAndAssetCtxs"}"#, 20, 30, 2 * MB),
    info("hyperliquid.candle_snapshot", Role::Candles, r#"{"type":"candleSnapshot","req":{"coin":"{symbol}","interval":"{interval}","startTime":{start}}}"#, 20, 60, 2 * MB),
    info("hyperliquid.funding_history", Role::Funding, r#"{"type":"fundingHistory","coin":"{symbol}","startTime":{start}}"#, 20, 600, MB),
    info("hyperliquid.l2_book", Role::Book, r#"{"type":"l2Book","coin":"{symbol}"}"#, 2, 30, MB),
    info("hyperliquid.recent_trades", Role::Trades, r#"{"type":"recentTrades","coin":"{symbol}"}"#, 20, 60, MB),
    get("hyperliquid.leaderboard", Role::Wallets, "all", "https://stats-data.hyperliquid.xyz/Mainnet/leaderboard", 1, DAY, 60 * MB),
    info("hyperliquid.clearinghouse_state", Role::Wallet, r#"{"type":"clearinghouseState","user":"{symbol}"}"#, 2, 30, MB),

];

pub(super) const SOCKETS: &[Socket] = &[Socket {
    source: "hyperliquid.stream",
    family: "linear",
    url: "wss://api.hyperliquid.xyz/ws",
    subscribe: &[
        r#"{"method":"subscribe","subscription":{"type":"activeAssetCtx","coin":"{symbol}"}}"#,
        r#"{"method":"subscribe","subscription":{"type":"l2Book","coin":"{symbol}"}}"#,
        r#"{"method":"subscribe","subscription":{"type":"trades","coin":"{symbol}"}}"#,
        r#"{"method":"subscribe","subscription":{"type":"candle","coin":"{symbol}","interval":"1m"}}"#,
    ],
    ping: Some((r#"{"method":"ping"}"#, 40)),
    book_from_list: false,
    silent_seconds: 70,
}];
