//! Addresses of deribit that the page asks.

use crate::venue::endpoint::{Endpoint, HostLimit, MB, Role, get};

pub const HOSTS: &[HostLimit] = &[HostLimit {
    host: "www.deribit.com",
    weight_per_minute: 120,
}];

#[rustfmt::skip]
pub const ENDPOINTS: &[Endpoint] = &[
    get("deribit.volatility_index", Role::VolatilityIndex, "all", "https://www.deribit.com/api/v2/public/get_volatility_index_data?currency={asset}&start_timestamp={start}&end_timestamp={end}&resolution=3600", 1, 600, MB),
    get("deribit.book_summary", Role::Options, "all", "https://www.deribit.com/api/v2/public/get_book_summary_by_currency?currency={asset}&kind=option", 2, 600, 4 * MB),
];
