//! Addresses as data: the page fetches by these lists, the tests' replay server answers by them, and the page's content
//! policy is made from them. Each venue's own list is in its folder. Nothing here does any I/O.

use crate::market::Venue;
use serde::Serialize;

/// What an answer is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Every contract of the venue.
    Listings,
    /// Maintenance tiers.
    Tiers,
    /// The price that liquidates, with what is told beside it.
    Quote,
    /// What is told of the state now apart from the price: funding and its caps, index, a pool's rates.
    Terms,
    Candles,
    /// Of the price that liquidates.
    MarkCandles,
    /// Hours from `{start}` on.
    History,
    /// What was paid.
    Funding,
    /// Open interest now, and of the past.
    Interest,
    InterestHistory,
    Book,
    Trades,
    Liquidations,
    /// Accounts that are long over those that are short.
    Ratio,
    /// Addresses of wallets, positions of one, or of all.
    Wallets,
    Wallet,
    Positions,
    /// Implied volatility: an index of it, and the options.
    VolatilityIndex,
    Options,
    /// The venue's clock.
    Time,
}

/// One request. `{symbol}`, `{family}`, `{asset}`, `{interval}`, `{start}` and `{end}` (ms) in `url` and `body` are filled by the
/// caller.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Endpoint {
    /// `venue.endpoint`: how `normalize` calls its answer.
    pub source: &'static str,
    pub role: Role,
    /// Which contracts it serves: "linear", "inverse" or "all".
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

impl Endpoint {
    /// Whether a request is about one instrument.
    pub fn names_symbol(&self) -> bool {
        let named = |t: &str| {
            ["{symbol}", "{family}", "{asset}", "{market}"]
                .iter()
                .any(|w| t.contains(w))
        };
        named(self.url) || self.body.is_some_and(named)
    }
}

/// Request weight a host allows each minute, kept to half by the page.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct HostLimit {
    pub host: &'static str,
    pub weight_per_minute: u32,
}

/// A stream: where, what is said to begin, and how to tell that it has died.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Socket {
    /// `venue.stream`: how `normalize` calls its messages.
    pub source: &'static str,
    pub family: &'static str,
    /// `{streams}`: the templates of `subscribe` joined by `/`, for venues that take them in the address.
    pub url: &'static str,
    /// Messages sent when it opens, for each instrument; those without `{symbol}`, `{lower}`, `{asset}` or `{family}` once.
    pub subscribe: &'static [&'static str],
    /// What is sent to keep it alive, and every how many seconds.
    pub ping: Option<(&'static str, u32)>,
    /// Whether a book is streamed as changes alone and begins with the list of [`Role::Book`].
    pub book_from_list: bool,
    /// Silence after which it is taken for dead.
    pub silent_seconds: u32,
}

pub(super) const DAY: u32 = 86_400;
pub(super) const MB: u32 = 1_000_000;

#[allow(clippy::too_many_arguments, reason = "a row of a table")]
pub(super) const fn get(
    source: &'static str,
    role: Role,
    family: &'static str,
    url: &'static str,
    weight: u32,
    every_seconds: u32,
    max_bytes: u32,
) -> Endpoint {
    Endpoint {
        source,
        role,
        family,
        method: "GET",
        url,
        body: None,
        weight,
        every_seconds,
        max_bytes,
    }
}

#[allow(clippy::too_many_arguments, reason = "a row of a table")]
pub(super) const fn post(
    source: &'static str,
    family: &'static str,
    role: Role,
    url: &'static str,
    body: &'static str,
    weight: u32,
    every_seconds: u32,
    max_bytes: u32,
) -> Endpoint {
    Endpoint {
        method: "POST",
        body: Some(body),
        ..get(source, role, family, url, weight, every_seconds, max_bytes)
    }
}

/// Every venue's requests.
pub fn all() -> impl Iterator<Item = &'static Endpoint> {
    Venue::ALL
        .into_iter()
        .flat_map(|v| v.facts().endpoints)
        .chain(super::deribit::ENDPOINTS)
}

/// Every host's limit.
pub fn hosts() -> impl Iterator<Item = &'static HostLimit> {
    Venue::ALL
        .into_iter()
        .flat_map(|v| v.facts().hosts)
        .chain(super::deribit::HOSTS)
}

/// Every venue's streams.
pub fn sockets() -> impl Iterator<Item = &'static Socket> {
    Venue::ALL.into_iter().flat_map(|v| v.facts().sockets)
}

/// A venue's request for this, of this contract family.
pub fn find(venue: Venue, role: Role, family: &str) -> Option<&'static Endpoint> {
    let serves = |e: &&Endpoint| e.role == role && (e.family == family || e.family == "all");
    venue.facts().endpoints.iter().find(serves)
}

/// Names that `normalize` accepts, each once, including answers the page does not fetch by itself.
pub fn sources() -> Vec<&'static str> {
    let mut names: Vec<_> = all()
        .map(|e| e.source)
        .chain(sockets().map(|s| s.source))
        .chain(["hyperliquid.meta", "hyperliquid.all_perp_metas"])
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}
