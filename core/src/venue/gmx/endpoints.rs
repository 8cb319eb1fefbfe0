//! Addresses of gmx that the page asks: Arbitrum, where most of it is traded.

use crate::venue::endpoint::{Endpoint, HostLimit, MB, Role, get, post};

// No limits are published: a request a second is taken as allowed.
pub(super) const HOSTS: &[HostLimit] = &[
    HostLimit {
        host: "arbitrum-api.gmxinfra.io",
        weight_per_minute: 60,
    },
    HostLimit {
        host: "gmx.squids.live",
        weight_per_minute: 20,
    },
];

const SQUID: &str = "https://gmx.squids.live/gmx-synthetics-arbitrum:prod/api/graphql";

#[rustfmt::skip]
pub(super) const ENDPOINTS: &[Endpoint] = &[
    get("gmx.tickers", Role::Quote, "all", "https://arbitrum-api.gmxinfra.io/prices/tickers", 1, 10, MB),
    get("gmx.markets_info", Role::Terms, "all", "https://arbitrum-api.gmxinfra.io/markets/info", 1, 60, 2 * MB),
    get("gmx.candles", Role::Candles, "all", "https://arbitrum-api.gmxinfra.io/prices/candles?tokenSymbol={asset}&period={interval}&limit=1000", 1, 60, MB),
    post("gmx.positions", "all", Role::Positions, SQUID, r#"{"query":"{ positions(where:{isSnapshot_eq:false,sizeInUsd_gt:\"0\",market_eq:\"{market}\"},orderBy:sizeInUsd_DESC,limit:1000) { account collateralToken isLong sizeInUsd sizeInTokens collateralAmount unrealizedFees } }"}"#, 1, 300, 8 * MB),
    post("gmx.liquidations", "all", Role::Liquidations, SQUID, r#"{"query":"{ tradeActions(where:{orderType_eq:7,eventName_eq:\"OrderExecuted\",marketAddress_eq:\"{market}\"},orderBy:timestamp_DESC,limit:100) { isLong sizeDeltaUsd executionPrice timestamp } }"}"#, 1, 300, 2 * MB),
];
